"""What a decoder writes with: the pieces of the target language, with ids of their own for beginning and end.

    ids:  0 <s>   1 </s>   2, 3, ... the pieces of a tokenizer

Trained vocabularies work on bytes, so that no text is unknown and decoding gives back every text as it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Literal

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from spanbert.core.errors import InputError
from spanbert.core.types import BoolArray, IntArray
from spanbert.tokens.tokenizer import MOST_PIECES, failures_named

Model = Literal["bpe", "unigram"]
BEGIN, END = 0, 1
_OWN = 2  # ids before the tokenizer's
_BYTES = 256


class TargetVocabulary:
    """Texts to ids and back.

    Args:
        tokenizer: Its pieces; special tokens among them are never written.
        name: Where it came from, for messages.
    """

    def __init__(self, tokenizer: Tokenizer, name: str) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True  # "</s>" in a text is plain text
        self.backend, self.name = tokenizer, name

    @classmethod
    def from_json(cls, definition: str, name: str) -> TargetVocabulary:
        """A vocabulary as a bundle keeps it.

        Raises:
            InputError: Not a tokenizer.
        """
        with failures_named(name):
            made = cls(Tokenizer.from_str(definition), name)
        if not made.backend.get_vocab(with_added_tokens=True):
            raise InputError("a vocabulary without a piece", where=name, remedy="Copy or download it again")
        made.encode_batch(["A probe."])
        if made.size > MOST_PIECES:
            raise InputError("ids that no vocabulary needs", where=name, got=f"{made.size:,}")
        return made

    def to_json(self) -> str:
        """Its definition, as `tokenizer.json` has it."""
        return self.backend.to_str()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of its pieces with their ids: equal fingerprints give equal texts."""
        pieces = sorted(self.backend.get_vocab(with_added_tokens=True).items())
        return hashlib.sha256(json.dumps(pieces).encode()).hexdigest()

    @cached_property
    def size(self) -> int:
        """Ids, `<s>` and `</s>` included."""
        return _OWN + max(self.backend.get_vocab(with_added_tokens=True).values()) + 1

    @cached_property
    def may_write_V(self) -> BoolArray:
        """Which ids a translation may hold, (V,): `</s>` and every piece that is no special token."""
        may_V = np.zeros(self.size, dtype=bool)
        for identity in self.backend.get_vocab(with_added_tokens=True).values():
            may_V[_OWN + identity] = True
        for identity, token in self.backend.get_added_tokens_decoder().items():
            may_V[_OWN + identity] &= not token.special
        definition = json.loads(self.to_json())["model"]
        unknown = definition.get("unk_token")
        number = definition.get("unk_id") if unknown is None else self.backend.token_to_id(unknown)
        if number is not None:
            may_V[_OWN + number] = False
        may_V[END] = True
        return may_V

    def encode_batch(self, texts: Sequence[str]) -> list[IntArray]:
        """The ids of each text, without beginning and end."""
        with failures_named(self.name):
            found = self.backend.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.array(one.ids, dtype=np.int64) + _OWN for one in found]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some ids; beginning and end are left out."""
        with failures_named(self.name):
            return self.backend.decode([int(one) - _OWN for one in ids if one >= _OWN], skip_special_tokens=True)

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Each id as it would be written alone, for people; the end is `</s>`."""
        return ["</s>" if one == END else self.decode([int(one)]) for one in ids]

    def lost(self, texts: Iterable[str]) -> list[str]:
        """The texts that decoding does not give back as they were."""
        every = list(texts)
        encoded = self.encode_batch(every)
        return [text for text, ids in zip(every, encoded, strict=True) if self.decode(ids.tolist()) != text]


def train_target_vocabulary(texts: Iterable[str], pieces: int, *, model: Model = "bpe") -> TargetVocabulary:
    """Trains a vocabulary on target texts; memory grows with the distinct words of the texts.

    Args:
        texts: Read once.
        pieces: Size, the 256 bytes and `<s>`, `</s>` included; smaller if the texts have fewer.
        model: Byte-pair encoding (Sennrich et al. 2016) or a unigram language model (Kudo 2018).

    Raises:
        InputError: A vocabulary without room for more than the bytes.
    """
    least = _BYTES + _OWN + 1
    if pieces < least:
        raise InputError("too small a vocabulary", where="vocabulary", got=str(pieces), expected=f"at least {least}")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    wanted = pieces - _OWN
    tokenizer = Tokenizer(models.BPE() if model == "bpe" else models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = (
        trainers.BpeTrainer(vocab_size=wanted, initial_alphabet=alphabet, show_progress=False)
        if model == "bpe"
        else trainers.UnigramTrainer(vocab_size=wanted, initial_alphabet=alphabet, show_progress=False)
    )
    tokenizer.train_from_iterator(texts, trainer)
    return TargetVocabulary(tokenizer, "a vocabulary trained on the target texts")
