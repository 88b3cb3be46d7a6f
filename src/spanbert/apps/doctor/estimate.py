"""What fine-tuning would cost in time and memory, measured by a few real steps on real windows."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from spanbert.apps.doctor.sample import WindowSample
from spanbert.batches.example_plan import ExamplePlan
from spanbert.batches.examples import Example
from spanbert.batches.loader import Loader, Step
from spanbert.checkpoint.bundle import BundleFiles
from spanbert.core.memory import resident_memory
from spanbert.core.reporter import Reporter, SilentReporter
from spanbert.core.threads import load_average, usable_cores
from spanbert.encoder.hardware import threads_by_work, wait_for
from spanbert.tasks.joint import JointTask
from spanbert.tasks.protocol import MicroBatch, TextTask
from spanbert.train.finetune_bundle import build_joint_model
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.model import TaskModel
from spanbert.train.optimizer import make_optimizer
from spanbert.train.parallel import OneProcess
from spanbert.train.run import announce, settled
from spanbert.train.runtime import Runtime
from spanbert.train.step import backward
from spanbert.train.usual import planned_steps

STEPS = 3
_SECONDS = 4.0
_FEWEST_LONG = 4  # twice the windows of the smallest step, so that memory is seen to grow
_FLOAT32 = 4
_DISTURBED = 1.3  # times as long as a step computes


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Time and memory of fine-tuning with the given settings on this machine.

    Attributes:
        seconds_an_epoch: Without evaluation on dev data.
        tokens_a_second: In training.
        windows_an_epoch: Examples that an epoch reads.
        steps_an_epoch: Optimiser steps.
        steps: Of the whole run; None where its budget is in tokens or minutes.
        parameters: Trained and frozen ones.
        weights: Bytes of the weights.
        gradients: Bytes of the gradients.
        optimizer: Bytes of AdamW's two moments.
        activations: Bytes that the forward pass of the largest step keeps for the backward pass.
        windows: Bytes of the encoded training data, which is held in memory.
        slowdown: How many times as long the steps took as they computed, because of other work on this machine; all
            times above are without it.
        load: How many threads of all processes wanted a core in the minute before; None: the system does not say.
        cores: How many cores this process may use.
        overhead: Bytes by which the trial's process grew beyond what these explain: buffers of threads, tensors that
            live during the backward pass alone; 0 where the system does not say.
    """

    seconds_an_epoch: float
    tokens_a_second: float
    windows_an_epoch: int
    steps_an_epoch: int
    steps: int | None
    parameters: int
    weights: int
    gradients: int
    optimizer: int
    activations: int
    windows: int
    slowdown: float
    load: float | None
    cores: int
    overhead: int

    @property
    def saving(self) -> int:
        """Bytes of the copy that is made while a state is saved: of the larger of its two files."""
        return max(self.weights, self.optimizer)

    @property
    def is_disturbed(self) -> bool:
        """Whether other work on this machine makes training slower than it would be alone."""
        return self.slowdown >= _DISTURBED or (self.load is not None and self.load > self.cores + 1)

    @property
    def memory(self) -> int:
        """Bytes by which the process grows at its peak, about.

        Activations and the copy of a saved state do not live at the same time, but memory that is freed stays with the
        process (`encoder.hardware.tune_process`), in pieces that the other does not fit into.
        """
        held = self.weights + self.gradients + self.optimizer + self.windows + self.overhead
        return held + self.activations + self.saving


