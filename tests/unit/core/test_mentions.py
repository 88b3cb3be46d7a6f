"""Head mentions and resolved pronouns."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spanbert.core.mentions import head_mention, resolve
from spanbert.core.pronouns import is_possessive, is_pronoun
from spanbert.core.types import Span
from spanbert.corpus.formats.conll2012 import Conll2012Origin
from tests.formats import read_coref

SENTENCES = Path(__file__).parents[2] / "fixtures" / "resolve.tsv"
_MARK = re.compile(r"\{(\d+):|(\})")


def of_marks(marked: str) -> tuple[str, list[list[Span]]]:
    """Text and clusters of `{1:Ann} lost {1:her} keys`."""
    text = ""
    opened: list[tuple[int, int]] = []
    clusters: dict[int, list[Span]] = {}
    last = 0
    for mark in _MARK.finditer(marked):
        text += marked[last : mark.start()]
        last = mark.end()
        if mark[1]:
            opened.append((int(mark[1]), len(text)))
        else:
            number, start = opened.pop()
            clusters.setdefault(number, []).append(Span(start=start, end=len(text)))
    return text + marked[last:], list(clusters.values())


@pytest.mark.parametrize("line", SENTENCES.read_text(encoding="utf-8").splitlines())
def test_sentences_read_well(line: str):
    marked, wanted = line.split("\t")
    assert resolve(*of_marks(marked)) == wanted


def test_there_are_a_hundred_sentences():
    assert len(set(SENTENCES.read_text(encoding="utf-8").splitlines())) == 100


def test_line_breaks_stay_out_of_names():
    text, clusters = of_marks("{1:Ann\nLee}\ncame.\n{1:She} sat. Then {1:she} slept.")
    assert resolve(text, clusters) == "Ann\nLee\ncame.\nAnn Lee sat. Then Ann Lee slept."


def test_her_by_the_parts_of_speech_of_ontogum(real_data: Path):
    """Object or possessive; without parts of speech 28 of these were wrong."""
    right = wrong = 0
    for file in sorted((real_data / "coref" / "ontogum").glob("*.conll")):
        for document in read_coref(file):
            assert isinstance(document.origin, Conll2012Origin)
            cells = [line.split("\t") for line in document.origin.lines if line.count("\t") > 4]
            for word, (_, _, _, said, tag, *_) in zip(document.words, cells, strict=True):
                if said.lower() == "her" and tag in ("PRP", "PRP$"):
                    same = is_possessive(document.text, word) == (tag == "PRP$")
                    right, wrong = right + same, wrong + (not same)
    assert right + wrong > 300
    assert wrong <= 5


def spans(text: str, *mentions: str) -> list[Span]:
    """Each mention at its next place in the text."""
    found, position = [], 0
    for mention in mentions:
        match = re.compile(rf"(?<!\w){re.escape(mention)}(?!\w)").search(text, position)
        assert match, mention
        found.append(Span(start=match.start(), end=match.end()))
        position = match.start() + 1
    return found


@pytest.mark.parametrize(
    ("text", "mentions", "head"),
    [
        ("He left. The old man was tired. Ann's father slept.", ["He", "The old man", "Ann's father"], "Ann's father"),
        ("She met the Queen.", ["She", "the Queen"], "the Queen"),
        ("the old man and he", ["the old man", "he"], "the old man"),
        ("they and them", ["they", "them"], "they"),
        ("他说李明来了", [], ""),
    ],
)
def test_a_name_before_a_description_before_a_pronoun(text: str, mentions: list[str], head: str):
    if not mentions:
        chosen = head_mention(text, [Span(start=0, end=1), Span(start=2, end=4)])
        assert text[chosen.start : chosen.end] == "李明"
        return
    chosen = head_mention(text, spans(text, *mentions))
    assert text[chosen.start : chosen.end] == head


def test_pronouns_of_both_languages():
    assert all(map(is_pronoun, ["She", "themselves", "它们", "its", "who"]))
    assert not any(map(is_pronoun, ["Ann", "the man", "他们的车", "US", "IT"]))


def test_pronouns_become_names():
    text = "Ann lost her keys. She looked for them, and Bob gave her his. Hers were found by him."
    ann = spans(text, "Ann", "her", "She", "her", "Hers")
    keys, bob = spans(text, "her keys", "them"), spans(text, "Bob", "his", "him")
    assert resolve(text, [ann, keys, bob]) == (
        "Ann lost Ann's keys. Ann looked for her keys, and Bob gave Ann Bob's. Ann's were found by Bob."
    )


def test_possessive_heads_and_plurals():
    text = "Mary's dog barked. She lost its ball."
    assert resolve(text, [spans(text, "Mary's", "She")]) == "Mary's dog barked. Mary lost its ball."
    text = "Mary 's dog barked. Her cat slept."
    assert resolve(text, [spans(text, "Mary 's", "Her")]) == "Mary 's dog barked. Mary's cat slept."
    text = "The boys' coach told them to find their ball."
    boys = [Span(start=0, end=9), *spans(text, "them", "their")]
    assert resolve(text, [boys]) == "The boys' coach told the boys to find the boys' ball."
    text = "James lost his hat."
    assert resolve(text, [spans(text, "James", "his")]) == "James lost James's hat."


def test_what_stays():
    text = "She saw it. They left."
    assert resolve(text, [spans(text, "She"), spans(text, "it", "They"), []]) == text
    own = "The man who lost his hat"
    assert resolve(own, [spans(own, "The man who lost his hat", "his")]) == own, "within its own head"
    clause = "Bob, who left, saw that he was in the US"
    bob = spans(clause, "Bob", "who", "he")
    assert resolve(clause, [bob]) == "Bob, who left, saw that Bob was in the US"
    chinese = "李明说他来了"
    assert resolve(chinese, [[Span(start=0, end=2), Span(start=3, end=4)]]) == "李明说李明来了"
