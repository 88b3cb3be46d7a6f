"""Texts with blanks: `[MASK]` is one piece, `[MASK:3]` three, `[MASK:1-4]` one to four, for every tokenizer."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import numpy as np

from spanbert.core.errors import InputError
from spanbert.core.types import IntArray
from spanbert.tokens.chinese import has_han
from spanbert.tokens.tokenizer import TokenizerAdapter

_BLANK = re.compile(r"\[MASK(?::(\d+)(?:-(\d+))?)?\]")
_MOST_SHAPES = 256


@dataclass(frozen=True, kw_only=True)
class Blank:
    """One blank.

    Attributes:
        shortest: Fewest pieces.
        longest: Most pieces.
        begins_word: Whether a new word begins here; False right after a letter, digit or another blank, which the blank
            then continues.
    """

    shortest: int
    longest: int
    begins_word: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Template:
    """A text cut at its blanks.

    Attributes:
        texts: The text before, between and after the blanks; one more than blanks.
        ids: The pieces of each of them.
        blanks: The blanks.
    """

    texts: tuple[str, ...]
    ids: tuple[IntArray, ...]
    blanks: tuple[Blank, ...]

    def shapes(self) -> list[tuple[int, ...]]:
        """Every combination of lengths of the blanks."""
        return list(itertools.product(*(range(blank.shortest, blank.longest + 1) for blank in self.blanks)))

    def sequence(self, shape: tuple[int, ...], tokenizer: TokenizerAdapter) -> tuple[IntArray, list[tuple[int, int]]]:
        """The ids with [CLS], [SEP] and masks for one combination of lengths, and where each blank lies."""
        parts = [np.array([tokenizer.special["cls"]]), self.ids[0]]
        places: list[tuple[int, int]] = []
        for length, after in zip(shape, self.ids[1:], strict=True):
            start = sum(map(len, parts))
            places.append((start, start + length))
            parts += [np.full(length, tokenizer.special["mask"]), after]
        parts.append(np.array([tokenizer.special["sep"]]))
        return np.concatenate(parts).astype(np.int64), places


def texts_around(text: str) -> list[str]:
    """The texts before, between and after the blanks of a text that can be read: one more than blanks."""
    starts = [0, *(match.end() for match in _BLANK.finditer(text))]
    ends = [*(match.start() for match in _BLANK.finditer(text)), len(text)]
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def _without_end_spaces(texts: list[str]) -> list[str]:
    """The texts as they are tokenised: white space before a blank belongs to the first piece of the blank (BPE)."""
    return [text.rstrip() for text in texts]


def _goes_on(character: str) -> bool:
    """Whether a character and its neighbour can be of one word: letters and digits of scripts that are not Han."""
    return character.isalnum() and not has_han(character)


def parse_template(text: str, tokenizer: TokenizerAdapter, *, positions: int) -> Template:
    """Reads a text with blanks.

    Args:
        text: At least one blank.
        tokenizer: Makes the pieces of the text between them.
        positions: Longest segment of the encoder.

    Raises:
        InputError: No blank, a length of 0, a descending range, too many combinations, or a text that is too long.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError("not valid Unicode", where="the text", got=repr(text)) from None
    texts: list[str] = []
    blanks: list[Blank] = []
    end = 0
    for match in _BLANK.finditer(text):
        shortest = int(match[1] or 1)
        longest = int(match[2] or shortest)
        if not 1 <= shortest <= longest:
            raise InputError(
                "not a length of a blank",
                where=f"character {match.start()}",
                got=match[0],
                expected="[MASK], [MASK:3] or [MASK:1-4]",
            )
        before = text[end : match.start()]
        texts.append(before)
        glued = _goes_on(before[-1]) if before else bool(blanks)
        blanks.append(Blank(shortest=shortest, longest=longest, begins_word=not glued))
        end = match.end()
    if not blanks:
        hint = "a mistyped blank" if "[MASK" in text else "no blank"
        raise InputError(f"{hint} in the text", got=repr(text), expected="[MASK], [MASK:3] or [MASK:1-4]")
    texts.append(text[end:])
    for place, part in enumerate(texts):
        if "[MASK" in part:
            raise InputError("a mistyped blank in the text", got=repr(part), expected="[MASK], [MASK:3] or [MASK:1-4]")
        if place and part and _goes_on(part[0]):
            raise InputError(
                "a blank right before a letter",
                got=repr(f"[MASK]{part[:10]}"),
                expected="white space or punctuation",
                remedy="Let the blank stand for the whole word",
            )
    template = Template(
        texts=tuple(texts),
        ids=tuple(tokenizer.ids_batch(_without_end_spaces(texts))),
        blanks=tuple(blanks),
    )
    combinations = int(np.prod([blank.longest - blank.shortest + 1 for blank in blanks]))
    if combinations > _MOST_SHAPES:
        raise InputError(
            "too many combinations of lengths",
            got=str(combinations),
            expected=f"at most {_MOST_SHAPES}",
            remedy="Narrow the ranges, or fill the text in parts",
        )
    longest = sum(map(len, template.ids)) + sum(blank.longest for blank in blanks) + 2
    if longest > positions:
        raise InputError(
            "the text is too long for one segment",
            got=f"{longest} pieces",
            expected=f"at most {positions}",
            remedy="Give the sentences around the blank only",
        )
    return template
