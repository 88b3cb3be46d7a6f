"""What the formats of relations have in common.

A Document has one relation or, from lines, several. The head is the subject (e1), the tail the object (e2); the label
is empty where the file does not say it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.types import Document


def label_of(record: Mapping[str, Any], key: str, where: str) -> str:
    """A label, empty where the file does not say it."""
    value = record.get(key)
    if value is not None and not isinstance(value, str):
        raise InputError("a label that is not text", where=f"{where}, {key}", got=json.dumps(value)[:40])
    return value or ""


def identity_of(record: Mapping[str, Any], name: str) -> str:
    """The id of a record, or the name that it gets where it has none."""
    stated = record.get("id")
    return str(stated) if isinstance(stated, str | int) else name


def one_by_one(documents: Iterable[Document]) -> Iterator[Document]:
    """Each document once for each of its relations, for formats that hold one a record.

    Raises:
        InputError: A document without a relation.
    """
    for document in documents:
        relations = document.relations or ()
        if not relations:
            raise InputError("a text without a relation", where=document.place, remedy="Write relation-jsonl")
        if len(relations) == 1:
            yield document
            continue
        for number, relation in enumerate(relations, start=1):
            yield replace(document, id=f"{document.id}-{number}", relations=(relation,))
