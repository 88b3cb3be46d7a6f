"""What is asked of the service itself: is it well, what does it serve, its figures, and to load its models again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from spanbert import __version__
from spanbert.apps.serve.errors import ServiceError, documented
from spanbert.apps.serve.metrics import MEDIA_TYPE
from spanbert.apps.serve.service import Service

Reload = Callable[[], None]  # asks all worker processes to load their models again


class State(BaseModel):
    """That the service is well."""

    status: str


class TaskInfo(BaseModel):
    """A task of a model."""

    name: str
    kind: str
    route: str
    explained: bool = Field(description="Whether `explain` says why it says what it says.")


class Choice(BaseModel):
    """Something that a model can be asked, by which task where one is named, with an input to try."""

    route: str
    task: str | None
    example: Any


class RouteInfo(BaseModel):
    """A route in words."""

    route: str
    title: str
    title_zh: str


class ModelInfo(BaseModel):
    """A model, and what it can be asked."""

    name: str
    tasks: list[TaskInfo]
    routes: list[str]
    choices: list[Choice]
    device: str
    loads: int


class Info(BaseModel):
    """What is served."""

    spanbert: str
    models: list[ModelInfo]
    routes: list[RouteInfo]
    limits: dict[str, Any]


def status_routes(service: Service, reload: Reload | None) -> APIRouter:
    """The routes.

    Args:
        service: That is asked about.
        reload: See `Reload`; None: nobody may ask for it.
    """
    router = APIRouter(tags=["service"], responses=documented(500))
    locked = documented(401)

    @router.get("/health")
    async def health() -> State:
        """The process answers."""
        return State(status="ok")

    @router.get("/ready", responses=documented(503))
    async def ready() -> State:
        """All models are loaded."""
        if not service.ready:
            raise ServiceError("unavailable", "the service is starting or ending", retry_after=1)
        return State(status="ok")

    @router.get("/info", responses=locked)
    async def info() -> Info:
        """Models, tasks and limits."""
        return Info(
            spanbert=__version__,
            models=[_model_info(service, name) for name in service.models],
            routes=[RouteInfo(route=one.slug, title=one.title, title_zh=one.title_zh) for one in service.offered()],
            limits=service.plan.limits.model_dump(),
        )

    @router.get("/metrics", responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}, **locked})
    async def metrics() -> Response:
        """Figures of all worker processes, for Prometheus."""
        return Response(service.metrics.text(), media_type=MEDIA_TYPE)

    if reload is not None:

        @router.post("/admin/reload", status_code=202, responses=locked)
        async def reload_models() -> State:
            """Every worker process reads its keys again, loads its models beside the old ones, and then swaps them."""
            reload()
            return State(status="reloading")

    return router


def _model_info(service: Service, name: str) -> ModelInfo:
    model = service.models[name]
    tasks = [
        TaskInfo(
            name=task,
            kind=model.loaded.pipeline.tasks[task].kind,
            route=one.slug,
            explained=task in model.loaded.explained,
        )
        for task, one in model.loaded.services.items()
    ]
    offered = [one for one in service.operations if one.offered_by(model.loaded)]
    choices = [
        Choice(route=one.slug, task=task, example=example)
        for one in offered
        for task, example in one.choices(model.loaded)
    ]
    return ModelInfo(
        name=name,
        tasks=tasks,
        routes=[one.slug for one in offered],
        choices=choices,
        device=model.loaded.device,
        loads=model.loads,
    )