def estimate(
    sample: WindowSample, task: TextTask, files: BundleFiles, config: FinetuneConfig, reporter: Reporter | None = None
) -> Estimate:
    """Runs a few steps: one on the longest windows for memory, some on windows drawn at random for time.

    Both are made smaller where the model is slow, so that each takes a few seconds; the rest is linear in tokens.

    Args:
        sample: Windows of the training data; at least one.
        task: The task.
        files: The model.
        config: Settings; without a budget, the usual one is taken.
        reporter: Is told what computes.

    Raises:
        InputError: A device that there is not.
    """
    (_, runtime), load = settled(config), load_average()
    if reporter is not None:
        announce(runtime, reporter)
    before = resident_memory()
    joint = JointTask({task.name: task})
    model, _ = build_joint_model(joint, files, config, SilentReporter())
    model.to(runtime.device).train()
    trial = _Trial(model, config, runtime)
    most_tokens = config.batch.tokens_of(task.kind)
    usual = max(1, sample.tokens // sample.count)
    examples = config.batch.examples_of(task.kind, sample.tokens / sample.count)
    a_step = examples if most_tokens is None else max(1, most_tokens // usual)
    first, second = _steps(joint, sample.drawn[:2], per_step=2, steps=2)
    small, _ = trial.activations(first)  # which also pays for what only a first step does
    affordable = second.tokens / trial.step(second).elapsed * _SECONDS
    longest = _prefix(sample.longest[: max(a_step, _FEWEST_LONG)], affordable, fewest=_FEWEST_LONG)
    [step] = _steps(joint, longest, per_step=len(longest), steps=1)
    large, taken = trial.activations(step)
    largest = _tokens(sample.longest[: a_step // config.train.accumulation])
    if most_tokens is not None:
        largest = min(largest, max(most_tokens // config.train.accumulation, sample.longest[0].tokens))
    a_token = (large - small) / (step.tokens - first.tokens) if step.tokens > first.tokens else 0.0
    activations = large + a_token * (largest - step.tokens)
    per_step = len(_prefix(sample.drawn[:a_step], step.tokens / taken.elapsed * _SECONDS))
    times, speed = [], 0.0
    for one in _steps(joint, sample.drawn, per_step=per_step, steps=STEPS):
        times.append(trial.step(one))
        speed = max(speed, one.tokens / times[-1].gradients)
        if sum(taken.elapsed for taken in times) > _SECONDS:
            break
    steps_an_epoch = math.ceil(sample.count / a_step)
    seconds = sample.tokens / speed + steps_an_epoch * min(taken.update for taken in times)
    trained = sum(one.numel() for one in model.parameters() if one.requires_grad)
    parameters = sum(one.numel() for one in model.parameters())
    explained = _FLOAT32 * (parameters + 3 * trained) + large
    return Estimate(
        seconds_an_epoch=seconds,
        tokens_a_second=sample.tokens / seconds,
        windows_an_epoch=sample.count,
        steps_an_epoch=steps_an_epoch,
        steps=planned_steps(config, usual_epochs=task.spec.epochs, steps_an_epoch=sample.count / a_step),
        parameters=parameters,
        weights=_FLOAT32 * parameters,
        gradients=_FLOAT32 * trained,
        optimizer=2 * _FLOAT32 * trained,
        activations=round(activations),
        windows=sample.bytes,
        slowdown=max(
            1.0, sum(taken.elapsed for taken in times) / sum(taken.gradients + taken.update for taken in times)
        ),
        load=load,
        cores=usable_cores(),
        overhead=max(_growth(before, resident_memory()) - explained, 0),
    )


def _growth(before: tuple[int, int] | None, after: tuple[int, int] | None) -> int:
    """By how many bytes the process grew: to a new peak where there was one."""
    if before is None or after is None:
        return 0
    (held, earlier_peak), (now, peak) = before, after
    return (peak if peak > earlier_peak else now) - held


class _Times(NamedTuple):
    """Seconds of a step.

    Other work on the machine keeps a thread from its core, which the clock counts and the thread's own time does not.

    Attributes:
        gradients: Computing the part that grows with its tokens.
        update: Computing the rest.
        elapsed: By the clock.
    """

    gradients: float
    update: float
    elapsed: float


class _Trial:
    """Steps as `train.loop` makes them, on weights that are thrown away."""

    def __init__(self, model: TaskModel, config: FinetuneConfig, runtime: Runtime) -> None:
        self._model, self._config, self._runtime = model, config, runtime
        self._optimizer = make_optimizer(model, config.optim, layer_decay=config.optim.layer_decay)

    def step(self, step: Step[MicroBatch[Any]]) -> _Times:
        """Makes a step."""
        self._optimizer.zero_grad(set_to_none=True)
        clock, begun = time.perf_counter(), time.thread_time()
        tokens = step.tokens // max(len(step.micro_batches), 1)
        device = self._runtime.device
        with threads_by_work(tokens, self._model.encoder.config.hidden_size, device):
            backward(OneProcess(self._model), step, number=0, runtime=self._runtime)
            wait_for(device)
            between, clock_between = time.thread_time(), time.perf_counter()
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._config.optim.clip)
            self._optimizer.step()
            wait_for(device)
        ended, clock_ended = time.thread_time(), time.perf_counter()
        elapsed = clock_ended - clock
        if device.type != "cpu":  # this thread's own time says nothing of what the device does
            return _Times(gradients=clock_between - clock, update=clock_ended - clock_between, elapsed=elapsed)
        return _Times(gradients=between - begun, update=ended - between, elapsed=elapsed)

    def activations(self, step: Step[MicroBatch[Any]]) -> tuple[int, _Times]:
        """Makes a step; bytes of the different storages that it keeps from forward to backward, without weights."""
        weights = {one.untyped_storage().data_ptr() for one in self._model.parameters()}
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        with saved_tensors_hooks(keep, lambda tensor: tensor):
            taken = self.step(step)
        return sum(kept.values()), taken


def _steps(joint: JointTask, examples: Sequence[Example], *, per_step: int, steps: int) -> list[Step[MicroBatch[Any]]]:
    """Steps as the loader hands them out."""
    name = examples[0].task
    plan = ExamplePlan({name: examples}, per_step={name: per_step}, seed=0)
    stream = iter(Loader(plan, joint.collate, prefetch=1))
    try:
        return list(islice(stream, steps))
    finally:
        stream.close()  # type: ignore[attr-defined]


def _tokens(examples: Sequence[Example]) -> int:
    return sum(example.tokens for example in examples)


def _prefix(examples: Sequence[Example], tokens: float, *, fewest: int = 1) -> Sequence[Example]:
    """The first windows that have no more tokens together, but not fewer than `fewest`."""
    count = fewest
    while count < len(examples) and _tokens(examples[: count + 1]) <= tokens:
        count += 1
    return examples[:count]
