"""Texts with their translations: what is missing, copied, repeated, too long, or in another script."""

from __future__ import annotations

import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
from typing_extensions import override

from spanbert.core.excerpts import shortened
from spanbert.core.findings import SHOWN, Rule
from spanbert.core.hashes import Repeats
from spanbert.core.types import Document, FloatArray
from spanbert.corpus.formats.data_file import DataFile
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tasks.survey import DUPLICATES, Item, Survey
from spanbert.tasks.translate.config import TranslateConfig
from spanbert.tasks.translate.task import TranslateTask
from spanbert.tokens.tokenizer import TokenizerAdapter

_EMPTY = Rule(
    severity="error",
    name="empty_side",
    what="pairs with an empty text or translation",
    remedy="They are left out in training, and refused in dev data; --fix leaves them out",
)
_UNTRANSLATED = Rule(
    severity="warning",
    name="no_translation",
    what="texts without a translation",
    remedy="They are left out in training",
)
_COPIES = Rule(
    severity="warning",
    name="copies",
    what="translations that are a copy of their text",
    remedy="They teach to copy; --fix leaves out those of more than three words",
)
_SEVERAL = Rule(
    severity="note",
    name="several_translations",
    what="texts that occur several times, with different translations",
    remedy="Fine where both are right; the model learns something between",
)
_LENGTHS = Rule(
    severity="warning",
    name="length_ratio",
    what="pairs in which one side is more than four times as long as usual against the other",
    remedy="Often two texts that do not belong together",
)
_LONG = Rule(
    severity="warning",
    name="too_long",
    what="pairs too long to be learned from",
    remedy="They are left out in training; cut them into sentences",
)
_SCRIPT = Rule(
    severity="warning",
    name="other_script",
    what="sides in another script than nearly all others of the file",
    remedy="Often a wrong language, or text and translation the wrong way round",
)
_LOST = Rule(
    severity="warning",
    name="vocabulary",
    what="translations that the vocabulary cannot write as they are",
    remedy="Such words, capitals or signs will be missing; train a vocabulary: --set translate.vocabulary=8000",
)
_FEW_WORDS = 3
_FARTHEST = 4.0
_SHORT = 5  # characters below which a ratio of lengths says nothing
_COMMON = 0.9  # share of the letters of a side that are in its main script
_MOST_SCRIPTS = 255
_SCRIPTS = (
    "LATIN",
    "CJK",
    "CYRILLIC",
    "GREEK",
    "ARABIC",
    "HEBREW",
    "HIRAGANA",
    "KATAKANA",
    "HANGUL",
    "DEVANAGARI",
    "THAI",
)


