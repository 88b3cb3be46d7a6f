"""Which lines are taken as JSON, and what is refused in them."""

from __future__ import annotations

import json

import pytest

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Span
from spanbert.pipelines.inputs import read_inputs


def test_a_broken_first_line_of_a_jsonl_file_is_an_error_and_no_text():
    broken = '{"text": "a fox"'
    assert [one.text for one in read_inputs([broken], name="stdin")] == [broken]
    for name in ("a.jsonl", "A.JSONL", "a.jsonl.gz"):
        with pytest.raises(InputError, match=f"{name}:1: not valid JSON"):
            list(read_inputs([broken], name=name))


def test_plain_text_has_no_field_to_read():
    lines = ["nr,body", "7,the fox"]
    with pytest.raises(InputError, match="stdin:1: plain text, which has no fields; expected JSON lines with 'body'"):
        list(read_inputs(lines, name="stdin", text_field="body"))
    found = list(read_inputs(['{"body": "the fox"}'], name="stdin", text_field="body"))
    assert [one.text for one in found] == ["the fox"]


def test_speakers_of_words_are_read():
    line = '{"tokens": ["I", "left"], "speakers": %s}'
    found = [next(read_inputs([line % said], name="in")) for said in ('["Ann", "Bob"]', '["Ann"]', "2")]
    assert [one.columns for one in found] == [{"speaker": ("Ann", "Bob")}, {}, {}], "a name a word, or another field"


def test_half_of_a_surrogate_pair_is_no_text():
    with pytest.raises(InputError, match="in:2: half of a surrogate pair"):
        list(read_inputs(['{"text": "a"}', '{"text": "\\ud83d"}'], name="in"))
    assert next(read_inputs(['{"text": "\\ud83d\\ude00"}'], name="in")).text == "\U0001f600"


ENDS = {"head": {"start": 0, "end": 3}, "tail": {"start": 8, "end": 11}}
ENTITIES = [{"start": 0, "end": 3, "label": "PER"}, [8, 11, "PER"], {"start": 16, "end": 19, "label": "PER"}]


@pytest.mark.parametrize("stated", [ENDS, {"relations": [ENDS]}])
def test_a_pair_that_is_stated_beside_entities_is_asked_for(stated):
    def read(**fields) -> Document:
        lines = [json.dumps({"text": "Ann met Bob and Eve", **fields})]
        [document] = read_inputs(lines, name="in", entities=True)
        return document

    found = read(**stated, entities=ENTITIES)
    assert [(one.head.start, one.tail.start, one.label) for one in found.relations or ()] == [(0, 8, "")]
    spans = tuple(Span(start=start, end=start + 3, label="PER") for start in (0, 8, 16))
    assert found.spans == spans
    for none in ({}, {"relations": []}):
        found = read(**none, entities=ENTITIES)
        assert (found.spans, found.relations) == (spans, None), "all pairs are asked for"
    with pytest.raises(InputError, match="in:1: head outside of the text"):
        read(tail=ENDS["tail"], entities=ENTITIES)
