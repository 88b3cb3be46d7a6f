"""Parts of texts for people: cut between words, never within one that is of a bearable length."""

from __future__ import annotations

from collections.abc import Sequence

_LONGEST_WORD = 40  # Chinese has no blanks, and some words are keys of hundreds of characters
_MORE = "\u2026"


def shortened(text: str, most: int) -> str:
    """The beginning of a text, at most so many characters, with an ellipsis where something was left out."""
    if len(text) <= most:
        return text
    return text[: _end_before(text, most - 1)].rstrip() + _MORE


def excerpt(text: str, marks: Sequence[tuple[int, int, str, str]], *, around: int = 60) -> str:
    """What stands around some places, these between marks.

    Args:
        text: The text.
        marks: Start, end, and what is put before and after, in text order; at least one. They may lie in one another.
        around: Characters before the first and after the last place, at most.
    """
    first, last = min(start for start, *_ in marks), max(end for _, end, *_ in marks)
    low = 0 if first <= around else _start_after(text, first - around, first)
    high = len(text) if len(text) - last <= around else max(last, _end_before(text, last + around))
    put: dict[int, str] = {}
    for start, end, before, after in marks:
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