class TranslateSurvey(Survey[TranslateTask]):
    """A file of pairs."""

    conflicts = _SEVERAL
    duplicates = replace(
        DUPLICATES,
        what="duplicates: a pair that occurred before",
        remedy=f"{DUPLICATES.remedy}; --fix keeps the first",
    )

    def __init__(
        self,
        data: DataFile,
        config: TranslateConfig,
        tokenizer: TokenizerAdapter,
        task: TranslateTask | None,
        *,
        name: str,
    ) -> None:
        super().__init__(data, config, tokenizer, task, name=name)
        self._ratios = array("f")  # of each document; NaN where one says nothing
        self._scripts = (bytearray(), bytearray())  # of each document's sides, by number; 0 without letters
        self._names = [""]  # of the scripts
        self._written = self._covered = 0

    @override
    def items_of(self, document: Document) -> Iterator[Item]:
        """The pair."""
        if document.target is not None:
            yield Item(self.place(document), document.text, document.target)

    @override
    def texts_of(self, document: Document) -> Iterator[Item]:
        """The text, which dev data should not share, whatever its translation."""
        if document.text.strip():
            yield Item(self.place(document), document.text, "")

    @override
    def look(self, document: Document) -> Document:
        text, target = document.text.strip(), (document.target or "").strip()
        says = min(len(text), len(target)) >= _SHORT
        self._ratios.append(len(target) / len(text) if says else nan)
        for numbers, side in zip(self._scripts, (text, target), strict=True):
            numbers.append(self._number_of(script_of(side)))
        if document.target is None:
            self.ledger.add(_UNTRANSLATED, self.shown(document))
        elif not text or not target:
            self.ledger.add(_EMPTY, self.place(document))
        elif text == target:
            self.ledger.add(_COPIES, self.shown(document))
        return document

    def _number_of(self, script: str | None) -> int:
        if script is None:
            return 0
        if script not in self._names:
            self._names.append(script)
        return min(self._names.index(script), _MOST_SCRIPTS)

    @override
    def examine(self, windowed: WindowedDocument, task: TranslateTask) -> None:
        document = windowed.document
        if document.target is None or not document.target.strip() or not document.text.strip():
            return
        if not task.examples(windowed):
            self.ledger.add(_LONG, self.shown(document))
        self._written += 1
        if task.vocabulary.lost([document.target]):
            self.ledger.add(_LOST, f"{self.place(document)} {shortened(document.target, 60)!r}")
        else:
            self._covered += 1

    @override
    def finish(self) -> None:
        """Lengths and scripts that are unlike those of the rest; the file is read again for the first of them."""
        ratios = self._known_ratios()
        usual = float(np.median(ratios)) if len(ratios) else 1.0
        every = np.array(self._ratios)
        with np.errstate(invalid="ignore"):
            far = np.flatnonzero((every > _FARTHEST * usual) | (every < usual / _FARTHEST)).tolist()
        said = {number: f": {every[number]:.2g} characters each, usually {usual:.2g}" for number in far[:SHOWN]}
        self._tell(_LENGTHS, said, len(far))
        for side, numbers in zip(("text", "translation"), self._scripts, strict=True):
            counts = np.bincount(np.frombuffer(bytes(numbers), dtype=np.uint8), minlength=2)
            counts[0] = 0
            main = int(counts.argmax())
            if counts[main] < _COMMON * counts.sum():
                continue
            other = [place for place, number in enumerate(numbers) if number not in (0, main)]
            usually = self._names[main].lower()
            said = {n: f": {side} in {self._names[numbers[n]].lower()}, else {usually}" for n in other[:SHOWN]}
            self._tell(_SCRIPT, said, len(other))

    def _tell(self, rule: Rule, said: Mapping[int, str], count: int) -> None:
        """Records a finding: what is said of some documents, by number, and how many there are."""
        found = {}
        for number, document in enumerate(self.read() if said else ()):
            if number in said:
                found[number] = self.shown(document)
            if len(found) == len(said):
                break
        for number, shown in found.items():
            self.ledger.add(rule, shown + said[number])
        if count > len(found):
            self.ledger.add(rule, times=count - len(found))

    def _known_ratios(self) -> FloatArray:
        every: FloatArray = np.array(self._ratios, dtype=np.float64)
        return every[~np.isnan(every)]

    @override
    def counts(self) -> dict[str, int]:
        return {"translations": self._written, "translations_that_the_vocabulary_writes": self._covered}

    @override
    def fact_lines(self) -> list[tuple[str, str]]:
        share = "" if not self._written else f" ({self._covered / self._written:.1%} can be written as they are)"
        lines = [("translations", f"{self._written:,}{share}")]
        if len(ratios := self._known_ratios()):
            low, middle, high = np.quantile(ratios, [0.05, 0.5, 0.95])
            lines.append(("length ratio", f"{middle:.2f} characters each (5%: {low:.2f}, 95%: {high:.2f})"))
        return lines

    @override
    def repair(self, repeats: Repeats, target: Path) -> Mapping[str, int]:
        """Empty pairs, repeats, and copies of more than three words are left out."""
        done: Counter[str] = Counter()
        again_N = repeats.again_N

        def kept() -> Iterator[Document]:
            number = -1
            for document in self.read():
                if document.target is None:
                    done["texts without a translation left out"] += 1
                    continue
                number += 1
                if not document.text.strip() or not document.target.strip():
                    done["pairs with an empty side left out"] += 1
                elif again_N[number]:
                    done["repeats left out"] += 1
                elif document.text.strip() == document.target.strip() and len(document.text.split()) > _FEW_WORDS:
                    done["copies of the text left out"] += 1
                else:
                    yield document

        self.data.copy(kept(), target)
        return done + self.left_out()


def script_of(text: str) -> str | None:
    """The script of most letters of a text; None where it has no letters."""
    counts: Counter[str] = Counter()
    for character in text:
        if character.isalpha():
            name = unicodedata.name(character, "")
            counts[next((one for one in _SCRIPTS if name.startswith(one)), name.split(" ")[0])] += 1
    return counts.most_common(1)[0][0] if counts else None
