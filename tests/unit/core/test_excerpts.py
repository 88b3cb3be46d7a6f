"""Parts of texts for people: no word is cut, and both spans of a mistake are seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbert.core.errors import InputError
from spanbert.core.excerpts import ending, excerpt, parted, shortened
from spanbert.core.findings import excerpt as quoted

WORDS = st.lists(st.text("abcdé", min_size=1, max_size=30), min_size=1, max_size=40)


@given(WORDS, st.integers(45, 120))
def test_no_word_is_cut(words: list[str], most: int):
    text = " ".join(words)
    begun, end = shortened(text, most), ending(text, most)
    assert len(begun) <= most
    assert len(end) <= most
    assert text.startswith(begun.removesuffix("…"))
    assert text.endswith(end)
    assert set(begun.removesuffix("…").split()) | set(end.split()) <= set(words)
    assert (begun == text) == (len(text) <= most)
    first, rest = parted(text, most)
    assert " ".join([first, *([rest] if rest else [])]) == text


@given(WORDS, st.data())
def test_excerpts_begin_and_end_between_words(words: list[str], data):
    number = data.draw(st.integers(0, len(words) - 1))
    start = len(" ".join(words[:number])) + bool(number)
    end = start + len(words[number])
    shown = excerpt(" ".join(words), [(start, end, "[", "]")], around=50)
    before, marked, after = shown.partition("[")[0], shown.partition("[")[2].partition("]")[0], shown.partition("]")[2]
    assert marked == words[number]
    assert before.lstrip("…").split() == words[number - len(before.lstrip("…").split()) : number]
    assert after.rstrip("…").split() == words[number + 1 : number + 1 + len(after.rstrip("…").split())]
    assert len(before) <= 52
    assert len(after) <= 52


@pytest.mark.parametrize(
    ("marks", "shown"),
    [
        ([(4, 10, "[", "]")], "met [Barack] Obama today"),
        ([(4, 10, "[", "]"), (4, 16, "{", "}")], "met {[Barack] Obama} today"),
        ([(11, 16, "[", "]"), (4, 16, "{", "}")], "met {Barack [Obama]} today"),
        ([(4, 16, "[", "]"), (11, 22, "{", "}")], "met [Barack {Obama] today}"),
        ([(4, 10, "[", "]"), (10, 16, "{", "}")], "met [Barack]{ Obama} today"),
    ],
)
def test_marks_of_spans_that_overlap(marks, shown: str):
    assert excerpt("met Barack Obama today", marks) == shown


def test_texts_without_blanks_are_cut_all_the_same():
    assert shortened("汉" * 100, 10) == "汉" * 9 + "…"
    assert len(excerpt("汉" * 300, [(150, 152, "[", "]")], around=20)) <= 2 + 40 + 2 + 2


def test_messages_and_findings_cut_no_word():
    sentence = "unbelievable transformation internationally misunderstanding " * 20
    words = set(sentence.split())
    assert set(str(InputError(sentence)).replace(" ... ", " ").split()) <= words
    assert set(quoted(sentence).strip("'").replace("…", " ").split()) <= words
