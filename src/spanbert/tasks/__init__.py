"""Tasks: one folder each, all of one protocol; to add one, fill in the protocol and add its line here."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from spanbert.core.errors import InputError, nearest

REGISTRY = {"pretrain": "spanbert.tasks.pretrain.task:PretrainTask"}


def task_class(kind: str) -> Any:
    """The class of a task, imported when it is asked for.

    Raises:
        InputError: No such task.
    """
    if kind not in REGISTRY:
        raise InputError(f"unknown task {kind!r}; {nearest(kind, REGISTRY)}")
    module, _, name = REGISTRY[kind].partition(":")
    return getattr(import_module(module), name)
