"""Doccano, Prodigy and GLiNER: shapes, answers, relations, changed spans, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Relation, Span
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.registry import family_of, open_data, write_data
from spanbert.pipelines.convert.data import convert_data
from tests.format_samples import (
    DOCCANO,
    DOCCANO_INTENTS,
    DOCCANO_OFFSETS,
    DOCCANO_TEXTS,
    DOCCANO_TRANSLATIONS,
    GLINER,
    PRODIGY,
    PRODIGY_BINARY,
    PRODIGY_CHOICES,
    PRODIGY_RELATIONS,
    lines,
)

ANN, ROME = Span(start=0, end=3, label="PER"), Span(start=9, end=13, label="LOC")


def opened(folder: Path, records: list[dict], family: str = "columns") -> DataFile:
    (folder / "a.jsonl").write_text(lines(records), encoding="utf-8")
    return open_data(folder / "a.jsonl", among=family_of(family))


def written(documents: list[Document], folder: Path, to: str) -> list[dict]:
    write_data(documents, folder / "b.jsonl", to=to)
    return [json.loads(line) for line in (folder / "b.jsonl").read_text(encoding="utf-8").splitlines()]


def test_spans_of_doccano(tmp_path: Path):
    first, second = opened(tmp_path, DOCCANO).documents()
    assert (first.id, first.spans, second.spans) == ("1", (ANN, ROME), ())
    [offsets] = opened(tmp_path, DOCCANO_OFFSETS).documents()
    assert [offsets.text[one.start : one.end] for one in offsets.spans] == ["Ann", "Rome"]
    [intent] = opened(tmp_path, DOCCANO_INTENTS).documents()
    assert intent.spans == (Span(start=11, end=12, label="TIME"),)


def test_changed_spans_keep_the_form_of_doccano(tmp_path: Path):
    first, second = opened(tmp_path, DOCCANO).documents()
    changed = written([replace(first, spans=(ROME,)), second], tmp_path, "doccano")
    assert changed == [{**DOCCANO[0], "label": [[9, 13, "LOC"]]}, DOCCANO[1]]
    [offsets] = opened(tmp_path, DOCCANO_OFFSETS).documents()
    fewer = replace(offsets, spans=(offsets.spans[0], Span(start=6, end=10, label="V")))
    [record] = written([fewer], tmp_path, "doccano")
    assert record["entities"] == [
        DOCCANO_OFFSETS[0]["entities"][0],
        {"id": 0, "label": "V", "start_offset": 6, "end_offset": 10},
    ]
    assert record["relations"] == []  # one of its ends is gone


def test_relations_of_doccano(tmp_path: Path):
    [document] = opened(tmp_path, DOCCANO_OFFSETS, "tacred").documents()
    ann, rome = document.spans
    assert document.relations == (Relation(head=ann, tail=rome, label="left"),)
    [record] = written([replace(document, origin=None)], tmp_path, "doccano-relations")
    assert record["relations"] == [{"id": 0, "from_id": 0, "to_id": 1, "type": "left"}]
    bare = Relation(head=replace(ann, label=None), tail=replace(rome, label=None), label="left")
    [record] = written([Document(id="1", text=document.text, relations=(bare,))], tmp_path, "doccano-relations")
    assert [one["label"] for one in record["entities"]] == ["ENTITY", "ENTITY"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"relations": [{"from_id": 11, "to_id": 99, "type": "x"}]}, "a relation between entities that are not there"),
        ({"relations": [{"from_id": [], "to_id": {}, "type": "x"}]}, "a relation between entities that are not there"),
        ({"relations": [7]}, "relations that are not objects"),
        ({"relations": [{"from_id": 11, "to_id": 12, "type": 7}]}, r"a label that is not text"),
        ({"text": None}, "no text"),
        ({"entities": [{"id": 1, "label": "X", "start_offset": 0, "end_offset": 99}]}, "not a span of the text"),
        ({"entities": [7]}, "not a span of the text; got 7"),
    ],
)
def test_broken_relations_of_doccano(tmp_path: Path, change: dict[str, Any], message: str):
    data = opened(tmp_path, [DOCCANO_OFFSETS[0], {**DOCCANO_OFFSETS[0], **change}], "tacred")
    with pytest.raises(InputError, match=rf"a\.jsonl:2(, type)?: {message}"):
        list(data.documents())
    told: list[InputError] = []
    assert len(list(data.documents(told.append))) == len(told) == 1


def test_labels_and_translations_of_doccano(tmp_path: Path):
    data = opened(tmp_path, DOCCANO_TEXTS, "labelled")
    assert [one.labels for one in data.documents()] == [("bad", "film"), ()]
    [document] = opened(tmp_path, DOCCANO_TRANSLATIONS, "parallel").documents()
    assert (document.text, document.target) == ("Ann left.", "Ann ging.")
    data = opened(tmp_path, [{"text": "Ann left.", "label": ["Ann ging.", "Ann ging weg."]}], "parallel")
    with pytest.raises(InputError, match=r"a\.jsonl:1: 'label' is not a text; got list"):
        list(data.documents())


def test_answers_of_prodigy_are_counted_and_said(tmp_path: Path):
    data = opened(tmp_path, PRODIGY)
    assert [one.spans for one in data.documents()] == [(ANN, ROME), ()]
    assert data.description == "Prodigy's JSON lines with spans; left out: 1 rejected texts, 1 ignored texts"
    assert opened(tmp_path, PRODIGY[:2]).description == "Prodigy's JSON lines with spans"


def test_a_copy_keeps_what_was_rejected(tmp_path: Path):
    data = opened(tmp_path, PRODIGY)
    first, second = data.documents()
    data.copy([replace(first, spans=(ROME,)), second], tmp_path / "copy")
    kept = [json.loads(line) for line in (tmp_path / "copy").read_text().splitlines()]
    assert kept == [{**PRODIGY[0], "spans": [PRODIGY[0]["spans"][1]]}, *PRODIGY[1:]]
    data.copy([second], tmp_path / "copy")
    assert [json.loads(line) for line in (tmp_path / "copy").read_text().splitlines()] == PRODIGY[1:]


def test_spans_and_words_as_prodigy_writes_them(tmp_path: Path):
    words = (Span(start=0, end=3), Span(start=4, end=8), Span(start=9, end=13), Span(start=13, end=14))
    document = Document(id="1", text="Ann left Rome.", words=words, spans=(ANN, ROME))
    [record] = written([document], tmp_path, "prodigy")
    assert {name: record[name] for name in ("tokens", "spans", "answer")} == {
        name: PRODIGY[0][name] for name in ("tokens", "spans", "answer")
    }
    [record] = written([replace(document, words=None)], tmp_path, "prodigy")
    assert "tokens" not in record
    assert record["spans"][0] == {"start": 0, "end": 3, "label": "PER"}
    [record] = written([replace(document, spans=(Span(start=1, end=3, label="X"),))], tmp_path, "prodigy")
    assert record["spans"] == [{"start": 1, "end": 3, "label": "X"}]  # no token begins there
    [record] = written([replace(document, spans=None)], tmp_path, "prodigy")
    assert not {"spans", "answer"} & record.keys()


def test_blank_tokens_are_no_words(tmp_path: Path):
    tokens = [{"text": "a", "start": 0, "end": 1, "id": 0}, {"text": "\n", "start": 1, "end": 2, "id": 1}]
    [document] = opened(tmp_path, [{"text": "a\n", "tokens": tokens, "spans": [], "answer": "accept"}]).documents()
    assert document.words == (Span(start=0, end=1),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": "maybe"}, 'not an answer; got "maybe"; expected accept, reject, ignore'),
        ({"text": 7}, "no text"),
        ({"spans": 7}, "'spans' is no list; got int"),
        ({"spans": [{"start": 0, "end": 3}]}, "not a span of the text"),
        ({"spans": [{"start": 0, "end": 30, "label": "X"}]}, "not a span of the text"),
        ({"tokens": [{"start": 0, "end": 30}]}, "not a token of the text"),
        ({"tokens": [{"start": 4, "end": 8}, {"start": 0, "end": 3}]}, "not a token of the text"),
        ({"tokens": [7]}, "not a token of the text; got 7"),
    ],
)
def test_broken_tasks_of_prodigy(tmp_path: Path, change: dict[str, Any], message: str):
    data = opened(tmp_path, [PRODIGY[0], {**PRODIGY[0], **change}])
    with pytest.raises(InputError, match=rf"a\.jsonl:2: {message}"):
        list(data.documents())
    told: list[InputError] = []
    assert len(list(data.documents(told.append))) == len(told) == 1


def test_relations_of_prodigy(tmp_path: Path):
    data = opened(tmp_path, PRODIGY_RELATIONS, "tacred")
    [document] = data.documents()
    assert document.relations == (Relation(head=ANN, tail=ROME, label="left"),)
    assert data.description.endswith("left out: 1 ignored texts")
    [made] = written([replace(document, origin=None)], tmp_path, "prodigy-relations")
    assert made["relations"] == [
        {key: value for key, value in PRODIGY_RELATIONS[0]["relations"][0].items() if key != "color"}
    ]
    tokens_alone = [{key: one[key] for key in ("head", "child", "label")} for one in PRODIGY_RELATIONS[0]["relations"]]
    [found] = opened(tmp_path, [{**PRODIGY_RELATIONS[0], "relations": tokens_alone}], "tacred").documents()
    assert found.relations == document.relations  # the entities that the tokens are in
    [found] = opened(
        tmp_path, [{**PRODIGY_RELATIONS[0], "relations": [{"head": 1, "child": 2, "label": "x"}]}], "tacred"
    ).documents()
    assert found.relations[0].head == Span(start=4, end=8)
    for one in ({"head": 9, "child": 0}, {"child": 0}, {"head": True, "child": 0}):
        with pytest.raises(InputError, match=r"a\.jsonl:1: a relation without a head"):
            list(opened(tmp_path, [{**PRODIGY_RELATIONS[0], "relations": [one]}], "tacred").documents())


def test_relations_of_others_become_tasks_of_prodigy(tmp_path: Path):
    relation = Relation(head=Span(start=0, end=2), tail=ROME, label="x")  # "An" of "Ann"
    [record] = written([Document(id="1", text="Ann left Rome.", relations=(relation,))], tmp_path, "prodigy-relations")
    assert [one["text"] for one in record["tokens"]] == ["An", "n", "left", "Rome", "."]
    assert record["spans"] == [{"start": 9, "end": 13, "token_start": 3, "token_end": 3, "label": "LOC"}]
    assert record["relations"][0]["head_span"] == {
        "start": 0,
        "end": 2,
        "token_start": 0,
        "token_end": 0,
        "label": None,
    }
    whole = Document(id="1", text="Ann left", words=(Span(start=0, end=3),), relations=(replace(relation, tail=ANN),))
    with pytest.raises(InputError, match="1: an entity begins or ends inside a word; got 0..2 'An'"):
        write_data([whole], tmp_path / "c", to="prodigy-relations")


def test_labels_of_prodigy(tmp_path: Path):
    data = opened(tmp_path, PRODIGY_CHOICES, "labelled")
    assert [(one.text, one.labels) for one in data.documents()] == [("a dull film", ("bad",))]
    assert data.description.endswith("; left out: 1 ignored texts")
    assert [one.labels for one in opened(tmp_path, PRODIGY_BINARY, "labelled").documents()] == [("bad",)]
    made = [Document(id=str(place), text="x", labels=labels) for place, labels in enumerate([("b",), ("a", "b"), None])]
    records = written(made, tmp_path, "prodigy-labels")
    options = [{"id": "a", "text": "a"}, {"id": "b", "text": "b"}]
    assert records[1] == {"id": "1", "text": "x", "options": options, "accept": ["a", "b"], "answer": "accept"}
    assert records[2] == {"id": "2", "text": "x"}
    for broken, message in (
        ({"answer": "accept"}, "accepted, but without a label"),
        ({"accept": [[]]}, "labels that are"),
    ):
        data = opened(tmp_path, [PRODIGY_CHOICES[0], {"text": "x", **broken}], "labelled")
        with pytest.raises(InputError, match=rf"a\.jsonl:2: {message}"):
            list(data.documents())


def test_gliner_counts_words_and_spans_may_nest(tmp_path: Path):
    first, second = opened(tmp_path, GLINER).documents()
    assert [(first.text[one.start : one.end], one.label) for one in first.spans] == [
        ("Ann", "person"), ("New York", "location"), ("York", "word")]  # fmt: skip
    assert second.spans == ()
    changed = written([replace(first, spans=first.spans[1:]), second], tmp_path, "gliner")
    assert changed[0]["ner"] == [[2, 3, "location"], [3, 3, "word"]]
    assert changed[1] == GLINER[1]
    [record] = written(
        [Document(id="1", text="Ann,  left", spans=(Span(start=0, end=2, label="X"),))], tmp_path, "gliner"
    )
    assert record == {"id": "1", "tokenized_text": ["An", "n", ",", "left"], "ner": [[0, 0, "X"]], "text": "Ann,  left"}
    [again] = open_data(tmp_path / "b.jsonl", among=["gliner"]).documents()
    assert (again.text, again.spans) == ("Ann,  left", (Span(start=0, end=2, label="X"),))
    with pytest.raises(InputError, match="1: no spans to write for GLiNER"):
        write_data([Document(id="1", text="Ann")], tmp_path / "c", to="gliner")
    write_data([first, second], tmp_path / "c.json", to="gliner")
    assert json.loads((tmp_path / "c.json").read_text()) == GLINER
    assert (tmp_path / "c.json").read_text().count("\n") == 4


@pytest.mark.parametrize(
    "entry",
    [[0, 2, "x"], [1, 0, "x"], [-1, 0, "x"], [0, 0], [0, 0, None], [0, 0, ""], ["a", 0, "x"], [True, 1, "x"], 7],
)
def test_broken_spans_of_gliner(tmp_path: Path, entry: object):
    data = opened(tmp_path, [GLINER[0], {"tokenized_text": ["Ann", "left"], "ner": [entry]}])
    with pytest.raises(InputError, match=r"a\.jsonl:2: not a span of the words; .* of 2 words, the last one included"):
        list(data.documents())


@pytest.mark.parametrize("words", [None, "Ann", [1], [" "]])
def test_broken_words_of_gliner(tmp_path: Path, words: object):
    data = opened(tmp_path, [GLINER[0], {"tokenized_text": words, "ner": []}])
    with pytest.raises(InputError, match=r"a\.jsonl:2: no list of words in 'tokenized_text'"):
        list(data.documents())


@pytest.mark.parametrize(
    ("record", "family", "message"),
    [
        ({"text": "a film", "label": ["bad"]}, "columns", "a.jsonl:1: not a span of the text"),
        ({"text": "a film", "label": "bad", "answer": "accept"}, "tacred", ""),
        ({"tokens": ["Ann"], "clusters": []}, "columns", "a.jsonl:1: no text"),
        ({"token": ["Ann"], "subj_start": 0}, "columns", "a.jsonl:1: no text"),
        ({"tokenized_text": ["Ann"], "ner": []}, "tacred", "a.jsonl:1: no text"),
        ({"tokens": [["Ann"]], "ner_tags": [["O"]]}, "columns", "a.jsonl:1: no text"),
        ({"text": "Ann", "entities": {"PER": [[0, 3]]}}, "tacred", "a.jsonl:1: entities that are not a list"),
    ],
)  # fmt: skip
def test_look_alikes_are_refused(tmp_path: Path, record: dict, family: str, message: str):
    if "answer" in record:  # of Prodigy, but of texts: there is nothing to relate
        data = opened(tmp_path, [record], family)
        assert [one.relations for one in data.documents()] == [None]
        with pytest.raises(InputError, match=r"a\.jsonl: no relations in the file"):
            convert_data(data.path, tmp_path / "out", to="relation-jsonl")
        return
    with pytest.raises(InputError, match=message):
        list(opened(tmp_path, [record], family).documents())
