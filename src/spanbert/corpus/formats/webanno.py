"""WebAnno TSV 3, which INCEpTION exports too: one text a file, or a folder of them; see `webanno_rows`.

Entities are the annotations of the layer NamedEntity, else those of all other layers of spans that are not grammar.
Relations join these; clusters are the chains. What else a file holds is kept for writing it back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from spanbert.core.errors import InputError
from spanbert.core.files import directory_written_whole, write_atomically
from spanbert.core.types import TAGS, Document, Relation, Span
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.clusters import CorefOrigin, repeated_in
from spanbert.corpus.formats.families import ANNOTATED, COREFERENCE, RELATIONS
from spanbert.corpus.formats.folders import file_names, files_under, one_document
from spanbert.corpus.formats.format import Format, ReadSettings
from spanbert.corpus.formats.webanno_lines import tsv_lines
from spanbert.corpus.formats.webanno_rows import FORMAT_LINE, Annotation, Arc, Layer, Tsv, read_tsv
from spanbert.corpus.io.files import OnBroken, SourceFile, ignore_broken, readable, text_lines

_SUFFIX = ".tsv"
_ENTITY = "NamedEntity"
_GRAMMAR = ("POS", "Lemma", "Stem", "MorphologicalFeatures", "Token", "Sentence", "SurfaceForm", "Chunk", "Constituent")
_LABELS = ("value", "label")
_TAGS = {"upos": "coarseValue", "xpos": "PosValue"}


@dataclass(frozen=True, kw_only=True, slots=True)
class WebannoOrigin(CorefOrigin):
    """The lines of a file, and all that documents hold of them.

    Attributes:
        lines: The file.
        spans: Its entities.
        relations: Its relations.
        more: It holds more than that.
    """

    lines: tuple[str, ...]
    spans: tuple[Span, ...] | None
    relations: tuple[Relation, ...] | None
    more: bool


@dataclass(frozen=True, kw_only=True)
class _Choice:
    """What is read of all files of a folder.

    Attributes:
        layers: The full names of the layers whose annotations are entities.
        tag: The feature of parts of speech that is read in place of spans; None: none.
        related: Some file has relations between entities.
        chained: Some file has chains.
    """

    layers: frozenset[str]
    tag: str | None
    related: bool
    chained: bool


def _files(path: Path) -> list[tuple[str, Path]]:
    """The files with what their documents are called."""
    if not path.is_dir():
        return [(path.stem, path)]
    found = (one for one in files_under(path, _SUFFIX) if _is_tsv(one))
    return [(one.relative_to(path).with_suffix("").as_posix(), one) for one in found]


def _is_tsv(path: Path) -> bool:
    return Beginning(SourceFile(path=path, name=path.name)).line.startswith(FORMAT_LINE)


def _tsv(path: Path) -> Tsv:
    return read_tsv(text_lines(SourceFile(path=path, name=path.name)), str(path))


def _choose(files: Iterable[Tsv], settings: ReadSettings) -> _Choice:
    named: Counter[str] = Counter()
    others: Counter[str] = Counter()
    tags: Counter[str] = Counter()
    bases: set[str] = set()
    chained = False
    for tsv in files:
        for layer in tsv.layers:
            chained = chained or layer.kind == "CH"
            bases |= {layer.base} if layer.base else set()
            if layer.kind == "SP" and layer.short not in _GRAMMAR:
                counts = named if layer.short == _ENTITY else others
                counts[layer.name] += len(tsv.found.get(layer.name, ()))
            if layer.short == "POS":
                tags.update(name for values in tsv.values.get(layer.name, ()) for name in values)
    layers = frozenset(+named) or frozenset(+others) or frozenset(named) | frozenset(others)
    tag = _TAGS.get(settings.layer)
    if tag is None and not named and not others:
        order = ("coarseValue", "PosValue") if settings.layer == "auto" else ("PosValue", "coarseValue")
        tag = next((name for name in order if tags[name]), None)
    return _Choice(layers=layers, tag=tag, related=not bases.isdisjoint(layers), chained=chained)


def read_webanno(file: SourceFile, settings: ReadSettings, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The texts of a file or folder.

    Args:
        file: A file, plain or compressed, or a folder.
        settings: `layer`: entities, or parts of speech (`upos`: coarseValue, `xpos`: PosValue).
        on_broken: Called with the error of each text that cannot be used and is left out; None: the error is raised.

    Yields:
        Text, words, sentences; spans or `columns["tag"]`; relations and clusters where any file has such a layer.

    Raises:
        InputError: Another version, too few columns, a token that is not where it says, or a relation of what is not
            there; names file and line.
    """
    files = _files(file.path)
    choice = _choose(_all(files), settings)
    for name, path in files:
        yield from readable(partial(_document, name, path, choice), on_broken)


