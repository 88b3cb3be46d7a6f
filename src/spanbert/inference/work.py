"""How far a chunk of documents is, and with it a whole source: what progress shows while a long text is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from spanbert.core.reporter import Reporter
from spanbert.core.types import Document

ChunkProgress = Callable[[float], None]  # is told the share of a chunk that is done, 0 when it begins


class Work:
    """Adds up what has been read of a chunk.

    Args:
        tell: Is told the share, 0..1; None: nobody asks.
        total: How much there is.
    """

    def __init__(self, tell: ChunkProgress | None, total: float) -> None:
        self._tell, self._total, self._done = tell, total, 0.0
        self.add(0.0)

    def add(self, amount: float) -> None:
        """So much more is done."""
        self._done += amount
        if self._tell is not None:
            self._tell(min(self._done / self._total, 1.0) if self._total else 0.0)


class SourceProgress:
    """Shows what share of a source is done, from where its chunks begin and end.

    Args:
        reporter: Receives it.
        stage: What it is called.
        read: How much of the source has been read for the chunks so far, the one that is worked on included.
        size: How much there is.
    """

    def __init__(self, reporter: Reporter, stage: str, read: Callable[[], float], size: float) -> None:
        self._reporter, self._stage, self._read, self._size = reporter, stage, read, max(size, 1)
        self._low = self._high = 0.0

    def __call__(self, share: float) -> None:
        """Takes in the share of the chunk that is done."""
        if not share:
            self._low, self._high = self._high, self._read()
        done = self._low + share * (self._high - self._low)
        self._reporter.update(self._stage, min(done / self._size, 1.0), {})


def followed(
    read: Callable[[], Iterable[Document]], reporter: Reporter | None, stage: str
) -> tuple[CountedCharacters, ChunkProgress | None]:
    """Documents, and what is told how far they are; with a reporter they are read once before, to count them.

    Args:
        read: Reads them from the beginning.
        reporter: Receives progress.
        stage: What it is called.
    """
    documents = CountedCharacters(read())
    if reporter is None:
        return documents, None
    size = sum(len(document.text) for document in read())
    return documents, SourceProgress(reporter, stage, lambda: documents.characters, size)


class CountedCharacters:
    """Documents that pass by, and how many characters they have.

    Args:
        documents: Read as they are needed.
    """

    def __init__(self, documents: Iterable[Document]) -> None:
        self._documents, self.characters = documents, 0

    def __iter__(self) -> Iterator[Document]:
        for document in self._documents:
            self.characters += len(document.text)
            yield document
