"""Any Hugging Face tokenizer as spanbert sees it: ids, word starts, special ids, a fingerprint."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from spanbert.core.characters import UNSPACED
from spanbert.core.errors import InputError
from spanbert.core.files import read_json
from spanbert.core.model_path import resolve
from spanbert.core.schema import Schema, read_checked
from spanbert.core.types import BoolArray, IntArray
from spanbert.tokens.chinese import chinese_word_starts, has_han
from spanbert.tokens.long_texts import LONGEST_PART, parts_of

_SPACE_IN_CHINESE = re.compile(f"(?<=[{UNSPACED}]) | (?=[{UNSPACED}])")
MOST_PIECES = 1 << 24
_PROBE = "A café's 12 words, 漢字 and\nمرحبا \U0001f600."  # what shows a definition that cannot tokenise
_PARTS_AT_ONCE = 4  # of a long text
_SPECIAL_NAMES = {
    "cls": ("[CLS]", "<s>"),
    "sep": ("[SEP]", "</s>"),
    "mask": ("[MASK]", "<mask>"),
    "pad": ("[PAD]", "<pad>"),
    "unk": ("[UNK]", "<unk>"),
}


@contextmanager
def failures_named(name: str) -> Iterator[None]:
    """Turns what the tokenizer library fails at into an error that says which tokenizer it was.

    What it finds wrong itself is an `Exception` and nothing narrower. A definition that it read well may also break an
    invariant of its Rust code, when it is read or when a text comes: such a panic is no `Exception`, and its class
    cannot be imported.

    Args:
        name: Where the tokenizer came from.

    Raises:
        InputError: The library failed.
    """
    try:
        yield
    except BaseException as error:
        panicked = type(error).__name__ == "PanicException"
        if not panicked and type(error) is not Exception:
            raise
        raise InputError(
            "a tokenizer that the library `tokenizers` gives up on" if panicked else "not a tokenizer that can be used",
            where=name,
            got=str(error),
            remedy="Copy or download it again",
        ) from None


class _Settings(Schema):
    """tokenizer_config.json, as far as it is read for a vocab.txt."""

    tokenize_chinese_chars: bool = True
    strip_accents: bool | None = None
    do_lower_case: bool = False


class TokenizerAdapter:
    """A `tokenizers.Tokenizer` with truncation and padding switched off, and what span masking needs to know of it.

    Args:
        tokenizer: The tokenizer.
        name: Where it came from, for messages.

    Raises:
        InputError: It lacks one of the special tokens [CLS], [SEP], [MASK], [PAD], [UNK] (or <s>, </s>, ...).
    """

    def __init__(self, tokenizer: Tokenizer, name: str) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True  # "[MASK]" in a text is plain text, not a mask
        self.backend = tokenizer
        self.name = name
        self.special: dict[str, int] = {}
        for role, choices in _SPECIAL_NAMES.items():
            found = [identity for choice in choices if (identity := tokenizer.token_to_id(choice)) is not None]
            if not found:
                raise InputError(
                    f"the tokenizer has no {role} token",
                    where=name,
                    expected=" or ".join(choices),
                    remedy="Use the tokenizer of a BERT-family encoder",
                )
            self.special[role] = found[0]
        if self.vocab_size > MOST_PIECES:
            raise InputError(
                "ids that no vocabulary needs",
                where=name,
                got=f"{self.vocab_size - 1:,}",
                expected=f"below {MOST_PIECES:,}",
            )
        with failures_named(name):
            self.offsets_batch([_PROBE])

    @cached_property
    def _definition(self) -> dict[str, Any]:
        definition: dict[str, Any] = json.loads(self.backend.to_str())
        return definition

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the tokenizer's canonical definition: equal fingerprints give equal ids."""
        canonical = json.dumps(self._definition, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @cached_property
    def vocab_size(self) -> int:
        """V: the largest id plus one, added tokens included."""
        return max(self.backend.get_vocab(with_added_tokens=True).values()) + 1

    @cached_property
    def is_special_V(self) -> BoolArray:
        """Which ids are special tokens, (V,)."""
        special_V = np.zeros(self.vocab_size, dtype=bool)
        for identity, token in self.backend.get_added_tokens_decoder().items():
            special_V[identity] |= token.special
        special_V[list(self.special.values())] = True
        return special_V

    @cached_property
    def ordinary_ids(self) -> IntArray:
        """The ids that are not special tokens, ascending: a random replacement is drawn from them."""
        return np.flatnonzero(~self.is_special_V)

    @cached_property
    def _continuation_prefix(self) -> str | None:
        model = self._definition["model"]
        return str(model["continuing_subword_prefix"]) if model["type"] == "WordPiece" else None

    @cached_property
    def is_word_start_V(self) -> BoolArray | None:
        """For WordPiece, which ids begin a word, (V,); None where ids alone do not tell (BPE, Unigram)."""
        prefix = self._continuation_prefix
        if prefix is None:
            return None
        starts_V = np.ones(self.vocab_size, dtype=bool)
        for piece, identity in self.backend.get_vocab(with_added_tokens=True).items():
            starts_V[identity] = not piece.startswith(prefix)
        return starts_V

    @cached_property
    def may_begin_word_V(self) -> BoolArray:
        """Which pieces can follow white space, (V,): no `##` (WordPiece), `Ġ` or `▁` first (BPE, Unigram)."""
        if self.is_word_start_V is not None:
            return self.is_word_start_V
        begins_V = np.zeros(self.vocab_size, dtype=bool)
        for piece, identity in self.backend.get_vocab(with_added_tokens=True).items():
            begins_V[identity] = piece.startswith(("Ġ", "▁"))
        return begins_V if begins_V.any() else ~begins_V

    @cached_property
    def may_go_on_V(self) -> BoolArray:
        """Which pieces can directly follow a letter without ending its word wrongly, (V,).

        Continuations (`##`; for BPE and Unigram whatever has no `Ġ` or `▁` first), punctuation, and Han characters.
        """
        goes_on_V = ~self.may_begin_word_V
        for piece, identity in self.backend.get_vocab(with_added_tokens=True).items():
            first = piece[:1]
            if first not in ("Ġ", "▁"):
                goes_on_V[identity] |= not first.isalnum() or has_han(first)
        return goes_on_V if goes_on_V.any() else ~goes_on_V

    def add_markers(self, markers: Sequence[str]) -> list[int]:
        """The ids of some special tokens, which the tokenizer gets at its end where it does not have them yet."""
        unknown = [one for one in markers if self.backend.token_to_id(one) is None]
        if unknown:
            self.backend.add_special_tokens([AddedToken(one, special=True, normalized=False) for one in unknown])
            for name in _DERIVED:
                self.__dict__.pop(name, None)
        found = [self.backend.token_to_id(one) for one in markers]
        return [identity for identity in found if identity is not None]

    def encode_batch(self, texts: Sequence[str]) -> list[tuple[IntArray, BoolArray]]:
        """Pieces of each text without specials, on all cores; nothing is truncated. Long texts are read in parts.

        Args:
            texts: Documents or parts of them.

        Returns:
            For each text its ids (n,) and which of them start a word (n,): for WordPiece a piece without `##`, else
            the first piece of a word of the tokenizer's own pre-tokenisation; for Han text by `chinese`.

        Raises:
            InputError: Han text, and no segmenter is installed.
        """
        if not any(len(text) > LONGEST_PART for text in texts) or not self._reads_parts_alike:
            return self._encode_whole(texts)
        short = iter(self._encode_whole([text for text in texts if len(text) <= LONGEST_PART]))
        return [next(short) if len(text) <= LONGEST_PART else self._encode_parts(text) for text in texts]

    @cached_property
    def _reads_parts_alike(self) -> bool:
        """Whether a text that is cut before a blank has the same pieces as a whole."""
        cuts = [match.start() for match in re.finditer(r"\b ", _PROBE)]
        parts = [_PROBE[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(_PROBE)], strict=True)]
        [(ids, starts)] = self._encode_plain([_PROBE])
        found = self._encode_plain(parts)
        same_ids = np.array_equal(ids, np.concatenate([one for one, _ in found]))
        return bool(same_ids and np.array_equal(starts, np.concatenate([one for _, one in found])))

    def _encode_parts(self, text: str) -> tuple[IntArray, BoolArray]:
        """`encode_batch` of a long text, part by part."""
        parts, encoded = parts_of(text), list[tuple[IntArray, BoolArray]]()
        while some := list(islice(parts, _PARTS_AT_ONCE)):
            encoded += self._encode_whole(some)
        return np.concatenate([ids for ids, _ in encoded]), np.concatenate([starts for _, starts in encoded])

    def _encode_whole(self, texts: Sequence[str]) -> list[tuple[IntArray, BoolArray]]:
        """`encode_batch` without cutting anything."""
        encoded = self._encode_plain(texts)
        chinese = [number for number, text in enumerate(texts) if has_han(text)]
        if chinese:
            han_texts = [texts[number] for number in chinese]
            starts = [encoded[number][1] for number in chinese]
            corrected = chinese_word_starts(han_texts, self.offsets_batch(han_texts), starts)
            for number, word_starts in zip(chinese, corrected, strict=True):
                encoded[number] = (encoded[number][0], word_starts)
        return encoded

    def _encode_plain(self, texts: Sequence[str]) -> list[tuple[IntArray, BoolArray]]:
        """Ids and word starts as the tokenizer alone has them."""
        starts_V = self.is_word_start_V
        if starts_V is not None:
            return [(ids, starts_V[ids]) for ids in self.ids_batch(texts)]
        encoded = []
        with failures_named(self.name):
            encodings = self.backend.encode_batch(list(texts), add_special_tokens=False)
        for encoding in encodings:
            words = np.array([-1 if word is None else word for word in encoding.word_ids], dtype=np.int64)
            starts = np.ones(len(words), dtype=bool)
            starts[1:] = words[1:] != words[:-1]
            encoded.append((np.array(encoding.ids, dtype=np.int64), starts))
        return encoded

    def ids_batch(self, texts: Sequence[str]) -> list[IntArray]:
        """The ids of `encode_batch` alone."""
        with failures_named(self.name):
            fast = self.backend.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.array(encoding.ids, dtype=np.int64) for encoding in fast]

    def offsets_batch(self, texts: Sequence[str]) -> list[IntArray]:
        """First character and character after the last of each piece of `encode_batch`, (n, 2)."""
        with failures_named(self.name):
            encodings = self.backend.encode_batch(list(texts), add_special_tokens=False)
        return [np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2) for encoding in encodings]

    def encode(self, text: str) -> tuple[IntArray, BoolArray]:
        """`encode_batch` of one text."""
        return self.encode_batch([text])[0]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some pieces."""
        with failures_named(self.name):
            return self.backend.decode([int(identity) for identity in ids], skip_special_tokens=False)

    def surface(self, ids: Sequence[int]) -> str:
        """The text of some pieces as it appears inside a text: no space before it or in Chinese, no `##`."""
        text = self.decode(ids).strip()
        if self._continuation_prefix is None:
            return text
        return _SPACE_IN_CHINESE.sub("", text.removeprefix(self._continuation_prefix))

    def piece(self, identity: int) -> str:
        """The piece of an id, as the vocabulary has it."""
        piece = self.backend.id_to_token(int(identity))
        if piece is None:
            raise ValueError(f"id {identity} is outside the vocabulary of {self.vocab_size} pieces")
        return piece

    def save(self, directory: Path, *, longest: int | None = None) -> None:
        """Writes `tokenizer.json`, `tokenizer_config.json` and, for WordPiece, `vocab.txt`.

        Args:
            directory: An existing directory.
            longest: Positions of the model, so that `transformers` warns where a text is longer.
        """
        (directory / "tokenizer.json").write_text(self.backend.to_str(pretty=True), encoding="utf-8")
        names = {f"{role}_token": self.piece(identity) for role, identity in self.special.items()}
        wordpiece = self._continuation_prefix is not None
        config: dict[str, Any] = {
            "tokenizer_class": "BertTokenizer" if wordpiece else "PreTrainedTokenizerFast",
            **names,
        }
        normalizer = self._definition.get("normalizer") or {}
        if normalizer.get("type") == "BertNormalizer":
            config["do_lower_case"] = normalizer["lowercase"]
            config["strip_accents"] = normalizer["strip_accents"]
            config["tokenize_chinese_chars"] = normalizer["handle_chinese_chars"]
        if longest is not None:
            config["model_max_length"] = longest
        (directory / "tokenizer_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
        if wordpiece:
            names_of = {identity: piece for piece, identity in self.backend.get_vocab(with_added_tokens=True).items()}
            pieces = [names_of.get(identity, f"[unused-{identity}]") for identity in range(self.vocab_size)]
            (directory / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")


_DERIVED = tuple(name for name, value in vars(TokenizerAdapter).items() if isinstance(value, cached_property))


def load_tokenizer(source: str | os.PathLike[str]) -> TokenizerAdapter:
    """Loads a tokenizer from `tokenizer.json`, `vocab.txt`, a directory that holds one of them, or a hub id.

    Args:
        source: Path or hub id. Next to `vocab.txt`, `tokenizer_config.json` states whether text is lower-cased;
            without it, a vocabulary with no upper-case piece is taken as lower-cased.

    Raises:
        InputError: Nothing there, not a tokenizer, or special tokens missing.
    """
    path = resolve(source)
    if path.is_dir():
        candidates = [path / "tokenizer.json", path / "vocab.txt"]
        path = next((candidate for candidate in candidates if candidate.is_file()), path)
        if path.is_dir():
            raise InputError("no tokenizer here", where=str(path), expected="tokenizer.json or vocab.txt")
    return TokenizerAdapter(_from_vocabulary(path) if path.suffix == ".txt" else _from_json(path), str(path))


def _from_json(path: Path) -> Tokenizer:
    definition = read_json(path)
    if not isinstance(definition, dict) or "model" not in definition:
        raise InputError("not a tokenizer", where=str(path), expected="a Hugging Face tokenizer.json")
    with failures_named(str(path)):
        tokenizer = Tokenizer.from_str(json.dumps(definition))
    if definition["model"].get("type") == "WordPiece" and tokenizer.decoder is None:
        tokenizer.decoder = decoders.WordPiece(prefix=definition["model"]["continuing_subword_prefix"])
    return tokenizer


def _from_vocabulary(path: Path) -> Tokenizer:
    try:
        pieces = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text", where=str(path), got=f"byte {error.start}") from None
    if pieces and not pieces[-1]:
        pieces.pop()
    vocabulary: dict[str, int] = {}
    for line, piece in enumerate(pieces):
        if piece in vocabulary:
            raise InputError(
                "a piece occurs twice in the vocabulary",
                where=f"{path}:{line + 1}",
                got=repr(piece),
                expected="one piece a line, each once",
            )
        vocabulary[piece] = line
    beside = path.parent / "tokenizer_config.json"
    settings = read_checked(_Settings, beside) if beside.is_file() else {}
    has_upper_case = any(piece != piece.lower() for piece in pieces if not piece.startswith("["))
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=settings.get("tokenize_chinese_chars", True),
        strip_accents=settings.get("strip_accents"),
        lowercase=settings.get("do_lower_case", not has_upper_case),
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    present = [name for names in _SPECIAL_NAMES.values() for name in names if name in vocabulary]
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in present])
    if "[CLS]" in vocabulary and "[SEP]" in vocabulary:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
        )
    return tokenizer
