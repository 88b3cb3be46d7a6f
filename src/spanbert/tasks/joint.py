"""Several tasks on one encoder as one `Task` of the training loop; a single task is the case of one.

Unlabelled text may be learned beside them, by the objectives of pre-training.

Shapes: R rows that heads read, D hidden size.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from typing_extensions import override

from spanbert.batches.example_plan import Drawn
from spanbert.batches.examples import Layout, pack_windows, rows_of_batch
from spanbert.batches.plan import Pack
from spanbert.core.errors import InputError
from spanbert.core.types import Scores
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.model import Encoder
from spanbert.tasks.head import Head
from spanbert.tasks.pretrain.encode import PretrainTargets
from spanbert.tasks.pretrain.heads import TASK
from spanbert.tasks.pretrain.objectives import PretrainTask
from spanbert.tasks.protocol import MicroBatch, Task, TextTask

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_TAKEN = {TASK, "mlm", "sbo", "step", "tokens", "seconds"}  # in bundles and in the log of evaluations


@dataclass(frozen=True, kw_only=True, eq=False)
class JointTargets:
    """What the loss of one task reads.

    Attributes:
        task: Which.
        layout: Which rows belong to which window.
        gold: Gold of each window.
    """

    task: str
    layout: Layout
    gold: Sequence[Any]


class JointTask(Task[Drawn | Pack, JointTargets | PretrainTargets]):
    """Every step learns one of the tasks; every objective is a task's mean loss.

    Args:
        tasks: By name.
        text: What is learned from text without labels; None: nothing.

    Raises:
        InputError: A name that cannot be one of a tensor's.
    """

    def __init__(self, tasks: Mapping[str, TextTask], text: PretrainTask | None = None) -> None:
        for name in tasks:
            if not _NAME.fullmatch(name):
                raise InputError("not a task's name", got=repr(name), expected="letters, digits, - and _")
            if name in _TAKEN or hasattr(nn.ModuleDict(), name):  # a module of modules has them as attributes
                raise InputError("a name that no task can have", got=repr(name), remedy=f"Choose another: my-{name}")
        self.tasks, self.text = tasks, text
        self.objectives: Mapping[str, float] = {**dict.fromkeys(tasks, 1.0), **(text.objectives if text else {})}

    def build_head(self, config: EncoderConfig) -> nn.ModuleDict:
        """A new head for every task, by name."""
        return nn.ModuleDict({name: task.build_head(task.head_context(config)) for name, task in self.tasks.items()})

    @override
    def collate(self, items: Sequence[Drawn | Pack]) -> MicroBatch[Any]:
        """Packs of text, or examples of one task, longest first, so that equal lengths are neighbours."""
        packs = [item for item in items if isinstance(item, Pack)]
        if packs:
            assert self.text is not None
            return self.text.collate(packs)
        drawn = [item for item in items if isinstance(item, Drawn)]
        ordered = sorted(drawn, key=lambda item: (-len(item.example.window.ids), -item.example.written))
        examples = [item.example for item in ordered]
        name = examples[0].task
        windows, asked = [one.window for one in examples], [one.asked for one in examples]
        return MicroBatch(
            inputs=pack_windows(windows),
            targets=JointTargets(task=name, layout=Layout.of(asked), gold=[one.target.gold for one in examples]),
            counts={name: sum(one.target.units for one in examples)},
            key=ordered[0].key,
            rows=rows_of_batch(windows, asked),
        )

    @override
    def loss(
        self, encoder: Encoder, head: nn.Module, hidden_RD: Tensor, targets: JointTargets | PretrainTargets
    ) -> dict[str, Tensor]:
        """The loss of the batch's task."""
        assert isinstance(head, nn.ModuleDict)
        if isinstance(targets, PretrainTargets):
            assert self.text is not None
            return self.text.loss(encoder, self.head_of(head, targets), hidden_RD, targets)
        own = self.head_of(head, targets)
        assert isinstance(own, Head)
        return {targets.task: own.loss(hidden_RD, targets.layout, targets.gold)}

    @override
    def head_flops(self, config: EncoderConfig, counts: Mapping[str, int]) -> float:
        """Those of the text; the heads of tasks are small beside the encoder."""
        return 0.0 if self.text is None else self.text.head_flops(config, counts)

    @override
    def head_of(self, head: nn.Module, targets: JointTargets | PretrainTargets) -> nn.Module:
        assert isinstance(head, nn.ModuleDict)
        return head[TASK if isinstance(targets, PretrainTargets) else targets.task]

    @override
    def selection_score(self, scores: Scores) -> float:
        """The mean of the tasks' main scores, by name in `scores`."""
        return sum(self.tasks[name].selection_score(one) for name, one in scores.items()) / max(len(scores), 1)

    @override
    def headline(self, scores: Scores) -> str:
        return "  ".join(f"{name} {self.tasks[name].headline(one)}" for name, one in scores.items())
