"""Options of kinds of tasks, made from their specs: `--text-column` of classification, `--singletons` of coreference.

A verb's command has a parameter `given`, which the options replace; it receives those that the user passed.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from spanbert.apps.cli.command import KindHelp
from spanbert.apps.cli.options import examples
from spanbert.core.errors import InputError
from spanbert.tasks.registry import spec_of, specs
from spanbert.tasks.spec import TaskOption, Verb

Given = Mapping[str, Any]  # values by flag
_PANEL = "Options of kinds of tasks"


def options_of(verb: Verb) -> dict[str, dict[str, TaskOption]]:
    """The options of a verb: by flag, by the kinds of task that have it."""
    found: dict[str, dict[str, TaskOption]] = {}
    for spec in specs():
        for option in spec.options:
            if verb in option.verbs:
                found.setdefault(option.flag, {})[spec.kind] = option
    return found


def task_examples(verb: Verb, *more: tuple[str, str]) -> str:
    """The examples at the end of a verb's help: those of the specs, then others."""
    return examples(*(one for spec in specs() for one in spec.examples.get(verb, ())), *more)


def with_task_options(verb: Verb) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Puts the options of all kinds of tasks in the place of a command's parameter `given`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        flags = {_name(flag): flag for flag in options_of(verb)}

        @functools.wraps(command)
        def wrapped(*arguments: Any, **values: Any) -> None:
            passed = {flag: values.pop(name, None) for name, flag in flags.items()}
            given = {flag: value for flag, value in passed.items() if value is not None and value is not False}
            command(*arguments, **values, given=given)

        parameters: list[inspect.Parameter] = []
        signature = inspect.signature(command, eval_str=True)
        for parameter in signature.parameters.values():
            if parameter.name == "given":
                parameters += [_parameter(flag, of_kinds) for flag, of_kinds in options_of(verb).items()]
            else:
                parameters.append(parameter)
        wrapped.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        wrapped.__annotations__ = {one.name: one.annotation for one in parameters}
        return wrapped

    return decorate


def help_of_kind(verb: Verb, *, companion: Sequence[str] = (), others: Sequence[str] = ()) -> Callable[[str], KindHelp]:
    """What the help of a verb says of one kind of task.

    Args:
        verb: The verb, whose first argument is the kind.
        companion: Its parameters for kinds whose data may come as two files.
        others: Those that are for no single kind.
    """

    def of_kind(kind: str) -> KindHelp:
        spec, by_flag = spec_of(kind), options_of(verb)
        hidden = {_name(flag) for flag, of_kinds in by_flag.items() if kind not in of_kinds}
        hidden |= {*others, *(companion if spec.companion is None else ())}
        said = {_name(flag): _help_of(of_kinds[kind]) for flag, of_kinds in by_flag.items() if kind in of_kinds}
        own = [one for other in specs() if other.kind == kind for one in other.examples.get(verb, ())]
        called = f" Also called {', '.join(spec.aliases)}." if spec.aliases else ""
        text = f"{spec.title.capitalize()}: the options of this kind.{called}\n\nFiles: {spec.files}."
        return KindHelp(hidden=frozenset(hidden), said=said, text=text, examples=examples(*own) if own else "")

    return of_kind


def settings_of(verb: Verb, given: Given, kind: str | None, *, one_task: bool = False) -> dict[str, Any]:
    """The settings that options set, by dotted key.

    Args:
        verb: The verb.
        given: What the user passed.
        kind: The kind of task that they are for; None: any that has them, where one alone does.
        one_task: They are for one task, whose kind is not known yet: where several kinds have an option for settings
            of one name, the key is that name without a kind.

    Raises:
        InputError: An option that the kind does not have, or that several kinds have where it is not said which.
    """
    found: dict[str, Any] = {}
    for flag, value in given.items():
        of_kinds = options_of(verb)[flag]
        owners = " and ".join(of_kinds)
        if kind is not None and kind not in of_kinds:
            raise InputError(f"an option of {owners}", where=flag, got=f"the kind {kind}")
        names = {option.setting for option in of_kinds.values()}
        if kind is None and one_task and len(of_kinds) > 1 and len(names) == 1:
            found[names.pop()] = value
            continue
        if kind is None and len(of_kinds) > 1:
            settings = " or ".join(f"{one}.{option.setting}=..." for one, option in of_kinds.items())
            remedy = f"Use --set {settings}"
            raise InputError(f"an option of {owners}", where=flag, got="several kinds of tasks", remedy=remedy)
        owner = next(iter(of_kinds)) if kind is None else kind
        option = of_kinds[owner]
        found[f"{owner}.{option.setting}"] = value if option.value is None else option.value
    return found


def overrides_of(settings: Mapping[str, Any]) -> list[str]:
    """Settings as `--set` takes them."""
    return [f"{key}={json.dumps(value)}" for key, value in settings.items()]


def _name(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")


def _help_of(option: TaskOption) -> str:
    said = f"{option.help[:1].upper()}{option.help[1:]}"
    return said if option.default is None else f"{said}  [default: {option.default}]"


def _parameter(flag: str, of_kinds: Mapping[str, TaskOption]) -> inspect.Parameter:
    option = next(iter(of_kinds.values()))
    said = "; ".join(f"{kind}: {one.help.removesuffix('.')}" for kind, one in of_kinds.items()) + "."
    said += "" if option.default is None else f"  [default: {option.default}]"
    is_switch = option.value is not None
    annotation: Any = bool if is_switch else option.type | None
    info = typer.Option(flag, help=said, show_default=False, min=option.least, rich_help_panel=_PANEL)
    return inspect.Parameter(
        _name(flag),
        inspect.Parameter.KEYWORD_ONLY,
        default=False if is_switch else None,
        annotation=Annotated[annotation, info],
    )
