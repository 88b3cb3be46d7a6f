"""What is predicted for a text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class WordCount:
    """The number of words of a text.

    Attributes:
        words: The number, not rounded.
    """

    words: float
