"""How the results and scores of a kind of task are shown: its `TaskRender`, torch-free.

    result --record--> JSON        result --html--> a page        result --columns, lines--> a file of columns
    entry of a manifest, scores --in_words, figure, remarks, python ...--> the report of a run

A kind must define the content of a record and the meaning of an entry; all else has a default.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar, Generic, NamedTuple, TypeVar

from spanbert.core.html.style import Palette, escaped
from spanbert.core.types import Document, Facts, Record, Scores, Span, brief

ResultT = TypeVar("ResultT")


class Figure(NamedTuple):
    """What people call a score, what it means, and what the hub calls it."""

    name: str
    meaning: str = ""
    hub: str | None = None


_COMMON = {  # scores that several kinds have
    "accuracy": Figure("accuracy", "share that got the right label", "accuracy"),
    "f1": Figure("F1", "harmonic mean of precision and recall", "f1"),
    "precision": Figure("precision", "share of what was found that is right", "precision"),
    "recall": Figure("recall", "share of what is there that was found", "recall"),
    "macro_f1": Figure("macro F1", "mean F1 of the labels: rare ones count as much as frequent ones", "f1"),
    "micro_f1": Figure("micro F1", "F1 over all labels together: frequent ones weigh more", "f1"),
    "ece": Figure("ECE", "expected calibration error: mean distance between how sure and how often right"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class WordColumns:
    """What a file of columns holds of a result.

    Attributes:
        words: The words of the text.
        columns: Each with a cell for every word; may raise `InputError` where a column cannot hold it.
        before: Lines of the file that the text came from which stand before its words and say nothing of it.
    """

    words: Sequence[Span]
    columns: Iterable[Sequence[str]]
    before: Sequence[str] = ()


class TaskRender(ABC, Generic[ResultT]):
    """Shows results, and the scores of a fine-tuned task, whose facts are its entry in a manifest.

    Of all kinds, reports draw what scores hold under `confusion` (`labels`, `matrix`), `confusions` (gold, predicted,
    count), `missed` and `spurious` (entities), `reliability`, `best` (like mistakes) and `alignments` (`source`,
    `target`, `weights`).

    Attributes:
        shows_text: Whether `html` shows the text itself.
        in_columns: What a file of columns can hold of its results (`tags`); empty: nothing.
        columns_of: What messages call a task that finds that, with its article.
        figures: Its scores by their keys, in addition to the common ones or in place of them.
        units: Scores that say how much was scored.
        falling: Scores of which less is better; the picture of scores leaves them out.
        as_text: Its results are texts, which can stand in a file line by line.
    """

    shows_text: ClassVar[bool] = False
    in_columns: ClassVar[str] = ""
    columns_of: ClassVar[str] = ""
    figures: ClassVar[Mapping[str, Figure]] = {}
    units: ClassVar[tuple[str, ...]] = ("examples",)
    falling: ClassVar[frozenset[str]] = frozenset()
    as_text: ClassVar[bool] = False

    @abstractmethod
    def record(self, text: str, result: ResultT) -> Record:
        """A result as JSON, without the text and its id."""

    def places(self, result: ResultT) -> Iterator[Span]:
        """Every place in the text that a result names."""
        return iter(())

    def html(self, text: str, result: ResultT, palette: Palette) -> str:
        """A result for people: by default, the fields of its record.

        Args:
            text: The text.
            result: What was predicted.
            palette: The colours of the page.
        """
        facts = (
            f'{escaped(name)} <b class="sb-number">{escaped(value if isinstance(value, str) else brief(value))}</b>'
            for name, value in self.record(text, result).items()
        )
        return f'<p class="sb-note">{"; ".join(facts)}</p>'

    def cells(self, text: str, result: ResultT) -> Record:
        """A result in a few short values by their names, for a row of a table and for one line: by default its record.

        Args:
            text: The text.
            result: What was predicted.
        """
        return self.record(text, result)

    def columns(self, document: Document, result: ResultT) -> WordColumns | None:
        """A result as columns next to the words; None: it is in `lines`. Not called if `in_columns` is empty.

        Args:
            document: The text, with its id for messages.
            result: What was predicted.
        """
        return None

    def lines(self, document: Document, result: ResultT) -> Iterator[str] | None:
        """A result as lines of a file that holds no other task's results; None: it is in `columns`.

        Args:
            document: The document that was read, with what its format needs to write it back.
            result: What was predicted.
        """
        return None

    def text(self, result: ResultT) -> Iterator[str]:
        """A result as texts without line breaks, the best first; not called unless `as_text`."""
        return iter(())

    @abstractmethod
    def in_words(self, entry: Facts) -> str:
        """What a task is, from its entry."""

    def figure(self, key: str) -> Figure:
        """What people call a score."""
        return self.figures.get(key) or _COMMON.get(key) or Figure(key.replace("_", " "))

    def hub_figures(self, scores: Scores) -> list[tuple[str, str, float]]:
        """The scores that the hub has a name for: that name, ours, the value."""
        found = []
        for key, value in scores.items():
            figure = self.figure(key)
            if figure.hub is not None and isinstance(value, int | float):
                found.append((figure.hub, figure.name, float(value)))
        return found

    def labels(self, entry: Facts) -> list[str]:
        """What a task tells apart, for the model card."""
        return [str(label) for label in entry.get("labels", ())]

    def intended(self, entry: Facts) -> str:
        """What a task is for, for the model card: a sentence."""
        return f"{self.in_words(entry).capitalize()}."

    def limits(self, entry: Facts) -> list[str]:
        """What a task does not do, or not well, for the model card: sentences."""
        return []

    def elsewhere(self, entry: Facts) -> list[str]:
        """What programs leave out that compute with its weights alone, for the model card: sentences."""
        return []

    def by_label(self, scores: Scores) -> Mapping[str, Facts]:
        """F1, precision, recall, gold and predicted of each label; nothing where there are no labels."""
        found: Mapping[str, Facts] = scores.get("by_label", {})
        return found

    def nothing(self, entry: Facts) -> str:
        """What "-" means among the confusions."""
        return "-"

    def remarks(self, entry: Facts, scores: Scores) -> list[str]:
        """What a reader should know before believing the scores, which are empty where nothing was scored."""
        return []

    def sureness(self, entry: Facts) -> str:
        """The heading of the column that says how bad a mistake is."""
        return "how sure"

    def python_input(self, entry: Facts) -> list[str]:
        """The lines of Python that make what `python` reads."""
        return ['text = "Any text, as long as you like."']

    def python(self, entry: Facts) -> str:
        """The line of Python that asks a loaded bundle, `nlp`, for its results."""
        return "nlp(text)"


def span_record(text: str, span: Span) -> Record:
    """A span as JSON, with its characters, without a label or score that it does not have."""
    said = {name: value for name, value in asdict(span).items() if value is not None}
    return {**said, "text": text[span.start : span.end]}


def threshold_remark(entry: Facts, meaning: str) -> str:
    """Where a task's threshold comes from.

    Args:
        entry: Of a task that has one.
        meaning: What it decides.
    """
    chosen = "set by hand" if entry["options"]["threshold"] is not None else "tuned on this dev data"
    return f"Threshold, {chosen}: {meaning}."
