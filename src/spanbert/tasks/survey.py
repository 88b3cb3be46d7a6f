"""One pass over a labelled file: what the surveys of all kinds of task count and remember, and its repair."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from spanbert.core.errors import InputError
from spanbert.core.findings import SHOWN, Ledger, Rule, difference, excerpt
from spanbert.core.hashes import Repeats, TextHashes
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.io.files import OnBroken
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tokens.tokenizer import TokenizerAdapter
from spanbert.tokens.unknown import UnknownPieces

TaskT = TypeVar("TaskT")
DUPLICATES = Rule(
    severity="warning",
    name="duplicates",
    what="duplicates: a text that occurred before with the same labels",
    remedy="They weigh more in training, and in dev data in the scores",
)


BROKEN = Rule(
    severity="error",
    name="broken",
    what="texts that cannot be read",
    remedy="Correct them; --fix leaves them out",
)


def leave_out(error: InputError) -> None:
    """Rows and texts that cannot be used are noted once, in the first pass."""


class Item(NamedTuple):
    """An item that may occur twice: a labelled text, or a question about one."""

    where: str
    text: str
    label: str


class Survey(ABC, Generic[TaskT]):
    """Collects what is in one file; a task's spec names the survey of its kind.

    Attributes:
        conflicts: The rule for items that occur several times with different labels.
        duplicates: The same, with the same labels.
        unusable: The rule for rows or texts that cannot be read.

    Args:
        data: The file.
        config: Settings of the kind of task.
        tokenizer: The model's.
        task: The task that the training file defines; None if it defines none.
        name: What the file is called in the report.
    """

    conflicts: Rule
    duplicates: Rule = DUPLICATES
    unusable: Rule = BROKEN

    def __init__(
        self, data: DataFile, config: Any, tokenizer: TokenizerAdapter, task: TaskT | None, *, name: str
    ) -> None:
        self.data, self.config, self.tokenizer, self.task, self.name = data, config, tokenizer, task, name
        self.path = data.path
        self.ledger = Ledger(name)
        self.texts = self.windows = self.cut = 0
        self.labels: Counter[str] = Counter()
        self.lengths: Counter[int] = Counter()
        self.unknown = UnknownPieces(tokenizer)
        self.items, self.whole_texts = TextHashes(), TextHashes()

    def read(self, on_broken: OnBroken = leave_out) -> Iterator[Document]:
        """The documents of the file.

        Args:
            on_broken: Called with the error of each row or text that cannot be used and is left out.

        Raises:
            InputError: The file cannot be read.
        """
        return self.data.documents(on_broken)

    @abstractmethod
    def items_of(self, document: Document) -> Iterator[Item]:
        """The items of a document that may occur twice; in the order of the file."""

    @abstractmethod
    def look(self, document: Document) -> Document:
        """Counts labels and checks what needs no pieces; returns what of the document can be tokenised."""

    @abstractmethod
    def examine(self, windowed: WindowedDocument, task: TaskT) -> None:
        """Checks what needs pieces."""

    @abstractmethod
    def repair(self, repeats: Repeats, target: Path) -> Mapping[str, int]:
        """Writes a repaired copy of the file, in the same format; everything that is right stays as it was.

        Args:
            repeats: Which items come again.
            target: The copy.

        Returns:
            How often each thing was done.

        Raises:
            InputError: Something that only a person can fix.
        """

    def documents(self) -> Iterator[Document]:
        """The documents, in the first pass; broken ones are noted."""
        return self.read(self.broken)

    def broken(self, error: InputError) -> None:
        """Takes in a row or text that cannot be used."""
        where = (error.where or "").removeprefix(f"{self.path.parent}/")
        got = f"; got {error.got}" if error.got is not None else ""
        self.ledger.add(self.unusable, f"{where} {error.what}{got}")

    def numbers(self) -> dict[str, float]:
        """Of a regression: the range and the mean of its numbers; empty for labels."""
        return {}

    def counts(self) -> dict[str, int]:
        """What else there is in the file, by name."""
        return {}

    def fact_lines(self) -> list[tuple[str, str]]:
        """The counts for people, as (name, words) pairs."""
        return [(name.replace("_", " "), f"{count:,}") for name, count in self.counts().items()]

    def left_out(self) -> Counter[str]:
        """The count of unreadable texts that a copy leaves out."""
        return Counter({"texts that cannot be read left out": self.ledger.count(self.unusable)})

    def texts_of(self, document: Document) -> Iterator[Item]:
        """What dev data should not share with training data: by default, the items."""
        return self.items_of(document)

    def length(self, windowed: WindowedDocument) -> int:
        """Pieces of a text."""
        return len(windowed.pieces.ids)

    def first_look(self, document: Document) -> Document:
        """Takes in a document before it is tokenised."""
        self.texts += 1
        for item in self.items_of(document):
            self.items.add(item.text, item.label)
        for item in self.texts_of(document):
            self.whole_texts.add(item.text)
        return self.look(document)

    def take(self, windowed: WindowedDocument) -> None:
        """Takes in a document as the encoder reads it."""
        where = self.place(windowed.document)
        self.lengths[self.length(windowed)] += 1
        self.windows += len(windowed.windows)
        self.cut += self.is_cut(windowed)
        self.unknown.take(windowed.document, windowed.pieces, where)
        if self.task is not None:
            self.examine(windowed, self.task)

    def finish(self) -> None:
        """Records the findings at the end of the pass: by default, none."""

    def is_cut(self, windowed: WindowedDocument) -> bool:
        """Whether a text needs more than one window."""
        return len(windowed.windows) > 1

    def place(self, document: Document) -> str:
        """File and line of a document, without folders."""
        return document.place.removeprefix(f"{self.path.parent}/")

    def shown(self, document: Document, span: Span | None = None) -> str:
        """File and line of a document, with the beginning of its text or of a stretch of it."""
        return (
            f"{self.place(document)} {excerpt(document.text if span is None else document.text[span.start : span.end])}"
        )

    def tell(self) -> Repeats:
        """Records the findings of the whole file; reads it again if an item is repeated."""
        self.unknown.tell(self.ledger)
        repeats = self.items.repeats()
        conflicts, again = _first(repeats.differs_N), _first(repeats.again_N)
        first = {place: int(repeats.first_N[place]) for place in (*conflicts, *again)}
        found = self.found_again({*first, *first.values()}, self.items_of)
        for rule, places, count in (
            (self.conflicts, conflicts, int(repeats.conflict_N.sum())),
            (self.duplicates, again, int(repeats.again_N.sum())),
        ):
            for place in places:
                one, other = found[first[place]], found[place]
                labels = f": {difference(one.label, other.label)}" if rule is self.conflicts else ""
                self.ledger.add(rule, f"{one.where} and {other.where} {excerpt(other.text)}{labels}")
            if count:
                self.ledger.add(rule, times=count - len(places))
        return repeats

    def found_again(self, wanted: set[int], items: Callable[[Document], Iterator[Item]]) -> dict[int, Item]:
        """Reads the file again for some items by their numbers."""
        found: dict[int, Item] = {}
        if not wanted:
            return found
        numbered = enumerate(item for document in self.read() for item in items(document))
        for number, item in numbered:
            if number in wanted:
                found[number] = item
            if len(found) == len(wanted):
                break
        return found


def _first(mask_N: Any) -> list[int]:
    return [int(place) for place in mask_N.nonzero()[0][:SHOWN]]
