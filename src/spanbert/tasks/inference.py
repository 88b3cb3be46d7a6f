"""Documents to predictions: windows packed by length, one pass of the encoder for all tasks that read the plain text.

Memory is bounded by a chunk of documents (and the longest document); order is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from spanbert.batches.examples import Example, batches_by_length, pack_examples, rows_of_batch
from spanbert.core.types import Document, IntArray
from spanbert.encoder.model import Encoder
from spanbert.tasks.protocol import Reading, TextTask

_TOKENS_AT_ONCE = 4096
_DOCUMENTS_AT_ONCE = 512
_CHARACTERS_AT_ONCE = 250_000
Outputs = dict[str, list[npt.NDArray[Any]]]


class Predictor:
    """An encoder with the heads of some tasks.

    Args:
        encoder: In eval mode.
        tasks: By name.
        heads: By the same names, in eval mode.
    """

    def __init__(self, encoder: Encoder, tasks: Mapping[str, TextTask], heads: Mapping[str, nn.Module]) -> None:
        self.encoder, self.tasks, self.heads = encoder, tasks, heads

    def only(self, names: Sequence[str]) -> Predictor:
        """The same encoder with some of the tasks."""
        tasks, heads = {name: self.tasks[name] for name in names}, {name: self.heads[name] for name in names}
        return Predictor(self.encoder, tasks, heads)

    def predict(self, documents: Iterable[Document]) -> Iterator[tuple[Document, dict[str, Any]]]:
        """Each document with the prediction of every task, in order.

        Args:
            documents: Read as they are needed.
        """
        for chunk in _chunks(documents):
            predictions: list[dict[str, Any]] = [{} for _ in chunk]
            for names in self._passes():
                readings = self.tasks[names[0]].readings(chunk)
                for number, found in enumerate(self._one_pass(names, readings)):
                    predictions[number] |= found
            for document, found in zip(chunk, predictions, strict=True):
                yield document, {name: found[name] for name in self.tasks}

    def _passes(self) -> list[list[str]]:
        """Which tasks share a pass of the encoder."""
        groups: dict[Any, list[str]] = {}
        for name, task in self.tasks.items():
            groups.setdefault(task.window if task.plain else name, []).append(name)
        return list(groups.values())

    def _one_pass(self, names: Sequence[str], readings: Sequence[Reading]) -> list[dict[str, Any]]:
        examples: dict[str, list[Example]] = {name: [] for name in names}
        counts = []
        for reading in readings:
            for name in names:
                own = self.tasks[name].examples(reading, gold=False)
                examples[name] += own
            counts.append(len(own))
        outputs = self._outputs(examples)
        found = []
        first = 0
        for reading, count in zip(readings, counts, strict=True):
            found.append(
                {name: self.tasks[name].decode(reading, outputs[name][first : first + count]) for name in names}
            )
            first += count
        return found

    def _outputs(self, examples: Mapping[str, Sequence[Example]]) -> Outputs:
        """What each head says of each of its windows; windows at the same place are the same for all tasks."""
        windows = next(iter(examples.values()))
        outputs: dict[str, list[Any]] = {name: [None] * len(windows) for name in examples}
        for batch in batches_by_length([len(window.ids) for window in windows], _TOKENS_AT_ONCE):
            picked = {name: [own[index] for index in batch] for name, own in examples.items()}
            for name, arrays in self._read(picked).items():
                for index, array in zip(batch, arrays, strict=True):
                    outputs[name][index] = array
        return outputs

    @torch.inference_mode()
    def _read(self, examples: Mapping[str, Sequence[Example]]) -> Outputs:
        batch = pack_examples(next(iter(examples.values())))
        rows = {name: rows_of_batch(own) for name, own in examples.items()}
        wanted_R, places = _union(list(rows.values()))
        hidden_RD = self.encoder(batch, rows=wanted_R)
        outputs = {}
        for (name, own), place in zip(examples.items(), places, strict=True):
            own_RD = hidden_RD if len(rows) == 1 else hidden_RD[torch.from_numpy(place)]
            candidates = [one.gold for one in own]
            asked = () if all(one is None for one in candidates) else (candidates,)
            outputs[name] = self.heads[name].outputs(own_RD, [len(one.rows) for one in own], *asked)  # type: ignore[operator]
        return outputs


def _union(rows: Sequence[IntArray]) -> tuple[IntArray, list[IntArray]]:
    """All rows once, and where each task's are among them."""
    if len(rows) == 1:
        return rows[0], [np.arange(len(rows[0]))]
    union, places = np.unique(np.concatenate(rows), return_inverse=True)
    return union, np.split(places, np.cumsum([len(one) for one in rows])[:-1])


def _chunks(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """One document, then two, four and so on up to the limits: who waits for the first answer does not wait long."""
    chunk: list[Document] = []
    characters, most = 0, 1
    for document in documents:
        chunk.append(document)
        characters += len(document.text)
        if len(chunk) >= most or characters >= _CHARACTERS_AT_ONCE:
            yield chunk
            chunk, characters = [], 0
            most = min(2 * most, _DOCUMENTS_AT_ONCE)
    if chunk:
        yield chunk
