"""Options and helpers that several verbs share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from spanbert.core.config import parse_override
from spanbert.core.errors import InputError, nearest
from spanbert.tasks.registry import kinds

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on the last line.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="YAML file with settings.", show_default=False)]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="One setting, e.g. optim.lr=1e-4 or train.seed=1; may be repeated. All of them: docs/SETTINGS.md.",
        show_default=False,
    ),
]

TextColumnOption = Annotated[
    str | None, typer.Option(help="classify: column of the text.  [default: by the header]", show_default=False)
]
PairColumnOption = Annotated[
    str | None, typer.Option(help="classify: column of the second text of a pair.", show_default=False)
]
LabelColumnOption = Annotated[str | None, typer.Option(help="classify: column of the label.", show_default=False)]
SeparatorOption = Annotated[
    str | None, typer.Option(help="classify: what stands between several labels of one text.", show_default=False)
]
ColumnOption = Annotated[
    str | None, typer.Option(help="tag: ner, upos or xpos.  [default: ner where there is any]", show_default=False)
]
MaxMentionsOption = Annotated[
    int | None,
    typer.Option(help="coref: candidates kept a document.  [default: 0.4 a word]", min=2, show_default=False),
]
NestedOption = Annotated[bool, typer.Option("--nested", help="tag: entities may lie in one another.")]


def reading_settings(
    text_column: str | None,
    pair_column: str | None,
    label_column: str | None,
    separator: str | None,
    column: str | None,
) -> dict[str, str]:
    """The settings that the options which say how files are read stand for, as far as they were given."""
    given = {
        "classify.text_column": text_column,
        "classify.pair_column": pair_column,
        "classify.label_column": label_column,
        "classify.separator": separator,
        "tag.column": column,
    }
    return {key: value for key, value in given.items() if value is not None}


def kind_overrides(
    text_column: str | None,
    pair_column: str | None,
    label_column: str | None,
    separator: str | None,
    column: str | None,
    nested: bool,
) -> list[str]:
    """The settings that the options of a kind of task stand for."""
    given = reading_settings(text_column, pair_column, label_column, separator, column)
    return [f"{key}={json.dumps(value)}" for key, value in given.items()] + (["tag.nested=true"] if nested else [])


def kind_options(stated: Sequence[str], max_mentions: int | None = None) -> dict[str, dict[str, Any]]:
    """Settings of kinds of tasks from `KIND.KEY=VALUE`, the value read as YAML; and what `--max-mentions` stands for.

    Raises:
        InputError: Not of this form, or no such kind.
    """
    found: dict[str, dict[str, Any]] = {} if max_mentions is None else {"coref": {"max_mentions": max_mentions}}
    for one in stated:
        name, value = parse_override(one)
        kind, _, key = name.partition(".")
        if not key:
            raise InputError("not a setting of a kind of task", where=f"--set {one}", expected="KIND.KEY=VALUE")
        if kind not in kinds():
            raise InputError(f"no kind of task {kind!r}; {nearest(kind, kinds())}", where=f"--set {one}")
        found.setdefault(kind, {})[key] = value
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
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


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
            lines.append(f"{name}: {', '.join(map(str, value[:5]))}{more}")
        elif isinstance(value, float):
            lines.append(f"{name}: {value:.4f}")
        else:
            lines.append(f"{name}: {'-' if value is None else f'{value:,}' if type(value) is int else value}")
    return lines
