"""CorefUD's lines for documents: what came from such a file keeps all but its changed brackets; see `corefud`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.clusters import bracket_cells, coref_origin, lines_with_clusters
from spanbert.corpus.formats.column_format import CONLLU_COLUMNS, MISC
from spanbert.corpus.formats.corefud_heads import MentionHeads, has_heads
from spanbert.corpus.formats.corefud_origin import CHUNK, EMPTY, ID, RANGE, SAID, CorefudOrigin

_OF_ENTITIES = ("Entity=", "Bridge=", "SplitAnte=")


def corefud_lines(documents: Iterable[Document]) -> Iterator[str]:
    """Lines of a CorefUD file; documents that came from one keep all but the brackets of clusters that changed.

    Args:
        documents: With clusters; a text without words is split into words.

    Raises:
        InputError: A document without clusters, a mention that begins or ends inside a word, or mentions of one
            cluster that cross.
    """
    yield from lines_with_clusters(documents, CorefudOrigin, name="CorefUD", new=_new_lines, rewritten=_rewritten)


def predicted_corefud_lines(document: Document) -> Iterator[str]:
    """Lines of a document from a CorefUD file, with predicted clusters in place of all that it says of entities.

    Mentions get the word that is highest in the tree as head, where the file states heads.

    Args:
        document: With predicted clusters.

    Raises:
        InputError: See `corefud_lines`.
    """
    origin = document.origin
    assert isinstance(origin, CorefudOrigin)
    lines = tuple(map(_without_entities, origin.lines))
    bare = replace(origin, lines=lines, names=(), opened={}, read=None, repeated=())
    yield from corefud_lines([replace(document, origin=bare)])


def _without_entities(line: str) -> str:
    columns = line.split("\t")
    if len(columns) != CONLLU_COLUMNS:
        return line
    kept = [part for part in columns[MISC].split("|") if not part.startswith(_OF_ENTITIES)]
    return "\t".join([*columns[:MISC], "|".join(kept) or "_"])


def _rewritten(document: Document, origin: CorefudOrigin) -> Iterator[str]:
    names = list(_names(document, origin))
    place = next((n for n, field in enumerate(origin.fields) if field in ID), 0)
    heads = MentionHeads(document) if has_heads(document) else None

    def opened(number: int, mention: Span) -> str:
        said = origin.opened.get(Span(start=mention.start, end=mention.end))
        parts = ["" for _ in origin.fields] if said is None else said.split("-")
        parts[place] = names[number]
        if said is None and heads is not None:
            first, _, head = heads.highest(mention)
            parts[heads.field] = str(head - first + 1)
        return "-".join(parts)

    cells = iter(bracket_cells(document, opened, names.__getitem__, between=""))
    for line in origin.lines:
        columns = line.split("\t")
        if len(columns) != CONLLU_COLUMNS or RANGE.fullmatch(columns[0]):
            yield line
            continue
        old = [part for part in columns[MISC].split("|") if part != "_"]
        kept = [part for part in old if not part.startswith("Entity=")]
        if EMPTY.fullmatch(columns[0]):
            said = "".join(part.removeprefix("Entity=") for part in old if part.startswith("Entity="))
            entity = "".join(f"({single})" for single, _, _ in CHUNK.findall(said) if single)
        else:
            entity = next(cells)
        misc = sorted([*kept, *([f"Entity={entity}"] if entity else [])], key=str.lower)
        yield "\t".join([*columns[:MISC], "|".join(misc) or "_"])


def _names(document: Document, origin: CorefudOrigin) -> Iterator[str]:
    """What each cluster is called: as the one with which it shares a mention, else a new name."""
    owners = {span: name for name, cluster in zip(origin.names, origin.read or (), strict=True) for span in cluster}
    used: set[str] = set()
    number = 0
    for cluster in document.clusters or ():
        bare = (Span(start=one.start, end=one.end) for one in cluster)
        name = next((owners[one] for one in bare if owners.get(one, "") not in ("", *used)), None)
        while name is None or name in used:
            number += 1
            name = None if f"e{number}" in (*origin.names, *used) else f"e{number}"
        used.add(name)
        yield name


def _new_lines(document: Document) -> Iterator[str]:
    cells = bracket_cells(document, lambda number, _: f"e{number + 1}", lambda number: f"e{number + 1}", between="")
    words, text = document.words or (), document.text
    stated = coref_origin(document).document
    speakers = document.columns.get("speaker", ("-",) * len(words))
    name = " ".join((document.id if stated is None else stated).split())
    yield f"# newdoc id = {name}"
    yield "# global.Entity = eid"
    for number, (start, end) in enumerate(document.sentences or [(0, len(words))], start=1):
        if start == end:
            continue
        yield f"# sent_id = {name}-{number}"
        one_speaker = len(set(speakers[start:end])) == 1
        if one_speaker and speakers[start] not in ("-", ""):
            yield f"# speaker = {speakers[start]}"
        yield f"# text = {' '.join(text[words[start].start : words[end - 1].end].splitlines())}"
        for place in range(start, end):
            form = text[words[place].start : words[place].end]
            if not form.strip() or re.search(r"[\t\r\n]", form):
                raise InputError("what one cell cannot hold", where=document.place, got=repr(form))
            glued = place + 1 < end and words[place].end == words[place + 1].start
            misc = [f"Entity={cells[place]}"] * bool(cells[place]) + ["SpaceAfter=No"] * glued
            misc += [f"{SAID}{speakers[place].replace('|', '/')}"] * (not one_speaker)
            yield "\t".join([str(place - start + 1), form, *"_______", "|".join(misc) or "_"])
        yield ""
