"""Mentions with the same head count as the same; each matches one at most."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.scores.mention_matching import HeadedMention, matched_by_head


def pairs(gold: list[HeadedMention], predicted: list[HeadedMention]) -> dict[HeadedMention, HeadedMention | None]:
    """The gold mention that each predicted one matches."""
    _, [named] = matched_by_head([gold], [predicted])
    return {one: said if side == "gold" else None for one, (side, said) in zip(predicted, named, strict=True)}


def test_the_same_head_is_the_same_mention_whatever_else_it_has():
    long, short = HeadedMention(3, 9, 5), HeadedMention(5, 5, 5)
    other = HeadedMention(3, 9, 4)
    assert pairs([long], [short]) == {short: long}
    assert pairs([long], [other]) == {other: None}, "the same words with another head"


def test_the_same_words_come_first_then_the_most_common_words():
    gold = [HeadedMention(0, 3, 1), HeadedMention(1, 2, 1), HeadedMention(1, 9, 1)]
    exact, wide, single = HeadedMention(1, 2, 1), HeadedMention(0, 9, 1), HeadedMention(1, 1, 1)
    assert pairs(gold, [exact, wide, single]) == {exact: gold[1], wide: gold[2], single: gold[0]}
    assert pairs(gold[:1], [wide, single]) == {wide: gold[0], single: None}


mentions = st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(0, 3)).map(
    lambda one: HeadedMention(one[0], one[0] + one[1], one[0] + min(one[1], one[2]))
)
clusters = st.lists(mentions, unique=True, max_size=10)


@given(gold=clusters, predicted=clusters)
@settings(deadline=None)
def test_each_mention_matches_one_at_most(gold: list[HeadedMention], predicted: list[HeadedMention]):
    found = [one for one in pairs(gold, predicted).values() if one is not None]
    assert len(found) == len(set(found))
    heads = {one.head for one in gold}
    assert all((said is None) or one.head == said.head for one, said in pairs(gold, predicted).items())
    for head in heads:
        both = [sum(one.head == head for one in side) for side in (gold, predicted)]
        assert sum(one.head == head for one in found) == min(both), "as many as there can be"
    one_side, other_side = matched_by_head([gold], [gold])
    assert one_side == other_side
