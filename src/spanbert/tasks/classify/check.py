"""Labelled texts: rows that cannot be used, texts without a label, labels that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import inf
from pathlib import Path

from typing_extensions import override

from spanbert.core.errors import InputError
from spanbert.core.findings import Rule
from spanbert.core.hashes import Repeats
from spanbert.core.types import Document
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.labelled_columns import LabelledColumns
from spanbert.tasks.classify.config import ClassifyConfig
from spanbert.tasks.classify.pairs import WindowedPair
from spanbert.tasks.classify.repair import repair_rows
from spanbert.tasks.classify.task import ClassifyTask
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tasks.survey import DUPLICATES, Item, Survey
from spanbert.tokens.tokenizer import TokenizerAdapter

BROKEN = Rule(
    severity="error",
    name="broken_rows",
    what="rows that cannot be used",
    remedy="Correct them; --fix leaves them out",
)
_UNLABELLED = Rule(
    severity="warning", name="unlabelled", what="texts without a label", remedy="They are left out in training"
)
CONFLICTS = Rule(
    severity="error",
    name="conflicts",
    what="texts that occur several times, with different labels",
    remedy="Decide on one label; --fix leaves all of them out",
)
_OTHER_NUMBERS = Rule(
    severity="warning",
    name="conflicts",
    what="texts that occur several times, with different numbers",
    remedy="Their mean is what will be learned",
)
_NO_NUMBER = Rule(
    severity="error",
    name="no_number",
    what="labels that are not numbers, while the training data's are",
    remedy="Correct them, or pass --mode single",
)


class ClassifySurvey(Survey[ClassifyTask]):
    """A file of labelled texts."""

    unusable = BROKEN
    duplicates = replace(DUPLICATES, remedy=f"{DUPLICATES.remedy}; --fix keeps the first")

    def __init__(
        self,
        data: DataFile,
        config: ClassifyConfig,
        tokenizer: TokenizerAdapter,
        task: ClassifyTask | None,
        *,
        name: str,
    ) -> None:
        super().__init__(data, config, tokenizer, task, name=name)
        self.is_regression = task is not None and task.mode == "regression"
        self.conflicts = _OTHER_NUMBERS if self.is_regression else CONFLICTS
        self._count, self._sum, self._lowest, self._highest = 0, 0.0, inf, -inf

    @override
    def items_of(self, document: Document) -> Iterator[Item]:
        """The text, or the pair."""
        if document.labels is not None:
            pair = "" if document.pair is None else f"\n{document.pair}"
            yield Item(self.place(document), document.text + pair, ", ".join(sorted(document.labels)))

    @override
    def look(self, document: Document) -> Document:
        if document.labels is None:
            self.ledger.add(_UNLABELLED, self.shown(document))
        elif self.is_regression:
            self._look_at_number(document, document.labels)
        else:
            self.labels.update(document.labels)
        return document

    def _look_at_number(self, document: Document, labels: tuple[str, ...]) -> None:
        try:
            [number] = map(float, labels)
        except ValueError:
            self.ledger.add(_NO_NUMBER, f"{self.place(document)} {', '.join(labels)}")
            return
        self._count, self._sum = self._count + 1, self._sum + number
        self._lowest, self._highest = min(self._lowest, number), max(self._highest, number)

    def numbers(self) -> dict[str, float]:
        """Of a regression: the range and the mean of its numbers."""
        if not self._count:
            return {}
        return {"lowest": self._lowest, "mean": self._sum / self._count, "highest": self._highest}

    @override
    def length(self, windowed: WindowedDocument) -> int:
        """Of both texts."""
        second = len(windowed.second) if isinstance(windowed, WindowedPair) else 0
        return len(windowed.pieces.ids) + second

    @override
    def examine(self, windowed: WindowedDocument, task: ClassifyTask) -> None:
        """Nothing: there is no check that needs pieces."""

    @override
    def repair(self, repeats: Repeats, target: Path) -> Mapping[str, int]:
        """Rows that cannot be used, repeats and contradictions are left out."""
        if not isinstance(self.data.settings.columns, LabelledColumns):
            where, remedy = f"--fix {target}", "Mend it in the program that it came from"
            got = self.data.format.title
            raise InputError("copies are made of tables and JSON lines alone", where=where, got=got, remedy=remedy)
        return repair_rows(self, repeats, target, drop_conflicts=not self.is_regression)
