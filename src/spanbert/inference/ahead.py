"""Texts that are turned into pieces ahead of the device that reads them.

documents --a thread, some at a time--> what was made of them --in order, as it is needed--> windows

While a device computes a batch, the tokenizer works on the texts of the next ones; no more than a few parts wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from spanbert.core.types import Document

MadeT = TypeVar("MadeT")
_DOCUMENTS_A_PART = 64
_PARTS_WAITING = 2


def made_ahead(make: Callable[[Sequence[Document]], Sequence[MadeT]], documents: Sequence[Document]) -> Iterator[MadeT]:
    """What is made of each document, in order; a thread makes the next parts while the caller is busy with this one.

    Args:
        make: Some documents to as many results.
        documents: All of them.
    """
    parts = [documents[first : first + _DOCUMENTS_A_PART] for first in range(0, len(documents), _DOCUMENTS_A_PART)]
    waiting: deque[Future[Sequence[MadeT]]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="tokenizer") as pool:
        try:
            for part in parts:
                waiting.append(pool.submit(make, part))
                if len(waiting) > _PARTS_WAITING:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
