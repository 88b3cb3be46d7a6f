"""Which lines are taken as JSON, and what is refused in them."""

from __future__ import annotations

import pytest

from spanbert.core.errors import InputError
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


def test_half_of_a_surrogate_pair_is_no_text():
    with pytest.raises(InputError, match="in:2: half of a surrogate pair"):
        list(read_inputs(['{"text": "a"}', '{"text": "\\ud83d"}'], name="in"))
    assert next(read_inputs(['{"text": "\\ud83d\\ude00"}'], name="in")).text == "\U0001f600"
