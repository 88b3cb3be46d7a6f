"""Coreference scores: the reference scorer's published cases, worked figures of the papers, another scorer."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scorch import scores as scorch

from spanbert.corpus.formats.clusters import in_first_cluster
from spanbert.scores.coreference import CoreferenceScorer, coreference_counts
from tests.formats import read_coref

KEY = ("a", "bc", "def")
TRUTH = ("12345", "67", "89ABC")  # Bagga and Baldwin 1998, figure 1
F = Fraction
# A8 and A9 have a mention in two clusters, which is refused here; B, C and the others of M and N have figures of BLANC alone
CASES = {  # key, response, (recall, precision) of MUC, B-cubed, CEAF-phi4; capital letters overlap the small ones
    "A1": (KEY, KEY, (1, 1), (1, 1), (1, 1)),
    "A2": (KEY, ("a", "de"), (F(1, 3), 1), (F(7, 18), 1), (F(3, 5), F(9, 10))),
    "A3": (KEY, ("a", "bcx", "defy", "z"), (1, F(3, 5)), (1, F(55, 108)), (F(93, 105), F(93, 140))),
    "A4": (KEY, ("a", "bcx", "dy", "z"), (F(1, 3), F(1, 3)), (F(5, 9), F(17, 42)), (F(11, 15), F(11, 20))),
    "A5": (KEY, ("a", "bcxB", "dy", "z"), (F(1, 3), F(1, 4)), (F(5, 9), F(5, 16)), (F(31, 45), F(31, 60))),
    "A6": (KEY, ("a", "bcx", "dy", "Bz"), (F(1, 3), F(1, 4)), (F(5, 9), F(17, 48)), (F(11, 15), F(11, 20))),
    "A7": (KEY, ("a", "bcxb", "dy", "z"), (F(1, 3), F(1, 3)), (F(5, 9), F(17, 42)), (F(11, 15), F(11, 20))),
    "A10": (KEY, ("a", "b", "c", "d", "e", "f"), (0, 0), (F(1, 2), 1), None),
    "A11": (KEY, ("abcdef",), (1, F(3, 5)), (1, F(7, 18)), None),
    "A12": (KEY, ("a", "j", "k", "c", "d", "e", "l"), (0, 0), (F(13, 36), F(4, 7)), None),
    "A13": (KEY, ("ajkcdel",), (F(1, 3), F(1, 6)), (F(17, 36), F(6, 49)), None),
    "D1": (TRUTH, ("12345", "6789ABC"), (1, F(9, 10)), (1, F(16, 21)), None),
    "E1": (TRUTH, ("1234589ABC", "67"), (1, F(9, 10)), (1, F(7, 12)), None),
    "F1": (("abcd",), ("ab", "cd"), (F(2, 3), 1), None, None),  # Vilain et al. 1995, section 3
    "G1": (("ab", "cd"), ("abcd",), (1, F(2, 3)), None, None),
    "H1": (("abcd",), ("abcd",), (1, 1), None, None),
    "I1": (("abcd",), ("ab", "cd"), (F(2, 3), 1), None, None),
    "J1": (("abc",), ("ac",), (F(1, 2), 1), None, None),
    "K1": (("abcdefg",), ("hab", "cdi", "efj"), (F(1, 2), F(1, 2)), None, None),
    "L1": (("abc", "defg"), ("ab", "cd", "fgh"), (F(2, 5), F(1, 2)), None, None),
    "M1": (("abcdef",), ("abcdef",), (1, 1), (1, 1), (1, 1)),
    "M2": (("abcdef",), tuple("abcdef"), (0, 0), None, None),
    "M5": (("abcdef",), tuple("abcghi"), (0, 0), None, None),
    "N1": (tuple("abcdef"), tuple("abcdef"), (0, 0), None, None),
    "N2": (tuple("abcdef"), ("abcdef",), (0, 0), None, None),
    "N4": (tuple("abcdef"), tuple("abcghi"), (0, 0), None, None),
}


@pytest.mark.parametrize("name", CASES)
def test_cases_of_the_reference_scorer(name: str):
    key, response, *expected = CASES[name]
    counts = coreference_counts(key, response)
    for metric, wanted in zip(("muc", "b_cubed", "ceaf"), expected, strict=True):
        if wanted is not None:
            right, gold, precise, predicted = counts[metric]
            found = (right / gold if gold else 0, precise / predicted if predicted else 0)
            assert found == pytest.approx(tuple(map(float, wanted))), metric


def test_lea_of_its_paper():
    """Moosavi and Strube 2016, section 4: the worked example of figures 1 and 2."""
    key, response = ("abc", "defg"), ("ab", "cd", "fghi")
    right, gold, precise, predicted = coreference_counts(key, response)["lea"]
    assert right / gold == pytest.approx((3 * 1 / 3 + 4 * 1 / 6) / 7)
    assert precise / predicted == pytest.approx((2 * 1 + 2 * 0 + 4 * 1 / 6) / 8)


def test_a_singleton_links_to_itself():
    assert coreference_counts(("a", "bc"), ("a", "bc"))["lea"] == (3, 3, 3, 3)
    assert coreference_counts(("a", "bc"), ("ab",))["lea"] == (0, 3, 0, 2)


def test_singletons_may_be_left_out():
    kept, dropped = CoreferenceScorer(), CoreferenceScorer(singletons="drop")
    for scorer in (kept, dropped):
        scorer.add(("a", "bc"), ("a", "b", "cd"))
    assert kept.scores()["mention_recall"] == 1
    assert dropped.scores()["mention_recall"] == 0.5


def test_a_mention_has_one_cluster():
    with pytest.raises(ValueError, match="gold mention 'a' is in two clusters"):
        coreference_counts(("ab", "ac"), ())


partitions = st.lists(st.integers(0, 4), min_size=1, max_size=12).map(
    lambda owners: [[place for place, one in enumerate(owners) if one == owner] for owner in sorted(set(owners))]
)


@given(gold=partitions, predicted=partitions)
@settings(deadline=None, max_examples=200)
def test_bounds_and_symmetry(gold: list[list[int]], predicted: list[list[int]]):
    one, other = coreference_counts(gold, predicted), coreference_counts(predicted, gold)
    for metric, (right, all_gold, precise, all_predicted) in one.items():
        assert 0 <= right <= all_gold + 1e-9
        assert 0 <= precise <= all_predicted + 1e-9
        assert other[metric] == pytest.approx((precise, all_predicted, right, all_gold))
    same = coreference_counts(gold, gold)
    assert all(counts[0] == pytest.approx(counts[1]) for counts in same.values())


def test_documents_are_summed():
    scorer = CoreferenceScorer()
    scorer.add(("ab",), ("ab",))
    scorer.add(("cdef",), ("cd", "ef"))
    scores = scorer.scores()
    assert scores["muc_recall"] == 3 / 4
    assert scores["muc_precision"] == 1
    assert scores["documents"] == 2
    assert scores["conll_f1"] == pytest.approx((scores["muc_f1"] + scores["b_cubed_f1"] + scores["ceaf_f1"]) / 3)
    low, high = scores["interval"]["conll_f1"]
    assert low <= scores["conll_f1"] <= high


@pytest.fixture
def real_documents(real_data):
    return {
        source: list(read_coref(file))[:count]
        for source, file, count in (
            ("ontogum", real_data / "coref/ontogum/dev-00.conll", 12),
            ("litbank", real_data / "coref/litbank/1023_bleak_house_brat.conll", 1),
        )
    }


def test_an_independent_scorer_agrees_on_real_documents(real_documents):
    """Predictions are gold clusters that were cut, joined, and given mentions that are none."""
    draw = random.Random(0)
    for documents in real_documents.values():
        for document in documents:
            gold = [{(one.start, one.end) for one in cluster} for cluster in in_first_cluster(document)]
            predicted: list[set[tuple[int, int]]] = []
            for cluster in gold:
                kept = {one for one in sorted(cluster) if draw.random() < 0.8}
                if predicted and draw.random() < 0.2:
                    predicted[-1] |= kept
                else:
                    predicted.append(kept | ({(draw.randrange(10**6, 10**7), 10**8)} if draw.random() < 0.3 else set()))
            predicted = [cluster for cluster in predicted if cluster]
            counts = coreference_counts(gold, predicted)
            for name, theirs in (("muc", scorch.muc), ("b_cubed", scorch.b_cubed), ("ceaf", scorch.ceaf_e)):
                right, all_gold, precise, all_predicted = counts[name]
                recall, precision, _ = theirs(gold, predicted)
                assert (right / all_gold, precise / all_predicted) == pytest.approx((recall, precision)), name
