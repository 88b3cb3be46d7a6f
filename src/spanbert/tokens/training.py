"""A custom WordPiece vocabulary (Schuster and Nakajima 2012), trained on the text that is prepared."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from spanbert.core.errors import InputError
from spanbert.tokens.tokenizer import TokenizerAdapter

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_FEWEST = 100


def train_wordpiece(texts: Iterable[str], pieces: int, *, lowercase: bool = True) -> TokenizerAdapter:
    """Trains a BERT tokenizer; memory grows with the distinct words of the text, not with its length.

    Args:
        texts: Documents, read once.
        pieces: Size of the vocabulary, specials included; smaller if the text has fewer.
        lowercase: Lower-case the text and strip accents.

    Raises:
        InputError: A vocabulary too small to be of use.
    """
    if pieces < _FEWEST:
        raise InputError("too small a vocabulary", where="--train-tokenizer", got=str(pieces), expected=f">= {_FEWEST}")
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    tokenizer.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=pieces, special_tokens=list(SPECIAL), show_progress=False)
    )
    special = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=special
    )
    return TokenizerAdapter(tokenizer, "a tokenizer trained on this text/tokenizer.json")
