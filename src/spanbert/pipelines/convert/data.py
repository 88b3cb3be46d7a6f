"""Annotated files from one format to another of its family (`corpus.formats.registry`)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import cast

from spanbert.core.errors import InputError
from spanbert.core.files import only_writer
from spanbert.core.outputs import check_output_file
from spanbert.core.tagging import SCHEMES, Scheme
from spanbert.core.texts import require_path
from spanbert.core.types import TAGS, Document
from spanbert.corpus.data import local_file
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.format import Layer, ReadSettings, WriteSettings
from spanbert.corpus.formats.label_names import stated_names
from spanbert.corpus.formats.registry import WRITTEN, family_of, format_named, open_data, shared_families, write_data
from spanbert.corpus.io.files import require_data
from spanbert.corpus.text.words import split_words

COLUMNS = ("ner", "upos", "xpos")
ALIGNED = "aligned"  # the format of two files line by line
_COUNTS = (
    "documents",
    "words",
    "spans",
    "questions",
    "clusters",
    "mentions",
    "relations",
    "translations",
    "labels",
    "moved",
    "lost",
)


@dataclass(frozen=True, kw_only=True)
class DataConversion:
    """What a conversion did.

    Attributes:
        path: The new file.
        read_as: The format of the old one, by the names of `--to`.
        documents: How many documents it holds: sentences, texts, paragraphs.
        words: Their words; of texts that came without any, those that columns would have.
        spans: Their labelled spans.
        questions: Their questions.
        clusters: Their clusters.
        mentions: The mentions in these.
        relations: Their relations.
        translations: Their translations.
        labels: The labels of the texts as a whole.
        moved: Answers that were elsewhere in their text than the file said; their place was corrected.
        lost: Answers that are not in their text, and were left out.
        left_out: What the old file holds and the new one does not, and how much of it.
    """

    path: Path
    read_as: str
    documents: int
    words: int
    spans: int
    questions: int
    clusters: int
    mentions: int
    relations: int
    translations: int
    labels: int
    moved: int
    lost: int
    left_out: Mapping[str, int]


def convert_data(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    to: str,
    from_: str | None = None,
    scheme: str | None = None,
    column: str = "ner",
    nested: bool = False,
    target: str | os.PathLike[str] | None = None,
    text_column: str | None = None,
    target_column: str | None = None,
    pair_column: str | None = None,
    label_column: str | None = None,
    label_names: str | None = None,
    separator: str | None = None,
    overwrite: bool = False,
) -> DataConversion:
    """Writes an annotated file in another format, completely or not at all.

    Args:
        source: The file, or `hf:NAME[@CONFIG][:SPLIT]`, a data set of the Hugging Face hub.
        out: The file to write.
        to: One of the formats of docs/FORMATS.md, of the same group as that of `source`.
        from_: The format of `source` by the same names; None: by its suffix, else by its beginning.
        scheme: How spans are written as tags: BIO, IOB1, BIOES, BMES or BILOU; None: as they came, else BIO.
        column: Which tags of a column file are read: `ner`, and of CoNLL-U also `upos` and `xpos`.
        nested: Spans may lie in one another: all columns of tags are read, and as many written as are needed.
        target: Of translations in two files line by line, the second file: of `out` with `to="aligned"`, else of
            `source`.
        text_column: Of tables, the column of the text or of the words; of translations, its column or language.
        target_column: Of translations, the column or language of the translation.
        pair_column: Of labelled texts, the column of the second text of a pair.
        label_column: Of labelled texts or words, the column of the labels or tags.
        label_names: What tags that are numbers stand for, from 0: names with commas between, or a file with one a line.
        separator: Of labelled texts, the text between several labels of one cell.
        overwrite: Replace files that exist.

    Raises:
        InputError: No such format, a file that is not of it, annotations that the new format cannot hold, or an `out`
            that exists or is read; names file and line.
    """
    options = {"--to": (to, WRITTEN), "--from": (from_, WRITTEN), "--scheme": (scheme, SCHEMES)}
    for option, (value, choices) in {**options, "--column": (column, COLUMNS)}.items():
        if value is not None and value not in choices:
            raise InputError("no such choice", where=option, got=repr(value), expected=", ".join(choices))
    if scheme is not None and not format_named(to).writes_tags:
        raise InputError("only tags are written in a scheme", where="--scheme", got=f"--to {to}")
    if nested and column != "ner":
        raise InputError("tags of words do not nest", where="--nested", got=f"--column {column}")
    require_path(source, "source")
    require_path(out, "out")
    origin, made, second = local_file(source), Path(out), None if target is None else Path(target)
    require_data(origin)
    counts: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    with only_writer(made):
        read = [origin, *([second] if to != ALIGNED else [])]
        check_output_file(made, inputs=read, overwrite=overwrite, option="OUT")
        if second is not None and to == ALIGNED:
            check_output_file(second, inputs=[*read, made], overwrite=overwrite, option="--target")
        layer = cast(Layer, "nested" if nested else column)
        settings = ReadSettings(
            layer=layer,
            text_column=text_column,
            target_column=target_column,
            pair_column=pair_column,
            label_column=label_column,
            label_names=None if label_names is None else stated_names(label_names),
            separator=separator,
            companion=None if to == ALIGNED else second,
        )
        data = _opened(origin, to, from_, settings)
        layers = _layers(data.documents()) if nested and to == "columns" else 1
        documents = _counted(_converted(data, to), counts, left_out, format_named(to).holds, origin)
        write_data(
            documents, made, to=to, settings=WriteSettings(scheme=_scheme(scheme), layers=layers, companion=second)
        )
    if data.format.name not in format_named(to).carries:
        left_out.update(data.left_out)
    figures = {name: counts[name] for name in _COUNTS}
    return DataConversion(path=made, read_as=data.format.name, **figures, left_out=dict(left_out))


def _opened(origin: Path, to: str, from_: str | None, settings: ReadSettings) -> DataFile:
    """The file in the format that the user states, else in the one of the target's family that it has."""
    family = family_of(to)
    if settings.companion is not None:
        if from_ not in (None, ALIGNED) or ALIGNED not in family:
            raise InputError("a second file, of translations alone", where="--target", got=f"--to {to}")
        return open_data(origin, among=[ALIGNED], settings=settings)
    if from_ == ALIGNED:
        raise InputError("where are the translations?", where=str(origin), remedy="Name the second file with --target")
    if from_ is None or format_named(to).family.self_describing:
        data = open_data(origin, among=family, settings=settings)
        if from_ not in (None, data.format.name):
            raise InputError("not a file of this format", where=str(origin), got=data.format.name, expected=from_)
        return data
    if from_ not in family:
        raise InputError("annotations of another kind", where="--to", got=to, expected=", ".join(family_of(from_)))
    return open_data(origin, among=[from_], settings=settings)


