"""`spanbert fill`: blanks in a text to the best fillings."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from spanbert.apps.cli.options import DeviceOption, JsonOption, device_of_models, examples, print_json, say

EXAMPLES = examples(
    ("A blank of one to three pieces", 'spanbert fill bundle/ "The quick [MASK:1-3] fox" --top-k 5'),
    ("Two blanks of one piece, as JSON", 'spanbert fill bundle/ "[MASK] is the capital of [MASK]." --json'),
)


def command(
    bundle: Annotated[
        str, typer.Argument(metavar="BUNDLE", help="A bundle, or a Hugging Face model with an MLM head.")
    ],
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="[MASK] one piece, [MASK:3] three, [MASK:1-4] one to four.")
    ],
    top_k: Annotated[int, typer.Option(help="How many fillings.", min=1)] = 5,
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fills the blanks of a text, the most likely filling first.

    The score is the mean log probability a piece (MLM and SBO together) plus the log prior of the length.
    """
    from spanbert.pipelines.load import load

    nlp = load(bundle, device=device_of_models(device, [bundle], partial(typer.echo, err=True)))
    fillings = nlp.fill(text, top_k=top_k)
    if as_json:
        print_json({"text": text, "fillings": [asdict(filling) for filling in fillings]})
        return
    for filling in fillings:
        say(f"{filling.score:8.3f}  {filling.text}")
