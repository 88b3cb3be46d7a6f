"""Exact de-duplication of documents by the hash of their text."""

from __future__ import annotations

import hashlib


class DuplicateFilter:
    """Remembers a 128-bit hash of every text it has seen (about 100 bytes of memory a document)."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def is_new(self, text: str) -> bool:
        """Whether no equal text was seen before; remembers this one."""
        digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        if digest in self._seen:
            return False
        self._seen.add(digest)
        return True
