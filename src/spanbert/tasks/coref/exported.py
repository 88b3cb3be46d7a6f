"""The head of coreference in an exported model: vectors of the ends of words are in the graph, what depends on the
choice of mentions is numpy's.

Shapes: w words of a window, W most words of a mention, d size of the vectors, K mentions kept of a window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from typing_extensions import override

from spanbert.batches.examples import HeadRows
from spanbert.core.types import BoolArray, IntArray, OutputArray
from spanbert.encoder.graph import Graph
from spanbert.tasks.coref.head_sizes import NORM_EPSILON, WORDS_AT_ONCE
from spanbert.tasks.exported import ExportedHead, Feeds, both_ends, split

_NAMES = ("asked", "begin", "mention_end", "finish", "start", "end")  # a row a word each


class ExportedCoref(ExportedHead):
    """Scores of mentions and what pairs are scored by, as `CorefHead.outputs` gives them."""

    in_numpy = ("pair.", "near.", "same.", "spoken.")

    @property
    @override
    def inputs(self) -> tuple[str, ...]:
        """Rows of the first and of the last pieces of all words."""
        return self.scoped("firsts"), self.scoped("lasts")

    @property
    @override
    def outputs(self) -> tuple[str, ...]:
        return tuple(self.scoped(name) for name in _NAMES)

    @override
    def add(self, graph: Graph, hidden: str) -> None:
        words = f"{self.name} words"
        first, last = (graph.gather(hidden, graph.input(name, (words,))) for name in self.inputs)
        starts, ends = self._ends(graph, "mention_start", first), self._ends(graph, "mention_end", last)
        found = [
            self._linear(graph, "inside", starts),
            self._linear(graph, "start_score", starts),
            ends,
            self._linear(graph, "end_score", ends),
            self._ends(graph, "start", first),
            self._ends(graph, "end", last),
        ]
        for name, value in zip(self.outputs, found, strict=True):
            graph.output(name, value, (words, f"{name} size"))

    def _linear(self, graph: Graph, name: str, value: str) -> str:
        return graph.linear(value, self.scoped(name), self.named_weights)

    def _ends(self, graph: Graph, name: str, rows: str) -> str:
        dense = self._linear(graph, f"{name}.dense", rows)
        return graph.gelu(graph.norm(dense, self.scoped(f"{name}.norm"), self.named_weights, NORM_EPSILON))

    @override
    def feeds(self, places: Sequence[IntArray], asked: Sequence[HeadRows]) -> Feeds:
        return dict(zip(self.inputs, both_ends(places), strict=True))

    @override
    def decoded(self, found: Mapping[str, OutputArray], asked: Sequence[HeadRows]) -> list[OutputArray]:
        sizes = [len(one.rows) // 2 for one in asked]
        windows = zip(*(split(found[name], sizes) for name in self.outputs), strict=True)
        return [
            self._window(dict(zip(_NAMES, window, strict=True)), one.candidates)
            for window, one in zip(windows, asked, strict=True)
        ]

    def _window(self, found: Mapping[str, OutputArray], allowed_wW: BoolArray | None) -> OutputArray:
        assert allowed_wW is not None
        scores_wW = self._mention_scores(found)
        first_K, more_K = self._keep(scores_wW, allowed_wW)
        last_K = first_K + more_K
        key_Kd = np.concatenate([found["start"][first_K], found["end"][last_K]], axis=1)
        query_Kd = self._of("pair", key_Kd) / np.float32(math.sqrt(key_Kd.shape[1]))
        facts = [first_K[:, None], last_K[:, None], scores_wW[first_K, more_K][:, None]]
        rest = [self._of(name, key_Kd) for name in ("near", "same", "spoken") if f"{name}.weight" in self.weights]
        return np.concatenate([*facts, key_Kd, query_Kd, *rest], axis=1, dtype=np.float32)

    def _of(self, name: str, key_Kd: OutputArray) -> OutputArray:
        """A dense layer of the mentions that were kept."""
        found: OutputArray = key_Kd @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return found

    def _mention_scores(self, found: Mapping[str, OutputArray]) -> OutputArray:
        """How much each span of up to W words is a mention, (w, W); -inf past the end of the window."""
        asked_wd, ends_wd, finish_w = found["asked"], found["mention_end"], found["finish"][:, 0]
        words, widest = len(asked_wd), self.config.longest_mention
        scores_wW = np.full((words, widest), -np.inf, dtype=np.float32)
        for low in range(0, words, WORDS_AT_ONCE):
            own = slice(low, low + WORDS_AT_ONCE)
            near = slice(low, low + WORDS_AT_ONCE + widest - 1)
            both_bn = asked_wd[own] @ ends_wd[near].T / np.float32(math.sqrt(asked_wd.shape[1]))
            both_bn += found["begin"][own] + finish_w[near]
            last_bW = np.arange(len(both_bn))[:, None] + np.arange(widest)
            picked_bW = np.take_along_axis(both_bn, np.minimum(last_bW, both_bn.shape[1] - 1), axis=1)
            scores_wW[own] = np.where(last_bW < words - low, picked_bW, -np.inf)
        return scores_wW

    def _keep(self, scores_wW: OutputArray, allowed_wW: BoolArray) -> tuple[IntArray, IntArray]:
        """The best candidates of a window: their first word and width less one, each (K,), in text order."""
        flat = np.where(allowed_wW, scores_wW, -np.inf).ravel()
        count = min(max(1, math.ceil(self.config.kept * len(scores_wW))), int(np.isfinite(flat).sum()))
        places = np.sort(np.argsort(-flat, kind="stable")[:count])
        return places // scores_wW.shape[1], places % scores_wW.shape[1]