def _all(files: Sequence[tuple[str, Path]]) -> Iterator[Tsv]:
    """The files that can be read; the others are told of when their texts are."""
    for _, path in files:
        yield from readable(partial(_tsv, path), ignore_broken)


def _document(name: str, path: Path, choice: _Choice) -> Document:
    tsv = _tsv(path)
    spans, relations, left_out = _annotations(tsv, choice)
    mentions = [
        {Span(start=one.start, end=one.end): one.where for one in chain.values()}
        for layer in tsv.layers
        for chain in tsv.links.get(layer.name, {}).values()
    ]
    clusters = tuple(tuple(sorted(one, key=lambda span: (span.start, span.end))) for one in mentions)
    tags = [
        one.get(choice.tag or "", "")
        for layer in tsv.layers
        if layer.short == "POS"
        for one in tsv.values.get(layer.name, ())  # none where the file has no rows
    ]
    return Document(
        id=name,
        text=tsv.text,
        words=tuple(tsv.words),
        sentences=tuple(tsv.sentences),
        spans=spans,
        relations=relations,
        clusters=clusters if choice.chained else None,
        columns={TAGS: tuple(tags)} if tags and all(tags) else {},
        where=f"{path}:1",
        origin=WebannoOrigin(
            lines=tsv.lines,
            spans=spans,
            relations=relations,
            more=bool(left_out),
            read=clusters if choice.chained else None,
            repeated=repeated_in(mentions),
        ),
    )


def _annotations(
    tsv: Tsv, choice: _Choice
) -> tuple[tuple[Span, ...] | None, tuple[Relation, ...] | None, Counter[str]]:
    """Entities and relations, and how much is left out."""
    left_out: Counter[str] = Counter()
    spans: dict[Span, None] = {}
    labelled: dict[int, Span] = {}  # by the identity of an annotation
    relations: list[Relation] = []
    for layer in tsv.layers:
        found = tsv.found.get(layer.name, [])
        if layer.name in choice.layers and choice.tag is None:
            label = _label_of(layer)
            for one in found:
                labelled[id(one)] = span = Span(
                    start=one.start, end=one.end, label=_said(one.values, label, layer.short)
                )
                spans |= {} if span.label is None else {span: None}
                left_out["entities without a value"] += span.label is None
                left_out["further features of entities"] += len(one.values.keys() - {label})
        elif layer.kind == "SP" and not (choice.tag is not None and layer.short == "POS"):
            left_out[f"annotations of the layer {layer.short}"] += len(found)
    for layer in tsv.layers:
        arcs = tsv.arcs.get(layer.name, [])
        if layer.base in choice.layers and choice.tag is None:
            label = _label_of(layer)
            for arc in arcs:
                head, tail = (labelled[id(one)] for one in _ends(tsv, layer, arc))
                relations.append(Relation(head=head, tail=tail, label=arc.values.get(label or "", "")))
                left_out["further features of relations"] += len(arc.values.keys() - {label})
        else:
            left_out[f"annotations of the layer {layer.short}"] += len(arcs)
        left_out["types of mentions"] += sum(
            bool(one.values) for chain in tsv.links.get(layer.name, {}).values() for one in chain.values()
        )
    in_order = tuple(sorted(spans, key=lambda one: (one.start, one.end)))
    related = tuple(relations) if choice.related and choice.tag is None else None
    return None if choice.tag is not None else in_order, related, +left_out


