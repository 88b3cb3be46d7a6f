"""Parts of texts for people: cut between words, never within one that is of a bearable length."""

from __future__ import annotations

from collections.abc import Sequence

_LONGEST_WORD = 40  # Chinese has no blanks, and some words are keys of hundreds of characters
_MORE = "\u2026"


def shortened(text: str, most: int) -> str:
    """The beginning of a text, at most so many characters, with an ellipsis where something was left out."""
    return text if len(text) <= most else beginning(text, most - 1) + _MORE


def beginning(text: str, most: int) -> str:
    """The beginning of a text, at most so many characters, to the end of a word."""
    return text[: _end_before(text, most)].rstrip()


def parted(text: str, most: int) -> tuple[str, str]:
    """A text in two: at most so many characters, and the rest where that is more than a few words."""
    if len(text) <= most + _LONGEST_WORD:
        return text, ""
    cut = _end_before(text, most)
    return text[:cut], text[cut:].lstrip()


def ending(text: str, most: int) -> str:
    """The end of a text, at most so many characters, from the beginning of a word on."""
    return text[_start_after(text, max(len(text) - most, 0), len(text)) :]


def excerpt(text: str, marks: Sequence[tuple[int, int, str, str]], *, around: int = 60) -> str:
    """What stands around some places, these between marks.

    Args:
        text: The text.
        marks: Start, end, and what is put before and after; at least one. They may overlap.
        around: Characters before the first and after the last place, at most.
    """
    first, last = min(start for start, *_ in marks), max(end for _, end, *_ in marks)
    low = 0 if first <= around else _start_after(text, first - around, first)
    high = len(text) if len(text) - last <= around else max(last, _end_before(text, last + around))
    put: dict[int, str] = {}
    for start, end, before, after in sorted(marks, key=lambda one: (one[0], -one[1])):  # outer ones outside
        put[start] = put.get(start, "") + before
        put[end] = after + put.get(end, "") if end != start else put[end] + after
    made, place = [_MORE if low else ""], low
    for at in sorted(put):
        made += [text[place:at], put[at]]
        place = at
    return "".join([*made, text[place:high], _MORE if high < len(text) else ""])


def _end_before(text: str, most: int) -> int:
    """Where the last word that ends by `most` ends."""
    if most >= len(text) or text[most].isspace():
        return most
    low = max(most - _LONGEST_WORD, 0)
    cut = max((place for place in range(low, most) if text[place].isspace()), default=most)
    return cut or most


def _start_after(text: str, least: int, most: int) -> int:
    """Where the first word that begins from `least` on begins."""
    if least == 0 or text[least - 1].isspace():
        return least
    high = min(least + _LONGEST_WORD, most)
    return next((place + 1 for place in range(least, high) if text[place].isspace()), least)
