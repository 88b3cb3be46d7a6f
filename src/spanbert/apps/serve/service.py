"""What an app holds: its models by name, what they can be asked, and requests to answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from spanbert.apps.serve.batcher import Query
from spanbert.apps.serve.config import ModelPlace, ServePlan
from spanbert.apps.serve.errors import ServiceError, of_input
from spanbert.apps.serve.explaining import ExplainOperation
from spanbert.apps.serve.filling import FillOperation, MaskOperation
from spanbert.apps.serve.metrics import Metrics
from spanbert.apps.serve.models import LoadedModel, ServedModel, load_place
from spanbert.apps.serve.operations import AnalyzeOperation, Operation, TaskOperation
from spanbert.core.errors import InputError, SpanbertError, in_one_line
from spanbert.tasks.registry import specs

log = logging.getLogger("spanbert.serve")
Load = Callable[[ServePlan, ModelPlace], LoadedModel]


def operations() -> list[Operation]:
    """All that models can be asked, each slug once."""
    found: dict[str, Operation] = {}
    for spec in specs():
        service = spec.serving()
        found.setdefault(service.slug, TaskOperation(service, spec.title, spec.title_zh))
    return [AnalyzeOperation(), *found.values(), MaskOperation(), FillOperation(), ExplainOperation()]


class Service:
    """The models of a worker process.

    Args:
        plan: What is served.
        metrics: Counts what happens.
        load: Loads a model.

    Attributes:
        operations: What models can be asked, offered now or not.
    """

    def __init__(self, plan: ServePlan, metrics: Metrics, load: Load = load_place) -> None:
        self.plan, self.metrics, self._load = plan, metrics, load
        self.operations = operations()
        self.models: dict[str, ServedModel] = {}
        self.ready = False
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="compute")
        self._running: list[asyncio.Task[None]] = []
        self._reloading = asyncio.Lock()

    async def start(self) -> None:
        """Loads all models.

        Raises:
            InputError: One of them cannot be loaded.
        """
        self.metrics.starting()
        for place in self.plan.models:
            loaded = await self._loaded(place)
            watcher = self.metrics.of_model(place.name)
            model = ServedModel(place, loaded, self.plan.limits, self._executor, watcher)
            self.models[place.name] = model
            self._running.append(asyncio.create_task(model.batcher.run()))
        self.ready = True

    async def stop(self) -> None:
        """Ends; requests have been answered by then."""
        self.ready = False
        for model in self.models.values():
            model.batcher.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def reload(self) -> None:
        """Loads every model again, beside the old one; one that cannot be loaded stays as it is."""
        async with self._reloading:
            for name, model in self.models.items():
                try:
                    model.replace(await self._loaded(model.place))
                except (SpanbertError, OSError, MemoryError, RuntimeError) as error:  # torch's, such as no memory
                    log.error("%s was not loaded again: %s", name, in_one_line(str(error)))
                    self.metrics.reloaded(name, "failed")
                else:
                    log.info("%s was loaded again", name)
                    self.metrics.reloaded(name, "swapped")

    async def _loaded(self, place: ModelPlace) -> LoadedModel:
        """A model, loaded and warm, by a thread that ends then.

        OpenMP keeps its threads for each thread that it ever computed for, and all wait less busily once there are more
        than cores: with those of a second thread a short text takes some 8 % longer.
        """
        executor = ThreadPoolExecutor(1, thread_name_prefix="load")
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, self._load, self.plan, place)
        finally:
            executor.shutdown(wait=False)

    def model(self, name: str | None, operation: Operation) -> ServedModel:
        """The model that is meant.

        Args:
            name: Its name; None: the one that can be asked this.
            operation: What is asked.

        Raises:
            ServiceError: None such, one that cannot be asked this, or several and none was named.
        """
        if not self.ready:
            raise ServiceError("unavailable", "the service is starting or ending", retry_after=1)
        offering = {known: one for known, one in self.models.items() if operation.offered_by(one.loaded)}
        if name is None and len(offering) == 1:
            return next(iter(offering.values()))
        if name is None and offering:
            raise ServiceError(
                "unprocessable", f"several models can be asked this: name one as model; {', '.join(offering)}"
            )
        if name is not None and name not in self.models:
            raise self.no_model()
        if name not in offering:
            asked = self.models.values() if name is None else [self.models[name]]
            for reason in filter(None, (operation.refusal(one.loaded) for one in asked)):
                raise ServiceError("unprocessable", reason)
            if name is None:
                raise self.no_task()
            raise ServiceError("not_found", f"{name} has no task for {operation.slug}")
        return offering[name]

    def no_model(self) -> ServiceError:
        """What is said of a model that there is not."""
        return ServiceError("not_found", f"no such model; there is {', '.join(self.models)}")

    def no_task(self) -> ServiceError:
        """What is said of something that no model can be asked."""
        offered = ", ".join(one.slug for one in self.offered())
        return ServiceError("not_found", f"no such task here; there is {offered}")

    async def answer(
        self,
        operation: Operation,
        model: str | None,
        inputs: Any,
        parameters: Any,
        *,
        client: str,
        patient: bool = False,
        drawn: bool = False,
    ) -> Any:
        """What is answered to the inputs of a request: a list of answers to a list, else one.

        Args:
            operation: What is asked.
            model: Of which model.
            inputs: One input, or a list.
            parameters: Of the request.
            client: Who asks.
            patient: Wait for room in the queue rather than be refused.
            drawn: Answer with drawings as well.

        Raises:
            ServiceError: They cannot be answered.
        """
        served = self.model(model, operation)
        many = isinstance(inputs, list)
        given = inputs if many else [inputs]
        if not given:
            raise ServiceError("empty", "inputs: an empty list")
        if len(given) > self.plan.limits.max_inputs:
            raise ServiceError("too_large", f"inputs: {len(given)} of them, of at most {self.plan.limits.max_inputs}")
        loaded, queries = served.loaded, []
        for place, one in enumerate(given):
            queries.append(self._query(operation, loaded, one, parameters, f"inputs[{place}]" if many else "inputs"))
            await asyncio.sleep(0)  # others are heard between two long inputs
        if drawn:
            most = self.plan.limits.max_explained
            queries = [query.drawn(reasons=_characters(one) <= most) for query, one in zip(queries, given, strict=True)]
        found = await served.batcher.answers(client, queries, within=self.plan.limits.time_limit, patient=patient)
        return found if many else found[0]

    def _query(self, operation: Operation, model: LoadedModel, given: Any, parameters: Any, where: str) -> Query:
        length, most = _characters(given), operation.longest(self.plan.limits)
        if length > most:
            raise ServiceError("too_large", f"{where}: {length} characters, of at most {most}; texts are never cut off")
        try:
            query = operation.query(model, given, parameters, where)
        except InputError as error:
            raise of_input(error) from None
        work = self.plan.limits.max_work
        if operation.cheaper is not None and query.cost > work:
            said = f"{where}: takes some {query.cost:,} tokens in all, of at most {work:,}; {operation.cheaper}"
            raise ServiceError("too_large", said)
        return query

    def offered(self) -> list[Operation]:
        """What some model can be asked."""
        loaded = [model.loaded for model in self.models.values()]
        return [one for one in self.operations if any(map(one.offered_by, loaded))]

    def documents(self, path: str) -> bool:
        """Whether an address is documented: not that of a task that no model offers, or has a reason not to offer."""
        asked = [one for one in self.operations if one.slug in path.split("/")]
        loaded = [model.loaded for model in self.models.values()]
        return all(any(one.offered_by(each) or one.refusal(each) for each in loaded) for one in asked)


def _characters(given: Any) -> int:
    """Characters of all texts of an input."""
    if isinstance(given, str):
        return len(given)
    values: Mapping[str, Any] = vars(given)
    return sum(len(value) for value in values.values() if isinstance(value, str))