def _label_of(layer: Layer) -> str | None:
    """The feature that is the label; None: the layer has none."""
    plain = [name for name in layer.plain if name]
    return next((name for name in _LABELS if name in plain), next(iter(plain), None))


def _said(values: Mapping[str, str], label: str | None, short: str) -> str | None:
    return short if label is None else values.get(label)


def _ends(tsv: Tsv, layer: Layer, arc: Arc) -> list[Annotation]:
    """The annotations that a relation joins."""
    found = []
    for row, number in ((arc.source, arc.source_number), (arc.target, arc.target_number)):
        there = tsv.spans.get(layer.base or "", {}).get(row, [])
        found += [one for named, one in there if number in (0, named)][:1]
    if len(found) < 2:
        got = f"{arc.source}[{arc.source_number}_{arc.target_number}]"
        raise InputError("a relation of what is not there", where=arc.where, got=got)
    return found


def write_webanno(documents: Iterable[Document], target: Path) -> None:
    """Writes a folder of files, whole or not at all; one file if `target` is a .tsv.

    Raises:
        InputError: What a file cannot hold; several texts for one file; names the document.
    """
    if target.suffix == _SUFFIX:
        write_atomically(target, _content(one_document(documents, target)))
        return
    with directory_written_whole(target) as folder:
        for document, name in file_names(documents):
            path = folder / f"{name}{_SUFFIX}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_content(document), encoding="utf-8", newline="\n")


def _content(document: Document) -> str:
    origin = document.origin
    lines: Iterable[str] = tsv_lines(document)
    if isinstance(origin, WebannoOrigin):
        if (document.spans, document.relations, document.clusters) == (origin.spans, origin.relations, origin.read):
            lines = origin.lines
        elif origin.more:
            raise InputError(
                "annotations that changed, beside others that would be lost",
                where=document.place,
                remedy="Convert the file to jsonl or another format first",
            )
    return "".join(f"{line}\n" for line in lines)


def _left_out(file: SourceFile, settings: ReadSettings) -> Mapping[str, int]:
    files = _files(file.path)
    choice = _choose(_all(files), settings)
    found: Counter[str] = Counter()
    for tsv in _all(files):
        for _, _, counts in readable(partial(_annotations, tsv, choice), ignore_broken):
            found += counts
    return found


def _describe(file: SourceFile, settings: ReadSettings) -> str:
    files = _files(file.path)
    choice = _choose(_all(files), settings)
    layers = ", ".join(sorted(one.rpartition(".")[2] for one in choice.layers))
    said = (
        f"parts of speech ({choice.tag})" if choice.tag is not None else f"the layer {layers}" if layers else "no spans"
    )
    texts = f"{len(files):,} texts, " if file.path.is_dir() else ""
    return f"WebAnno TSV 3, {texts}{said}"


def _detect(beginning: Beginning) -> bool:
    return beginning.line.startswith(FORMAT_LINE)


FORMAT = Format(
    name="webanno",
    title="WebAnno TSV 3, as INCEpTION exports it, or a folder of such files",
    family=ANNOTATED,
    also=(RELATIONS, COREFERENCE),
    holds=frozenset({"spans", "relations", "clusters", "columns"}),
    detect=_detect,
    read=read_webanno,
    describe=_describe,
    write=lambda documents, target, settings: write_webanno(documents, target),
    marks=_detect,
    folder=lambda path: bool(_files(path)),
    left_out=_left_out,
    carries=("webanno",),
)
