"""`spanbert export`: a bundle as a directory that answers without torch, in float32 or int8."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from spanbert.apps.cli.options import JsonOption, OverwriteOption, ThreadsOption, examples, print_json, say
from spanbert.apps.console import make_reporter
from spanbert.core.errors import InputError

EXAMPLES = examples(
    ("For machines without torch", "spanbert export ner/ --out ner-onnx/"),
    ("Smaller, with its price on dev data", "spanbert export ner/ --out small/ --precision int8 --data dev.conll"),
    (
        "Of several tasks",
        "spanbert export both/ --out small/ --precision int8 --data ner=dev.conll --data sent=dev.tsv",
    ),
)


def command(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A bundle or Hugging Face directory.")],
    out: Annotated[Path, typer.Option(help="The directory to make.", show_default=False)],
    runtime: Annotated[str, typer.Option(help="What runs it: onnx, which is onnxruntime.")] = "onnx",
    precision: Annotated[
        str, typer.Option(help="float32: answers as the bundle does. int8: a quarter of the bytes; needs --data.")
    ] = "float32",
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]DEV",
            help="Labelled data on which the export is compared with the bundle; of several tasks, one for each.",
            show_default=False,
        ),
    ] = None,
    max_drop: Annotated[
        float, typer.Option(help="Points (of 100) that the main score may fall; else nothing is written.", min=0)
    ] = 0.5,
    threads: ThreadsOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.", min=0)] = 0,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Writes a bundle as a directory that predict, evaluate and Python's load take, and that needs no torch.

    With --data its scores are compared with those of the bundle. Where the main score falls by more than --max-drop, or
    the 95% interval of the fall reaches beyond twice that, nothing is written and the exit code is 1.
    """
    if threads is not None:
        from spanbert.core.threads import use_threads

        use_threads(threads)
    from spanbert.exports.export import export

    with make_reporter() as reporter:
        done = export(
            bundle,
            out,
            runtime=cast(Any, runtime),
            precision=cast(Any, precision),
            data=_by_task(data or []),
            max_drop=max_drop,
            seed=seed,
            overwrite=overwrite,
            reporter=reporter,
        )
    if as_json:
        parity = {name: one.as_record() for name, one in done.parity.items()}
        print_json({**asdict(done), "path": str(done.path), "kept_float32": list(done.kept_float32), "parity": parity})
        return
    say(
        f"wrote {done.path}: {done.precision} for {done.runtime}, "
        f"{done.bytes / 1e6:.1f} MB of {done.bytes_before / 1e6:.1f}"
    )
    if done.kept_float32 and done.precision != "float32":
        say(f"in float32 all the same: {', '.join(done.kept_float32)}")
    for name, one in done.parity.items():
        say(one.line(name))


def _by_task(stated: list[str]) -> Any:
    """`DEV`, or `NAME=DEV` of several tasks."""
    if len(stated) == 1 and (Path(stated[0]).exists() or "=" not in stated[0]):
        return stated[0]
    parts = [one.partition("=") for one in stated]
    for (name, sign, file), given in zip(parts, stated, strict=True):
        if not (name and sign and file):
            raise InputError("data of which task?", where="--data", got=given, expected="NAME=FILE")
    return {name: file for name, _, file in parts} or None
