"""Documents of plain text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbert.core.errors import InputError
from spanbert.corpus.text.division import DOCUMENTS, divided, require_documents

lines = st.lists(st.sampled_from(["", " ", "a", "b c"]))


@given(lines, st.sampled_from(DOCUMENTS))
def test_nothing_but_blank_lines_is_lost(given_lines, documents):
    found = list(divided(list(enumerate(given_lines, start=1)), documents))
    assert [line for _, text in found for line in text.split("\n") if line.strip()] == [
        line for line in given_lines if line.strip()
    ]
    assert all(given_lines[number - 1] == text.split("\n")[0] for number, text in found), "the number of its first line"


def test_blank_lines_divide():
    given_lines = ["", "a", "b", " ", "", "c", ""]
    numbered = list(enumerate(given_lines, start=1))
    assert list(divided(numbered, "blank")) == [(2, "a\nb"), (6, "c")]
    assert list(divided(numbered, "file")) == [(1, "\na\nb\n \n\nc\n")]
    assert len(list(divided(numbered, "line"))) == 7


def test_other_words_are_refused():
    assert require_documents("blank") == "blank"
    with pytest.raises(InputError, match="no kind of document 'page'; expected line, blank, file"):
        require_documents("page")
