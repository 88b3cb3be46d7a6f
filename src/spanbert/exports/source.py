"""What is exported: encoder and heads of a bundle as numpy arrays, and the graph that they make."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from spanbert.checkpoint import tensors
from spanbert.checkpoint.bundle import BundleFiles
from spanbert.core.errors import InputError
from spanbert.core.types import OutputArray
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.graph import Graph
from spanbert.encoder.graph_layers import add_encoder, require_exportable
from spanbert.encoder.model import load_encoder
from spanbert.encoder.rounding import Range, Weights
from spanbert.inference.exported import ExportedBackend, exported_head
from spanbert.inference.graph_runner import GraphRunner, GraphRuntime
from spanbert.inference.heads import stored_head
from spanbert.inference.loading import stored_tasks, stored_tokenizer
from spanbert.inference.predictor import Predictor
from spanbert.tasks.exported import ExportedHead, GraphPart
from spanbert.tasks.head import Head
from spanbert.tasks.pretrain.exported import WORDS, ExportedFill
from spanbert.tasks.pretrain.heads import TASK
from spanbert.tasks.protocol import TextTask
from spanbert.tokens.tokenizer import TokenizerAdapter


@dataclass(frozen=True, kw_only=True, eq=False)
class ExportSource:
    """A bundle that is exported.

    Attributes:
        files: The bundle.
        tokenizer: Its tokenizer.
        config: The encoder's dimensions.
        weights: The encoder's, by our names.
        tasks: By name.
        heads: Of the tasks, for a graph.
        modules: The same as they were trained, in eval mode.
        fill: The heads of pre-training; None: it has none.
    """

    files: BundleFiles
    tokenizer: TokenizerAdapter
    config: EncoderConfig
    weights: Weights
    tasks: Mapping[str, TextTask]
    heads: Mapping[str, ExportedHead]
    modules: Mapping[str, Head[Any]]
    fill: ExportedFill | None

    @property
    def parts(self) -> list[GraphPart]:
        """All that reads hidden states."""
        return [*self.heads.values(), *([self.fill] if self.fill is not None else [])]

    def without(self, data: Collection[str]) -> tuple[str, ...]:
        """What answers and has no data among that of some tasks: names of tasks, and the filling of blanks."""
        tasks = tuple(name for name in self.tasks if name not in data)
        return tasks if self.fill is None else (*tasks, "blanks")

    @property
    def parameters(self) -> int:
        """How many numbers the model has."""
        of_heads = [value for part in self.parts for value in part.weights.values()]
        if not self.parts:
            of_heads = [value for head in self.modules.values() for value in arrays(head.stored()).values()]
        every = [*self.weights.values(), *of_heads]
        return sum({id(one): one.size for one in every}.values())

    def graph(
        self,
        *,
        ranges: Mapping[str, Range] | None = None,
        factors: Mapping[str, OutputArray] | None = None,
        observed: bool = False,
        halved: bool = False,
    ) -> Graph:
        """The graph of encoder and heads: see `Graph`."""
        graph = Graph(ranges=ranges, factors=factors, observed=observed, halved=halved)
        hidden = add_encoder(graph, self.config, self.weights)
        for part in self.parts:
            part.add(graph, hidden)
        return graph

    def predictor(self, graph: Graph, *, runtime: GraphRuntime = "onnx", bfloat16: bool = False) -> Predictor:
        """What answers by the graph: see `GraphRunner`."""
        runner = GraphRunner(graph.serialized(), self.parts, runtime=runtime, bfloat16=bfloat16)
        return Predictor(ExportedBackend(runner, self.heads), self.tasks)


def read_source(files: BundleFiles, *, writes: bool = False) -> ExportSource:
    """Reads a bundle that is to be exported.

    Args:
        files: The bundle.
        writes: Its heads write, and are exported as such; else they read rows, and become parts of a graph.

    Raises:
        InputError: It cannot be exported, or holds nothing that answers.
    """
    tokenizer = stored_tokenizer(files)
    tasks = stored_tasks(files, tokenizer)
    require_exportable(EncoderConfig.of_bundle(files), where=str(files.path))
    if writes:
        _require_one_that_writes(tasks, where=str(files.path))
    else:
        for name, task in tasks.items():
            exported_head(name, task, {})  # refuses before weights are read
    encoder, given = load_encoder(files)
    modules = {}
    for name, task in tasks.items():
        head = task.build_head(task.head_context(encoder.config))
        head.load_stored(stored_head(files, name, head, given, encoder), where=str(files.path))
        modules[name] = head.eval()
    graphed = {} if writes else tasks
    heads = {name: exported_head(name, task, arrays(modules[name].stored())) for name, task in graphed.items()}
    weights = {name: one for name, one in arrays(encoder.state_dict()).items() if not name.startswith("pooler.")}
    pretraining = {**given, **tensors.read_head(files, TASK)}
    fill = None if writes else _fill(encoder.config, arrays(pretraining), weights)
    if not modules and fill is None:
        raise InputError(
            "nothing to export: an encoder without any head",
            where=str(files.path),
            remedy="Train a task with spanbert finetune, or heads with spanbert pretrain",
        )
    return ExportSource(
        files=files,
        tokenizer=tokenizer,
        config=encoder.config,
        weights=weights,
        tasks=tasks,
        heads=heads,
        modules=modules,
        fill=fill,
    )


def _require_one_that_writes(tasks: Mapping[str, TextTask], *, where: str) -> None:
    """Refuses a bundle that is not one task that writes, and nothing else.

    Raises:
        InputError: Such a one.
    """
    got = [f"{name} ({task.kind})" for name, task in tasks.items()]
    if len(tasks) != 1 or any(task.generation is None for task in tasks.values()):
        raise InputError(
            "CTranslate2 runs models that translate",
            where=where,
            got=", ".join(got) or "no fine-tuned task",
            expected="one task that translates",
            remedy="Export other tasks with --runtime onnx",
        )


def _fill(config: EncoderConfig, given: Weights, weights: Weights) -> ExportedFill | None:
    """The heads of pre-training, where there are any."""
    own = {name: one for name, one in given.items() if name.startswith(("mlm.", "sbo."))}
    if not any(name.startswith("mlm.") for name in own):
        return None
    own[WORDS] = weights["embeddings.word.weight"]
    positions = len(own["sbo.position.weight"]) if "sbo.position.weight" in own else 0
    return ExportedFill(own, epsilon=config.norm_epsilon, sbo_positions=positions)


def arrays(values: Mapping[str, Tensor]) -> dict[str, OutputArray]:
    """Tensors as float32 arrays."""
    return {name: np.ascontiguousarray(one.detach().float().numpy()) for name, one in values.items()}
