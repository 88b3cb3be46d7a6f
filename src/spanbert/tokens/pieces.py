"""Texts as pieces that know their characters: what labelled text is read as.

Shapes: n pieces of a text, W words of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from spanbert.core.types import BoolArray, Document, IntArray, Span
from spanbert.tokens.tokenizer import TokenizerAdapter, failures_named


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class TokenizedText:
    """A text as pieces, without specials.

    Attributes:
        ids: (n,).
        word_starts: Which of them begin a word, (n,): where a window may be cut.
        offsets: First character and character after the last of each piece in the text, (n, 2).
    """

    ids: IntArray
    word_starts: BoolArray
    offsets: IntArray


def read_pieces(tokenizer: TokenizerAdapter, documents: Sequence[Document]) -> list[TokenizedText]:
    """Tokenises documents, on all cores; nothing is truncated.

    Words that a document brings are tokenised one by one (a blank is put between them, so that `do` + `n't` are two
    words to the model as well); other text is tokenised as it is.

    Args:
        tokenizer: The model's.
        documents: With or without words.
    """
    texts = [
        document.text if document.words is None else " ".join(document.text[w.start : w.end] for w in document.words)
        for document in documents
    ]
    found = []
    with failures_named(tokenizer.name):
        encodings = tokenizer.backend.encode_batch(texts, add_special_tokens=False)
    starts_V = tokenizer.is_word_start_V
    for document, text, encoding in zip(documents, texts, encodings, strict=True):
        ids = np.array(encoding.ids, dtype=np.int64)
        offsets = np.fromiter(chain.from_iterable(encoding.offsets), dtype=np.int64, count=2 * len(ids)).reshape(-1, 2)
        if starts_V is None:
            offsets = _without_blanks(offsets, text)
        if document.words is None:
            starts = starts_V[ids] if starts_V is not None else _starts_of_words(encoding.word_ids)
        else:
            offsets, starts = _in_the_text(offsets, document.words)
        found.append(TokenizedText(ids=ids, word_starts=starts, offsets=offsets))
    return found


def _without_blanks(offsets: IntArray, text: str) -> IntArray:
    """Offsets without the blank that a piece such as `▁fox` begins with; BPE and Unigram may count it in."""
    places = np.arange(len(text) + 1)
    is_blank = np.array([*(letter == " " for letter in text), False], dtype=bool)
    next_letter = np.minimum.accumulate(np.where(is_blank, len(text), places)[::-1])[::-1]
    return np.stack([np.minimum(next_letter[offsets[:, 0]], offsets[:, 1]), offsets[:, 1]], axis=1)


def _starts_of_words(words: Sequence[int | None]) -> BoolArray:
    numbers = np.array([-1 if word is None else word for word in words], dtype=np.int64)
    starts: BoolArray = np.diff(numbers, prepend=-2) != 0
    return starts


def _in_the_text(offsets: IntArray, words: Sequence[Span]) -> tuple[IntArray, BoolArray]:
    """Places in the words joined by blanks as places in the text, and which pieces begin a word."""
    starts = np.array([word.start for word in words], dtype=np.int64)
    lengths = np.array([word.end for word in words], dtype=np.int64) - starts
    joined = np.cumsum(lengths + 1) - lengths - 1
    owner = np.searchsorted(joined, offsets[:, 0], side="right") - 1
    return offsets + (starts - joined)[owner][:, None], np.diff(owner, prepend=-1) != 0


def rows_of_words(pieces: TokenizedText, words: Sequence[Span]) -> tuple[IntArray, IntArray, BoolArray]:
    """Which pieces each word begins and ends with.

    Args:
        pieces: The text.
        words: Its words, by start.

    Returns:
        First and last piece of each word, (W,) each, and which words have a piece of their own to begin with, (W,). A
        word without one (characters that the tokenizer drops, or two words in one piece) borrows its neighbour's.

    Raises:
        ValueError: No pieces at all.
    """
    if not len(pieces.ids):
        raise ValueError("no pieces that words could begin with")
    starts = np.array([word.start for word in words], dtype=np.int64)
    ends = np.array([word.end for word in words], dtype=np.int64)
    is_empty = pieces.offsets[:, 0] == pieces.offsets[:, 1]  # a `Ġ` alone, without characters: its word begins with it
    first = np.searchsorted(2 * pieces.offsets[:, 1] + is_empty, 2 * starts, side="right")
    last = np.searchsorted(pieces.offsets[:, 0], ends, side="left") - 1
    has_any = first <= last
    highest = np.maximum.accumulate(np.where(has_any, first, -1))  # a word that vanished takes no piece from the next
    own = has_any & (np.diff(highest, prepend=-1) > 0)
    first = np.minimum(first, len(pieces.ids) - 1)
    return first, np.maximum(last, first), own
