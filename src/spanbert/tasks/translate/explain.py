"""Why a sentence was translated so: which words of it the whole translation hangs on.

Shapes: N copies of a part, r rows of it, D hidden size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor
from typing_extensions import override

from spanbert.core.errors import InputError
from spanbert.core.predictions import Translation
from spanbert.core.types import IntArray, Span
from spanbert.tasks.explain import Outputs, ScoredOutput, TaskExplainer, Wish, layout_of
from spanbert.tasks.protocol import Generated, WindowedDocument
from spanbert.tasks.translate.head import TranslateHead
from spanbert.tasks.translate.parts import WindowedSentences
from spanbert.tasks.translate.task import TranslateTask
from spanbert.tokens.target_vocabulary import END


class TranslateExplainer(TaskExplainer[TranslateTask, Translation]):
    """The log probability of a part's translation, all its pieces and its end."""

    @property
    @override
    def score_is(self) -> str:
        return "log probability of the translation"

    @property
    @override
    def score_is_zh(self) -> str:
        return "译文的对数概率"

    @override
    def scores(
        self, windowed: WindowedDocument, result: Translation, wish: Wish, outputs: Outputs
    ) -> list[ScoredOutput]:
        """The best translation of each part; of a text in one part, any translation that is the label."""
        assert isinstance(windowed, WindowedSentences)
        where = f"task {self.task.name}"
        if wish.other is not None:
            raise InputError("a second place, where a sentence has one", where=where)
        parts = [
            number
            for number, (start, end) in enumerate(windowed.stretches)
            if wish.of is None or (start < wish.of.end and wish.of.start < end)
        ]
        if not parts:
            self.nothing("no sentence", ())
        if wish.label is not None and len(parts) > 1:
            got = f"{len(parts)} parts"
            raise InputError("a translation of several parts", where=where, got=got, remedy="Name one of them with of")
        if wish.label is not None:
            [ids] = self.task.vocabulary.encode_batch([wish.label])
            return [self._scored(windowed, parts[0], wish.label, ids)]
        written = outputs()
        return [self._scored(windowed, number, *self._best(written[number])) for number in parts]

    def _best(self, written: Generated) -> tuple[str, IntArray]:
        """The best translation, and its pieces without an end."""
        ids = written.hypotheses[0].ids
        return self.task.vocabulary.decode(ids.tolist()), ids[ids != END]

    def _scored(self, windowed: WindowedSentences, number: int, target: str, ids: IntArray) -> ScoredOutput:
        start, end = windowed.stretches[number]
        first, after = windowed.windows[number]
        rows = np.arange(after - first + 2)
        place = Span(start=start, end=end)
        return ScoredOutput(label=target, places=(place,), windows=(number,), rows=(rows,), score=_score_of(ids))


def _score_of(ids: IntArray) -> Callable[[TranslateHead, Sequence[Tensor]], Tensor]:
    def score(head: TranslateHead, hidden: Sequence[Tensor]) -> Tensor:
        [one_NrD] = hidden
        copies, rows, _ = one_NrD.shape
        return head.log_probabilities(one_NrD.flatten(0, 1), layout_of(copies, rows), [ids] * copies)

    return score
