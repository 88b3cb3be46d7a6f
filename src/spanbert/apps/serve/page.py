"""The page at `/`, for people: files of the package, under a policy that lets nothing else in.

static/         what the page is: a task is chosen, an input asked about, the answer shown
core/html/      how answers are drawn, here as in files and notebooks; drawings come from `/models/NAME/TASK/drawing`
"""

from __future__ import annotations

from importlib.resources import files
from mimetypes import guess_type

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from spanbert.core.html.script import drawing_script
from spanbert.core.html.style import STYLE

PLACE = "/page/"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}
_INDEX = "index.html"


def page_routes() -> APIRouter:
    """The routes of the page and its files, which are read once."""
    router = APIRouter(include_in_schema=False)
    found = {one.name: one.read_bytes() for one in files("spanbert.apps.serve").joinpath("static").iterdir()}
    found |= {"drawing.js": drawing_script().encode(), "drawing.css": STYLE.encode()}

    @router.get("/")
    async def page() -> Response:
        return Response(found[_INDEX], headers=_HEADERS, media_type="text/html")

    @router.get(PLACE + "{name}")
    async def file(name: str) -> Response:
        if name not in found or name == _INDEX:
            raise HTTPException(404)
        return Response(found[name], headers=_HEADERS, media_type=guess_type(name)[0])

    return router
