"""The vocabulary of spanbert: frozen, keyword-only dataclasses, validated once, at construction.

Shapes in tensor names: T tokens (pieces with specials) of a packed batch, S segments of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from numbers import Integral
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from spanbert.core.errors import InputError
from spanbert.core.excerpts import shortened
from spanbert.core.texts import described, require_many, require_text

EachT = TypeVar("EachT")
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
OutputArray = npt.NDArray[np.float32]  # a head's output for a window

TAGS = "tag"  # the column of a Document that holds one tag a word

Record = dict[str, Any]  # a JSON object that is made here
Facts = Mapping[str, Any]  # a JSON object that is read: an entry of a manifest, a config.json, settings
Scores = Mapping[str, Any]  # what a scorer found, by the name of the figure; `interval` and `signature` among them


class Brief:
    """What is shown as it would be made, without what it has not, numbers with four digits."""

    __slots__ = ()

    def __repr__(self) -> str:
        """For people, at the prompt of Python."""
        held = {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]
        said = ", ".join(f"{name}={brief(value)}" for name, value in held.items() if value is not None)
        return f"{type(self).__name__}({said})"


def brief(value: object) -> str:
    """A value as `Brief` shows it."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {brief(one)}' for key, one in value.items())}}}"
    if type(value) is tuple:
        return f"({', '.join(map(brief, value))}{',' if len(value) == 1 else ''})"
    return repr(value)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Span(Brief):
    """A stretch of the unmodified input text: Unicode code points, 0-based, half-open.

    Attributes:
        start: The first.
        end: The one after the last.
        label: What it is.
        score: How sure the model is, 0..1.
        text: Its characters, in what a pipeline answers; two spans of the same place are equal with and without.

    Raises:
        InputError: Not 0 <= start <= end.
    """

    start: int
    end: int
    label: str | None = None
    score: float | None = None
    text: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if type(self.start) is not int or type(self.end) is not int:  # the quick way for almost all
            for name in ("start", "end"):
                if not isinstance(getattr(self, name), Integral):
                    got = described(getattr(self, name))
                    raise InputError("not a place in a text", where=f"{name} of a span", got=got, expected="an int")
        if not 0 <= self.start <= self.end:
            raise InputError(f"a span needs 0 <= start <= end, got start={self.start} end={self.end}")


