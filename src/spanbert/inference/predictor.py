"""Documents to predictions: windows packed by length, one pass of the encoder for all tasks that read the plain text.

Memory is bounded by a chunk of documents (and the longest document); order is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from spanbert.batches.examples import HeadRows, Window, batches_by_length
from spanbert.core.types import Document, Record
from spanbert.inference.backend import Backend, Outputs
from spanbert.tasks.protocol import TextTask, WindowedDocument

_TOKENS_AT_ONCE = 4096
_DOCUMENTS_AT_ONCE = 512
_CHARACTERS_AT_ONCE = 250_000
Predictions = Record  # by task


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

    def predict(self, documents: Iterable[Document]) -> Iterator[tuple[Document, Predictions]]:
        """Each document with the prediction of every task, in order.

        Args:
            documents: Read as they are needed.
        """
        for chunk in chunks(documents):
            yield from zip(chunk, self.predict_chunk(chunk), strict=True)

    def predict_chunk(self, documents: Sequence[Document]) -> list[Predictions]:
        """The predictions of every task for some documents, held in memory together."""
        predictions: list[Predictions] = [{} for _ in documents]
        for names in self._passes():
            tokenized = self.tasks[names[0]].tokenize(documents)
            for number, found in enumerate(self._one_pass(names, tokenized)):
                predictions[number] |= found
        return [{name: found[name] for name in self.tasks} for found in predictions]

    def _passes(self) -> list[list[str]]:
        """Which tasks share a pass of the encoder."""
        groups: dict[Hashable, list[str]] = {}
        for name, task in self.tasks.items():
            groups.setdefault(task.window if task.shares_encoder_pass else name, []).append(name)
        return list(groups.values())

    def _one_pass(self, names: Sequence[str], tokenized: Sequence[WindowedDocument]) -> list[Predictions]:
        """The predictions of tasks that read the same windows, which the first of them makes for all."""
        windows = [self.tasks[names[0]].windows(windowed) for windowed in tokenized]
        options = self.tasks[names[0]].generation
        if options is not None:
            return self._written(names[0], tokenized, windows, options)
        asked = {name: [one for windowed in tokenized for one in self.tasks[name].rows(windowed)] for name in names}
        outputs = self.outputs([one for own in windows for one in own], asked)
        found = []
        first = 0
        for windowed, own in zip(tokenized, windows, strict=True):
            last = first + len(own)
            found.append({name: self.tasks[name].decode(windowed, outputs[name][first:last]) for name in names})
            first = last
        return found

    def _written(
        self,
        name: str,
        tokenized: Sequence[WindowedDocument],
        windows: Sequence[Sequence[Window]],
        options: Mapping[str, float],
    ) -> list[Predictions]:
        """The predictions of a task whose head writes."""
        task = self.tasks[name]
        flat = [one for own in windows for one in own]
        references = [one for windowed in tokenized for one in task.references(windowed)]
        outputs: list[Any] = [None] * len(flat)
        for batch in batches_by_length([len(window.ids) for window in flat], _TOKENS_AT_ONCE):
            own = [references[index] for index in batch]
            written = self.backend.generate([flat[index] for index in batch], name, options, own)
            for index, one in zip(batch, written, strict=True):
                outputs[index] = one
        found = []
        first = 0
        for windowed, own_windows in zip(tokenized, windows, strict=True):
            last = first + len(own_windows)
            found.append({name: task.decode(windowed, outputs[first:last])})
            first = last
        return found

    def outputs(self, windows: Sequence[Window], asked: Mapping[str, Sequence[HeadRows]]) -> Outputs:
        """The output of each head for each window, in order.

        Args:
            windows: What the encoder reads, once for all heads.
            asked: By task, what its head is asked about each window.
        """
        outputs: dict[str, list[Any]] = {name: [None] * len(windows) for name in asked}
        for batch in batches_by_length([len(window.ids) for window in windows], _TOKENS_AT_ONCE):
            picked = {name: [own[index] for index in batch] for name, own in asked.items()}
            for name, arrays in self.backend.run([windows[index] for index in batch], picked).items():
                for index, array in zip(batch, arrays, strict=True):
                    outputs[name][index] = array
        return outputs


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
