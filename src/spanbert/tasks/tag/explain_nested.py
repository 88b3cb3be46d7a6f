"""Why a span got its label, where entities may lie in one another.

Shapes: N copies of a window, k words of a span, D hidden size, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor
from typing_extensions import override

from spanbert.core.errors import InputError
from spanbert.core.predictions import Tagging
from spanbert.core.types import IntArray, Span
from spanbert.tasks.explain import Outputs, ScoredOutput, TaskExplainer, Wish, layout_of, log_odds, quoted, words_at
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tasks.tag.base import owned_words
from spanbert.tasks.tag.heads import SpanHead
from spanbert.tasks.tag.nested import NestedTask, words_inside
from spanbert.tasks.tag.wished import wished_entities


class NestedExplainer(TaskExplainer[NestedTask, Tagging]):
    """The log odds of a span's label, against none and all other labels."""

    @property
    @override
    def score_is(self) -> str:
        return "log odds of the span's label"

    @property
    @override
    def score_is_zh(self) -> str:
        return "片段标签的对数几率"

    @override
    def scores(self, windowed: WindowedDocument, result: Tagging, wish: Wish, outputs: Outputs) -> list[ScoredOutput]:
        """The entities; or a span that may be none, where place and label are wished."""
        text, words = windowed.document.text, self.task.words(windowed)
        chosen = wished_entities(self, text, result.spans or (), self.task.labels, wish)
        return [self._scored(windowed, words, one, one.label or "") for one in chosen]

    def _scored(self, windowed: WindowedDocument, words: Sequence[Span], place: Span, label: str) -> ScoredOutput:
        """The span, widened to whole words, in the window that it is taken from."""
        first, end = words_at(windowed.document.text, words, place)
        where = quoted(windowed.document.text, place)
        if end - first > self.task.config.longest_span:
            longest = f"at most {self.task.config.longest_span}, as in training"
            raise InputError("more words than an entity may have", where=where, got=str(end - first), expected=longest)
        first_W, last_W, _ = self.task.pieces_of(windowed, words)
        window = self._window(windowed, first_W, last_W, first, end)
        if window is None:
            raise InputError("a span that lies in no window whole", where=where)
        rows = np.concatenate([first_W[first:end], last_W[first:end]]) - windowed.windows[window][0] + 1
        number = self.task.labels.index(label) + 1

        def score(head: SpanHead, hidden: Sequence[Tensor]) -> Tensor:
            [one_NrD] = hidden
            copies, read, _ = one_NrD.shape
            logits = head(one_NrD.flatten(0, 1), layout_of(copies, read))["logits"].float()
            return log_odds(logits.view(copies, -1, logits.shape[1])[:, -1], number)  # the widest is the span itself

        whole = Span(start=words[first].start, end=words[end - 1].end, label=label)
        return ScoredOutput(label=label, places=(whole,), windows=(window,), rows=(rows,), score=score)

    def _window(
        self, windowed: WindowedDocument, first_W: IntArray, last_W: IntArray, first: int, end: int
    ) -> int | None:
        """The window that answers for the first word if the span lies whole in it, else the first where it does."""
        whole = []
        for number, (start, stop) in enumerate(windowed.windows):
            low, high = words_inside(first_W, last_W, start, stop)
            if low <= first and end <= high:
                whole.append(number)
        owned = owned_words(windowed, first_W)
        own = next((number for number, (low, high) in enumerate(owned) if low <= first < high), None)
        return own if own in whole else next(iter(whole), None)
