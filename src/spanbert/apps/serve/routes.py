"""The addresses of tasks: `/v1/{task}` and `/models/{name}/{task}`, a body of JSON or of lines of JSON each.

`/models/{name}/{task}/drawing` answers the same with HTML beside it, for people: what the page shows.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, create_model
from starlette.responses import JSONResponse, Response, StreamingResponse

from spanbert.apps.serve.bulk import MEDIA_TYPE, answer_lines, is_bulk
from spanbert.apps.serve.errors import GONE, documented
from spanbert.apps.serve.operations import Operation
from spanbert.apps.serve.reasons import Reason
from spanbert.apps.serve.service import Service
from spanbert.core.types import Record
from spanbert.tasks.service import Wire

ERRORS = documented(400, 401, 404, 408, 413, 422, 429, 500, 503)
Answer = Callable[[Request], Coroutine[Any, Any, Response]]


class Json(JSONResponse):
    """JSON as it was made, without another look at it."""

    def render(self, content: Any) -> bytes:
        """The bytes of a value; half surrogate pairs, which no UTF-8 has, are escaped."""
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        try:
            return text.encode()
        except UnicodeEncodeError:
            return json.dumps(content, separators=(",", ":")).encode()


def routes_of(operation: Operation, service: Service) -> APIRouter:
    """The addresses of an operation.

    Args:
        operation: What is asked there.
        service: Who answers.
    """
    router = APIRouter(tags=["tasks"])
    by_name = f"/models/{{name}}/{operation.slug}"
    _add(router, f"/v1/{operation.slug}", _body(operation, named=False), operation, service)
    _add(router, by_name, _body(operation, named=True), operation, service)
    _add(router, f"{by_name}/drawing", _body(operation, named=True), operation, service, drawn=True)
    return router


def no_such_task(service: Service) -> APIRouter:
    """The addresses of all other tasks, which say what there is.

    Args:
        service: Whose models there are.
    """
    router = APIRouter(include_in_schema=False)

    @router.post("/v1/{slug}")
    @router.post("/models/{name}/{slug}")
    async def absent(slug: str, name: str | None = None) -> Response:
        if name is not None and name not in service.models:
            raise service.no_model()
        raise service.no_task()

    return router


def _body(operation: Operation, *, named: bool) -> type[BaseModel]:
    """What a request is; the model is named in the address or, with several, in the body."""
    fields: dict[str, Any] = {
        "inputs": (operation.input | list[operation.input], ...),  # type: ignore[name-defined]
        "parameters": (operation.parameters, operation.parameters()),
    }
    if not named:
        fields["model"] = (str | None, None)
    return create_model(f"{_in_one_word(operation)}{'Of' if named else ''}Request", __base__=Wire, **fields)


def _in_one_word(operation: Operation) -> str:
    return "".join(part.capitalize() for part in operation.slug.split("-"))


def _add(
    router: APIRouter,
    path: str,
    model: type[BaseModel],
    operation: Operation,
    service: Service,
    *,
    drawn: bool = False,
) -> None:
    async def asked(request: Request, body: Any, *, patient: bool = False) -> Any:
        name = request.path_params.get("name", getattr(body, "model", None))
        client = request.state.client
        return await service.answer(
            operation, name, body.inputs, body.parameters, client=client, patient=patient, drawn=drawn
        )

    async def by_json(request: Request, body: Any) -> Response:
        return await _unless_gone(request, asked(request, body))

    async def by_lines(request: Request) -> Response:
        lines = answer_lines(
            await request.body(),
            model,
            lambda body: asked(request, body, patient=True),
            request_id=request.state.request_id,
        )
        return StreamingResponse(lines, media_type=MEDIA_TYPE)

    class Route(APIRoute):
        """Looks at what the body is."""

        def get_route_handler(self) -> Answer:
            plain = super().get_route_handler()

            async def handler(request: Request) -> Response:
                if is_bulk(request.headers.get("content-type")):
                    return await by_lines(request)
                return await plain(request)

            return handler

    by_json.__annotations__["body"] = model
    title = f"{operation.title.capitalize()}{', with a drawing of the answer' if drawn else ''}"
    by_json.__doc__ = f"{title}."
    if "{name}" in path:
        by_json = _with_name(by_json, model, list(service.models))
    inner = APIRouter(route_class=Route)
    inner.add_api_route(
        path,
        by_json,
        methods=["POST"],
        summary=title,
        operation_id=path.strip("/").replace("/", "_").replace("{name}", "of").replace("-", "_"),
        response_class=Json,
        responses={200: _answered(_drawing(operation) if drawn else operation.output), **ERRORS},
        openapi_extra={"requestBody": {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
    )
    router.include_router(inner)


def _with_name(endpoint: Any, model: type[BaseModel], names: list[str]) -> Any:
    """The same endpoint, which documents that the address has a name, and which names there are."""

    async def by_name(request: Request, name: str, body: Any) -> Response:
        response: Response = await endpoint(request, body)
        return response

    by_name.__annotations__ |= {"body": model, "name": Annotated[str, Path(json_schema_extra={"enum": names})]}
    by_name.__doc__ = endpoint.__doc__
    return by_name


def _drawing(operation: Operation) -> type[BaseModel]:
    """An answer with its drawing, and what `explain` can be asked of it."""
    fields: dict[str, Any] = {"answer": (operation.output, ...), "html": (str, ...), "why": (list[Reason], ...)}
    return create_model(f"{_in_one_word(operation)}Drawing", __base__=Wire, **fields)


def _answered(output: Any) -> Record:
    return {
        "model": output | list[output],
        "description": "The answer to the input, or a list of them to a list; lines of JSON to lines.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }


async def _unless_gone(request: Request, work: Coroutine[Any, Any, Any]) -> Response:
    """The answer; what is left to compute is dropped as soon as the client has gone."""
    answer, gone = asyncio.ensure_future(work), asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        return Json(answer.result()) if answer.done() else Response(status_code=GONE)
    finally:
        answer.cancel()
        gone.cancel()


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
