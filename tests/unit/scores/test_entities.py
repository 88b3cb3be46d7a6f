"""Entity scores equal seqscore's; tag accuracy; worked cases."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.core.tagging import decode_tags
from spanbert.scores.entities import EntityScorer, TagScorer

tag = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])


def test_a_worked_case():
    scorer = EntityScorer()
    scorer.add([(0, 2, "PER"), (3, 4, "LOC")], [(0, 2, "PER"), (3, 4, "PER"), (5, 6, "LOC")])
    scorer.add([(0, 1, "LOC")], [(0, 1, "LOC"), (0, 1, "LOC")])
    scorer.add([], [])
    scores = scorer.scores()
    assert (scores["precision"], scores["recall"]) == (2 / 4, 2 / 3)
    assert scores["f1"] == pytest.approx(4 / 7)
    assert scores["by_label"]["LOC"] == {"f1": 0.5, "precision": 0.5, "recall": 0.5, "gold": 2, "predicted": 2}
    assert scores["entities"] == 3
    low, high = scores["interval"]["f1"]
    assert 0 <= low <= scores["f1"] <= high <= 1


def test_nothing_to_find_and_nothing_found():
    scorer = EntityScorer()
    scorer.add([], [])
    assert scorer.scores()["f1"] == 0.0


@given(
    pairs=st.lists(
        st.integers(1, 8).flatmap(lambda n: st.tuples(*[st.lists(tag, min_size=n, max_size=n)] * 2)),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=50, deadline=None)
def test_equal_to_seqscore(pairs):
    from seqscore.scoring import score_label_sequences

    scorer = EntityScorer()
    for gold, predicted in pairs:
        scorer.add(decode_tags(gold, "BIO"), decode_tags(predicted, "BIO"))
    predicted, gold = [one for _, one in pairs], [one for one, _ in pairs]
    theirs, _ = score_label_sequences(predicted, gold, "BIO", repair="conlleval")
    ours = scorer.scores()
    assert (ours["precision"], ours["recall"], ours["f1"]) == pytest.approx(
        (theirs.precision, theirs.recall, theirs.f1)
    )


def test_tag_accuracy():
    scorer = TagScorer()
    scorer.add(["NOUN", "VERB"], ["NOUN", "NOUN"])
    scorer.add(["ADJ"], ["ADJ"])
    scores = scorer.scores()
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["confusions"] == [["VERB", "NOUN", 1]]
    with pytest.raises(ValueError, match="1 tags for 2 words"):
        scorer.add(["A", "B"], ["A"])
