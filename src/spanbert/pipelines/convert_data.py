"""Annotated files from one format to another.

columns, jsonl (with spans), label-studio, squad
conll2012, coref-jsonl, gap                           coreference
tacred, semeval, relation-jsonl                       relations
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from spanbert.core.errors import InputError
from spanbert.core.files import only_writer
from spanbert.core.tagging import SCHEMES, Scheme
from spanbert.core.types import Document
from spanbert.corpus.annotations import TARGETS, Kind, annotation_kind, read_annotations, write_annotations
from spanbert.corpus.coref import FORMATS as COREF_FORMATS
from spanbert.corpus.coref import coref_format, read_coref, write_coref
from spanbert.corpus.relations import FORMATS as RELATION_FORMATS
from spanbert.corpus.relations import read_relations, relation_format, write_relations
from spanbert.corpus.words import split_words

ALL_TARGETS = (*TARGETS, *COREF_FORMATS, *RELATION_FORMATS)
COLUMNS = ("ner", "upos", "xpos")
_KINDS: dict[str, Kind] = {
    "columns": "columns", "jsonl": "span-lines", "label-studio": "label-studio", "squad": "squad",
}  # fmt: skip
_COUNTS = ("documents", "words", "spans", "questions", "clusters", "mentions", "relations", "moved", "lost")


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
        moved: Answers that did not stand where the file said, but elsewhere in their text, and now are said to.
        lost: Answers that stand nowhere in their text, and were left out.
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
) -> DataConversion:
    """Writes an annotated file in another format, whole or not at all.

    Args:
        source: The file.
        out: A file that does not exist yet.
        to: `columns`, `jsonl`, `label-studio` or `squad`; of coreference `conll2012`, `coref-jsonl` or `gap`; of
            relations `tacred`, `semeval` or `relation-jsonl`.
        from_: The format of `source` by the same names; None: by its suffix, else by its beginning.
        scheme: How spans are written in columns: BIO, IOB1, BIOES, BMES or BILOU; None: as they came, else BIO.
        column: Which tags of a column file are read: `ner`, and of CoNLL-U also `upos` and `xpos`.
        nested: Spans may lie in one another: all columns of tags are read, and as many written as are needed.

    Raises:
        InputError: No such format, a file that is not of it, annotations that the new format cannot hold, or `out`
            exists; names file and line.
    """
    options = {"--to": (to, ALL_TARGETS), "--from": (from_, ALL_TARGETS), "--scheme": (scheme, SCHEMES)}
    for option, (value, choices) in {**options, "--column": (column, COLUMNS)}.items():
        if value is not None and value not in choices:
            raise InputError("no such choice", where=option, got=repr(value), expected=", ".join(choices))
    if scheme is not None and to != "columns":
        raise InputError("only columns are written in a scheme", where="--scheme", got=f"--to {to}")
    if nested and column != "ner":
        raise InputError("tags of words do not nest", where="--nested", got=f"--column {column}")
    origin, target = Path(source), Path(out)
    if not origin.is_file():
        what = "a directory, not an annotated file" if origin.is_dir() else "no such file"
        raise InputError(what, where=str(origin), got=f"--to {to}")
    counts: Counter[str] = Counter()
    with only_writer(target):
        if target.exists():
            raise InputError("the file exists already", where=str(target), remedy="Choose another one")
        if to in TARGETS:
            read_as = _convert_spans(origin, target, to, from_, scheme, "nested" if nested else column, counts)
        else:
            read_as = _convert_structures(origin, target, to, from_, counts)
    return DataConversion(path=target, read_as=read_as, **{name: counts[name] for name in _COUNTS})


def _convert_spans(
    origin: Path, target: Path, to: str, from_: str | None, scheme: str | None, layer: str, counts: Counter[str]
) -> str:
    if from_ is not None and from_ not in TARGETS:
        raise InputError("annotations of another kind", where="--to", got=to, expected=_alternatives(from_))
    kind = annotation_kind(origin) if from_ is None else _KINDS[from_]
    is_nested = layer == "nested" and to == "columns"
    layers = _layers(read_annotations(origin, task=layer, kind=kind)) if is_nested else 1
    documents = _counted(read_annotations(origin, task=layer, kind=kind), counts, origin)
    write_annotations(documents, target, to=to, scheme=_scheme(scheme), layers=layers)
    return next(name for name in TARGETS if _KINDS[name] == kind)


def _convert_structures(origin: Path, target: Path, to: str, from_: str | None, counts: Counter[str]) -> str:
    """Clusters or relations."""
    is_coref = to in COREF_FORMATS
    read_as: str = coref_format(origin) if is_coref else relation_format(origin)
    if from_ not in (None, read_as):
        raise InputError("not a file of this format", where=str(origin), got=read_as, expected=from_)
    documents = _counted(_annotated(origin, is_coref=is_coref), counts, origin)
    target.parent.mkdir(parents=True, exist_ok=True)
    (write_coref if is_coref else write_relations)(documents, target, to=to)
    return read_as


def _annotated(origin: Path, *, is_coref: bool) -> Iterator[Document]:
    """Documents with clusters or relations; refuses a file in which none has any."""
    found = False
    for document in (read_coref if is_coref else read_relations)(origin):
        found = found or (document.clusters if is_coref else document.relations) is not None
        yield document
    if not found:
        raise InputError(f"no {'clusters' if is_coref else 'relations'} in the file", where=str(origin))


def _alternatives(name: str) -> str:
    return ", ".join(COREF_FORMATS if name in COREF_FORMATS else RELATION_FORMATS)


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
