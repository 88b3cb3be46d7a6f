"""spaCy's DocBin and JSON: every layout there and back, tags, spans, what is refused."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.format import Layer
from spanbert.corpus.formats.registry import write_data
from spanbert.pipelines.convert.data import convert_data
from tests.format_samples import SAMPLES
from tests.formats import open_annotations, read_annotations
from tests.tool_samples import (
    LOC,
    PAIR,
    PER,
    TO_JSON,
    docbin,
    put,
)


@pytest.mark.parametrize("content", [content for _, content in SAMPLES["spacy-json"]])
def test_json_of_spacy_comes_back(tmp_path: Path, content: Any):
    path = put(tmp_path / "sample.json", content)
    [first, *_] = list(read_annotations(path))
    assert first.spans is not None
    assert PER in first.spans
    assert convert_data(path, tmp_path / "out.json", to="spacy-json").left_out == {}
    there, back = (one.read_text() for one in (path, tmp_path / "out.json"))
    if "annotations" in there:  # a text that was passed over is not written
        there = there.replace(",\n  null", "")
    if there.startswith("{") and "\n{" in there:
        assert [json.loads(line) for line in back.splitlines()] == [json.loads(line) for line in there.splitlines()]
    elif there.startswith('["'):
        assert back.splitlines() == there.splitlines()
    else:
        assert json.loads(back) == json.loads(there)


@pytest.mark.parametrize(
    ("layer", "tags"), [("upos", ("PROPN", "VERB", "PROPN", "PUNCT")), ("xpos", ("NNP", "VBD", "NNP", "."))]
)
def test_tags_of_spacy(tmp_path: Path, layer: Layer, tags: tuple[str, ...]):
    for path in (put(tmp_path / "a.jsonl", json.dumps(TO_JSON) + "\n"), docbin(tmp_path / "b")):
        first = next(read_annotations(path, layer))
        assert (first.columns, first.spans, len(first.words)) == ({"tag": tags}, None, 4)
    untagged = {**TO_JSON, "spans": {}}
    del untagged["ents"]
    [only_tags] = read_annotations(put(tmp_path / "c.jsonl", json.dumps(untagged)), "auto")
    assert only_tags.columns == {"tag": ("PROPN", "VERB", "PROPN", "PUNCT")}


def test_docbin_and_json_carry_each_other(tmp_path: Path):
    path = docbin(tmp_path / "a.spacy")
    documents = list(read_annotations(path))
    assert [one.spans for one in documents] == [(PER, LOC), ()]
    assert (documents[0].text, len(documents[0].words), documents[0].sentences) == ("Ann left Rome.", 4, ((0, 4),))
    assert open_annotations(path).left_out == {"spans of the group sc": 2}
    assert convert_data(path, tmp_path / "b.jsonl", to="spacy-json").left_out == {}
    assert convert_data(tmp_path / "b.jsonl", tmp_path / "c.spacy", to="spacy").left_out == {}
    assert convert_data(path, tmp_path / "d.spacy", to="spacy").left_out == {}

    def content(path: Path) -> list[Any]:
        from spacy.tokens import DocBin
        from spacy.vocab import Vocab

        return [doc.to_json() for doc in DocBin().from_disk(path).get_docs(Vocab())]

    assert content(tmp_path / "c.spacy") == content(tmp_path / "d.spacy") == content(path)
    assert content(path)[0]["tokens"][1]["lemma"] == "leave"


def test_spans_are_read_where_there_are_no_entities(tmp_path: Path):
    [one] = read_annotations(put(tmp_path / "a", {**TO_JSON, "ents": []}))
    assert one.spans == (Span(start=0, end=8, label="X"),)
    overlapping = replace(one, spans=(*one.spans, PER), origin=None)
    for name in ("spacy", "spacy-json"):
        write_data([overlapping], tmp_path / name, to=name)
        [again] = read_annotations(tmp_path / name)
        assert set(again.spans) == set(overlapping.spans)


def test_blanks_of_all_kinds_are_tokens_of_spacy(tmp_path: Path):
    text = "\n Ann  left\tRome .\n"
    document = Document(id="a", text=text, spans=(Span(start=2, end=5, label="PER"),))
    write_data([document], tmp_path / "a.spacy", to="spacy")
    [again] = read_annotations(tmp_path / "a.spacy")
    assert (again.text, again.spans) == (text, document.spans)
    assert [text[one.start : one.end] for one in again.words] == ["Ann", "left", "Rome", "."]


def test_without_spacy_a_file_of_its_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = docbin(tmp_path / "a.spacy")
    monkeypatch.setitem(sys.modules, "spacy.tokens", None)
    with pytest.raises(InputError, match=r"a\.spacy: .* need the library spacy\. pip install 'spanbert\[spacy\] @ "):
        list(read_annotations(path))
    monkeypatch.undo()
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"a\.spacy: a \.spacy file that is damaged"):
        list(read_annotations(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([PAIR, ["Ann", {"entities": [[0, 9, "PER"]]}]], r"text 2: not a span of the text; got \[0, 9"),
        (json.dumps(TO_JSON) + '\n{"text": "a", "ents": [[0, 7]]}', r":2: not a span of the text"),
        ([{**TO_JSON, "tokens": [{"id": 0, "start": 0, "end": 99}]}], "text 1: not a token of the text"),
        (json.dumps(TO_JSON) + "\n7", ":2: no text; got int"),
        ([{"paragraphs": [{"raw": "Eve", "sentences": [{"tokens": [{"orth": "Ann"}]}]}]}], "tokens that are not those of the raw"),
        ([{"paragraphs": [{"raw": "Eve", "sentences": [{"tokens": [{"id": 0}]}]}]}], "a token without its text"),
    ],
)  # fmt: skip
def test_what_json_of_spacy_gets_wrong_is_named(tmp_path: Path, content: Any, message: str):
    with pytest.raises(InputError, match=message):
        list(read_annotations(put(tmp_path / "a", content)))
