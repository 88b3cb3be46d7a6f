"""Pairs that become negatives in training, and what is asked about a text: orders, types, unlisted pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.core.predictions import RelationExtraction
from spanbert.core.types import Document, Relation, Span
from spanbert.tasks.base import WindowConfig
from spanbert.tasks.relating import AskedPairs
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


ANN, ROME = "PER", "LOC"


def trip(text: str, label: str) -> Document:
    """A person and a city of a text, the person as the head."""
    ends = (
        Span(start=text.index(word), end=text.index(word) + len(word), label=kind)
        for word, kind in (("ann", ANN), ("rome", ROME))
    )
    return listed(pair(*ends, label), text=text)


PASSIVE = [trip(f"rome was {verb} by ann .", "left") for verb in ("left", "seen", "quit")]
UNRELATED = [trip(f"ann {verb} rome .", "no_relation") for verb in ("likes", "draws")]


def asked_of(task: RelationTask, document: Document) -> list[tuple[str | None, str | None]]:
    """The types of the pairs of a document's entities that are asked about."""
    [relation] = document.relations
    entities = sorted((relation.head, relation.tail), key=lambda one: one.start)
    found = task.pairs(entities, [(0, len(document.text))]).judged
    return [(one.head.label, one.tail.label) for one in found]


def test_an_order_of_related_pairs_alone_is_asked_about_where_no_negatives_can_be_made(vocabulary_file: Path):
    """The reversed pair, of a city and a person, has types that are never related."""
    task = task_of(vocabulary_file, [*PASSIVE, *UNRELATED])
    assert learned(task, PASSIVE) == ["left"] * 3, "nothing is made"
    assert task.order == "both"
    assert asked_of(task, PASSIVE[0]) == asked_of(task, UNRELATED[0]) == [(ANN, ROME)]
    active = [trip(f"ann {verb} rome .", "left") for verb in ("left", "quit")]
    task = task_of(vocabulary_file, [*active, *UNRELATED])
    assert task.order == "forward"
    assert asked_of(task, PASSIVE[0]) == [], "no pair of these types stood in this order"
    assert asked_of(task, UNRELATED[0]) == [(ANN, ROME)]


def test_an_unrelated_pair_opens_an_order_if_its_types_are_asked_about(vocabulary_file: Path):
    """Few pairs in the other order do not count as both orders, but it is not one that was never seen."""
    seen = [trip("ann left rome .", "left"), *UNRELATED * 11]
    cities = [replace(one, label=ROME) for one in (KING, FOX)]
    task = task_of(vocabulary_file, [*seen, listed(pair(cities[1], cities[0], "no_relation"))])
    assert task.order == "forward", "two cities are not asked about"
    assert task_of(vocabulary_file, [*seen, trip("rome likes ann .", "no_relation")]).order == "both"


def test_unrelated_pairs_of_other_types_do_not_close_the_order_of_the_related_ones(vocabulary_file: Path):
    active = trip("ann left rome .", "left")
    [relation] = active.relations
    documents = [replace(active, relations=(relation, pair(relation.tail, relation.head, "no_relation")))]
    task = task_of(vocabulary_file, documents)
    assert task.order == "forward"
    assert asked_of(task, active) == [(ANN, ROME)]


def test_without_negatives_that_could_be_made_an_order_stays_closed(vocabulary_file: Path):
    documents = [listed(pair(FOX, KING, "fears"), pair(KING, HOUSE, "no_relation"), pair(FOX, HOUSE, "no_relation"))]
    assert task_of(vocabulary_file, documents, negatives="no").order == "forward"
    assert task_of(vocabulary_file, documents).order == "both"


def test_pairs_with_an_entity_without_a_type_are_reversed(vocabulary_file: Path):
    king, fox = replace(KING, label="PER"), replace(FOX, label="ANI")
    documents = [listed(pair(king, fox, "sees"), pair(king, HOUSE, "no_relation"))]
    task = task_of(vocabulary_file, documents)
    assert learned(task, documents) == ["sees", "no_relation", "no_relation"], "house and king"


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
    every = AskedPairs(judged=found.relations, possible=2)
    assert [one.label for one in task.wanted(found, every).relations] == ["sees"]
    assert task_of(vocabulary_file, SUBJECT_FIRST, all_pairs=True).wanted(found, every) == found
    assert task.wanted(found, AskedPairs(judged=found.relations, possible=9)).left_out == 7


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
    both = {
        label: [(tail, head) in set(of_label) for head, tail in of_label]
        for label in {*labels} - {"no_relation"}
        for of_label in [[ends for ends, one in zip(chosen, labels, strict=True) if one == label]]
    }
    assert found.symmetric_labels() == {label for label, of_label in both.items() if 2 * sum(of_label) >= len(of_label)}
