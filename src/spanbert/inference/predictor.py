"""Documents to predictions: windows packed by length, one pass of the encoder for all tasks that read the plain text.

Memory is bounded by a chunk of documents (and the longest document); order is kept. Outputs go to the decoders of their
documents stretch by stretch, so that those of a book are never held together.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from spanbert.batches.examples import HeadRows, Window, batches_by_length
from spanbert.core.types import Document, Record
from spanbert.inference.backend import Backend, Outputs
from spanbert.inference.work import ChunkProgress, Work
from spanbert.tasks.protocol import Generated, TextTask, WindowedDocument

_TOKENS_AT_ONCE = 4096
_TOKENS_A_STRETCH = 8 * _TOKENS_AT_ONCE
_DOCUMENTS_AT_ONCE = 512
_CHARACTERS_AT_ONCE = 250_000
Predictions = Record  # by task
Compute = Callable[[Sequence[int]], Mapping[str, Sequence[Any]]]  # numbers of windows to outputs, by task


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
            tokenized = self.tasks[names[0]].tokenize(documents)
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
        self, names: Sequence[str], tokenized: Sequence[WindowedDocument], work: Work | None
    ) -> Iterator[Predictions]:
        """The predictions of tasks that read the same windows, which the first of them makes for all."""
        own_windows = [self.tasks[names[0]].windows(windowed) for windowed in tokenized]
        windows = [window for own in own_windows for window in own]
        if self.tasks[names[0]].generation is not None:
            compute = self._writing(names[0], tokenized, windows)
        else:
            asked = {name: [one for windowed in tokenized for one in self.tasks[name].rows(windowed)] for name in names}
            compute = self._reading(windows, asked)
        lengths = [len(window.ids) for window in windows]
        characters = _characters([one.document for one in tokenized]) / max(sum(lengths), 1)  # a token
        done = work or Work(None, 0)
        outputs = _in_order(lengths, names, compute, lambda tokens: done.add(characters * tokens))
        for windowed, own in zip(tokenized, own_windows, strict=True):
            decoders = {name: self.tasks[name].decoder(windowed) for name in names}
            for output in islice(outputs, len(own)):
                for name, decoder in decoders.items():
                    decoder.add(output[name])
            yield {name: decoder.finish() for name, decoder in decoders.items()}

    def _writing(self, name: str, tokenized: Sequence[WindowedDocument], windows: Sequence[Window]) -> Compute:
        """What lets the head of a task that writes write for windows."""
        task = self.tasks[name]
        assert task.generation is not None
        options = task.generation
        references = [one for windowed in tokenized for one in task.references(windowed)]

        def generate(batch: Sequence[int]) -> dict[str, list[Generated]]:
            picked = [windows[index] for index in batch]
            return {name: self.backend.generate(picked, name, options, [references[index] for index in batch])}

        return generate

    def _reading(self, windows: Sequence[Window], asked: Mapping[str, Sequence[HeadRows]]) -> Compute:
        """What runs the encoder on windows, once for all heads."""

        def run(batch: Sequence[int]) -> Outputs:
            picked = {name: [own[index] for index in batch] for name, own in asked.items()}
            return self.backend.run([windows[index] for index in batch], picked)

        return run


def _in_order(
    lengths: Sequence[int], names: Sequence[str], compute: Compute, tell: Callable[[int], None]
) -> Iterator[dict[str, Any]]:
    """What is computed for each window, by task, in the order of the windows, and no more of it held than of a stretch.

    Windows of a stretch are computed in batches of about equal lengths.

    Args:
        lengths: Tokens of each window.
        names: Tasks that something is computed for.
        compute: Numbers of windows to what is computed for each, by task.
        tell: Is told the tokens of each batch that is done.
    """
    for start, stop in _stretches(lengths):
        found: list[dict[str, Any]] = [{} for _ in range(start, stop)]
        for batch in batches_by_length(lengths[start:stop], _TOKENS_AT_ONCE):
            computed = compute([start + index for index in batch])
            for name in names:
                for index, output in zip(batch, computed[name], strict=True):
                    found[index][name] = output
            tell(sum(lengths[start + index] for index in batch))
        yield from found


def _stretches(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring windows, half-open, of so many tokens that batches of equal lengths can be made of them."""
    start = tokens = 0
    for stop, length in enumerate(lengths, start=1):
        tokens += length
        if tokens >= _TOKENS_A_STRETCH or stop == len(lengths):
            yield start, stop
            start, tokens = stop, 0


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
