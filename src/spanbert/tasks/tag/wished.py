"""Which entities somebody wants explained, of flat and of nested tagging."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from spanbert.core.errors import InputError, nearest
from spanbert.core.types import Span
from spanbert.tasks.explain import TaskExplainer, Wish, quoted, same_place

_REMEDY = "Name a place and a label to ask what speaks for them: of='Ann', label='PER' (--of Ann --label PER)"


def wished_entities(
    explainer: TaskExplainer[Any, Any], text: str, found: Sequence[Span], types: Collection[str], wish: Wish
) -> list[Span]:
    """The entities that are meant; with a place and a label, one that need not have been found.

    Args:
        explainer: What asks.
        text: The text.
        found: Entities of it.
        types: What entities there are.
        wish: What is meant.

    Raises:
        InputError: There is no such entity, or no such type.
    """
    where = f"task {explainer.task.name}"
    if wish.other is not None:
        raise InputError("a second place, where what is found has one", where=where)
    if wish.label is not None and wish.label not in types:
        raise InputError(f"no type of entity {wish.label!r}; {nearest(wish.label, types)}", where=where)
    if wish.of is not None and wish.label is not None:
        return [replace(wish.of, label=wish.label)]
    chosen = [one for one in found if wish.label in (None, one.label) and (wish.of is None or same_place(one, wish.of))]
    if not chosen:
        what = "no entity" if wish.label is None else f"no {wish.label}"
        at = "" if wish.of is None else f" at {quoted(text, wish.of)}"
        explainer.nothing(what + at, (f"{one.label} {quoted(text, one)}" for one in found), _REMEDY)
    return chosen
