"""Sentences: where they end, and where they do not."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.core.types import Span
from spanbert.corpus.text.sentences import split_sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["Ann left.", "She ran!", "Why?", '"So what?"', "Nobody knows."],
        ["Dr. Smith met J. R. Jones of the U.S. Army in St. Louis.", "They talked."],
        ["They talked.", "Dr. Smith left the U.S. Army.", "U.S. law is old."],
        ["It cost 3.50 dollars vs. 4 before.", "Then it rose."],
        [
            "Apple Inc. CEO Tim Cook resigned.",
            "He worked for Apple Inc.",
            "They paid him in the U.S.",
            "The rest is known.",
        ],
        ["Ann was born Jan. 5, 1970, on a Monday.", "She left in Jan.", "He holds a Ph.D. from Yale."],
        ["Elle est partie.", "Élise est restée.", "Она ушла.", "They left.", "他们走了。"],
        ["今天下雨。", "他没来！", "“真的吗？”", "是的"],
        ["今天是5月。", "2007年他来了。"],
        ["A line that is\nwrapped in New\nYork goes on.", "Another line\nwith more."],
    ],
)
def test_sentences(sentences: list[str]):
    between = "" if "。" in sentences[0] else "\n" if "line" in sentences[0] else " "
    text = between.join(sentences)
    assert [text[start:end] for start, end in split_sentences(text)] == sentences


def test_abbreviations_are_those_of_the_language():
    text = "А. С. Пушкин жил на ул. Ленина. Он ушёл."
    assert len(split_sentences(text, language="ru")) < len(split_sentences(text))


def test_a_title_at_the_end_of_a_line():
    text = "He saw Dr.\nSmith. Then he left..............."
    assert len(split_sentences(text)) == 2


def test_a_blank_line_ends_a_sentence():
    text = "some words\n\nand others of Acme Inc.\n \nMore"
    found = [text[start:end] for start, end in split_sentences(text)]
    assert found == ["some words", "and others of Acme Inc.", "More"]


def test_entities_stay_whole():
    text = "She sings in Wham! Bang. The hall is far."
    assert len(split_sentences(text)) == 3
    whole = split_sentences(text, kept_whole=[Span(start=13, end=24)])
    assert [text[start:end] for start, end in whole] == ["She sings in Wham! Bang.", "The hall is far."]


@settings(max_examples=100, deadline=None)
@given(text=st.text(st.sampled_from("aB. !?\n。“”"), max_size=40))
def test_every_character_but_blanks_is_in_one_sentence(text: str):
    found = split_sentences(text)
    assert "".join("".join(text[start:end].split()) for start, end in found) == "".join(text.split())
    assert all(text[start:end] == text[start:end].strip() for start, end in found)
    assert all(before[1] <= after[0] for before, after in pairwise(found))
