"""Prodigy's JSON lines of labelled texts; what was rejected or ignored is left out and counted.

{"text": "a dull film", "options": [{"id": "bad", "text": "bad"}, ...], "accept": ["bad"], "answer": "accept"}
{"text": "a dull film", "label": "bad", "answer": "accept"}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.types import Document
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.families import LABELLED
from spanbert.corpus.formats.format import Format
from spanbert.corpus.formats.prodigy_records import (
    BOOKKEEPING,
    copy_accepted,
    is_prodigy,
    left_out_of_file,
    read_accepted,
)
from spanbert.corpus.formats.relations import identity_of
from spanbert.corpus.formats.span_records import RecordOrigin
from spanbert.corpus.io.files import write_lines

_OWN = frozenset({"id", "text", "text_pair", "options", "accept", "label", *BOOKKEEPING})
_EXPECTED = (
    '{"text": ..., "accept": ["good"], "answer": "accept"} or {"text": ..., "label": "good", "answer": "accept"}'
)


def _document(record: Mapping[str, Any], name: str, where: str) -> Document:
    chosen = record.get("accept", record.get("label"))
    if chosen is None and record.get("answer") == "accept":
        raise InputError("accepted, but without a label", where=where, got=", ".join(record), expected=_EXPECTED)
    labels = chosen if isinstance(chosen, list) else [] if chosen is None else [chosen]
    if not all(isinstance(one, str) or type(one) in (int, float) for one in labels):
        raise InputError("labels that are no texts", where=where, got=json.dumps(chosen)[:80], expected=_EXPECTED)
    pair = record.get("text_pair")
    return Document(
        id=identity_of(record, name),
        text=record["text"],
        pair=pair if isinstance(pair, str) else None,
        labels=None if chosen is None else tuple(map(str, labels)),
        where=where,
        origin=RecordOrigin(record=record, own=_OWN, read=None),
    )


def write_prodigy_labels(documents: Iterable[Document], target: Path) -> None:
    """Writes texts with their labels chosen among those of all texts, as JSON lines; whole or not at all.

    Args:
        documents: Labelled or not; in memory all at once, since each line names all labels.
        target: The file.
    """
    listed = list(documents)
    options = [{"id": label, "text": label} for label in sorted({one for text in listed for one in text.labels or ()})]
    write_lines(target, (json.dumps(_record(one, options), ensure_ascii=False) for one in listed))


def _record(document: Document, options: list[dict[str, str]]) -> Mapping[str, Any]:
    if isinstance(document.origin, RecordOrigin):
        return document.origin.record
    record: dict[str, Any] = {"id": document.id, "text": document.text}
    record |= {} if document.pair is None else {"text_pair": document.pair}
    if document.labels is None:
        return record
    return {**record, "options": options, "accept": list(document.labels), "answer": "accept"}


def _detect(beginning: Beginning) -> bool:
    record = beginning.record
    if record is None or not beginning.has_json_line or beginning.is_list or not is_prodigy(record):
        return False
    return isinstance(record.get("accept"), list) or "options" in record or isinstance(record.get("label"), str)


FORMAT = Format(
    name="prodigy-labels",
    title="Prodigy's JSON lines with labels",
    family=LABELLED,
    holds=frozenset({"labels"}),
    detect=_detect,
    likely=_detect,
    read=lambda file, settings, on_broken: read_accepted(file, _document, on_broken),
    write=lambda documents, target, settings: write_prodigy_labels(documents, target),
    left_out=lambda file, settings: left_out_of_file(file),
    copy=lambda file, documents, target: copy_accepted(
        file, documents, target, lambda document: json.dumps(_record(document, []), ensure_ascii=False)
    ),
)
