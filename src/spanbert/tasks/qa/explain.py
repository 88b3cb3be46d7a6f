"""Why a stretch of a text answers a question, or why nothing does.

Shapes: N copies of a window, r readable rows of it ([CLS] first, then the context), D hidden size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor
from typing_extensions import override

from spanbert.core.errors import InputError
from spanbert.core.predictions import Answering
from spanbert.core.types import Document, Span
from spanbert.tasks.explain import Outputs, Placed, ScoredOutput, TaskExplainer, Wish, layout_of, quoted
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tasks.qa.head import QAHead
from spanbert.tasks.qa.task import QATask, WindowedQuestions
from spanbert.tokens.alignment import touched_pieces

_ANSWER, _NOTHING = "answer", "no answer"


class QAExplainer(TaskExplainer[QATask, Sequence[Answering]]):
    """The log probability of the answer's first piece and of its last one, in the window that says it loudest."""

    @property
    @override
    def score_is(self) -> str:
        return "log probability of where the answer begins plus that of where it ends, within its window"

    @property
    @override
    def score_is_zh(self) -> str:
        return "答案起点与终点在窗口内的对数概率之和"

    @override
    def second(self, document: Document) -> str:
        [question] = document.questions or ()
        return question.text

    @override
    def placed(self, windowed: WindowedDocument, window: int) -> tuple[Placed, Placed]:
        assert isinstance(windowed, WindowedQuestions)
        asked = len(windowed.questions[windowed.owners[window]])
        start, end = windowed.windows[window]
        row = self.task.framer.second_row(asked)
        return Placed.from_row(row, start, end), Placed.from_row(1, 0, asked)

    @override
    def scores(
        self, windowed: WindowedDocument, result: Sequence[Answering], wish: Wish, outputs: Outputs
    ) -> list[ScoredOutput]:
        """The answer, the place that is wished, or that there is none."""
        where = f"task {self.task.name}"
        if wish.label not in (None, _ANSWER, _NOTHING):
            raise InputError(f"no label {wish.label!r}", where=where, expected=f"{_ANSWER!r} or {_NOTHING!r}")
        if wish.other is not None:
            raise InputError("a second place, where an answer has one", where=where)
        [answering] = result
        if not answering.candidates:
            self.nothing("no answer", (), "The text has no words")
        nothing = wish.label == _NOTHING or (wish.label is None and wish.of is None and answering.answer is None)
        if nothing and self.task.threshold is None:
            raise InputError("no answer, which this task never says: there is always one", where=where)
        if nothing and wish.of is not None:
            raise InputError("a place, where no answer is explained", where=where)
        logits = outputs()
        if nothing:
            window = min(range(len(logits)), key=lambda number: float(logits[number][0].sum()))
            return [self._scored(_NOTHING, (), windowed, window, (0, 0))]
        best = answering.answer or answering.candidates[0]
        place = wish.of or Span(start=best.start, end=best.end)
        found = []  # (score, window, rows of start and end) where a window holds all of it
        first, after = touched_pieces(windowed.pieces.offsets, place)
        for number, (start, end) in enumerate(windowed.windows):
            if start <= first < after <= end:
                rows = first - start + 1, after - start
                found.append((float(logits[number][rows[0], 0] + logits[number][rows[1], 1]), number, rows))
        if not found:
            raise InputError("no answer could be there", where=quoted(windowed.document.text, place))
        _, window, rows = max(found)
        return [self._scored(_ANSWER, (place,), windowed, window, rows)]

    def _scored(
        self, label: str, places: tuple[Span, ...], windowed: WindowedDocument, window: int, ends: tuple[int, int]
    ) -> ScoredOutput:
        first, last = ends
        read = list(self.task.rows(windowed))[window].rows

        def score(head: QAHead, hidden: Sequence[Tensor]) -> Tensor:
            [one_NrD] = hidden
            copies, rows, _ = one_NrD.shape
            logits_R2 = head(one_NrD.flatten(0, 1), layout_of(copies, rows))["logits"].float()
            sure_Nr2: Tensor = logits_R2.view(copies, rows, 2).log_softmax(1)
            return sure_Nr2[:, first, 0] + sure_Nr2[:, last, 1]

        return ScoredOutput(label=label, places=places, windows=(window,), rows=(np.asarray(read),), score=score)
