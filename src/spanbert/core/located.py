"""Results whose spans know their text."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

from spanbert.core.types import Span

ValueT = TypeVar("ValueT")


def located(value: ValueT, text: str) -> ValueT:
    """A result with the characters of every span in it; what has none is handed back itself.

    Args:
        value: A span, or tuples and dataclasses with spans somewhere in them.
        text: What the spans are of.
    """
    found: object = value
    if isinstance(value, Span):
        found = value if value.text is not None else _with_text(value, text[value.start : value.end])
    elif isinstance(value, tuple) and type(value) is tuple:
        made = tuple(located(one, text) for one in value)
        found = made if any(new is not old for new, old in zip(made, value, strict=True)) else value
    elif is_dataclass(value) and not isinstance(value, type):
        held = {one.name: getattr(value, one.name) for one in fields(value)}
        made_of = {name: located(one, text) for name, one in held.items() if isinstance(one, tuple | Span)}
        changed = {name: one for name, one in made_of.items() if one is not held[name]}
        found = replace(value, **changed) if changed else value
    return found  # type: ignore[return-value]


def _with_text(span: Span, text: str) -> Span:
    """Written out: every word of a tagged text is one, and `replace` takes four times as long."""
    return Span(start=span.start, end=span.end, label=span.label, score=span.score, text=text)
