"""What a manifest must say of a task on labelled texts; each kind adds its own in its `config`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from spanbert.checkpoint.manifest import TaskEntry
from spanbert.core.schema import Count


def _each_once(labels: list[str]) -> list[str]:
    if len(set(labels)) < len(labels):
        raise ValueError("each label once")
    return labels


def _with_room(window: list[int]) -> list[int]:
    if window[0] < _SHORTEST:
        raise ValueError(f"a window of {_SHORTEST} tokens or more")
    return window


_SHORTEST = 4  # two pieces between special tokens
Labels = Annotated[list[str], AfterValidator(_each_once)]


class TextTaskEntry(TaskEntry):
    """What every such task states.

    Attributes:
        window: Tokens of a window and of the overlap.
        options: The settings of its kind, which `TaskSpec.config` checks.
    """

    window: Annotated[list[Count], Field(min_length=2, max_length=2), AfterValidator(_with_room)]
    options: dict[str, Any]
