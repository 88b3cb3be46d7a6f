"""Entities and relations of whole texts: strict and by boundaries, by hand and by properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbert.core.types import Relation, Span
from spanbert.scores.end_to_end import LEVELS, EndToEndScorer

ANN, ACME, ROME = (
    Span(start=0, end=3, label="PER"),
    Span(start=9, end=13, label="ORG"),
    Span(start=20, end=24, label="LOC"),
)


def related(head: Span, tail: Span, label: str = "works-for") -> Relation:
    return Relation(head=head, tail=tail, label=label)


def test_types_count_in_the_strict_figures_alone():
    scorer = EndToEndScorer()
    as_place = Span(start=ACME.start, end=ACME.end, label="LOC")
    scorer.add(
        [related(ANN, ACME), related(ACME, ROME, "in")],
        [related(ANN, as_place), related(ROME, ACME, "in"), related(ANN, ROME, "no_relation")],
        gold_entities=[ANN, ACME, ROME],
        entities=[ANN, as_place],
    )
    found = scorer.scores()
    assert (found["relation_boundary_precision"], found["relation_boundary_recall"]) == (0.5, 0.5)
    assert (found["relation_strict_f1"], found["relation_strict_precision"]) == (0, 0)
    assert found["entity_boundary_precision"] == 1
    assert found["entity_boundary_recall"] == pytest.approx(2 / 3)
    assert (found["entity_strict_precision"], found["entity_strict_recall"]) == (0.5, pytest.approx(1 / 3))
    assert found["by_label"]["in"] == {"f1": 0, "precision": 0, "recall": 0, "gold": 1, "predicted": 1}
    assert "no_relation" not in found["by_label"], "pairs that are not related count on neither side"
    assert (found["texts"], scorer.main_metric) == (1, "relation_strict_f1")


def test_without_gold_entities_relations_alone_are_scored():
    scorer = EndToEndScorer(["relation_strict", "relation_boundary"])
    scorer.add([related(ANN, ACME)], [related(ANN, ACME), related(ANN, ACME)])
    found = scorer.scores()
    assert (found["relation_strict_f1"], found["relation_boundary_f1"]) == (1, 1), "what is named twice counts once"
    assert not any(name.startswith("entity") for name in found)
    assert set(found["interval"]) == {"relation_strict_f1", "relation_boundary_f1"}


def test_without_types_in_the_gold_the_boundaries_are_the_main_figure():
    scorer = EndToEndScorer(["relation_boundary", "entity_boundary"])
    bare = [Span(start=one.start, end=one.end) for one in (ANN, ACME)]
    scorer.add([related(*bare)], [related(ANN, ACME)], gold_entities=bare, entities=[ANN, ACME])
    found = scorer.scores()
    assert (scorer.main_metric, found["relation_boundary_f1"]) == ("relation_boundary_f1", 1)
    assert found["by_label"]["works-for"]["f1"] == 1
    assert not any("strict" in name for name in found)
    bootstrap, statistic = scorer.paired()
    assert statistic(bootstrap.sums_K) == 1


entities = st.builds(
    lambda start, more, label: Span(start=start, end=start + more, label=label),
    st.integers(0, 6), st.integers(1, 3), st.sampled_from(["A", "B"]),
)  # fmt: skip
relations = st.lists(st.builds(related, entities, entities, st.sampled_from(["x", "y", "no_relation"])), max_size=6)


@given(st.lists(st.tuples(relations, relations, st.lists(entities), st.lists(entities)), min_size=1, max_size=4))
def test_figures_of_any_texts(texts):
    """The gold against itself is perfect; strict is never above boundary recall; order of items does not matter."""
    one, turned, itself = EndToEndScorer(), EndToEndScorer(), EndToEndScorer()
    for gold, found, spans, seen in texts:
        one.add(gold, found, gold_entities=spans, entities=seen)
        turned.add(gold[::-1], found[::-1], gold_entities=spans[::-1], entities=seen[::-1])
        itself.add(gold, gold, gold_entities=spans, entities=spans)
    scores = one.scores()
    assert scores == turned.scores()
    golds = {
        "relation": any(one.label != "no_relation" for gold, *_ in texts for one in gold),
        "entity": any(spans for _, _, spans, _ in texts),
    }
    for level in LEVELS:
        assert itself.scores()[f"{level}_f1"] == golds[level.partition("_")[0]], "0 where there is nothing to find"
        low, high = scores["interval"][f"{level}_f1"]
        assert 0 <= low <= high <= 1
