"""Places of a text in code points and in UTF-16 units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbert.core.errors import InputError
from spanbert.core.offsets import Offsets

texts = st.text(
    st.one_of(st.sampled_from("ab\u00e9\u4e2d\U0001f98a\U00020000"), st.characters(codec="utf-8")), max_size=20
)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@given(texts)
def test_places_are_those_of_the_encoded_text_and_back(text: str):
    offsets = Offsets(text, "utf16")
    for code_point in range(len(text) + 1):
        place = offsets.place(code_point)
        assert place == units(text[:code_point])
        assert offsets.code_point(place) == code_point
    assert offsets.code_point(units(text) + 3) == len(text) + 3
    assert offsets.code_point(-2) == -2
    assert [Offsets(text, "code_points").place(one) for one in range(len(text))] == list(range(len(text)))


def test_half_a_character_is_no_place():
    with pytest.raises(InputError, match="inside of a character; got UTF-16 unit 2"):
        Offsets("a\U0001f98ab", "utf16").code_point(2)


def test_all_places_of_a_value():
    offsets = Offsets("\U0001f98a king", "utf16")
    value = {"start": 2, "end": 6, "score": 2, "more": [{"head": {"start": 0, "end": 1, "text": "x"}}], "nothing": None}
    assert offsets.placed(value) == {
        "start": 3, "end": 7, "score": 2, "more": [{"head": {"start": 0, "end": 2, "text": "x"}}], "nothing": None,
    }  # fmt: skip