def outer_first(span: Span) -> tuple[int, int]:
    """Sorts spans in text order, an outer one before those that begin where it does."""
    return span.start, -span.end


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Relation(Brief):
    """A labelled, directed relation between two spans of one text."""

    head: Span
    tail: Span
    label: str
    score: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MisplacedAnswer:
    """An answer that is not where its file says.

    Attributes:
        text: The answer's text.
        stated: The first character that the file states.
        found: The nearest place where the text is instead; None: nowhere in the document.
    """

    text: str
    stated: int
    found: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A question about a document; no answers and `answerable=False` is SQuAD 2.0's impossible question.

    Attributes:
        id: Its name.
        text: The question.
        answers: Where the answers are, those of `misplaced` that were found included.
        answerable: Whether the text answers it.
        misplaced: Answers that are not where their file says; those found nowhere still count in scores.

    Raises:
        InputError: Something else than a text, or half of a surrogate pair in it.
    """

    id: str
    text: str
    answers: tuple[Span, ...] = ()
    answerable: bool = True
    misplaced: tuple[MisplacedAnswer, ...] = ()

    def __post_init__(self) -> None:
        require_text(self.id, "id of a question")
        require_text(self.text, f"question {self.id}")


_GOLD = {"gold": True}  # fields that predictions are compared with


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One text, raw or annotated: the only currency between files and tasks.

    Attributes:
        id: Stable name of the document (`file:line` where the format has none).
        text: The text, unmodified; every span counts code points of it.
        pair: The second text of a pair.
        target: The text to generate from it: its translation.
        words: Words of the text, where the format gives them.
        sentences: Half-open ranges of `words`, end to end, where the format gives them.
        spans: Labelled spans (entities).
        clusters: Coreference clusters of mentions.
        relations: Relations between spans.
        questions: Questions with their answers.
        labels: Labels of the whole text.
        columns: What a format carried that spanbert does not interpret, one value a word, so that nothing is lost.
        fields: What its row or line of JSON held, where that is kept beside the results.
        where: File and line that it came from, for messages.
        origin: What its format needs to write it back without loss; nothing else reads it.

    Raises:
        InputError: Something else than a text, half of a surrogate pair in it, a span that reaches past its end, or
            sentences that do not cover the words.
    """

    id: str
    text: str
    pair: str | None = None
    target: str | None = field(default=None, metadata=_GOLD)
    words: tuple[Span, ...] | None = None
    sentences: tuple[tuple[int, int], ...] | None = None
    spans: tuple[Span, ...] | None = field(default=None, metadata=_GOLD)
    clusters: tuple[tuple[Span, ...], ...] | None = field(default=None, metadata=_GOLD)
    relations: tuple[Relation, ...] | None = field(default=None, metadata=_GOLD)
    questions: tuple[Question, ...] | None = field(default=None, metadata=_GOLD)
    labels: tuple[str, ...] | None = field(default=None, metadata=_GOLD)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict, metadata=_GOLD)
    fields: Facts = field(default_factory=dict)
    where: str | None = None
    origin: object = None

    def __post_init__(self) -> None:
        require_text(self.id, "id of a document")
        for name in ("text", "pair", "target"):
            value = getattr(self, name)
            if value is not None or name == "text":
                require_text(value, f"{name} of {self.where or self.id}")
        inside = [*self._each("words", Span), *self._each("spans", Span)]
        clusters = self._each("clusters", Sequence)  # type: ignore[type-abstract]
        inside += [mention for cluster in clusters for mention in cluster]
        inside += [end for relation in self._each("relations", Relation) for end in (relation.head, relation.tail)]
        inside += [answer for question in self._each("questions", Question) for answer in question.answers]
        for span in inside:
            if span.end > len(self.text):
                raise InputError(
                    f"document {self.id!r}: span {span.start}..{span.end} reaches past the end of its "
                    f"{len(self.text)} characters"
                )
        if self.sentences is not None:
            bounds = [0, *(end for _, end in self.sentences)]
            if bounds[-1] != len(self.words or ()) or self.sentences != tuple(pairwise(bounds)):
                raise InputError(
                    f"document {self.id!r}: sentences {self.sentences} do not cover {len(self.words or ())} words"
                )

    def _each(self, name: str, kind: type[EachT]) -> Sequence[EachT]:
        """What a field holds, none of another type among it."""
        values = getattr(self, name)
        if values is None:
            return ()
        where, things = f"{name} of {self.where or self.id}", f"{kind.__name__}s"
        require_many(values, where, things=things)
        for value in values:
            if not isinstance(value, kind):
                raise InputError(f"not {things}", where=where, got=described(value))
        return values  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        """As it would be made, without what it has not; of words and the like how many they are."""
        shown = {"id": repr(self.id), "text": repr(shortened(self.text, 60))}
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name in ("id", "text", "fields", "origin") or value is None or not len(value):
                continue
            counted = one.name in ("words", "sentences", "columns") or (isinstance(value, tuple) and len(value) > 3)
            shown[one.name] = f"<{len(value)}>" if counted else repr(value)
        return f"Document({', '.join(f'{name}={value}' for name, value in shown.items())})"

    @property
    def place(self) -> str:
        """Where it came from, for messages: file and line where they are known, else its id."""
        return self.id if self.where is None else self.where

    def gold(self) -> dict[str, Any]:
        """Everything that predictions can be compared with, by the names of the fields."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.metadata.get("gold")}

    def without_gold(self, *, keep: tuple[str, ...] = ()) -> Self:
        """The same text with nothing that predictions could be compared with, but for some fields.

        Args:
            keep: Fields that are asked about, such as pairs of entities to relate.
        """
        bare = Document(id=self.id, text=self.text).gold()
        return replace(self, **{name: value for name, value in bare.items() if name not in keep})


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PackedBatch:
    """Segments of any lengths laid end to end, without padding: what the encoder reads, on CPU and GPU.

    Attributes:
        ids_T: int64, piece ids, specials included.
        positions_T: int64, position of each token in its segment, from 0.
        cu_seqlens: int32 (S + 1), where each segment starts, then T.
        longest: Tokens in the longest segment.
        token_types_T: int64, token type (0 or 1); None means all 0.

    Raises:
        ValueError: Shapes that do not agree, or boundaries that do not rise from 0 to T.
    """

    ids_T: IntArray
    positions_T: IntArray
    cu_seqlens: npt.NDArray[np.int32]
    longest: int
    token_types_T: IntArray | None = None

    def __post_init__(self) -> None:
        tokens = len(self.ids_T)
        if self.positions_T.shape != (tokens,):
            raise ValueError(f"positions_T has shape {self.positions_T.shape}, ids_T has ({tokens},)")
        if self.token_types_T is not None and self.token_types_T.shape != (tokens,):
            raise ValueError(f"token_types_T has shape {self.token_types_T.shape}, ids_T has ({tokens},)")
        bounds = self.cu_seqlens
        if len(bounds) < 2 or bounds[0] != 0 or bounds[-1] != tokens or np.any(np.diff(bounds) <= 0):
            raise ValueError(f"cu_seqlens must rise from 0 to {tokens}, got {bounds.tolist()}")
        if self.longest != int(np.diff(bounds).max()):
            raise ValueError(f"longest is {self.longest}, the longest segment has {int(np.diff(bounds).max())}")

    @property
    def tokens(self) -> int:
        """T, specials included."""
        return len(self.ids_T)

    @property
    def lengths(self) -> npt.NDArray[np.int32]:
        """Tokens of each segment, (S,)."""
        return np.diff(self.cu_seqlens)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Filling(Brief):
    """One way to fill the blanks of a text.

    Attributes:
        text: The text with all blanks filled.
        fills: The text in each blank, in order.
        pieces: The pieces of each blank.
        piece_scores: For each blank, the log probability of each piece: the mean of MLM and SBO, in nats.
        score: What fillings are ranked by: the mean of all piece scores, plus the log prior of the lengths.
    """

    text: str
    fills: tuple[str, ...]
    pieces: tuple[tuple[str, ...], ...]
    piece_scores: tuple[tuple[float, ...], ...]
    score: float
