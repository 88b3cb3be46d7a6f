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
from spanbert.core.types import IntArray, Span
from spanbert.tasks.explain import Outputs, ScoredOutput, TaskExplainer, Wish, layout_of, log_odds, words_at
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tasks.tag.heads import TagHead
from spanbert.tasks.tag.task import TagTask
from spanbert.tasks.tag.wished import wished_entities


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

    @property
    @override
    def score_is_zh(self) -> str:
        return "词的标签的对数几率" if self.task.scheme is None else "实体各词标签的对数几率的平均值"

    @override
    def scores(self, windowed: WindowedDocument, result: Tagging, wish: Wish, outputs: Outputs) -> list[ScoredOutput]:
        """The entities; of parts of speech, the words."""
        text, words = windowed.document.text, self.task.words(windowed)
        found = self._entities if self.task.scheme is not None else self._single_words
        rows = [one.rows for one in self.task.rows(windowed)]
        return [self._scored(one, words, rows) for one in found(text, words, result, wish)]

    def _single_words(self, text: str, words: Sequence[Span], result: Tagging, wish: Wish) -> list[_Tagged]:
        """Words with their tags, or with one that they may not have."""
        where = f"task {self.task.name}"
        if wish.other is not None:
            raise InputError("a second place, where what is found has one", where=where)
        if wish.label is not None and wish.label not in self.task.tags:
            raise InputError(f"no tag {wish.label!r}; {nearest(wish.label, self.task.tags)}", where=where)
        tags = [one.label or "" for one in result.words]
        first, end = (0, len(tags)) if wish.of is None else words_at(text, words, wish.of)
        if wish.of is not None and wish.label is not None:
            tags = [wish.label] * len(tags)
        chosen = [_Tagged(tags[n], n, n + 1, tags[n : n + 1]) for n in range(first, end)]
        chosen = [one for one in chosen if wish.label in (None, one.label)]
        return chosen or self.nothing(f"no {wish.label or 'word'}", tags)

    def _entities(self, text: str, words: Sequence[Span], result: Tagging, wish: Wish) -> list[_Tagged]:
        """Entities with the tags of their words, or with those that they would have."""
        tagged = []
        for span in wished_entities(self, text, result.spans or (), self.task.entity_types, wish):
            first, end = words_at(text, words, span)
            tags = [one.label or "" for one in result.words[first:end]]
            if wish.of is not None and wish.label is not None:
                tags = self._tags_of(wish.label, end - first)
            tagged.append(_Tagged(span.label or "", first, end, tags))
        return tagged

    def _tags_of(self, label: str, words: int) -> list[str]:
        """The tags of an entity of so many words.

        Raises:
            InputError: The task has not learned one of them.
        """
        assert self.task.scheme is not None
        tags = encode_tags([(0, words, label)], words, self.task.scheme)
        unknown = [tag for tag in tags if tag not in self.task.tags]
        if unknown:
            raise InputError(f"no tag {unknown[0]!r}", where=f"task {self.task.name}", got=", ".join(self.task.tags))
        return tags

    def _scored(self, tagged: _Tagged, words: Sequence[Span], rows: Sequence[IntArray]) -> ScoredOutput:
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
