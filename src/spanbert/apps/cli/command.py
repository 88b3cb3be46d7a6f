"""A verb of the command line that understands what people type from habit, and whose help can be of one kind of task.

typed             --Command.parse_args--> what is parsed
--epochs 3                                --set epochs=3, which settings read as train.max_epochs
--output-dir X, --batch_size 8            --out X, --set batch_size=8
--gpu, --gpu 1, --cpu                     --device cuda, --device cuda:1, --device cpu
--fp16                                    an error that says what to do
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar

from typer.core import TyperCommand

from spanbert.core import habits
from spanbert.core.config import Config
from spanbert.core.device import AUTO, device_name
from spanbert.core.errors import InputError, SpanbertError
from spanbert.tasks.registry import kind_meant

_KIND = "spanbert.kind"


@dataclass(frozen=True, kw_only=True)
class KindHelp:
    """What the help of a verb says of one kind of task alone.

    Attributes:
        hidden: Parameters that the kind does not have.
        said: What it says of parameters that several kinds have, by their names.
        text: The text above the options.
        examples: The text below them.
    """

    hidden: frozenset[str]
    said: Mapping[str, str] = field(default_factory=dict)
    text: str
    examples: str


class Command(TyperCommand):
    """A verb; `command_class` makes its class.

    Attributes:
        settings: Class of the settings that `--set` sets (`package.module:Class`); None: the verb trains nothing.
        help_of: What the help says of a kind of task; None: the verb's first argument is no kind.
    """

    settings: ClassVar[str | None] = None
    help_of: ClassVar[Any] = None  # Callable[[str], KindHelp] | None

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses what is meant by the arguments."""
        if not ctx.resilient_parsing:  # that is completion, which looks at what stands there
            args, arguments = self._meant(ctx, args)
            if self.help_of is not None and arguments:
                ctx.meta[_KIND] = arguments[0]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help of the verb, or of the kind of task that was named before `--help`."""
        shown = self
        if _KIND in ctx.meta and self.help_of is not None:
            try:
                kind = kind_meant(ctx.meta[_KIND]).kind
            except SpanbertError:  # no kind: the whole help says which there are
                kind = None
            if kind is not None:
                shown = self._of_kind(self.help_of(kind))
        TyperCommand.format_help(shown, ctx, formatter)

    def _of_kind(self, about: KindHelp) -> Command:
        narrowed = copy.copy(self)
        narrowed.params = []
        for parameter in self.params:
            if parameter.name in about.hidden:
                continue
            own = copy.copy(parameter)
            if parameter.name in about.said:
                own.help = about.said[parameter.name]  # type: ignore[attr-defined]
            narrowed.params.append(own)
        narrowed.help, narrowed.epilog = about.text, about.examples
        return narrowed

    def _meant(self, ctx: Any, args: Sequence[str]) -> tuple[list[str], list[str]]:
        """The arguments as they are spelled here, and those of them that are no options."""
        options = {opt: one for one in self.get_params(ctx) for opt in (*one.opts, *one.secondary_opts)}
        rest, meant, arguments = list(args), list[str](), list[str]()
        while rest:
            token = rest.pop(0)
            if token == "--":
                return [*meant, token, *rest], [*arguments, *rest]
            if not token.startswith("-") or token == "-" or token[1:2].isdigit():
                meant.append(token)
                arguments.append(token)
                continue
            typed, equals, value = token.partition("=")
            flag = _option_meant(typed, options)
            if flag is None:
                own = self._instead(typed, value if equals else None, rest, computes=habits.DEVICE in options)
                meant += [token] if own is None else own
                continue
            meant.append(f"{flag}{equals}{value}")
            if not equals and not getattr(options[flag], "is_flag", False) and rest:
                meant.append(rest.pop(0))
        return meant, arguments

    def _instead(self, typed: str, value: str | None, rest: list[str], *, computes: bool) -> list[str] | None:
        """What stands for an option that there is not, of whose values some may be taken from the rest; None: nothing.

        Args:
            typed: The option.
            value: What stands behind a `=`.
            rest: What stands behind it.
            computes: The verb has `--device`.

        Raises:
            InputError: One that has no counterpart; says what to do.
        """
        flag = _spelled(typed)
        following = rest[0] if value is None and rest and not rest[0].startswith("--") else value
        device = (following or "", True) if flag == habits.DEVICE else habits.device_meant(flag, following)
        if device is not None:
            name, takes_value = device
            if computes or device_name(name or None, typed) in (AUTO, "cpu"):
                if takes_value and value is None and following is not None:
                    rest.pop(0)
                return [habits.DEVICE, device_name(name, typed)] if computes else []
        if self.settings is not None:
            module, _, name = self.settings.partition(":")
            found = _setting(getattr(import_module(module), name), flag, value, rest)
            if found is not None:
                return ["--set", found]
        hints = habits.HINTS if self.settings is not None else {**habits.HINTS, **habits.UNREAD_HINTS}
        if flag in hints:
            raise InputError(hints[flag], where=typed)
        return None


def command_class(
    *, settings: str | None = None, help_of: Callable[[str], KindHelp] | None = None
) -> type[TyperCommand]:
    """The class of a verb: see `Command`."""
    about = None if help_of is None else staticmethod(help_of)
    return type("Command", (Command,), {"settings": settings, "help_of": about})


def _spelled(typed: str) -> str:
    return typed.lower().replace("_", "-")


def _option_meant(typed: str, options: Mapping[str, object]) -> str | None:
    """The option that is meant; None: there is none."""
    if typed in options:
        return typed
    flag = _spelled(typed)
    return next((one for one in (flag, *habits.OPTIONS.get(flag, ())) if one in options), None)


def _setting(config: type[Config], flag: str, value: str | None, rest: list[str]) -> str | None:
    """`KEY=VALUE` of an option that is called like a setting; None: no setting is."""
    name = flag.lstrip("-").replace("-", "_")
    known = config.dotted_keys()
    key = name if name in known else habits.setting_meant(name, known)
    if key is None:
        return None
    if value is None:
        if config.is_switch(key) and not (rest and rest[0].lower() in ("true", "false")):
            value = "true"
        elif not rest:
            return None
        else:
            value = rest.pop(0)
    return f"{name}={value}"
