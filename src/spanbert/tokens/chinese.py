"""Chinese words: which piece of Han text begins one, by a segmenter (rjieba, extra `zh`).

Segmentation is by dictionary and hidden Markov model, made for simplified script; traditional text is cut less well
(docs/LOG.md has examples). Without the segmenter Han text is an error: one character a word would be a silent fallback.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from spanbert.core.characters import HAN
from spanbert.core.errors import InputError
from spanbert.core.missing import how_to_get
from spanbert.core.types import BoolArray, IntArray

_HAN = re.compile(f"[{HAN}]")


def has_han(text: str) -> bool:
    """Whether a text holds a Han character."""
    return _HAN.search(text) is not None


def chinese_word_starts(
    texts: Sequence[str], offsets: Sequence[IntArray], word_starts: Sequence[BoolArray]
) -> list[BoolArray]:
    """Word starts of texts with Han characters.

    Args:
        texts: The texts.
        offsets: First character and character after the last of each piece, (n, 2) a text.
        word_starts: Word starts by the tokenizer alone, (n,) per text; kept for pieces that begin with another script.

    Returns:
        (n,) a text: a piece that begins with a Han character begins a word where the segmenter begins one; a piece that
        straddles two words joins them.

    Raises:
        InputError: rjieba is not installed.
    """
    try:
        import rjieba
    except ModuleNotFoundError:
        found = next(match for match in map(_HAN.search, texts) if match)
        around = found.string[max(found.start() - 10, 0) : found.start() + 10]
        raise InputError(
            "text with Chinese characters needs a word segmenter, so that whole words are masked",
            got=repr(around),
            remedy=how_to_get("rjieba"),
        ) from None

    def starts_of(text: str, offsets_n2: IntArray, starts: BoolArray) -> BoolArray:
        begins = np.zeros(len(text) + 1, dtype=bool)
        begins[[start for _, start, _ in rjieba.tokenize(text)]] = True
        han = np.array([_HAN.match(text, position) is not None for position in offsets_n2[:, 0].tolist()], dtype=bool)
        return np.where(han, begins[offsets_n2[:, 0]], starts)

    with ThreadPoolExecutor() as pool:
        return list(pool.map(starts_of, texts, offsets, word_starts))
