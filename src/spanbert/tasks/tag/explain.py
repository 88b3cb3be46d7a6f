"""Why words got their tags, and spans their labels, in flat tagging.

Shapes: N copies of a window, r rows of it, D hidden size, L tags, W words of a document.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from spanbert.core.errors import InputError, nearest
from spanbert.core.predictions import Tagging
from spanbert.core.tagging import encode_tags
from spanbert.core.types import Span
from spanbert.tasks.explain import (
    Outputs,
    ScoredOutput,
    TaskExplainer,
    Wish,
    layout_of,
    log_odds,
    quoted,
    same_place,
    words_touched,
)
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tasks.tag.heads import TagHead
from spanbert.tasks.tag.task import TagTask


class _Tagged(NamedTuple):
    """Words, half-open, with the tags that are explained."""

    label: str
    first: int
    end: int
    tags: Sequence[str]


class TagExplainer(TaskExplainer[TagTask, Tagging]):
    """The mean, over the words of an entity, of the log odds of the tag; of a word with a tag, its log odds."""

    @property
    @override
    def score_is(self) -> str:
        if self.task.scheme is None:
            return "log odds of the word's tag"
        return "mean, over the words of the entity, of the log odds of their tags"

    @override
    def scores(self, windowed: WindowedDocument, result: Tagging, wish: Wish, outputs: Outputs) -> list[ScoredOutput]:
        """The entities; of parts of speech, the words."""
        if wish.other is not None:
            raise InputError("a second place, where what is found has one", where=f"task {self.task.name}")
        words = self.task.words(windowed)
        rows = [one.rows for one in self.task.rows(windowed)]
        found = self._tags(words, result) if self.task.scheme is None else self._entities(windowed, words, result, wish)
        if self.task.scheme is None:
            found = self._chosen_tags(windowed, words, found, wish)
        return [self._scored(one, words, rows) for one in found]

    def _tags(self, words: Sequence[Span], result: Tagging) -> list[_Tagged]:
        return [_Tagged(one.label or "", place, place + 1, [one.label or ""]) for place, one in enumerate(result.words)]

    def _chosen_tags(
        self, windowed: WindowedDocument, words: Sequence[Span], found: list[_Tagged], wish: Wish
    ) -> list[_Tagged]:
        """Of the words that are meant; a label is one that they may not have."""
        text = windowed.document.text
        if wish.label is not None and wish.label not in self.task.tags:
            raise InputError(
                f"no tag {wish.label!r}; {nearest(wish.label, self.task.tags)}", where=f"task {self.task.name}"
            )
        if wish.of is not None:
            first, end = words_touched(words, wish.of)
            if first >= end:
                raise InputError("no word", where=quoted(text, wish.of))
            label = wish.label
            return [one if label is None else one._replace(label=label, tags=[label]) for one in found[first:end]]
        chosen = [one for one in found if wish.label in (None, one.label)]
        return chosen or self.nothing(f"no {wish.label or 'word'}", (one.label for one in found))

    def _entities(
        self, windowed: WindowedDocument, words: Sequence[Span], result: Tagging, wish: Wish
    ) -> list[_Tagged]:
        text, spans = windowed.document.text, result.spans or ()
        if wish.label is not None and wish.label not in self.task.entity_types:
            known = nearest(wish.label, self.task.entity_types)
            raise InputError(f"no type of entity {wish.label!r}; {known}", where=f"task {self.task.name}")
        if wish.of is not None and wish.label is not None:
            return [self._hypothetical(text, words, wish.of, wish.label)]
        chosen = [
            one for one in spans if wish.label in (None, one.label) and (wish.of is None or same_place(one, wish.of))
        ]
        if not chosen:
            what = "no entity" if wish.label is None else f"no {wish.label}"
            at = "" if wish.of is None else f" at {quoted(text, wish.of)}"
            remedy = (
                "Name a place and a label to ask what speaks for them: of='Ann', label='PER' (--of Ann --label PER)"
            )
            self.nothing(what + at, (f"{one.label} {quoted(text, one)}" for one in spans), remedy)
        tagged = []
        for span in chosen:
            first, end = words_touched(words, span)
            tags = [one.label or "" for one in result.words[first:end]]
            tagged.append(_Tagged(span.label or "", first, end, tags))
        return tagged

    def _hypothetical(self, text: str, words: Sequence[Span], place: Span, label: str) -> _Tagged:
        """An entity that the task may not have found, widened to whole words."""
        first, end = words_touched(words, place)
        if first >= end:
            raise InputError("no word", where=quoted(text, place))
        assert self.task.scheme is not None
        tags = encode_tags([(0, end - first, label)], end - first, self.task.scheme)
        unknown = [tag for tag in tags if tag not in self.task.tags]
        if unknown:
            raise InputError(f"no tag {unknown[0]!r}", where=f"task {self.task.name}", got=", ".join(self.task.tags))
        return _Tagged(label, first, end, tags)

    def _scored(self, tagged: _Tagged, words: Sequence[Span], rows: Sequence[np.ndarray]) -> ScoredOutput:
        """Each word is read in the window that answers for it."""
        bounds = np.cumsum([0, *map(len, rows)])
        owners = np.searchsorted(bounds, np.arange(tagged.first, tagged.end), side="right") - 1
        windows = tuple(dict.fromkeys(owners.tolist()))
        own_rows, numbers = [], []
        for window in windows:
            of_window = np.flatnonzero(owners == window)
            own_rows.append(rows[window][of_window + tagged.first - bounds[window]])
            numbers.append(torch.tensor([self.task.tags.index(tagged.tags[place]) for place in of_window.tolist()]))

        def score(head: TagHead, hidden: Sequence[Tensor]) -> Tensor:
            every = []
            for one_NrD, number_r in zip(hidden, numbers, strict=True):
                copies, read, _ = one_NrD.shape
                logits = head(one_NrD.flatten(0, 1), layout_of(copies, read))["logits"].float()
                every.append(log_odds(logits.view(copies, read, -1), number_r))
            return torch.cat(every, dim=1).mean(1)

        place = Span(start=words[tagged.first].start, end=words[tagged.end - 1].end, label=tagged.label)
        return ScoredOutput(label=tagged.label, places=(place,), windows=windows, rows=tuple(own_rows), score=score)
