"""Why a text got its label, or its number.

Shapes: N copies of a window, D hidden size, L labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from spanbert.core.errors import InputError, nearest
from spanbert.core.predictions import Classification
from spanbert.core.types import Document
from spanbert.tasks.classify.head import ClassifyHead
from spanbert.tasks.classify.pairs import WindowedPair
from spanbert.tasks.classify.task import ClassifyTask
from spanbert.tasks.explain import Outputs, Placed, ScoredOutput, TaskExplainer, Wish, layout_of, log_odds
from spanbert.tasks.protocol import WindowedDocument

_NUMBER = "value"
_FIRST_ROW = np.zeros(1, dtype=np.int64)


class ClassifyExplainer(TaskExplainer[ClassifyTask, Classification]):
    """The log odds of a label, from the mean of the windows' logits; of a regression, the number."""

    @property
    @override
    def score_is(self) -> str:
        return "the number itself" if self.task.mode == "regression" else "log odds of the label"

    @property
    @override
    def score_is_zh(self) -> str:
        return "数值本身" if self.task.mode == "regression" else "标签的对数几率"

    @override
    def second(self, document: Document) -> str | None:
        return None if self.task.pairs is False else document.pair

    @override
    def placed(self, windowed: WindowedDocument, window: int) -> tuple[Placed, Placed | None]:
        if not isinstance(windowed, WindowedPair):
            return super().placed(windowed, window)
        (start, end), (second_start, second_end) = windowed.pairs[window]
        row = self.task.framer.second_row(end - start)
        return Placed.from_row(1, start, end), Placed.from_row(row, second_start, second_end)

    @override
    def scores(
        self, windowed: WindowedDocument, result: Classification, wish: Wish, outputs: Outputs
    ) -> list[ScoredOutput]:
        """The labels that the text was given; where it was given none, the most probable."""
        if wish.of is not None or wish.other is not None:
            raise InputError(
                "a place, where a label is of the whole text",
                where=f"task {self.task.name}",
                remedy="Leave the place out; what each word of it is worth is in the answer",
            )
        windows = tuple(range(len(self.task.rows(windowed))))
        return [
            ScoredOutput(
                label=label, places=(), windows=windows, rows=(_FIRST_ROW,) * len(windows), score=self._score(number)
            )
            for label, number in self._labels(result, wish)
        ]

    def _labels(self, result: Classification, wish: Wish) -> list[tuple[str, int]]:
        labels = [_NUMBER] if self.task.mode == "regression" else list(self.task.labels)
        if wish.label is not None and wish.label not in labels:
            what = f"no label {wish.label!r}; {nearest(wish.label, labels)}"
            raise InputError(what, where=f"task {self.task.name}")
        if self.task.mode == "regression":
            return [(_NUMBER, 0)]
        chosen = [wish.label] if wish.label is not None else list(result.labels)
        chosen = chosen or [max(result.scores, key=lambda label: result.scores[label])]
        return [(label, labels.index(label)) for label in chosen]

    def _score(self, number: int) -> Callable[[ClassifyHead, Sequence[Tensor]], Tensor]:
        mode = self.task.mode

        def score(head: ClassifyHead, hidden: Sequence[Tensor]) -> Tensor:
            logits = [head(one_N1D[:, 0], layout_of(len(one_N1D), 1))["logits"].float() for one_N1D in hidden]
            logits_NL = torch.stack(logits).mean(0)
            return log_odds(logits_NL, number) if mode == "single" else logits_NL[:, number]

        return score
