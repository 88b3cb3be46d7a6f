"""`/docs`: the OpenAPI document as a page, made here, so that a browser asks nobody else for anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from starlette.responses import HTMLResponse

from spanbert.core.html.script import source_hash
from spanbert.core.html.style import escaped

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
:root { color-scheme: light dark; }
code, pre { font: 14px/1.4 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .5rem; border: 1px solid #8884; border-radius: 4px; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .1rem 1rem .1rem 0; vertical-align: top; }
"""
_POLICY = (
    f"default-src 'none'; style-src {source_hash(_STYLE)}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def with_paths(document: Mapping[str, Any], shown: Callable[[str], bool]) -> dict[str, Any]:
    """An OpenAPI document of some of its paths, with the schemas that these name.

    Args:
        document: The whole document.
        shown: Which paths.
    """
    paths = {path: methods for path, methods in document["paths"].items() if shown(path)}
    schemas: Mapping[str, Any] = document.get("components", {}).get("schemas", {})
    named: set[str] = set()
    new = _named_by(paths)
    while new:
        named |= new
        new = set().union(*(_named_by(schemas[name]) for name in new)) - named
    kept = {name: schema for name, schema in schemas.items() if name in named}
    return {**document, "paths": paths, "components": {**document.get("components", {}), "schemas": kept}}


def _named_by(part: Any) -> set[str]:
    """The schemas that a part of a document refers to."""
    if isinstance(part, Mapping):
        own = {part["$ref"].rpartition("/")[2]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*map(_named_by, part.values()))
    return set().union(*map(_named_by, part)) if isinstance(part, list) else set()


async def docs_page(app: FastAPI) -> HTMLResponse:
    """The page.

    Args:
        app: That is documented.
    """
    document = app.openapi()
    routes = "".join(
        _route(method.upper(), path, facts)
        for path, methods in document["paths"].items()
        for method, facts in methods.items()
    )
    schemas = "".join(_schema(name, schema) for name, schema in document["components"]["schemas"].items())
    body = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>spanbert</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><main>'
        f"<h1>spanbert {escaped(document['info']['version'])}</h1>"
        f'<p>The same as <a href="openapi.json">OpenAPI</a>.</p>'
        f"{routes}<h2>Bodies</h2>{schemas}</main></body></html>"
    )
    return HTMLResponse(body, headers={"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"})


def _route(method: str, path: str, facts: Mapping[str, Any]) -> str:
    content = facts.get("requestBody", {}).get("content", {}).get("application/json", {})
    request = f"<p>Body: {_named(content['schema'])}</p>" if content else ""
    answers = "".join(
        f"<tr><td>{escaped(status)}</td><td>{escaped(one.get('description', ''))}</td></tr>"
        for status, one in facts.get("responses", {}).items()
    )
    return (
        f"<section><h2><code>{method} {escaped(path)}</code></h2>"
        f"<p>{escaped(facts.get('description', ''))}</p>{request}"
        f'<table><thead><tr><th scope="col">status</th><th scope="col">answer</th></tr></thead>'
        f"<tbody>{answers}</tbody></table></section>"
    )


def _named(schema: Mapping[str, Any]) -> str:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return f'<a href="#{escaped(name)}"><code>{escaped(name)}</code></a>' if name else "JSON"


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    shown = escaped(json.dumps(schema, indent=2, ensure_ascii=False))
    return f'<section id="{escaped(name)}"><h3><code>{escaped(name)}</code></h3><pre>{shown}</pre></section>'
