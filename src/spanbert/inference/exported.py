"""The backend of exported models, without torch: a graph that computes windows, padded, in groups of similar lengths.

Shapes: S windows of n tokens with padding, R rows that heads read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from safetensors import safe_open
from typing_extensions import override

from spanbert.batches.examples import HeadRows, Window
from spanbert.checkpoint.bundle import HEADS_PREFIX, BundleFiles
from spanbert.core.errors import InputError
from spanbert.core.threads import threads
from spanbert.core.types import IntArray, OutputArray
from spanbert.inference.backend import Backend, Outputs
from spanbert.inference.graph_runner import GraphRunner, Run
from spanbert.inference.predictor import Predictor
from spanbert.tasks.exported import ExportedHead, Feeds
from spanbert.tasks.pretrain.exported import ExportedFill, ExportedPieceScorer
from spanbert.tasks.protocol import Generated, TextTask

_TOKENS_A_RUN = 1024
_RUNS_A_THREAD = 2
_SHORTEST = 0.75  # of the longest window of a group: more padding costs more than another run


class ExportedBackend(Backend):
    """An exported encoder with heads, as `Backend`.

    Args:
        runner: The graph.
        heads: By name.
        tokens_a_run: Tokens that the graph reads at most in one run, with padding; a longer window has its own.
    """

    def __init__(
        self, runner: GraphRunner, heads: Mapping[str, ExportedHead], *, tokens_a_run: int = _TOKENS_A_RUN
    ) -> None:
        self.runner, self.heads, self._tokens_a_run = runner, heads, tokens_a_run
        self.tokens_at_once = tokens_a_run * _RUNS_A_THREAD * threads()  # so that each has some of its own

    @override
    def run(self, windows: Sequence[Window], asked: Mapping[str, Sequence[HeadRows]]) -> Outputs:
        """In groups of similar lengths; the last layer computes little more than the rows that are read."""
        found: Outputs = {name: [np.zeros(0, dtype=np.float32)] * len(windows) for name in asked}
        groups = list(_groups([len(one.ids) for one in windows], self._tokens_a_run))
        parts = [{name: [own[place] for place in places] for name, own in asked.items()} for places in groups]
        runs = [
            self._asked([windows[place] for place in places], own) for places, own in zip(groups, parts, strict=True)
        ]
        for places, own, given in zip(groups, parts, self.runner.run_each(runs), strict=True):
            for name, rows in own.items():
                for place, output in zip(places, self.heads[name].decoded(given, rows), strict=True):
                    found[name][place] = output
        return found

    def _asked(self, windows: Sequence[Window], asked: Mapping[str, Sequence[HeadRows]]) -> Run:
        longest = max(len(one.ids) for one in windows)
        rows, places = _union([[one.rows for one in own] for own in asked.values()], longest)
        feeds: Feeds = {}
        for (name, own), place in zip(asked.items(), places, strict=True):
            feeds |= self.heads[name].feeds(place, own)
        return Run(
            windows=windows, rows=rows, feeds=feeds, outputs=[one for name in asked for one in self.heads[name].outputs]
        )

    @override
    def generate(
        self,
        windows: Sequence[Window],
        head: str,
        options: Mapping[str, float],
        references: Sequence[IntArray | None],
    ) -> list[Generated]:
        """No head of an exported model writes: such tasks are refused when a bundle is exported."""
        raise NotImplementedError


def load_exported(files: BundleFiles, tasks: Mapping[str, TextTask]) -> Predictor:
    """The graph and the heads of an exported model's tasks.

    Args:
        files: The exported model.
        tasks: All of it, by name.
    """
    heads = {name: exported_head(name, task, _stored(files, name)) for name, task in tasks.items()}
    return Predictor(ExportedBackend(_runner(files, list(heads.values())), heads), tasks)


def load_exported_scorer(files: BundleFiles, tasks: Mapping[str, TextTask]) -> ExportedPieceScorer:
    """What fills the blanks of texts.

    Args:
        files: The exported model.
        tasks: All of it, by name.

    Raises:
        InputError: It cannot.
    """
    part = ExportedFill({}, sbo_positions=sbo_positions(files))
    heads = [exported_head(name, task, {}) for name, task in tasks.items()]
    return ExportedPieceScorer(part, _runner(files, heads).run_all_rows)


def sbo_positions(files: BundleFiles) -> int:
    """Rows of the SBO's position table of an exported model that fills blanks; 0: it has no such head.

    Raises:
        InputError: It fills none.
    """
    stated = _sbo_positions(files)
    if stated is None:
        raise InputError(
            "this model has no head that could fill a blank",
            where=str(files.path),
            remedy="Export a bundle that has one: spanbert fill BUNDLE says whether it has",
        )
    return stated


def _sbo_positions(files: BundleFiles) -> int | None:
    found: int | None = files.manifest["export"].get("sbo_positions")
    return found


def exported_head(name: str, task: TextTask, weights: Mapping[str, OutputArray]) -> ExportedHead:
    """The head of a task.

    Args:
        name: The task's.
        task: The task.
        weights: See `GraphPart`.

    Raises:
        InputError: Its kind cannot be exported.
    """
    made = task.spec.exported_class()
    if made is None:
        raise InputError(
            f"tasks of the kind {task.kind} cannot be exported yet",
            got=name,
            remedy="Use the bundle itself for them, or export what translates with --runtime ctranslate2"
            if task.generation is not None
            else "Use the bundle itself for them",
        )
    return made(name, weights, task.config)


def _runner(files: BundleFiles, heads: Sequence[ExportedHead]) -> GraphRunner:
    positions = _sbo_positions(files)
    fill = [] if positions is None else [ExportedFill({}, sbo_positions=positions)]
    facts = files.manifest["export"]
    return GraphRunner(
        files.exported, [*heads, *fill], runtime=facts["runtime"], bfloat16=facts["precision"] == "bfloat16"
    )


def _stored(files: BundleFiles, task: str) -> dict[str, OutputArray]:
    """The weights of a head that numpy multiplies by."""
    if files.heads is None:
        return {}
    prefix = f"{HEADS_PREFIX}{task}."
    with safe_open(files.heads, framework="np") as stream:
        names = [name for name in stream.keys() if name.startswith(prefix)]  # noqa: SIM118 (not a mapping)
        return {name.removeprefix(prefix): stream.get_tensor(name) for name in names}


def _groups(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Places of windows of similar lengths, longest first, with their padding so many tokens at most."""
    group: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda one: (-lengths[one], one)):
        longest = lengths[group[0]] if group else 0
        if group and (lengths[place] < _SHORTEST * longest or (len(group) + 1) * longest > most):
            yield group
            group = []
        group.append(place)
    if group:
        yield group


def _union(asked: Sequence[Sequence[IntArray]], longest: int) -> tuple[IntArray, list[list[IntArray]]]:
    """All rows once, (R,), and where those of each head and window are among them.

    Args:
        asked: By head, the rows of each window.
        longest: n.
    """
    flat = [[number * longest + rows for number, rows in enumerate(own)] for own in asked]
    every = np.unique(np.concatenate([rows for own in flat for rows in own]))
    return every, [[np.searchsorted(every, rows) for rows in own] for own in flat]