def _converted(data: DataFile, to: str) -> Iterator[Document]:
    """The documents of a file; refuses one in which none has what both formats are for."""
    shared = {family.needs for family in shared_families(data.format, format_named(to))}
    needs, found = None if None in shared else min(filter(None, shared)), False
    for document in data.documents():
        found = found or needs is None or getattr(document, needs) is not None
        yield document
    if needs is not None and not found:
        raise InputError(f"no {needs} in the file", where=str(data.path))


def _scheme(name: str | None) -> Scheme | None:
    return next((scheme for scheme in SCHEMES if scheme == name), None)


def _counted(
    documents: Iterator[Document], counts: Counter[str], left_out: Counter[str], holds: frozenset[str], source: Path
) -> Iterator[Document]:
    """The documents as they are; refuses a file without any.

    Args:
        documents: What is written.
        counts: Filled with what they have.
        left_out: Filled with what of it the new file cannot hold.
        holds: The gold fields that it can.
        source: The old file.
    """
    for document in documents:
        words = split_words(document.text, joined=False) if document.words is None else document.words
        counts.update(
            documents=1,
            words=len(words),
            spans=len(document.spans or ()),
            questions=len(document.questions or ()),
            clusters=len(document.clusters or ()),
            mentions=sum(map(len, document.clusters or ())),
            relations=len(document.relations or ()),
            translations=int(document.target is not None),
            labels=len(document.labels or ()),
        )
        left_out.update({name: count for name, count in _gold(document).items() if count and name not in holds})
        misplaced = (one for question in document.questions or () for one in question.misplaced)
        counts.update("lost" if one.found is None else "moved" for one in misplaced)
        yield document
    if not counts["documents"]:
        raise InputError("nothing to convert", where=str(source))


def _gold(document: Document) -> dict[str, int]:
    """How much a document has of what a format may be unable to hold, by the names of the fields."""
    fields = {"spans": document.spans, "relations": document.relations, "clusters": document.clusters}
    counts = {name: len(value or ()) for name, value in (fields | {"labels": document.labels}).items()}
    return counts | {"columns": len(document.columns.get(TAGS, ()) if document.spans is None else ())}


def _layers(documents: Iterator[Document]) -> int:
    """How many columns the spans need: the most that lie over one place."""
    return max((_depth(document) for document in documents), default=1)


def _depth(document: Document) -> int:
    spans = {(span.start, span.end, span.label) for span in document.spans or ()}
    steps = sorted([(start, 1) for start, _, _ in spans] + [(end, -1) for _, end, _ in spans])
    return max([1, *accumulate(step for _, step in steps)])
