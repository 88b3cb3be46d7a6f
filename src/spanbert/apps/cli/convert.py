"""`spanbert convert`: a model from one layout of files to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spanbert.apps.cli.options import JsonOption, examples, print_json

EXAMPLES = examples(
    ("Encoder and MLM head alone, for other programs", "spanbert convert bundle/ plain/ --to hugging-face"),
    ("With the SBO head, as the authors of SpanBERT released theirs", "spanbert convert bundle/ heads/ --to head-checkpoint"),  # noqa: E501
    ("And back: a model with its heads to a bundle", "spanbert convert heads/ bundle/ --to bundle"),
)  # fmt: skip


def command(
    source: Annotated[str, typer.Argument(metavar="IN", help="Bundle, Hugging Face directory or hub id.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The directory to make.")],
    to: Annotated[str, typer.Option(help="bundle, hugging-face or head-checkpoint.")],
    as_json: JsonOption = False,
) -> None:
    """Writes a model in another layout; its weights stay as they are."""
    from spanbert.pipelines.convert import convert

    result = convert(source, out, to=to)
    if as_json:
        print_json({"path": str(result.path), "tensors": result.tensors, "left_out": result.left_out})
        return
    typer.echo(f"wrote {result.path}: {result.tensors} tensors")
    if result.left_out:
        typer.echo(f"left out, because this layout has no place for them: {', '.join(result.left_out)}")
