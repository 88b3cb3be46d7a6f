"""Filling blanks by an exported model: both heads of pre-training in its graph, and a `PieceScorer` that runs it.

Shapes: K blank pieces, J with an SBO target, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from typing_extensions import override

from spanbert.batches.examples import Window
from spanbert.core.types import IntArray, OutputArray
from spanbert.encoder.graph import Graph
from spanbert.encoder.rounding import Weights
from spanbert.tasks.exported import Feeds, GraphPart
from spanbert.tasks.pretrain.encode import targets_of_spans

NAME = "pretrain"
WORDS = "word.weight"
_WINDOWS_AT_ONCE = 32
Run = Callable[[Sequence[Window], Feeds, Sequence[str]], Mapping[str, OutputArray]]


class ExportedFill(GraphPart):
    """MLM, and SBO where there is such a head: log probabilities of pieces, their decoders tied to the embeddings.

    Args:
        weights: `mlm.*`, perhaps `sbo.*`, and `WORDS`, the word embeddings; none when it is run.
        epsilon: Of the layer norms.
        sbo_positions: Rows of the SBO's position table; 0: there is no such head.
    """

    def __init__(self, weights: Weights, *, epsilon: float = 0.0, sbo_positions: int) -> None:
        super().__init__(NAME, weights)
        self.epsilon, self.sbo_positions = epsilon, sbo_positions

    @property
    def own_weights(self) -> dict[str, OutputArray]:
        """Its weights without the word embeddings."""
        return {name: value for name, value in self.weights.items() if name != WORDS}

    @property
    @override
    def inputs(self) -> tuple[str, ...]:
        """Rows of the blank pieces (K,); rows beside their spans and their places in these (J,)."""
        names = ("rows", "left", "right", "offset") if self.sbo_positions else ("rows",)
        return tuple(self.scoped(name) for name in names)

    @property
    @override
    def outputs(self) -> tuple[str, ...]:
        return tuple(self.scoped(name) for name in (("mlm", "sbo") if self.sbo_positions else ("mlm",)))

    @override
    def add(self, graph: Graph, hidden: str) -> None:
        rows = graph.gather(hidden, graph.input(self.inputs[0], ("blank pieces",)))
        self._add_decoder(graph, "mlm", self._dense(graph, rows, "mlm.dense", "mlm.norm"), "blank pieces")
        if not self.sbo_positions:
            return
        left, right, offset = (graph.input(name, ("sbo targets",)) for name in self.inputs[1:])
        table = graph.constant(self.scoped("sbo.position"), self.weights["sbo.position.weight"])
        around = (graph.gather(hidden, left), graph.gather(hidden, right), graph.gather(table, offset))
        first = self._dense(graph, graph.add("Concat", *around, axis=-1), "sbo.first", "sbo.first_norm")
        second = self._dense(graph, first, "sbo.second", "sbo.second_norm")
        self._add_decoder(graph, "sbo", second, "sbo targets")

    def _dense(self, graph: Graph, value: str, name: str, norm: str) -> str:
        dense = graph.gelu(graph.linear(value, self.scoped(name), self.named_weights))
        return graph.norm(dense, self.scoped(norm), self.named_weights, self.epsilon)

    def _add_decoder(self, graph: Graph, name: str, value: str, axis: str) -> None:
        """Logits by the word embeddings, then log probabilities."""
        words = graph.embedding_table("embeddings.word", self.weights[WORDS])
        bias = graph.constant(self.scoped(f"{name}.bias"), self.weights[f"{name}.bias"])
        logits = graph.add("Gemm", value, words, bias, transB=1)
        graph.output(self.scoped(name), graph.add("LogSoftmax", logits, axis=-1), (axis, "vocabulary"))


class ExportedPieceScorer:
    """Reads texts with blanks (see `fill.PieceScorer`).

    Args:
        part: Of the graph.
        run: Runs the graph on windows, padded to the longest; the rows of all of them can be read.
    """

    def __init__(self, part: ExportedFill, run: Run) -> None:
        self._part, self._run = part, run

    def __call__(
        self, sequences: Sequence[IntArray], places: Sequence[Sequence[tuple[int, int]]]
    ) -> Iterator[OutputArray]:
        """See `fill.PieceScorer`; reads some texts at once, which bounds the memory."""
        for low in range(0, len(sequences), _WINDOWS_AT_ONCE):
            some = slice(low, low + _WINDOWS_AT_ONCE)
            yield from self._score(sequences[some], places[some])

    def _score(self, sequences: Sequence[IntArray], places: Sequence[Sequence[tuple[int, int]]]) -> list[OutputArray]:
        longest = max(len(one) for one in sequences)
        starts = [number * longest + start for number, blanks in enumerate(places) for start, _ in blanks]
        ends = [number * longest + end for number, blanks in enumerate(places) for _, end in blanks]
        padded_T = np.concatenate([np.pad(one, (0, longest - len(one))) for one in sequences])
        targets = targets_of_spans(
            np.array(starts),
            np.array(ends),
            np.ones(len(starts), dtype=np.int64),
            padded_T,
            sbo_positions=self._part.sbo_positions,
        )
        given = (targets.mlm_index_K, targets.left_J, targets.right_J, targets.offset_J)
        feeds = dict(zip(self._part.inputs, given, strict=False))
        found = self._run([Window(ids=one) for one in sequences], feeds, self._part.outputs)
        mean_KV, *others = (found[name] for name in self._part.outputs)
        for sbo_JV in others:
            mean_KV[targets.sbo_index_J] = (mean_KV[targets.sbo_index_J] + sbo_JV) / 2
        sizes = [sum(end - start for start, end in blanks) for blanks in places]
        return np.split(mean_KV, np.cumsum(sizes)[:-1])
