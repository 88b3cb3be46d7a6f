"""Annotated files from one format to another of its family (`corpus.formats.registry`)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import cast

from spanbert.core.errors import InputError
from spanbert.core.files import only_writer
from spanbert.core.outputs import check_output_file
from spanbert.core.tagging import SCHEMES, Scheme
from spanbert.core.texts import require_path
from spanbert.core.types import Document
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.format import Layer, ReadSettings, WriteSettings
from spanbert.corpus.formats.registry import WRITTEN, family_of, format_named, open_data, write_data
from spanbert.corpus.io.files import require_file
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
        moved: Answers that were elsewhere in their text than the file said; their place was corrected.
        lost: Answers that are not in their text, and were left out.
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
    moved: int
    lost: int


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
    overwrite: bool = False,
) -> DataConversion:
    """Writes an annotated file in another format, completely or not at all.

    Args:
        source: The file.
        out: The file to write.
        to: `columns`, `jsonl`, `label-studio` or `squad`; of coreference `conll2012`, `coref-jsonl` or `gap`; of
            relations `tacred`, `semeval` or `relation-jsonl`; of translations `parallel`, `aligned` or `tmx`.
        from_: The format of `source` by the same names; None: by its suffix, else by its beginning.
        scheme: How spans are written in columns: BIO, IOB1, BIOES, BMES or BILOU; None: as they came, else BIO.
        column: Which tags of a column file are read: `ner`, and of CoNLL-U also `upos` and `xpos`.
        nested: Spans may lie in one another: all columns of tags are read, and as many written as are needed.
        target: Of translations in two files line by line, the second file: of `out` with `to="aligned"`, else of
            `source`.
        text_column: Of translations, the column or language of the text.
        target_column: The same of the translation.
        overwrite: Replace files that exist.

    Raises:
        InputError: No such format, a file that is not of it, annotations that the new format cannot hold, or an `out`
            that exists or is read; names file and line.
    """
    options = {"--to": (to, WRITTEN), "--from": (from_, WRITTEN), "--scheme": (scheme, SCHEMES)}
    for option, (value, choices) in {**options, "--column": (column, COLUMNS)}.items():
        if value is not None and value not in choices:
            raise InputError("no such choice", where=option, got=repr(value), expected=", ".join(choices))
    if scheme is not None and to != "columns":
        raise InputError("only columns are written in a scheme", where="--scheme", got=f"--to {to}")
    if nested and column != "ner":
        raise InputError("tags of words do not nest", where="--nested", got=f"--column {column}")
    require_path(source, "source")
    require_path(out, "out")
    origin, made, second = Path(source), Path(out), None if target is None else Path(target)
    if origin.is_dir():
        raise InputError("a directory, not an annotated file", where=str(origin), got=f"--to {to}")
    require_file(origin)
    counts: Counter[str] = Counter()
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
            companion=None if to == ALIGNED else second,
        )
        data = _opened(origin, to, from_, settings)
        layers = _layers(data.documents()) if nested and to == "columns" else 1
        documents = _counted(_converted(data), counts, origin)
        write_data(
            documents, made, to=to, settings=WriteSettings(scheme=_scheme(scheme), layers=layers, companion=second)
        )
    return DataConversion(path=made, read_as=data.format.name, **{name: counts[name] for name in _COUNTS})


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


def _converted(data: DataFile) -> Iterator[Document]:
    """The documents of a file; refuses one in which none has what its format is for."""
    needs, found = data.format.family.needs, False
    for document in data.documents():
        found = found or needs is None or getattr(document, needs) is not None
        yield document
    if needs is not None and not found:
        raise InputError(f"no {needs} in the file", where=str(data.path))


def _scheme(name: str | None) -> Scheme | None:
    return next((scheme for scheme in SCHEMES if scheme == name), None)


def _counted(documents: Iterator[Document], counts: Counter[str], source: Path) -> Iterator[Document]:
    """The documents as they are; refuses a file without any."""
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
        )
        misplaced = (one for question in document.questions or () for one in question.misplaced)
        counts.update("lost" if one.found is None else "moved" for one in misplaced)
        yield document
    if not counts["documents"]:
        raise InputError("nothing to convert", where=str(source))


def _layers(documents: Iterator[Document]) -> int:
    """How many columns the spans need: the most that lie over one place."""
    return max((_depth(document) for document in documents), default=1)


def _depth(document: Document) -> int:
    spans = {(span.start, span.end, span.label) for span in document.spans or ()}
    steps = sorted([(start, 1) for start, _, _ in spans] + [(end, -1) for _, end, _ in spans])
    return max([1, *accumulate(step for _, step in steps)])
