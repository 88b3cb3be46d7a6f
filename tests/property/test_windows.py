"""Windows cover a text, keep words whole, overlap as asked, and share the pieces out with context on both sides."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.batches.windows import cut_windows, owned_parts

LENGTHS = st.lists(st.one_of(st.integers(1, 4), st.integers(1, 40)), max_size=60)


def starts_of(lengths: list[int]) -> np.ndarray:
    """Word starts of words of so many pieces."""
    return np.array([place == 0 for length in lengths for place in range(length)], dtype=bool)


def words_of(lengths: list[int]) -> list[tuple[int, int]]:
    ends = np.cumsum([0, *lengths]).tolist()
    return list(pairwise(ends))


@st.composite
def cuts(draw: st.DrawFn) -> tuple[list[int], int, int]:
    limit = draw(st.integers(1, 40))
    return draw(LENGTHS), limit, draw(st.integers(0, limit - 1))


@settings(max_examples=200, deadline=None)
@given(cut=cuts())
def test_windows_cover_rise_and_keep_words_whole(cut: tuple[list[int], int, int]):
    lengths, limit, overlap = cut
    windows = cut_windows(starts_of(lengths), limit, overlap)
    assert {piece for start, end in windows for piece in range(start, end)} == set(range(sum(lengths)))
    assert all(0 < end - start <= limit for start, end in windows)
    for before, after in pairwise(windows):
        assert before[0] < after[0] <= before[1] < after[1], "both edges rise, so no window lies inside another"
    for start, end in windows:
        for edge in (start, end):
            word = next(((low, high) for low, high in words_of(lengths) if low < edge < high), None)
            assert word is None or word[1] - word[0] > limit, "a word that fits was cut"


def reach(begin: int, lengths: list[int], limit: int) -> int:
    """Where a window that begins there ends at the furthest: after its last whole word, else inside a longer one."""
    ends = [end for _, end in words_of(lengths) if begin < end <= begin + limit]
    return max(ends, default=begin + limit)


@settings(max_examples=200, deadline=None)
@given(cut=cuts())
def test_windows_overlap_as_asked_where_words_allow_it(cut: tuple[list[int], int, int]):
    lengths, limit, overlap = cut
    for (begin, end), (after, _) in pairwise(cut_windows(starts_of(lengths), limit, overlap)):
        if end - after >= overlap:
            continue
        wanted = max((low for low, _ in words_of(lengths) if low <= end - overlap), default=begin)
        assert after == end, "the overlap asked for, or none"
        assert wanted <= begin or reach(wanted, lengths, limit) <= end, "an overlap would have been possible"


@settings(max_examples=150, deadline=None)
@given(lengths=LENGTHS, limit=st.integers(1, 40))
def test_without_overlap_windows_are_the_segments_of_pre_training(lengths: list[int], limit: int):
    segments, begin = [], 0
    while begin < sum(lengths):
        segments.append((begin, reach(begin, lengths, limit)))
        begin = segments[-1][1]
    assert cut_windows(starts_of(lengths), limit) == segments


@settings(max_examples=200, deadline=None)
@given(cut=cuts())
def test_every_piece_has_one_owner_that_sees_both_its_sides(cut: tuple[list[int], int, int]):
    lengths, limit, overlap = cut
    windows = cut_windows(starts_of(lengths), limit, overlap)
    parts = owned_parts(windows)
    assert [piece for start, end in parts for piece in range(start, end)] == list(range(sum(lengths)))
    assert all(
        window[0] <= part[0] < part[1] <= window[1] or part[0] == part[1]
        for window, part in zip(windows, parts, strict=True)
    )
    for place, (before, after) in enumerate(pairwise(windows)):
        if before[1] - after[0] >= overlap:
            assert before[1] - parts[place][1] >= overlap // 2, "context to the right of the last piece owned"
            assert parts[place + 1][0] - after[0] >= overlap // 2, "context to the left of the first piece owned"


def test_windows_by_hand():
    starts = starts_of([3, 2, 4, 1, 2, 2, 6])
    assert cut_windows(starts, 8, 3) == [(0, 5), (5, 12), (9, 14), (14, 20)]
    assert owned_parts([(0, 5), (5, 12), (9, 14), (14, 20)]) == [(0, 5), (5, 10), (10, 14), (14, 20)]
    assert cut_windows(starts, 20, 10) == [(0, 20)]
    assert cut_windows(starts_of([]), 8, 3) == []
    assert owned_parts([]) == []
    assert cut_windows(starts_of([25]), 10, 4) == [(0, 10), (10, 20), (20, 25)]


@pytest.mark.parametrize("overlap", [-1, 8, 9])
def test_an_overlap_must_leave_something_to_read(overlap: int):
    with pytest.raises(ValueError, match=r"overlap must be in 0\.\.7"):
        cut_windows(starts_of([3, 3]), 8, overlap)
