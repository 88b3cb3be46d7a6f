"""A stand-in for encoder and heads whose output for a piece depends on nothing but the piece itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spanbert.batches.examples import HeadRows, Layout, Window
from spanbert.core.types import Document, IntArray, PackedBatch
from spanbert.inference.predictor import Predictor
from spanbert.inference.torch_backend import TorchBackend
from spanbert.tasks.protocol import TextTask, WindowedDocument


class PieceEncoder(nn.Module):
    """Hidden states of size 1: the piece's id, and of [CLS] a number that the window's pieces make."""

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.config, self.device = 0, SimpleNamespace(hidden_size=1), torch.device("cpu")

    def forward(self, batch: PackedBatch, *, rows: IntArray) -> Tensor:
        self.calls += 1
        hidden_T = batch.ids_T.copy()
        starts = batch.cu_seqlens.tolist()
        for start, end in pairwise(starts):
            hidden_T[start] = number_of_window(batch.ids_T[start:end])
        return torch.from_numpy(hidden_T[rows]).float()[:, None]


def number_of_window(ids: IntArray) -> int:
    """What stands for all pieces of a window, specials included."""
    return 1000 + int(ids.sum()) % 1000


def table_of(ids: IntArray, labels: int, seed: int) -> np.ndarray:
    """Logits drawn for each id, (n, L)."""
    once, places = np.unique(ids.ravel(), return_inverse=True)
    return np.array([np.random.default_rng([seed, int(one)]).normal(size=labels) for one in once])[places]


class TableHead(nn.Module):
    """Logits of every row from a table."""

    def __init__(self, labels: int, seed: int = 0) -> None:
        super().__init__()
        self.labels, self.seed = labels, seed

    def outputs(self, hidden_RD: Tensor, layout: Layout) -> list[Any]:
        assert len(hidden_RD) == sum(layout.sizes)
        logits_RL = np.zeros((0, self.labels))
        if len(hidden_RD):
            logits_RL = table_of(hidden_RD.numpy().astype(np.int64), self.labels, self.seed)
        return np.split(logits_RL.astype(np.float32), np.cumsum(layout.sizes)[:-1])


class LabelTableHead(TableHead):
    """As `TableHead`, of one row a window."""

    def outputs(self, hidden_RD: Tensor, layout: Layout) -> list[Any]:
        assert set(layout.sizes) <= {1}
        return [one[0] for one in super().outputs(hidden_RD, layout)]


class SpanTableHead(nn.Module):
    """Logits of every span from those of its first piece, its last piece and its width; few spans are not none."""

    def __init__(self, labels: int, longest: int) -> None:
        super().__init__()
        self.labels, self.longest = labels, longest

    def outputs(self, hidden_RD: Tensor, layout: Layout) -> list[Any]:
        found = []
        for rows in torch.split(hidden_RD[:, 0], list(layout.sizes)):
            ids = rows.numpy().astype(np.int64)
            words = len(ids) // 2
            spans = [
                span_logits(int(ids[first]), int(ids[words + first + more]), more, self.labels)
                for more in range(min(self.longest, words))
                for first in range(words - more)
            ]
            found.append(np.array(spans, dtype=np.float32).reshape(len(spans), self.labels + 1))
        return found


def span_logits(first: int, last: int, more: int, labels: int) -> np.ndarray:
    """Logits of one span, (L + 1,)."""
    logits = np.random.default_rng([first, last, more]).normal(size=labels + 1)
    logits[0] += 1.0
    return logits


def layout_of(*sizes: int) -> Layout:
    """Windows of so many rows, whose heads may choose freely."""
    return Layout(sizes=sizes, candidates=(None,) * len(sizes))


def read_windows(task: TextTask, windowed: WindowedDocument) -> list[tuple[Window, HeadRows]]:
    """What is read of a document for a prediction."""
    return list(zip(task.windows(windowed), task.rows(windowed), strict=True))


def predicted(task: TextTask, head: nn.Module, documents: Sequence[Document]) -> list[Any]:
    """What a task says of documents with the stand-in encoder."""
    predictor = Predictor(TorchBackend(PieceEncoder(), {"t": head}), {"t": task})  # type: ignore[arg-type]
    return [found["t"] for _, found in predictor.predict(documents)]


def predictor_of(tasks: Mapping[str, TextTask], heads: Mapping[str, nn.Module]) -> tuple[Predictor, PieceEncoder]:
    encoder = PieceEncoder()
    return Predictor(TorchBackend(encoder, heads), tasks), encoder  # type: ignore[arg-type]
