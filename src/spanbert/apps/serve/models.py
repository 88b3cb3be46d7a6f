"""The models of a worker: a bundle that is loaded, asked and replaced while it is asked.

One thread computes for all models of a worker. A reload loads the new bundle in another, answers once with it, and only
then puts it in the place of the old one; batches that are being computed end with the old one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from importlib.util import find_spec
from typing import Any

from spanbert.apps.serve.batcher import Batcher, Outcome, Query, Watcher
from spanbert.apps.serve.config import ModelPlace, ServeConfig, ServePlan
from spanbert.apps.serve.queue import FairQueue
from spanbert.checkpoint.bundle import all_exported
from spanbert.core.errors import InputError
from spanbert.core.missing import how_to_get
from spanbert.pipelines.info import has_mlm_head
from spanbert.pipelines.load import Pipeline, load
from spanbert.tasks.service import TaskService

log = logging.getLogger("spanbert.serve")
_CPU = "cpu"


class LoadedModel:
    """A pipeline, and what it can be asked.

    Attributes:
        pipeline: What answers.
        services: How its tasks are asked, by their names.
        fills: Whether it fills blanks.
        explained: The names of the tasks that say why.
        device: What computes.
        unexplained: Why none of its tasks says why, where others of their kinds do; None: that is not so.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.services: Mapping[str, TaskService[Any]] = {
            name: task.spec.serving() for name, task in pipeline.tasks.items()
        }
        self.fills = has_mlm_head(pipeline.files)
        self.device = _CPU if pipeline.files.is_exported else str(pipeline.device)
        explainable = [name for name, task in pipeline.tasks.items() if task.spec.explain is not None]
        self.unexplained = _unexplained(pipeline) if explainable else None
        self.explained = explainable if self.unexplained is None else []

    def warm_up(self) -> None:
        """Reads all weights, so that the first request is as fast as any, and files may change afterwards."""
        if self.services:
            self.pipeline.warm_up()
        if self.fills:
            self.pipeline.fill("[MASK]", top_k=1)

    @property
    def task_kinds(self) -> frozenset[str]:
        """The names of the tasks, with their kinds and how they are asked."""
        tasks = self.pipeline.tasks
        return frozenset(f"{name} ({tasks[name].kind}, {one.slug})" for name, one in self.services.items())

    def tasks(self, slug: str) -> list[str]:
        """The names of the tasks that are asked under a slug."""
        return [name for name, service in self.services.items() if service.slug == slug]

    def outcomes(self, queries: Sequence[Query]) -> list[Outcome]:
        """The answers to queries of one computation; in place of one that cannot be given, the `InputError`.

        What nobody waits for any more is None.
        """
        payloads, wanted = [query.payload for query in queries], [query.wanted for query in queries]
        try:
            results = queries[0].computation(self.pipeline, payloads, wanted)
        except InputError as error:
            if len(queries) == 1:
                return [error]
            return [outcome for query in queries for outcome in self.outcomes([query])]
        return [_answer(query, result) for query, result in zip(queries, results, strict=True)]


def _unexplained(pipeline: Pipeline) -> str | None:
    """Why nothing of a model can be explained; None: it can."""
    if pipeline.files.is_exported:
        return "an exported model cannot be explained; ask the bundle that it was made of"
    if find_spec("captum") is None:
        return f"explanations need the library captum where the service runs: {how_to_get('captum')}"
    return None


def _answer(query: Query, result: Any) -> Outcome:
    if not query.wanted():
        return None
    try:
        return query.answer(result)
    except InputError as error:
        return error


class ServedModel:
    """A bundle under its name.

    Args:
        place: Its name and where it lies.
        loaded: What is loaded of it.
        limits: Of its queue.
        executor: The thread that computes.
        watcher: Is told what its batcher does.
        clock: Seconds, from any start.
    """

    def __init__(
        self,
        place: ModelPlace,
        loaded: LoadedModel,
        limits: ServeConfig,
        executor: Executor,
        watcher: Watcher,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.place, self.loaded, self._executor = place, loaded, executor
        self.loads = 1
        self.batcher = Batcher(
            FairQueue(
                batch_tokens=limits.batch_tokens, most_tokens=limits.queue_tokens, most_entries=limits.queue_inputs
            ),
            self._compute,
            watcher,
            clock,
        )

    async def _compute(self, queries: Sequence[Query]) -> list[Outcome]:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self.loaded.outcomes, queries)

    def replace(self, loaded: LoadedModel) -> None:
        """Puts a newly loaded model in the place of the old one, from the next batch on.

        Raises:
            InputError: It lacks a task that the old one has, or has one of another kind in its place.
        """
        gone = sorted(self.loaded.task_kinds - loaded.task_kinds)
        if gone or (self.loaded.fills and not loaded.fills):
            raise InputError("the new bundle lacks a task", where=self.place.name, got=", ".join(gone) or "no MLM head")
        self.loaded = loaded
        self.loads += 1


def load_place(plan: ServePlan, place: ModelPlace) -> LoadedModel:
    """Loads a bundle of a plan, ready to answer.

    Raises:
        InputError: Not a model, damaged, or one that can be asked nothing.
    """
    pipeline = load(place.path, device=plan.device, precision=plan.precision)  # type: ignore[arg-type]  # load refuses
    loaded = LoadedModel(pipeline)
    if not loaded.services and not loaded.fills:
        raise InputError(
            "a model that can be asked nothing",
            where=place.path,
            got="an encoder alone",
            expected="a fine-tuned task, or an MLM head",
            remedy="Train one with spanbert finetune",
        )
    loaded.warm_up()
    return loaded


def require_device(plan: ServePlan) -> None:
    """Refuses a device that is not there before any model is loaded; imports no torch for exported models.

    Raises:
        InputError: There is no such device here, or a model is none.
    """
    if not all_exported(place.path for place in plan.models):
        from spanbert.encoder.hardware import resolved_device

        resolved_device(plan.device, "--device")


def announce_devices(models: Iterable[LoadedModel]) -> None:
    """Says what this process computes on, where that is not the CPU; imports no torch for exported models."""
    found = {one.device: one.pipeline for one in models if one.device != _CPU}
    for pipeline in found.values():
        from spanbert.encoder.hardware import described_device

        print(f"process {os.getpid()}: computing on {described_device(pipeline.device)}", file=sys.stderr, flush=True)


def limit_threads(threads: int | None) -> None:
    """Bounds the cores that this process computes on."""
    if threads is not None:
        from spanbert.core.threads import use_threads

        use_threads(threads)
