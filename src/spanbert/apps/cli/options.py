"""Options and helpers that several verbs share."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from spanbert.apps.cli.completion import finetune_keys, kind_keys, one_of, pretrain_keys
from spanbert.core.config import parse_override
from spanbert.core.device import AUTO, device_name
from spanbert.core.device import EXPECTED as DEVICE_NAMES
from spanbert.core.errors import InputError, printable
from spanbert.encoder.config import Size
from spanbert.tasks.registry import kind_meant

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on the last line.")]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        help="CPU threads at most; small batches of small models take one.  [default: all cores]",
        min=1,
        show_default=False,
    ),
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        "--device",
        help=f"What computes: {DEVICE_NAMES}.  [default: auto, CUDA where there is one]",
        show_default=False,
        autocompletion=one_of(("auto", "cpu", "cuda", "mps")),
    ),
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        help="float32; bfloat16: faster on processors that multiply it; int8: an export that spanbert export BUNDLE "
        "--precision int8 made once; auto: bfloat16 on a GPU, else float32."
    ),
]
SafeCellsOption = Annotated[
    bool, typer.Option("--safe-cells", help="Tables: put ' before cells that a spreadsheet would compute.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace what exists already.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="YAML file with settings.", show_default=False)]
_SET_HELP = (
    "One setting, e.g. optim.lr=1e-4; may be repeated. --lr, --epochs, --batch-size, --threads, --seed do the same. "
    "All of them: docs/SETTINGS.md."
)
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help=_SET_HELP, show_default=False, autocompletion=finetune_keys),
]
PretrainSetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help=_SET_HELP.replace("--epochs, --batch-size, ", ""),
        show_default=False,
        autocompletion=pretrain_keys,
    ),
]
_UNPRINTABLE = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")  # JSON escapes lower ones


def kind_set_option(example: str) -> Any:
    """`--set` of a verb that asks a model: settings of kinds of tasks."""
    return typer.Option(
        "--set",
        metavar="KIND.KEY=VALUE",
        help=f"Override a setting: {example}.",
        show_default=False,
        autocompletion=kind_keys,
    )


SIZES = get_args(Size)  # what `--size` takes


def device_setting(device: str | None) -> list[str]:
    """The override of the settings that `--device` is; none where it is not given.

    Raises:
        InputError: No such device.
    """
    return [] if device is None else [f"train.device={device_name(device, '--device')}"]


def device_of_models(device: str | None, bundles: Sequence[str], tell: Callable[[str], None]) -> str:
    """The device of a verb that asks models, as `load` takes it; exported ones compute on the CPU, without torch.

    Args:
        device: What `--device` says.
        bundles: The models.
        tell: Is told where bundles compute elsewhere than on the CPU.

    Raises:
        InputError: No such device, or not on this machine; not a model.
    """
    from spanbert.checkpoint.bundle import all_exported

    name = AUTO if device is None else device_name(device, "--device")
    if not all_exported(bundles):
        announced_device(device, tell)
    return name


def announced_device(device: str | None, tell: Callable[[str], None]) -> str:
    """The device that computes, which is told to people where it is not the CPU.

    Args:
        device: What `--device` says.
        tell: Is told.

    Raises:
        InputError: No such device, or not on this machine.
    """
    from spanbert.encoder.hardware import described_device, resolved_device

    found = resolved_device(AUTO if device is None else device_name(device, "--device"), "--device")
    if found.type != "cpu":
        tell(f"computing on {described_device(found)}")
    return str(found)


def require_size(size: str | None) -> None:
    """Checks `--size`, where it is given.

    Raises:
        InputError: No such size.
    """
    if size is not None and size not in SIZES:
        raise InputError("no such size", where="--size", got=repr(size), expected=", ".join(SIZES))


def kind_options(stated: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Settings of kinds of tasks from `KIND.KEY=VALUE`, the value read as YAML.

    Raises:
        InputError: Not of this form, or no such kind.
    """
    found: dict[str, dict[str, Any]] = {}
    for one in stated:
        name, value = parse_override(one)
        kind, _, key = name.partition(".")
        if not key:
            raise InputError("not a setting of a kind of task", where=f"--set {one}", expected="KIND.KEY=VALUE")
        found.setdefault(kind_meant(kind, where=f"--set {one}").kind, {})[key] = value
    return found


def parse_share(text: str, option: str) -> float:
    """Reads `0.5%` or `0.005`.

    Raises:
        InputError: Neither.
    """
    try:
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise InputError("not a share", where=option, got=repr(text), expected="0.5% or 0.005") from None


def print_json(value: Mapping[str, Any]) -> None:
    """Prints one line of JSON."""
    typer.echo(_UNPRINTABLE.sub(_as_json, json.dumps(value, ensure_ascii=False, default=str)))


def say(line: str) -> None:
    """Prints a line for people; what a terminal would take as a command is shown escaped."""
    typer.echo(printable(line))


def _as_json(character: re.Match[str]) -> str:
    return json.dumps(character[0])[1:-1]


def examples(*lines: tuple[str, str]) -> str:
    """The examples at the end of a verb's help: (comment, command) pairs."""
    return "**Examples**\n\n" + "\n\n".join(f"{comment}:\n\n`{command}`" for comment, command in lines)


def lines_of(facts: Mapping[str, Any], indent: str = "") -> list[str]:
    """Nested facts as indented lines for people."""
    lines: list[str] = []
    for key, value in facts.items():
        name = indent + str(key).replace("_", " ")
        if isinstance(value, Mapping):
            lines += [f"{name}:", *lines_of(value, indent + "  ")]
        elif isinstance(value, list):
            more = f" and {len(value) - 5} more" if len(value) > 5 else ""
            lines.append(f"{name}: {', '.join(map(_shown, value[:5]))}{more}")
        elif isinstance(value, float):
            lines.append(f"{name}: {_shown(value)}")
        else:
            lines.append(f"{name}: {'-' if value is None else f'{value:,}' if type(value) is int else value}")
    return lines


def _shown(value: object) -> str:
    """A value for people: numbers with four digits, so that a small learning rate is not 0."""
    return f"{value:.4g}" if isinstance(value, float) and abs(value) < 1000 else str(value)
