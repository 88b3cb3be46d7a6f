"""Attention over pieces as an alignment of words.

Shapes: T pieces of a translation with its end, R rows of the source with specials.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from spanbert.core.predictions import Alignment
from spanbert.core.types import IntArray
from spanbert.tasks.protocol import Generated
from spanbert.tokens.pieces import TokenizedText
from spanbert.tokens.target_vocabulary import END, TargetVocabulary
from spanbert.tokens.tokenizer import TokenizerAdapter


def alignment(
    tokenizer: TokenizerAdapter,
    vocabulary: TargetVocabulary,
    pieces: TokenizedText,
    text: str,
    window: tuple[int, int],
    written: Generated,
) -> Alignment:
    """The words of a translation against those of its text: sums over a text's pieces, means over a translation's.

    Args:
        tokenizer: The encoder's.
        vocabulary: The translation's.
        pieces: The whole text.
        text: The same as characters.
        window: Its pieces that were translated.
        written: What was written, with its attention.
    """
    attention_TR = written.attention_TR
    assert attention_TR is not None
    start, end = window
    begins = np.flatnonzero(pieces.word_starts[start:end])
    if not len(begins) or begins[0] != 0:
        begins = np.concatenate([[0], begins])
    offsets = pieces.offsets[start:end]
    bounds = [*begins.tolist(), end - start]
    source = [text[offsets[a, 0] : offsets[b - 1, 1]] for a, b in pairwise(bounds)]
    ids = written.hypotheses[0].ids
    words, owners = _words(vocabulary, ids[ids != END])
    by_word_TW = np.add.reduceat(attention_TR[: len(owners), 1:-1], begins, axis=1)
    means = [by_word_TW[owners == word].mean(0, dtype=np.float64) for word in range(len(words))]
    weights = [mean.round(4).tolist() for mean in means]
    return Alignment(source=tuple(source), target=tuple(words), weights=tuple(map(tuple, weights)))


def _words(vocabulary: TargetVocabulary, ids: IntArray) -> tuple[list[str], IntArray]:
    """The words that pieces make, and the word of each piece; a piece that begins with a blank begins a word."""
    words: list[Sequence[int]] = []
    owners = []
    before = ""
    for place in range(len(ids)):
        whole = vocabulary.decode(ids[: place + 1].tolist())
        added = whole[len(before) :] if whole.startswith(before) else whole[-1:]
        if not words or added[:1].isspace() or (added and not before[-1:].isascii()):
            words.append([])
        words[-1] = [*words[-1], int(ids[place])]
        owners.append(len(words) - 1)
        before = whole
    return [vocabulary.decode(one).strip() for one in words], np.array(owners, dtype=np.int64)
