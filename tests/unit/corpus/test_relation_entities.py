"""JSON lines that name all entities of a text beside its relations."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Relation, Span
from spanbert.corpus.formats.registry import open_data, write_data

TEXT = "Ann works for Acme in Rome ."
ANN, ACME, ROME = (
    Span(start=TEXT.index(word), end=TEXT.index(word) + len(word), label=label)
    for word, label in (("Ann", "PER"), ("Acme", "ORG"), ("Rome", None))
)


def read(path: Path) -> list[Document]:
    return list(open_data(path, among=["relation-jsonl", "tacred"]).documents())


def test_entities_are_read_and_written(tmp_path: Path):
    related = Relation(head=ANN, tail=ACME, label="works-for")
    documents = [
        Document(id="1", text=TEXT, spans=(ANN, ACME, ROME), relations=(related,)),
        Document(id="2", text=TEXT, spans=(ROME,), relations=()),
        Document(id="3", text=TEXT, relations=(related,)),
    ]
    path = tmp_path / "a.jsonl"
    write_data(documents, path, to="relation-jsonl")
    found = read(path)
    assert [(one.spans, one.relations) for one in found] == [(one.spans, one.relations) for one in documents]
    write_data(found, tmp_path / "b.jsonl", to="relation-jsonl")
    assert (tmp_path / "b.jsonl").read_text() == path.read_text()
    fewer = replace(found[0], spans=(ANN, ACME))
    write_data([fewer], tmp_path / "c.jsonl", to="relation-jsonl")
    assert read(tmp_path / "c.jsonl")[0].spans == (ANN, ACME)


def test_entities_alone_have_no_relations(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": TEXT, "entities": [{"start": 0, "end": 3}]}) + "\n")
    [document] = read(path)
    assert (document.spans, document.relations) == ((Span(start=0, end=3),), ())


@pytest.mark.parametrize(
    ("entities", "said"),
    [("Ann", "entities that are not a list"), ([{"start": 0, "end": 99}], "entity outside of the text")],
)
def test_entities_that_cannot_be(entities, said: str, tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": TEXT, "entities": entities, "relations": []}) + "\n")
    with pytest.raises(InputError, match=f"a.jsonl:1: {said}"):
        read(path)
