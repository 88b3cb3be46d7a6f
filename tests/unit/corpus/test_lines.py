"""Line breaks: those of wrapped lines, and those that somebody meant."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.corpus.text.lines import line_breaks, speaker_of_line
from spanbert.corpus.text.sentences import split_sentences


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["We need:", "- a new car", "- two dogs", "- the old house", "They are all ready to leave the town."],
        ["* The first dog of\n  the king ran.", "* The second one stayed."],
        ["Steps to take", "1. Open the door", "2. Call Ann", "3. She waits"],
        ["# The King", "He left the house.", "## The Fox", "It ran."],
        ["The Old House", "It stood near the river, and nobody\nlived there any more."],
        [
            "ANN: Did you see Bob?",
            "BOB: I am here.",
            "ANN: He is late, I said, and\nnobody cares.",
            "BOB (laughs): Fine.",
        ],
        ["Ann: Where is Bob?", "Bob: I'm here", "Ann: Good."],
        ["**Ann:** Where is Bob?", "**Bob**: I'm here", "[10:05] Ann: Good."],
        ["From: Ann", "To: Bob", "Subject: the keys"],
        ["· a new car", "· two dogs"],
        ["☐ call Ann", "☐ feed the dog"],
    ],
)
def test_lists_headings_and_speeches_end_where_they_do(expected: list[str]):
    assert sentences("\n".join(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "They came to the old town in\n1912. The king was there already.",
        "He saw the man - the tall one\n- as he left the house of the\nking.",
        "The price rose to\n12. street lamps went out one by one.",
        "He saw the old\nKing of Rome and\nQueen Ann there.",
        "the old house of\nthe king",
    ],
)
def test_wrapped_lines_are_no_ends(text: str):
    """A line of prose that begins like an entry of a list is none; names may begin a line."""
    assert not line_breaks(text).meant
    assert [sentence.replace("\n", " ") for sentence in sentences(text)] == sentences(text.replace("\n", " "))


words = st.lists(
    st.sampled_from(["the", "old", "king", "Ann", "saw", "of", "Rome.", "He", "ran!", "Dr.", "Smith", "in", "1912.", "-", "why?"]),
    min_size=1, max_size=60,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(words, st.integers(34, 80))
def test_wrapping_changes_no_end(chosen: list[str], width: int):
    text = " ".join(chosen)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    wrapped = "\n".join(lines)
    assert len(wrapped) == len(text)
    if any(one.split()[0] == "-" for one in lines):
        return  # two such lines look like a list, to a reader too
    assert split_sentences(wrapped) == split_sentences(text)


def test_every_line_break_is_one_of_two():
    text = "Title\nLonger line that follows the title of it\n- one\n- two\n\nMore\nof it"
    found = line_breaks(text)
    places = {place for place, character in enumerate(text) if character == "\n"}
    blank = {text.index("\n\n"), text.index("\n\n") + 1}
    assert found.wrapped | found.meant == places - blank
    assert not found.wrapped & found.meant


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("ANN: I saw him.", "ANN"),
        ("Mr. Smith (laughs): No.", "Mr. Smith"),
        ("BOB:", "BOB"),
        ("李明：我来了。", "李明"),
        ("**Ann:** I saw him.", "Ann"),
        ("**Ann**: I saw him.", "Ann"),
        ("**Ann: I** saw him.", None),
        ("[10:05] Ann: I saw him.", "Ann"),
        ("[12/03/2026, 10:05 PM] Ann Lee: I saw him.", "Ann Lee"),
        ("Q: Who?", "Q"),
        ("Note: I saw him.", None),
        ("WARNING: it is hot.", None),
        ("From: Ann", None),
        ("注意：很热。", None),
        ("It was 10:30 then.", None),
        ("he said this: no", None),
        ("http://example.org", None),
    ],
)
def test_the_name_before_a_speech(line: str, name: str | None):
    assert speaker_of_line(line) == name
