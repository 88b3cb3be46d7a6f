"""Documents to predictions: windows packed by length, one pass of the encoder for all tasks that read the plain text.

Memory is bounded by a chunk of documents (and the longest document); order is kept. Windows are made, and their outputs
go to the decoders of their documents, stretch by stretch: those of a book, or of all pairs of many entities, are never
held together.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import tee
from typing import Any, NamedTuple

from spanbert.batches.examples import Window, batches_by_length
from spanbert.core.types import Document, Record
from spanbert.inference.ahead import made_ahead
from spanbert.inference.backend import Backend, Outputs
from spanbert.inference.work import ChunkProgress, Work
from spanbert.tasks.protocol import Generated, TextTask, WindowedDocument

_BATCHES_A_STRETCH = 8
_DOCUMENTS_AT_ONCE = 512
_CHARACTERS_AT_ONCE = 250_000
Predictions = Record  # by task


class _Asked(NamedTuple):
    """A window, and what is asked about it.

    Attributes:
        document: Number of its document.
        window: What the encoder reads.
        asked: The rows that each task reads, or what should be written.
        characters: Its share of the text, for progress.
    """

    document: int
    window: Window
    asked: tuple[Any, ...]
    characters: float


Compute = Callable[[Sequence[_Asked]], Mapping[str, Sequence[Any]]]  # windows to outputs, by task


class Predictor:
    """Tasks, and the backend that computes for them.

    Args:
        backend: Encoder and heads, by the tasks' names.
        tasks: By name.
    """

    def __init__(self, backend: Backend, tasks: Mapping[str, TextTask]) -> None:
        self.backend, self.tasks = backend, tasks

    def only(self, names: Sequence[str]) -> Predictor:
        """The same backend with some of the tasks."""
        return Predictor(self.backend, {name: self.tasks[name] for name in names})

    def predict(
        self, documents: Iterable[Document], *, progress: ChunkProgress | None = None
    ) -> Iterator[tuple[Document, Predictions]]:
        """Each document with the prediction of every task, in order.

        Args:
            documents: Read as they are needed.
            progress: Is told how far each chunk is.
        """
        for chunk in chunks(documents):
            yield from zip(chunk, self.predict_chunk(chunk, Work(progress, self.cost(chunk))), strict=True)

    def cost(self, documents: Sequence[Document]) -> int:
        """How many characters are read of some documents, pass by pass."""
        return len(self._passes()) * _characters(documents)

    def predict_chunk(self, documents: Sequence[Document], work: Work | None = None) -> list[Predictions]:
        """The predictions of every task for some documents, held in memory together.

        Args:
            documents: The documents.
            work: Takes in the characters that have been read; `cost` of them in all.
        """
        predictions: list[Predictions] = [{} for _ in documents]
        for names in self._passes():
            make = self.tasks[names[0]].tokenize
            tokenized = made_ahead(make, documents) if self.backend.works_apart else make(documents)
            for prediction, found in zip(predictions, self._one_pass(names, tokenized, work), strict=True):
                prediction |= found
        return [{name: found[name] for name in self.tasks} for found in predictions]

    def _passes(self) -> list[list[str]]:
        """Which tasks share a pass of the encoder."""
        groups: dict[Hashable, list[str]] = {}
        for name, task in self.tasks.items():
            groups.setdefault(task.window if task.shares_encoder_pass else name, []).append(name)
        return list(groups.values())

    def _one_pass(
        self, names: Sequence[str], tokenized: Iterable[WindowedDocument], work: Work | None
    ) -> Iterator[Predictions]:
        """The predictions of tasks that read the same windows, which the first of them makes for all."""
        done = work or Work(None, 0)
        compute = self._reading(names) if self.tasks[names[0]].generation is None else self._writing(names[0])
        to_ask, to_decode = tee(tokenized)
        computed = _in_order(
            self._asked(names, to_ask),
            compute,
            lambda batch: done.add(sum(one.characters for one in batch)),
            at_once=self.backend.tokens_at_once,
        )
        following = next(computed, None)
        for number, windowed in enumerate(to_decode):
            decoders = {name: self.tasks[name].decoder(windowed) for name in names}
            left = float(len(windowed.document.text))
            while following is not None and following[0].document == number:
                asked, output = following
                for name, decoder in decoders.items():
                    decoder.add(output[name])
                left -= asked.characters
                following = next(computed, None)
            done.add(max(left, 0.0))  # of windows that are not read, or a text without any
            yield {name: decoder.finish() for name, decoder in decoders.items()}

    def _asked(self, names: Sequence[str], tokenized: Iterable[WindowedDocument]) -> Iterator[_Asked]:
        """What is asked about each window, document by document; made as it is needed."""
        first = self.tasks[names[0]]
        for number, windowed in enumerate(tokenized):
            characters = len(windowed.document.text) / max(len(windowed.windows), 1)
            if first.generation is None:
                of_window = zip(*(self.tasks[name].rows(windowed) for name in names), strict=True)
            else:
                of_window = zip(first.references(windowed), strict=True)
            for window, asked in zip(first.windows(windowed), of_window, strict=True):
                yield _Asked(number, window, asked, characters)

    def _writing(self, name: str) -> Compute:
        """What lets the head of a task that writes write for windows."""
        options = self.tasks[name].generation
        assert options is not None

        def generate(batch: Sequence[_Asked]) -> dict[str, list[Generated]]:
            windows, references = [one.window for one in batch], [one.asked[0] for one in batch]
            return {name: self.backend.generate(windows, name, options, references)}

        return generate

    def _reading(self, names: Sequence[str]) -> Compute:
        """What runs the encoder on windows, once for all heads."""

        def run(batch: Sequence[_Asked]) -> Outputs:
            rows = {name: [one.asked[place] for one in batch] for place, name in enumerate(names)}
            return self.backend.run([one.window for one in batch], rows)

        return run


def _in_order(
    asked: Iterable[_Asked], compute: Compute, tell: Callable[[Sequence[_Asked]], None], *, at_once: int
) -> Iterator[tuple[_Asked, dict[str, Any]]]:
    """What is computed for each window, by task, in their order; no more windows and outputs are held than a stretch.

    Windows of a stretch are computed in batches of about equal lengths.

    Args:
        asked: Windows, and what is asked about them.
        compute: Some of them to what is computed for each, by task.
        tell: Is told each batch that is done.
        at_once: Tokens of a batch.
    """
    for stretch in _stretches(asked, _BATCHES_A_STRETCH * at_once):
        found: list[dict[str, Any]] = [{} for _ in stretch]
        for places in batches_by_length([len(one.window.ids) for one in stretch], at_once):
            batch = [stretch[place] for place in places]
            for name, outputs in compute(batch).items():
                for place, output in zip(places, outputs, strict=True):
                    found[place][name] = output
            tell(batch)
        yield from zip(stretch, found, strict=True)


def _stretches(asked: Iterable[_Asked], most_tokens: int) -> Iterator[list[_Asked]]:
    """Neighbouring windows of so many tokens that batches of equal lengths can be made of them."""
    stretch: list[_Asked] = []
    tokens = 0
    for one in asked:
        stretch.append(one)
        tokens += len(one.window.ids)
        if tokens >= most_tokens:
            yield stretch
            stretch, tokens = [], 0
    if stretch:
        yield stretch


def _characters(documents: Iterable[Document]) -> int:
    return sum(len(document.text) for document in documents)


def chunks(documents: Iterable[Document], more_at_hand: Callable[[], bool] | None = None) -> Iterator[list[Document]]:
    """One document, then two, four and so on up to the limits, so that the first answer comes quickly.

    Args:
        documents: Read as they are needed.
        more_at_hand: Whether another can be had without waiting; where it cannot, a chunk ends. None: always.
    """
    chunk: list[Document] = []
    characters, most = 0, 1
    for document in documents:
        chunk.append(document)
        characters += len(document.text)
        full = len(chunk) >= most or characters >= _CHARACTERS_AT_ONCE
        if full or (more_at_hand is not None and not more_at_hand()):
            yield chunk
            chunk, characters = [], 0
            most = min(2 * most, _DOCUMENTS_AT_ONCE)
    if chunk:
        yield chunk
