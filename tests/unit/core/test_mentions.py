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


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (f"{verb} {{1:her}} {what}.", f"{verb} {whose} {what}.")
        for verb, whose, more in [
            ("asked", "Ann", "questions, difficult questions"),
            ("asked", "Ann's", "friends, mother"),
            ("told", "Ann", "everything, stories, funny stories"),
            ("told", "Ann's", "story"),
            ("sent", "Ann", "flowers, flowers yesterday"),
            ("sent", "Ann's", "letter, children to school"),
            ("offered", "Ann", "money"),
            ("offered", "Ann's", "money to the poor, services"),
            ("gave", "Ann", "money, advice"),
            ("gave", "Ann's", "money to the poor, hand"),
            ("showed", "Ann", "photos"),
            ("showed", "Ann's", "teeth, ticket"),
            ("wrote", "Ann", "letters"),
            ("wrote", "Ann's", "memoirs"),
            ("taught", "Ann", "music"),
            ("taught", "Ann's", "music class"),
            ("paid", "Ann", "well, more, compliments"),
            ("paid", "Ann's", "bills"),
            ("called", "Ann", "names, clever, Annie"),
            ("called", "Ann's", "office, parents"),
            ("considers", "Ann", "clever, careless"),
            ("considers", "Ann's", "options"),
            ("found", "Ann", "clever and kind"),
            ("met", "Ann's", "clever and kind friend"),
            ("drank from", "Ann's", "well"),
            ("took", "Ann", "home"),
        ]
        for what in more.split(", ")
    ],
)
def test_verbs_with_two_objects(said: str, wanted: str):
    assert resolve(*of_marks(f"{{1:Ann}} was here. Bob {said}")) == f"Ann was here. Bob {wanted}"


@pytest.mark.parametrize(
    ("marked", "end"),
    [
        ("{1:Apples} are red. I eat {1:them}.", "I eat apples."),
        ("{1:Water} is good. I drink {1:it}.", "I drink water."),
        ("{1:Fresh bread} is good. I eat {1:it}.", "I eat fresh bread."),
        ("{1:People from Rome} sing. I like {1:them}.", "I like people from Rome."),
        ("{1:Germans} came. Nobody stopped {1:them}.", "Nobody stopped Germans."),
        ("{1:American soldiers} came. Nobody stopped {1:them}.", "Nobody stopped American soldiers."),
        ("{1:Ann's dogs} bark. We fear {1:them}.", "We fear Ann's dogs."),
        ("{1:James and his sister} came. We saw {1:them}.", "We saw James and his sister."),
        ("{1:Williams} came. I saw {1:him}.", "I saw Williams."),
        ("{1:Will} left. I will call {1:him}.", "I will call Will."),
        ("{1:Fig trees} grow in Fig. I like {1:them}.", "I like Fig trees."),
        ("{1:The Hague} is old. I like {1:it}.", "I like The Hague."),
        ("{1:The Beatles} sang. All know The Beatles. I like {1:them}.", "I like The Beatles."),
        ("New {1:iPhone sales} fell. {1:They} rose later.", "iPhone sales rose later."),
    ],
)
def test_capitals_within_sentences(marked: str, end: str):
    assert resolve(*of_marks(marked)).endswith(f". {end}")


@pytest.mark.parametrize(
    ("head", "pronoun", "name"),
    [
        ("Ann Lee, mayor of Rome and author of two books", "She", "Ann Lee"),
        ("Ann Lee, mayor of Rome and author of two books", "They", "Ann Lee"),
        ("The fox, the king and the dog", "They", "The fox, the king and the dog"),
        ("The mayor, his wife, and Eve", "They", "The mayor, his wife, and Eve"),
        ("The fox, a friend and owner of the king,", "He", "The fox"),
        ("The boys, girls and dogs", "They", "The boys, girls and dogs"),
        ("The house my father built", "It", "The house"),
        ("The house Ann built", "It", "The house"),
        ("The car the man wanted", "It", "The car"),
        ("The picture of my father painted by Ann", "It", "The picture of my father painted by Ann"),
    ],
)
def test_what_is_said_about_a_name_stays_out_of_it(head: str, pronoun: str, name: str):
    assert resolve(*of_marks(f"{{1:{head}}} was loud. {{1:{pronoun}}} sang.")).endswith(f" {name} sang.")


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
