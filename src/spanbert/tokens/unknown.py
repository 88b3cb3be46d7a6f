"""What the tokenizer cannot spell: pieces that are [UNK], and scripts that the vocabulary hardly has."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass

import numpy as np

from spanbert.core.findings import SHOWN, Ledger, Rule, excerpt
from spanbert.core.types import Document
from spanbert.tokens.pieces import TokenizedText
from spanbert.tokens.tokenizer import TokenizerAdapter

_TOO_MANY = 0.01
_KEPT = 10_000
_FEWEST_LETTERS = 10
_REMEDY = "Use a model whose vocabulary was made from such text"


@dataclass
class _Unknown:
    """One string without a piece: how often, and where first."""

    where: str
    count: int = 0


class UnknownPieces:
    """Counts unknown pieces, and letters by script; at most 10,000 different strings are kept.

    Args:
        tokenizer: The model's.
    """

    def __init__(self, tokenizer: TokenizerAdapter) -> None:
        self._unknown_id = tokenizer.special["unk"]
        self.pieces = self.unknown = 0
        self._strings: dict[str, _Unknown] = {}
        self._characters: Counter[str] = Counter()

    def take(self, document: Document, pieces: TokenizedText, where: str) -> None:
        """Takes in one text."""
        self.pieces += len(pieces.ids)
        self._characters.update(document.text)
        for start, end in pieces.offsets[np.flatnonzero(pieces.ids == self._unknown_id)].tolist():
            self.unknown += 1
            string = document.text[start:end]
            if string in self._strings or len(self._strings) < _KEPT:
                self._strings.setdefault(string, _Unknown(where)).count += 1

    def tell(self, ledger: Ledger) -> None:
        """Writes down what was found."""
        if not self.unknown:
            return
        share = self.unknown / self.pieces
        often = sorted(self._strings.items(), key=lambda one: -one[1].count)[:SHOWN]
        rule = Rule(
            severity="warning" if share > _TOO_MANY else "note",
            name="unknown_pieces",
            what=f"pieces that the tokenizer does not know ([UNK]): {share:.2%} of {self.pieces:,}",
            remedy=_REMEDY if share > _TOO_MANY else "",
        )
        examples = [f"{one.where} {excerpt(string)}, {one.count:,} times" for string, one in often]
        ledger.add(rule, times=self.unknown - len(examples))
        for example in examples:
            ledger.add(rule, example)
        self._tell_scripts(ledger)

    def _tell_scripts(self, ledger: Ledger) -> None:
        written, unknown = Counter[str](), Counter[str]()
        for character, count in self._characters.items():
            written[_script(character)] += count
        for string, one in self._strings.items():
            for character in string:
                unknown[_script(character)] += one.count
        for script, letters in unknown.items():
            if script and written[script] >= _FEWEST_LETTERS and 2 * letters > written[script]:
                what = (
                    f"letters of a script that the vocabulary hardly has, {script}: {letters:,} of {written[script]:,}"
                )
                ledger.add(Rule(severity="warning", name="script", what=what, remedy=_REMEDY), times=letters)


def _script(character: str) -> str:
    """The script of a letter by its Unicode name (`CYRILLIC`, `CJK`); empty if it is not a letter."""
    return unicodedata.name(character, "").partition(" ")[0] if character.isalpha() else ""
