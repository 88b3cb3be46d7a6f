"""Documents to predictions: windows packed by length, one pass of the encoder for all tasks that read the plain text.

Memory is bounded by a chunk of documents (and the longest document); order is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from spanbert.batches.examples import HeadRows, Window, batches_by_length
from spanbert.core.types import Document, Record
from spanbert.inference.backend import Backend, Outputs
from spanbert.tasks.protocol import Generated, TextTask, WindowedDocument

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
        own_windows = [self.tasks[names[0]].windows(windowed) for windowed in tokenized]
        windows = [window for own in own_windows for window in own]
        if self.tasks[names[0]].generation is not None:
            outputs: Mapping[str, list[Any]] = {names[0]: self._written(names[0], tokenized, windows)}
        else:
            asked = {name: [one for windowed in tokenized for one in self.tasks[name].rows(windowed)] for name in names}
            outputs = self.outputs(windows, asked)
        found = []
        first = 0
        for windowed, own in zip(tokenized, own_windows, strict=True):
            last = first + len(own)
            found.append({name: self.tasks[name].decode(windowed, outputs[name][first:last]) for name in names})
            first = last
        return found

    def _written(self, name: str, tokenized: Sequence[WindowedDocument], windows: Sequence[Window]) -> list[Generated]:
        """What the head of a task that writes wrote for each window."""
        task = self.tasks[name]
        assert task.generation is not None
        options = task.generation
        references = [one for windowed in tokenized for one in task.references(windowed)]

        def generate(batch: Sequence[int]) -> dict[str, list[Generated]]:
            picked = [windows[index] for index in batch]
            return {name: self.backend.generate(picked, name, options, [references[index] for index in batch])}

        return _by_length(windows, [name], generate)[name]

    def outputs(self, windows: Sequence[Window], asked: Mapping[str, Sequence[HeadRows]]) -> Outputs:
        """The output of each head for each window, in order.

        Args:
            windows: What the encoder reads, once for all heads.
            asked: By task, what its head is asked about each window.
        """

        def run(batch: Sequence[int]) -> Outputs:
            picked = {name: [own[index] for index in batch] for name, own in asked.items()}
            return self.backend.run([windows[index] for index in batch], picked)

        return _by_length(windows, asked, run)


def _by_length(
    windows: Sequence[Window], names: Iterable[str], compute: Callable[[Sequence[int]], Mapping[str, Sequence[Any]]]
) -> dict[str, list[Any]]:
    """What is computed for windows in batches of about equal lengths, in the order of the windows.

    Args:
        windows: The windows.
        names: Tasks that something is computed for.
        compute: Numbers of windows to what is computed for each, by task.
    """
    found: dict[str, list[Any]] = {name: [None] * len(windows) for name in names}
    for batch in batches_by_length([len(window.ids) for window in windows], _TOKENS_AT_ONCE):
        for name, outputs in compute(batch).items():
            for index, output in zip(batch, outputs, strict=True):
                found[name][index] = output
    return found


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
