"""What a page that stands alone needs beside its drawings: their script, and what a policy says of scripts in it."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

_START = '\nfor (const one of document.querySelectorAll(".spanbert")) enliven(one);\n'


@cache
def drawing_script() -> str:
    """The module of JavaScript that brings drawings to life (`drawing.js`)."""
    return files("spanbert.core.html").joinpath("drawing.js").read_text(encoding="utf-8")


@cache
def own_script() -> str:
    """The content of a `<script type="module">` that brings all drawings of its page to life."""
    return drawing_script() + _START


def source_hash(content: str) -> str:
    """What a Content-Security-Policy says of a script or style sheet that stands in the page.

    Args:
        content: What is between its tags.
    """
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
