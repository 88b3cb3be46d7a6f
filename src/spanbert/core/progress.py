"""Progress of Python functions, shown where somebody looks on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

ParametersT = ParamSpec("ParametersT")
ResultT = TypeVar("ResultT")


def shows_progress(function: Callable[ParametersT, ResultT]) -> Callable[ParametersT, ResultT]:
    """Lets a function with a keyword `reporter` show its progress where none is passed; see `shown_by_default`."""

    @functools.wraps(function)
    def wrapped(*arguments: ParametersT.args, **values: ParametersT.kwargs) -> ResultT:
        if values.get("reporter") is not None:
            return function(*arguments, **values)
        from spanbert.core.console import shown_by_default

        with shown_by_default() as reporter:
            values["reporter"] = reporter
            return function(*arguments, **values)

    return wrapped
