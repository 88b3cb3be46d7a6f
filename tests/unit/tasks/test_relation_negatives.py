"""Pairs that become negatives in training, and what is asked about a text: orders, types, unlisted pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.core.predictions import RelationExtraction
from spanbert.core.types import Document, Relation, Span
from spanbert.scores.relations import relates
from spanbert.tasks.base import WindowConfig
from spanbert.tasks.relation.config import RelationConfig
from spanbert.tasks.relation.negatives import ListedPairs, Orders, is_forward, wanted_kinds
from spanbert.tasks.relation.task import RelationTask
from spanbert.tokens.tokenizer import load_tokenizer

TEXT = "the king saw a fox near the house . a dog ran ."
KING, FOX, HOUSE, DOG = (
    Span(start=TEXT.index(word), end=TEXT.index(word) + len(word)) for word in ("king", "fox", "house", "dog")
)


def pair(head: Span, tail: Span, label: str) -> Relation:
    return Relation(head=head, tail=tail, label=label)


def listed(*relations: Relation, text: str = TEXT, **more) -> Document:
    return Document(id="d", text=text, relations=relations, **more)


def task_of(vocabulary_file: Path, documents: list[Document], **options) -> RelationTask:
    return RelationTask.from_training(
        "t",
        documents,
        config=RelationConfig(**options),
        window=WindowConfig(),
        tokenizer=load_tokenizer(vocabulary_file),
        positions=64,
    )


def learned(task: RelationTask, documents: list[Document]) -> list[str]:
    """The labels of all examples, in their order."""
    return [
        task.labels[example.target.gold] for windowed in task.tokenize(documents) for example in task.examples(windowed)
    ]


SUBJECT_FIRST = [listed(pair(KING, FOX, "sees"), pair(KING, HOUSE, "no_relation"), pair(FOX, HOUSE, "no_relation"))]


def test_reversed_pairs_are_learned_where_negatives_stand_in_one_order(vocabulary_file: Path):
    task = task_of(vocabulary_file, SUBJECT_FIRST)
    assert learned(task, SUBJECT_FIRST) == ["sees", "no_relation", "no_relation", *["no_relation"] * 3]
    assert len(task.pairs([KING, FOX, HOUSE], [(0, len(TEXT))]).judged) == 6, "both orders are asked about"
    as_listed = task_of(vocabulary_file, SUBJECT_FIRST, negatives="no")
    assert learned(as_listed, SUBJECT_FIRST) == ["sees", "no_relation", "no_relation"]
    asked = as_listed.pairs([KING, FOX, HOUSE], [(0, len(TEXT))]).judged
    assert [is_forward(one.head, one.tail) for one in asked] == [True] * 3, "an order that was not seen is not"
    again = RelationTask.from_manifest("t", as_listed.manifest(), tokenizer=as_listed.tokenizer, positions=64)
    assert again.order == "forward"
    earlier = {key: value for key, value in as_listed.manifest().items() if key != "order"}
    assert RelationTask.from_manifest("t", earlier, tokenizer=as_listed.tokenizer, positions=64).order == "both"


def test_nothing_is_added_where_negatives_stand_in_both_orders(vocabulary_file: Path):
    both = [*SUBJECT_FIRST, listed(pair(HOUSE, KING, "no_relation"), pair(HOUSE, FOX, "no_relation"))]
    task = task_of(vocabulary_file, both)
    assert learned(task, both) == ["sees", *["no_relation"] * 4]
    assert task.order == "both"


def test_data_without_negatives_gets_pairs_of_a_sentence(vocabulary_file: Path):
    documents = [listed(pair(KING, FOX, "sees"), pair(FOX, HOUSE, "near"), spans=(KING, FOX, HOUSE, DOG))]
    task = task_of(vocabulary_file, documents)
    assert task.labels == ("near", "no_relation", "sees")
    made = learned(task, documents)[2:]
    assert made == ["no_relation"] * 4, "two reversed, king and house in both orders; the dog is in another sentence"
    assert task_of(vocabulary_file, documents, negatives="no").labels == ("near", "sees")
    assert learned(task_of(vocabulary_file, documents, negatives="reversed"), documents)[2:] == ["no_relation"] * 2


def test_one_pair_a_record_is_put_together_by_its_text(vocabulary_file: Path):
    """As in TACRED's files: what is listed in another record of the same text is no negative."""
    documents = [listed(pair(KING, FOX, "sees")), listed(pair(FOX, KING, "seen-by")), listed(pair(FOX, HOUSE, "near"))]
    task = task_of(vocabulary_file, documents)
    found = [learned(task, [one]) for one in documents]
    assert [one[0] for one in found] == ["sees", "seen-by", "near"]
    assert sum(len(one) - 1 for one in found) == 3, "house and fox; king and house in both orders"


