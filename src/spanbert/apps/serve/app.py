"""The ASGI application of a worker process."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp
from typing_extensions import override

from spanbert import __version__
from spanbert.apps.serve.config import ServePlan
from spanbert.apps.serve.documentation import docs_page, with_paths
from spanbert.apps.serve.errors import GONE, ServiceError, internal, of_faults, of_status
from spanbert.apps.serve.guard import Guard
from spanbert.apps.serve.keys import KeyFile
from spanbert.apps.serve.metrics import Metrics
from spanbert.apps.serve.models import load_place
from spanbert.apps.serve.page import page_routes
from spanbert.apps.serve.routes import Json, no_such_task, routes_of
from spanbert.apps.serve.service import Load, Service
from spanbert.apps.serve.status import Reload, status_routes

log = logging.getLogger("spanbert.serve")


class GuardedApp(FastAPI):
    """An application all of whose answers pass something outside, those to its own faults included.

    Args:
        outside: What they pass.
        documents: Whether an address is documented now.
        settings: Of FastAPI.
    """

    def __init__(
        self, outside: Callable[[ASGIApp], ASGIApp], documents: Callable[[str], bool], **settings: Any
    ) -> None:
        self._outside, self._documents = outside, documents
        super().__init__(**settings)

    @override
    def openapi(self) -> dict[str, Any]:
        return with_paths(super().openapi(), self._documents)

    @override
    def build_middleware_stack(self) -> ASGIApp:
        return self._outside(super().build_middleware_stack())


def make_app(plan: ServePlan, *, load: Load = load_place, reload: Reload | None = None) -> FastAPI:
    """The application; models are loaded when it starts up.

    Args:
        plan: What is served.
        load: Loads a model.
        reload: Asks all worker processes to read keys and load models again; with keys alone.
    """
    keys = None if plan.keys is None else KeyFile(plan.keys)
    metrics = Metrics()
    service = Service(plan, metrics, load)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        for operation in service.operations:  # what models offer may change when they are loaded again
            app.include_router(routes_of(operation, service))
        app.include_router(no_such_task(service))
        try:
            yield
        finally:
            await service.stop()

    def outside(inner: ASGIApp) -> ASGIApp:
        guarded = Guard(inner, limits=plan.limits, keys=keys, metrics=metrics)
        if not plan.origins:
            return guarded
        return CORSMiddleware(
            guarded,
            allow_origins=plan.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-Request-ID"],
            expose_headers=["X-Request-ID", "Retry-After"],
        )

    app = GuardedApp(
        outside,
        service.documents,
        title="spanbert",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.service, app.state.keys = service, keys
    app.include_router(status_routes(service, reload if keys is not None else None))
    app.include_router(page_routes())
    app.add_api_route("/docs", partial(docs_page, app), include_in_schema=False)
    app.add_exception_handler(HTTPException, _failed)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _fault)
    return app


async def read_again(app: FastAPI) -> None:
    """Reads the keys again, and then loads the models again beside the old ones.

    Args:
        app: Of `make_app`.
    """
    keys: KeyFile | None = app.state.keys
    if keys is not None:
        keys.read_again()
    await app.state.service.reload()


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = error if isinstance(error, ServiceError) else of_status(error.status_code, str(error.detail))
    return Json(known.body(request.state.request_id), error.status_code, dict(error.headers or {}))


async def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return await _failed(request, of_faults(error.errors()))


async def _gone(request: Request, error: Exception) -> Response:
    """A client that went away while it sent its body."""
    return Response(status_code=GONE)


async def _fault(request: Request, error: Exception) -> Response:
    """A fault of the service; what it was stands in the log alone."""
    log.error("request %s failed", request.state.request_id, exc_info=error)
    return await _failed(request, internal())
