"""`spanbert info`: what is in a store or a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from spanbert.apps.cli.options import JsonOption, examples, print_json

EXAMPLES = examples(
    ("A token store", "spanbert info store/"),
    ("What masking would do to it", "spanbert info store/ --masking --scheme word"),
    ("A bundle, as JSON", "spanbert info bundle/ --json"),
)


def command(
    path: Annotated[str, typer.Argument(metavar="STORE|BUNDLE", help="A token store, bundle or model directory.")],
    masking: Annotated[
        bool, typer.Option("--masking", help="Of a store: mask some segments and count, as training would.")
    ] = False,
    scheme: Annotated[str, typer.Option(help="With --masking: span, subword, word or entity.")] = "span",
    segment_length: Annotated[int, typer.Option(help="With --masking: tokens of a segment.", min=3)] = 128,
    as_json: JsonOption = False,
) -> None:
    """Shows what is in a token store or a bundle, and verifies its checksums."""
    from spanbert.pipelines.info import info, masking_facts

    facts = masking_facts(path, scheme, segment_length) if masking else info(path)
    if as_json:
        print_json(facts)
        return
    for line in _lines(facts):
        typer.echo(line)


def _lines(facts: Mapping[str, Any], indent: str = "") -> list[str]:
    lines: list[str] = []
    for key, value in facts.items():
        name = indent + str(key).replace("_", " ")
        if isinstance(value, Mapping):
            lines += [f"{name}:", *_lines(value, indent + "  ")]
        elif isinstance(value, list):
            more = f" and {len(value) - 5} more" if len(value) > 5 else ""
            lines.append(f"{name}: {', '.join(map(str, value[:5]))}{more}")
        elif isinstance(value, float):
            lines.append(f"{name}: {value:.4f}")
        else:
            lines.append(f"{name}: {'-' if value is None else f'{value:,}' if type(value) is int else value}")
    return lines
