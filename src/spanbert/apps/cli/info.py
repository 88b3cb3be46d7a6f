"""`spanbert info`: what is in a store or a bundle."""

from __future__ import annotations

from typing import Annotated

import typer

from spanbert.apps.cli.options import JsonOption, examples, lines_of, print_json, say

EXAMPLES = examples(
    ("A token store", "spanbert info store/"),
    ("What masking would do to it", "spanbert info store/ --masking --scheme word"),
    ("A bundle, as JSON", "spanbert info bundle/ --json"),
)


def command(
    path: Annotated[
        str, typer.Argument(metavar="STORE|BUNDLE", help="A token store, bundle, exported model or model directory.")
    ],
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
    for line in lines_of(facts):
        say(line)
