"""What the head of coreference is the same in torch and without: torch-free."""

from __future__ import annotations

WORDS_AT_ONCE = 512  # whose spans are scored together; as many as a usual window has at most
NORM_EPSILON = 1e-5
