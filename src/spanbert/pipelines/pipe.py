"""Many texts through a pipeline, in order and in bounded memory; with processes of their own where that is asked for.

texts --documents--> batches --predict, here or in workers--> results in order
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice, tee
from multiprocessing import get_context
from typing import Any, Literal, TypeVar, overload

from spanbert.core.errors import InputError, SpanbertError
from spanbert.core.texts import described, require_count, require_many
from spanbert.core.threads import usable_cores, wait_briefly
from spanbert.core.types import Document
from spanbert.pipelines.documents import many_documents
from spanbert.pipelines.results import AnnotatedText

_BATCH = 64  # texts a worker is given at once
_BATCHES_AHEAD = 2  # that wait for each worker
ItemT = TypeVar("ItemT")
ContextT = TypeVar("ContextT")


class Piping(ABC):
    """What answers for many texts."""

    @abstractmethod
    def predict(
        self, documents: Iterable[Document], *, task: str | None = None, batch_size: int | None = None
    ) -> Iterator[AnnotatedText]:
        """What is predicted for documents, in order."""

    @abstractmethod
    def names(self, task: str | None = None) -> list[str]:
        """The names of all tasks, or of the one that is named; refuses others."""

    @abstractmethod
    def again(self) -> Callable[[], Piping]:
        """What makes the same in another process."""

    @overload
    def pipe(
        self,
        texts: Iterable[str | Document],
        *,
        task: str | None = None,
        batch_size: int | None = None,
        as_tuples: Literal[False] = False,
        n_process: int = 1,
    ) -> Iterator[AnnotatedText]: ...
    @overload
    def pipe(
        self,
        texts: Iterable[tuple[str | Document, ContextT]],
        *,
        task: str | None = None,
        batch_size: int | None = None,
        as_tuples: Literal[True],
        n_process: int = 1,
    ) -> Iterator[tuple[AnnotatedText, ContextT]]: ...
    def pipe(
        self,
        texts: Iterable[Any],
        *,
        task: str | None = None,
        batch_size: int | None = None,
        as_tuples: bool = False,
        n_process: int = 1,
    ) -> Iterator[Any]:
        """`__call__` for many texts, batched by length, in order, in bounded memory.

        Args:
            texts: Texts and documents; read as they are needed.
            task: One task alone.
            batch_size: How many texts are held and read at once; None: one, two, four ... up to 512, so that the first
                answers come soon.
            as_tuples: The texts are (text, context) pairs, and so are the results: (result, context).
            n_process: Processes that each load the bundle and share the cores; -1: one for each core. One process uses
                all cores too, so try it. A script that asks for more needs `if __name__ == "__main__":`.

        Raises:
            InputError: One text in place of many, something else than texts, or no task that reads them.
        """
        if batch_size is not None:
            require_count(batch_size, "batch_size")
        if n_process != -1:
            require_count(n_process, "n_process")
        if as_tuples:
            own, contexts = _paired(texts)
            found = self.pipe(own, task=task, batch_size=batch_size, n_process=n_process)
            return zip(found, contexts)
        documents = many_documents(texts)
        if n_process == 1:
            return self.predict(documents, task=task, batch_size=batch_size)
        self.names(task)  # refuses before processes are started
        processes = n_process if n_process > 0 else usable_cores()
        return _in_processes(self.again(), documents, task=task, size=batch_size or _BATCH, processes=processes)


def batches(items: Iterable[ItemT], size: int) -> Iterator[list[ItemT]]:
    """Lists of `size` items, the last with the rest."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _paired(pairs: Iterable[Any]) -> tuple[Iterator[Any], Iterator[Any]]:
    """The texts of (text, context) pairs, and the contexts, each read as it is needed."""
    require_many(pairs, "texts")
    first, second = tee(_checked_pairs(pairs))
    return (text for text, _ in first), (context for _, context in second)


def _checked_pairs(pairs: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    for number, pair in enumerate(pairs):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            where, expected = f"texts[{number}]", "(text, context), as as_tuples=True says"
            raise InputError("not a text with its context", where=where, got=described(pair), expected=expected)
        yield pair[0], pair[1]


def _in_processes(
    make: Callable[[], Piping], documents: Iterable[Document], *, task: str | None, size: int, processes: int
) -> Iterator[AnnotatedText]:
    """What a pipeline predicts, by processes that each make it; two batches a process are waiting.

    They are started anew (`spawn`): a copy of a process whose threads compute may hang.
    """
    threads = max(1, usable_cores() // processes)
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(make, threads))
    waiting: deque[Future[list[AnnotatedText]]] = deque()
    try:
        for batch in batches(documents, size):
            waiting.append(pool.submit(_answer, batch, task))
            if len(waiting) > _BATCHES_AHEAD * processes:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    except BrokenProcessPool:
        raise SpanbertError(
            "a process ended before it was done: too little memory, or a script whose calls are not within "
            '`if __name__ == "__main__":`'
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


_own: list[Piping] = []  # of this worker


def _begin(make: Callable[[], Piping], threads: int) -> None:
    wait_briefly()
    from spanbert.core.threads import use_threads

    use_threads(threads)
    _own.append(make())


def _answer(batch: list[Document], task: str | None) -> list[AnnotatedText]:
    return list(_own[0].predict(batch, task=task, batch_size=len(batch)))
