"""Which windows represent all: some at random for time, the longest for memory."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from spanbert.batches.examples import Example
from spanbert.core.seeding import keyed_generator


class WindowSample:
    """A uniform sample of a stream of windows (Vitter 1985, algorithm R), and its longest ones.

    Args:
        size: Windows of the sample.
        longest: How many of the longest.
    """

    def __init__(self, *, size: int, longest: int) -> None:
        self.drawn: list[Example] = []
        self.count = self.tokens = self.bytes = 0
        self._size, self._most = size, longest
        self._longest: list[tuple[int, int, Example]] = []
        self._generator = keyed_generator(0, "doctor")

    def take(self, examples: Iterable[Example]) -> None:
        """Takes in windows."""
        for example in examples:
            self.count += 1
            self.tokens += example.tokens
            self.bytes += _bytes(example)
            if len(self.drawn) < self._size:
                self.drawn.append(example)
            elif (place := int(self._generator.integers(self.count))) < self._size:
                self.drawn[place] = example
            entry = (example.tokens, -self.count, example)
            if len(self._longest) < self._most:
                heapq.heappush(self._longest, entry)
            elif entry > self._longest[0]:
                heapq.heapreplace(self._longest, entry)

    @property
    def longest(self) -> list[Example]:
        """The longest windows, longest first."""
        return [example for _, _, example in sorted(self._longest, reverse=True)]


def _bytes(example: Example) -> int:
    """Memory of a window's arrays, which training holds for all windows."""
    arrays = (example.window.ids, example.window.token_types, example.asked.rows, example.target.gold)
    return sum(int(getattr(one, "nbytes", 0)) for one in arrays)
