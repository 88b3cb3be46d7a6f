"""Reports: one HTML file with everything in it, viewable offline."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.missing import how_to_get
from spanbert.scores.scorer import shown_figure


def render_report(template: str, pictures: Mapping[str, bytes], **values: Any) -> str:
    """Fills an HTML template of this package; text is escaped, pictures become data URIs.

    Args:
        template: File name under `apps/reports/templates`.
        pictures: PNG or SVG pictures by the name that the template uses.
        values: What else it uses.

    Raises:
        InputError: The extra `report` is not installed.
    """
    try:
        from jinja2 import Environment, FunctionLoader, StrictUndefined
    except ModuleNotFoundError:
        raise InputError("reports need jinja2", remedy=how_to_get("jinja2")) from None
    encoded = {name: _data_uri(picture) for name, picture in pictures.items()}
    environment = Environment(
        loader=FunctionLoader(_text), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["figure"] = shown_figure
    return environment.get_template(template).render(pictures=encoded, **values)


def _text(template: str) -> str:
    return files("spanbert.apps.reports").joinpath("templates", template).read_text(encoding="utf-8")


def _data_uri(picture: bytes) -> str:
    kind = "png" if picture.startswith(b"\x89PNG") else "svg+xml"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
