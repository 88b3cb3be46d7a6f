"""What scikit-learn's users pass as X and y, as Documents; labels of any type as names of labels.

Shapes: N texts, L labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.utils.multiclass import is_multilabel

from spanbert.core.errors import InputError
from spanbert.core.excerpts import shortened
from spanbert.core.tagging import Scheme, decode_tags, guess_scheme, scheme_of_tags
from spanbert.core.texts import require_text
from spanbert.core.types import TAGS, Document, Span
from spanbert.corpus.formats.column_format import ColumnFormat
from spanbert.corpus.formats.columns import ColumnOrigin
from spanbert.pipelines.inputs import document_of_words

Form = Literal["single", "indicator", "collections"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """y of classification.

    Attributes:
        form: One label a text; a binary matrix (N, L); a list, tuple or set of labels a text.
        classes_L: The labels, sorted; of a matrix the numbers of its columns.
        rows: The labels of each text.
    """

    form: Form
    classes_L: npt.NDArray[Any]
    rows: list[tuple[Any, ...]]


def text_documents(texts: object) -> list[Document]:
    """X of classification: strings, or two of them for a pair; also the columns of a frame or of an array.

    Raises:
        InputError: Something else, or texts and pairs; names the place in X.
    """
    documents = []
    for number, row in enumerate(_rows(texts, "X")):
        parts = (row,) if isinstance(row, str) else tuple(row) if isinstance(row, Sequence | np.ndarray) else ()
        if len(parts) not in (1, 2) or not all(isinstance(part, str) for part in parts):
            raise InputError(
                "not a text",
                where=f"X[{number}]",
                got=shortened(repr(row), 60),
                expected="a str, or two of them for a pair",
            )
        for part in parts:
            require_text(part, f"X[{number}]")
        pair = str(parts[1]) if len(parts) == 2 else None
        documents.append(Document(id=str(number), text=str(parts[0]), pair=pair))
        if (pair is None) != (documents[0].pair is None):
            raise InputError("single texts and pairs together", where=f"X[{number}]", got=shortened(repr(row), 60))
    return documents


def word_documents(sentences: object) -> list[Document]:
    """X of tagging: a list of words each.

    Raises:
        InputError: Something else; names the place in X.
    """
    documents = []
    for number, row in enumerate(_rows(sentences, "X")):
        words = [] if isinstance(row, str) or not isinstance(row, Sequence | np.ndarray) else list(row)
        if not all(isinstance(word, str) and word.strip() for word in words) or (not words and len(row)):
            raise InputError(
                "not a list of words", where=f"X[{number}]", got=shortened(repr(row), 60), expected="['New', 'York']"
            )
        documents.append(document_of_words(str(number), [str(word) for word in words]))
    return documents


def read_labels(y: object, *, form: Form | None = None) -> Labels:
    """y of classification.

    Args:
        y: In any of its forms; as in scikit-learn, rows of 0 and 1 alone are a matrix.
        form: Which; None: what it looks like.

    Raises:
        InputError: Fractions, labels that are missing, or nothing of these forms.
    """
    form = form or _form_of(y)
    if form == "indicator":
        matrix_NL = np.asarray(y.toarray() if hasattr(y, "toarray") else y)
        rows = [tuple(np.flatnonzero(row).tolist()) for row in matrix_NL]
        return Labels(form=form, classes_L=np.arange(matrix_NL.shape[1]), rows=rows)
    if form == "collections":
        rows = [tuple(_plain(value)) for value in _rows(y, "y")]
        flat = np.asarray([label for labels in rows for label in labels])
        return Labels(form=form, classes_L=sorted_classes(flat), rows=rows)
    array_N = np.asarray(y).ravel()
    if array_N.dtype.kind == "f" and (array_N % 1 > 0).any():
        raise InputError(
            "fractions are not labels",
            where="y",
            got=repr(array_N[array_N % 1 > 0][0].item()),
            remedy="Learn a regression with spanbert.finetune and classify.mode=regression",
        )
    return Labels(form=form, classes_L=sorted_classes(array_N), rows=[(label,) for label in array_N.tolist()])


def _form_of(y: object) -> Form:
    if is_multilabel(y):
        return "indicator"
    values = _rows(y, "y")
    several = [isinstance(value, list | tuple | set | frozenset) for value in values]
    if any(several) and not all(several):
        raise InputError("labels and collections of labels", where="y", got=repr(values[several.index(False)]))
    return "collections" if any(several) else "single"


def labelled_texts(documents: Sequence[Document], labels: Labels) -> list[Document]:
    """Documents of texts with their labels as a bundle calls them."""
    return [replace(one, labels=tuple(map(str, row))) for one, row in zip(documents, labels.rows, strict=True)]


def sorted_classes(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The different labels, (L,), as `numpy.unique` has them; those that have no order, by how they are written.

    Raises:
        InputError: A label is missing (None, NaN), or two of them are written alike.
    """
    plain = labels.tolist()
    missing = next((number for number, label in enumerate(plain) if label is None or label != label), None)
    if missing is not None:
        raise InputError("a label is missing", where="y", got=f"{plain[missing]!r} as label {missing}")
    try:
        classes_L: npt.NDArray[Any] = np.unique(labels)
    except TypeError:  # labels without an order, such as members of an Enum
        classes_L = np.array(sorted(set(plain), key=str), dtype=object)
    if len(set(names_of(classes_L))) < len(classes_L):
        raise InputError("two labels are written alike", where="y", got=", ".join(map(repr, classes_L.tolist()[:20])))
    return classes_L