def test_a_label_that_holds_in_both_orders_is_not_made_wrong(vocabulary_file: Path):
    other = TEXT.replace("saw", "met")
    documents = [
        listed(pair(KING, FOX, "meets"), pair(FOX, KING, "meets")),
        listed(pair(KING, FOX, "meets"), pair(KING, HOUSE, "leaves"), text=other),
    ]
    task = task_of(vocabulary_file, documents, negatives="reversed")
    assert learned(task, documents) == ["meets", "meets", "meets", "leaves", "no_relation"]


def test_labels_with_directions_are_judged_once(vocabulary_file: Path):
    documents = [listed(pair(KING, FOX, "Sees(e1,e2)"), pair(FOX, HOUSE, "Other"))]
    task = task_of(vocabulary_file, documents)
    assert learned(task, documents) == ["Sees(e1,e2)", "Other"]


def test_types_that_were_never_related_are_not_asked_about(vocabulary_file: Path):
    king, fox, house = (
        Span(start=one.start, end=one.end, label=label) for one, label in ((KING, "PER"), (FOX, "ANI"), (HOUSE, "LOC"))
    )
    documents = [listed(pair(king, fox, "sees"), pair(king, house, "no_relation"), pair(fox, house, "no_relation"))]
    task = task_of(vocabulary_file, documents)
    assert task.type_pairs == {("PER", "ANI")}
    assert [(one.head, one.tail) for one in task.pairs([king, fox, house], [(0, len(TEXT))]).judged] == [(king, fox)]
    assert learned(task, documents) == ["sees", "no_relation", "no_relation"], "nor learned"


def test_entities_of_types_that_no_listed_pair_has_are_left_out(vocabulary_file: Path):
    king, fox, dog = (replace(one, label=label) for one, label in ((KING, "PER"), (FOX, "ANI"), (DOG, "PET")))
    house = replace(HOUSE, label="PLACE")
    documents = [listed(pair(king, fox, "sees"), pair(fox, king, "fears"), spans=(king, fox, house, dog))]
    for negatives in ("auto", "all"):
        task = task_of(vocabulary_file, documents, negatives=negatives)
        assert task.known_types == {"ANI", "PER"}
        assert set(learned(task, documents)) <= {"sees", "fears", "no_relation"}


def test_results_hold_what_is_related_unless_all_is_asked_for(vocabulary_file: Path):
    task = task_of(vocabulary_file, SUBJECT_FIRST)
    found = RelationExtraction(relations=(pair(KING, FOX, "sees"), pair(KING, HOUSE, "no_relation")))
    assert [one.label for one in task.wanted(found).relations] == ["sees"]
    assert task_of(vocabulary_file, SUBJECT_FIRST, all_pairs=True).wanted(found) == found


@pytest.mark.parametrize(
    ("stated", "forward", "backward", "directed", "expected"),
    [
        ("auto", 40, 1, False, {"reversed"}),
        ("auto", 1, 40, False, {"reversed"}),
        ("auto", 40, 10, False, set()),
        ("auto", 0, 0, False, {"reversed", "random"}),
        ("auto", 40, 0, True, set()),
        ("auto", 0, 0, True, {"random"}),
        ("no", 40, 0, False, set()),
        ("all", 40, 40, False, {"reversed", "random"}),
        ("reversed", 40, 40, False, {"reversed"}),
    ],
)
def test_which_pairs_become_negatives(stated, forward, backward, directed, expected):
    assert wanted_kinds(stated, Orders(forward=forward, backward=backward), directed=directed) == expected


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_is_listed_never_becomes_a_negative(data):
    words = [Span(start=5 * place, end=5 * place + 4) for place in range(data.draw(st.integers(2, 6)))]
    text = " ".join(["word"] * len(words))
    ends = [(one, other) for one in words for other in words if one != other]
    chosen = data.draw(st.lists(st.sampled_from(ends), min_size=1, unique=True))
    labels = data.draw(st.lists(st.sampled_from(["a", "b", "no_relation"]), min_size=len(chosen), max_size=len(chosen)))
    documents = [listed(pair(*one, label), text=text) for one, label in zip(chosen, labels, strict=True)]
    found = ListedPairs()
    for document in documents:
        found.add(document)

    def every(entities, sentences):
        return [pair(one, other, "") for one in entities for other in entities if one != other]

    made = [one for document in documents for one in found.reversed_of(document, frozenset())]
    assert not {(one.head, one.tail) for one in made} & set(chosen)
    drawn = [one for document in documents for one in found.random_of(document, every)]
    places = [(one.head, one.tail) for one in drawn]
    assert len(places) == len(set(places)), "each once, in the share of one record"
    assert not {frozenset(one) for one in places} & {frozenset(one) for one in chosen}, "listed in neither order"
    assert all(relates(label) for label in found.symmetric_labels())
