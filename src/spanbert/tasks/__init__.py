"""Tasks: one folder each, all of one protocol; to add one, fill in the protocol and add its line here."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from spanbert.core.errors import InputError, nearest

_NESTED = "spanbert.tasks.tag.nested:NestedTask"
REGISTRY = {  # tasks on labelled texts: class, and its settings
    "classify": ("spanbert.tasks.classify.task:ClassifyTask", "spanbert.tasks.classify.options:ClassifyOptions"),
    "tag": ("spanbert.tasks.tag.task:TagTask", "spanbert.tasks.tag.options:TagOptions"),
    "coref": ("spanbert.tasks.coref.task:CorefTask", "spanbert.tasks.coref.options:CorefOptions"),
    "relation": ("spanbert.tasks.relation.task:RelationTask", "spanbert.tasks.relation.options:RelationOptions"),
    "qa": ("spanbert.tasks.qa.task:QATask", "spanbert.tasks.qa.options:QAOptions"),
}


def task_class(kind: str, *, nested: bool = False) -> Any:
    """The class of a task on labelled texts (`TextTask`), imported when it is asked for.

    Args:
        kind: Its kind.
        nested: Of sequence labelling: the one for nested entities.

    Raises:
        InputError: No such task.
    """
    return _imported(_NESTED if nested else _known(kind)[0])


def options_class(kind: str) -> Any:
    """The settings of a task on labelled texts.

    Raises:
        InputError: No such task.
    """
    return _imported(_known(kind)[1])


def usual_input(kind: str) -> str:
    """What people hand to a task of a kind, as the name of a file in examples."""
    return {"qa": "questions.jsonl", "relation": "pairs.jsonl"}.get(kind, "texts.txt")


def _known(kind: str) -> tuple[str, str]:
    if kind not in REGISTRY:
        raise InputError(f"unknown task {kind!r}; {nearest(kind, REGISTRY)}")
    return REGISTRY[kind]


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
