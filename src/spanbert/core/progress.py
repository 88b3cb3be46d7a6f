"""Progress of Python functions, shown where somebody looks on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from spanbert.core.ranks import is_first_rank
from spanbert.core.reporter import SilentReporter

ParametersT = ParamSpec("ParametersT")
ResultT = TypeVar("ResultT")


def shows_progress(function: Callable[ParametersT, ResultT]) -> Callable[ParametersT, ResultT]:
    """Lets a function with a keyword `reporter` show its progress where none is passed; see `shown_by_default`.

    Of several processes that train together the first alone shows it.
    """

    @functools.wraps(function)
    def wrapped(*arguments: ParametersT.args, **values: ParametersT.kwargs) -> ResultT:
        if not is_first_rank():
            values["reporter"] = SilentReporter()
        if values.get("reporter") is not None:
            return function(*arguments, **values)
        from spanbert.core.console import shown_by_default

        with shown_by_default() as reporter:
            values["reporter"] = reporter
            return function(*arguments, **values)

    return wrapped
