"""Span JSON, Label Studio and SQuAD files: there and back, and what is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.core.errors import InputError
from spanbert.core.types import MisplacedAnswer, Span
from spanbert.corpus.formats.label_studio import read_label_studio, write_label_studio
from spanbert.corpus.formats.span_lines import read_span_lines, span_lines
from spanbert.corpus.formats.squad import read_squad, write_squad
from spanbert.corpus.io.files import SourceFile


def source(path: Path) -> SourceFile:
    return SourceFile(path=path, name=path.name)


@st.composite
def records(draw: st.DrawFn) -> dict:
    text = draw(st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=1, max_size=20))
    form = draw(st.sampled_from(["objects", "lists", "cluener"]))
    spans = []
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        spans.append({
            "objects": {"start": start, "end": end, "label": "X"},
            "lists": [start, end, "X"],
            "cluener": {"entity_type": "X", "entity": text[start:end], "entity_index": {"begin": start, "end": end}},
        }[form])  # fmt: skip
    field = {"objects": "spans", "lists": "entities", "cluener": "entity_list"}[form]
    return {"text": text, field: spans, "more": draw(st.integers())}


@given(some=st.lists(records(), min_size=1, max_size=4))
@settings(deadline=None, max_examples=50)
def test_span_lines_come_back(tmp_path_factory, some: list[dict]):
    path = tmp_path_factory.mktemp("spans") / "a.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in some))
    documents = list(read_span_lines(source(path)))
    assert [json.loads(line) for line in span_lines(documents)] == some


def test_real_cluener(real_data: Path):
    path = next((real_data / "ner" / "cluener_zh").glob("*dev*"))
    documents = list(read_span_lines(source(path)))
    assert len(documents) == 1343
    assert sum(len(document.spans) for document in documents) == 2982
    for line, document in zip(path.read_text().splitlines(), documents, strict=True):
        record = json.loads(line)
        for entity, span in zip(record["entity_list"], document.spans, strict=True):
            assert document.text[span.start : span.end] == entity["entity"]
    assert [json.loads(one) for one in span_lines(documents)] == [
        json.loads(one) for one in path.read_text().splitlines()
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            '{"text": "ab", "spans": [{"start": 0, "end": 3, "label": "X"}]}',
            r"a\.jsonl:2: not a span of the text|a\.jsonl:2",
        ),
        ('{"text": "ab", "spans": [{"start": 1, "end": 1, "label": "X"}]}', "not a span of the text"),
        ('{"text": "ab", "spans": [[0, 1]]}', "not a span of the text"),
        ('{"text": "ab", "spans": [[0, 1, 7]]}', "not a span of the text"),
        ('{"spans": []}', "no text"),
        ("[1]", "no text"),
        ("{", "not valid JSON"),
    ],
)
def test_bad_lines_name_the_place(tmp_path: Path, line: str, message: str):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "fine"}\n' + line + "\n")
    with pytest.raises(InputError, match=message) as raised:
        list(read_span_lines(source(path)))
    assert "a.jsonl:2" in str(raised.value)


def test_label_studio_there_and_back(tmp_path: Path):
    result = {"id": "r1", "from_name": "label", "to_name": "text", "type": "labels",
              "value": {"start": 0, "end": 3, "text": "Ann", "labels": ["PER"]}}  # fmt: skip
    tasks = [
        {"id": 7, "data": {"text": "Ann left Rome.", "n": 1}, "annotations": [
            {"id": 1, "was_cancelled": True, "result": []}, {"id": 2, "result": [result]}], "meta": {}},
        {"id": 8, "data": {"text": "Nobody looked at this."}, "annotations": []},
    ]  # fmt: skip
    path = tmp_path / "a.json"
    path.write_text(json.dumps(tasks))
    documents = list(read_label_studio(source(path)))
    assert documents[0].spans == (Span(start=0, end=3, label="PER"),)
    assert documents[1].spans is None
    write_label_studio(documents, tmp_path / "b.json")
    assert json.loads((tmp_path / "b.json").read_text()) == tasks
    more = dataclasses.replace(documents[0], spans=(*documents[0].spans, Span(start=9, end=13, label="LOC")))
    write_label_studio([more], tmp_path / "c.json")
    [again] = read_label_studio(source(tmp_path / "c.json"))
    assert again.spans == more.spans
    path.write_text('[{"data": {}}]')
    with pytest.raises(InputError, match="no text in this task"):
        list(read_label_studio(source(path)))


def squad(answers: list[dict], **more: object) -> dict:
    question = {"id": "q", "question": "Who?", "answers": answers, **more}
    return {"data": [{"title": "T", "paragraphs": [{"context": "Ann met Bob, and Ann left.", "qas": [question]}]}]}


@pytest.mark.parametrize(("stated", "found"), [(0, 0), (17, 17), (16, 17), (1, 0), (-4, 0), (900, 17)])
def test_misaligned_answers_are_found_again_and_told(tmp_path: Path, stated: int, found: int):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(squad([{"text": "Ann", "answer_start": stated}])))
    [document] = read_squad(source(path))
    assert document.questions[0].answers == (Span(start=found, end=found + 3),)
    told = (MisplacedAnswer(text="Ann", stated=stated, found=found),)
    assert document.questions[0].misplaced == (() if stated == found else told)


def test_answers_that_are_nowhere_are_told(tmp_path: Path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(squad([{"text": "Cid", "answer_start": 3}, {"text": " ", "answer_start": 3}])))
    [document] = read_squad(source(path))
    assert document.questions[0].answers == ()
    assert [one.found for one in document.questions[0].misplaced] == [None, None]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "no field 'data'"),
        ([], "not SQuAD JSON"),
        ({"data": [{"title": "x"}]}, "no field 'paragraphs'"),
        ({"data": [{"paragraphs": [{"context": 3, "qas": []}]}]}, "field 'context' is of another type"),
        (squad([{"text": "Ann", "answer_start": "0"}]), r"answers\[0\].*field 'answer_start' is of another type"),
        (squad([{"text": "Ann"}]), "no field 'answer_start'"),
    ],
)
def test_what_is_not_squad(tmp_path: Path, content: object, message: str):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        list(read_squad(source(path)))


@pytest.mark.parametrize(
    ("name", "questions", "moved"), [("xquad", 1190, 0), ("covidqa", 1380, 234), ("cmrc2018", 3219, 200)]
)
def test_real_files(real_data: Path, tmp_path: Path, name: str, questions: int, moved: int):
    """Counts are those of the data's table; answers that it calls misaligned are found or told."""
    folder = real_data / "qa" / name
    pattern = {"xquad": "*en*.json", "covidqa": "*.json", "cmrc2018": "*dev*.json"}[name]
    path = next(iter(sorted(folder.rglob(pattern))))
    documents = list(read_squad(source(path)))
    assert sum(len(document.questions) for document in documents) == questions
    assert sum(len(one.misplaced) for document in documents for one in document.questions) == moved
    write_squad(documents, tmp_path / "again.json")
    again = list(read_squad(source(tmp_path / "again.json")))
    in_place = [tuple(dataclasses.replace(one, misplaced=()) for one in document.questions) for document in documents]
    assert [one.questions for one in again] == in_place
