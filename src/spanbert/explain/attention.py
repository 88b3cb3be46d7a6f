"""A text, or two, as the encoder reads them, with where its heads look."""

from __future__ import annotations

import numpy as np

from spanbert.batches.examples import Framer, pack_windows
from spanbert.core.attributions import Attention, Piece
from spanbert.core.errors import InputError
from spanbert.core.types import Document
from spanbert.encoder.attention_weights import attention_weights
from spanbert.encoder.model import Encoder
from spanbert.tokens.pieces import TokenizedText, read_pieces
from spanbert.tokens.tokenizer import TokenizerAdapter

_MOST_PIECES = 256  # layers x heads x pieces x pieces are kept and shown


def attention_of(encoder: Encoder, tokenizer: TokenizerAdapter, text: str, second: str | None = None) -> Attention:
    """How much every token looks at every other.

    Args:
        encoder: A Transformer, in eval mode.
        tokenizer: The model's.
        text: A text; `[CLS] text [SEP]` is read.
        second: A second one, that is read after it.

    Raises:
        InputError: More pieces than can be shown, or an encoder without attention.
    """
    documents = [Document(id="text", text=one) for one in (text, second) if one is not None]
    first, *more = read_pieces(tokenizer, documents)
    framer = Framer(tokenizer)
    window = framer.two(first.ids, more[0].ids) if more else framer.one(first.ids)
    most = min(_MOST_PIECES, encoder.config.longest_segment)
    if len(window.ids) > most:
        raise InputError(
            "a text too long for a view of attention",
            where="text",
            got=f"{len(window.ids):,} pieces with special tokens",
            expected=f"at most {most:,}",
            remedy="Look at a sentence of it",
        )
    weights_NHTT = attention_weights(encoder, pack_windows([window]))
    pieces = [Piece(text=tokenizer.piece(one)) for one in window.ids.tolist()]
    starts = (1, framer.second_row(len(first.ids)))
    for number, (row, own) in enumerate(zip(starts, (first, *more), strict=False)):
        pieces[row : row + len(own.ids)] = _placed(tokenizer, own, second=number > 0)
    return Attention(pieces=tuple(pieces), weights_NHTT=weights_NHTT.cpu().numpy().astype(np.float32))


def _placed(tokenizer: TokenizerAdapter, own: TokenizedText, *, second: bool) -> list[Piece]:
    """The pieces of a text with their places in it."""
    return [
        Piece(text=tokenizer.piece(identity), start=start, end=end, second=second)
        for identity, (start, end) in zip(own.ids.tolist(), own.offsets.tolist(), strict=True)
    ]
