"""Pipes: every line as it comes, nothing waited for while there is something to answer."""

from __future__ import annotations

import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbert.core.errors import InputError
from spanbert.core.types import Document
from spanbert.corpus.io.pipes import PipeLines
from spanbert.inference.predictor import chunks


@pytest.fixture
def pipe():
    """Both ends of a pipe: lines read, and how to write."""
    read, write = os.pipe()
    with os.fdopen(read, "rb") as stream, os.fdopen(write, "wb", buffering=0) as other:
        yield PipeLines(stream, "pipe"), other


def test_what_is_there_is_handed_on_before_more_is_waited_for(pipe):
    lines, other = pipe
    made = chunks((Document(id="a", text=line) for line in lines if line.strip()), lines.more_at_hand)
    for sent, expected in (
        (b"one\n", ["one"]),
        (b"two\n", ["two"]),
        (b"three\r\n\n", ["three"]),  # a blank line is nothing to wait behind
        (b"four\nfi", ["four"]),  # nor is a part of one
        (b"ve\nsix\n", ["five", "six"]),
    ):
        other.write(sent)
        assert [one.text for one in next(made)] == expected
    other.write(b"".join(b"line\n" for _ in range(1000)))
    assert len(next(made)) > 1, "what is there is taken together"
    other.write(b"last")
    other.close()
    assert [one.text for chunk in made for one in chunk][-1] == "last"


@given(st.lists(st.text(st.characters(exclude_characters="\n\r\0", codec="utf-8"))), st.booleans())
def test_lines_are_those_of_the_bytes(texts: list[str], ends: bool):
    content = "\n".join(texts) + ("\n" if ends and texts else "")
    found = list(PipeLines(io.BufferedReader(io.BytesIO(content.encode())), "bytes"))
    expected = content.removeprefix("\ufeff").split("\n")
    assert found == (expected[:-1] if not expected[-1] else expected)


def test_a_line_that_is_not_utf8_is_named(pipe):
    lines, other = pipe
    other.write(b"one\n\xff\n")
    other.close()
    with pytest.raises(InputError, match="pipe:2: not UTF-8"):
        list(lines)


def test_long_lines_come_whole_and_once():
    longest = b"x" * 1_000_000
    lines = PipeLines(io.BufferedReader(io.BytesIO(longest + b"\n" + longest[:70_000] + b"\r\n\nend")), "pipe")
    assert [len(line) for line in lines] == [1_000_000, 70_000, 0, 3]