def names_of(classes_L: npt.NDArray[Any]) -> list[str]:
    """How a bundle calls each label."""
    return [str(label) for label in classes_L.tolist()]


@dataclass(frozen=True, kw_only=True, eq=False)
class Tags:
    """y of tagging.

    Attributes:
        scheme: How the tags make spans; None where they are one a word.
        classes_L: The different tags, sorted.
        rows: The tags of each sentence.
    """

    scheme: Scheme | None
    classes_L: npt.NDArray[Any]
    rows: list[list[Any]]


def read_tags(y: object, sentences: Sequence[Document]) -> Tags:
    """y of tagging: a list of tags each, one a word.

    Raises:
        InputError: Something else, or not as many tags as words; names the place in y.
    """
    rows = []
    for number, (row, sentence) in enumerate(zip(_rows(y, "y"), sentences, strict=True)):
        words = len(sentence.words or ())
        if isinstance(row, str) or not isinstance(row, Sequence | np.ndarray) or len(row) != words:
            raise InputError(
                "not a tag a word", where=f"y[{number}]", got=shortened(repr(row), 60), expected=f"{words} tags"
            )
        rows.append(_plain(row))
    classes_L = sorted_classes(np.asarray([tag for row in rows for tag in row]))
    names = names_of(classes_L)
    scheme = None if scheme_of_tags(names) is None else guess_scheme([[str(tag) for tag in row] for row in rows])
    return Tags(scheme=scheme, classes_L=classes_L, rows=rows)


def tagged_sentences(sentences: Sequence[Document], tags: Tags) -> list[Document]:
    """Documents of words with their tags, and with the spans that these make."""
    documents = []
    for sentence, row in zip(sentences, tags.rows, strict=True):
        words, names = sentence.words or (), tuple(map(str, row))
        spans = None
        if tags.scheme is not None:
            spans = tuple(
                Span(start=words[start].start, end=words[end - 1].end, label=label)
                for start, end, label in decode_tags(names, tags.scheme)
            )
        columns = ColumnFormat(word=0, tag=1, scheme=tags.scheme)
        documents.append(replace(sentence, spans=spans, columns={TAGS: names}, origin=ColumnOrigin(format=columns)))
    return documents


def _plain(values: Iterable[Any]) -> list[Any]:
    """Values of numpy's types as Python's."""
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def _rows(values: object, name: str) -> list[Any]:
    """The rows of a list, an array, or a frame or column of pandas.

    Raises:
        InputError: One str, or something without an order.
    """
    plain = values.to_numpy() if hasattr(values, "to_numpy") else values
    if isinstance(plain, str) or not isinstance(plain, Sequence | np.ndarray):
        raise InputError("not a sequence", where=name, got=shortened(repr(values), 60), expected="a list or an array")
    return list(plain)
