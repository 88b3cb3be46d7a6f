"""`spanbert export`: a bundle as a directory that only answers, in float32 or int8, without torch or by it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from spanbert.apps.cli.options import JsonOption, OverwriteOption, ThreadsOption, examples, print_json, say
from spanbert.apps.console import make_reporter
from spanbert.core.errors import InputError

EXAMPLES = examples(
    ("For machines without torch", "spanbert export ner/ --out ner-onnx/"),
    (
        "Smaller and faster, with its price on dev data",
        "spanbert export ner/ --out small/ --precision int8 --data dev.conll",
    ),
    ("Our own model, kept in the cache for --precision int8", "spanbert export small-en --precision int8"),
    (
        "Of several tasks",
        "spanbert export both/ --out small/ --precision int8 --data ner=dev.conll --data sent=dev.tsv",
    ),
)


def command(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A bundle or Hugging Face directory.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="The directory to make.  [default: in the cache, where predict and serve --precision int8 find it]",
            show_default=False,
        ),
    ] = None,
    runtime: Annotated[
        str,
        typer.Option(
            help="What runs it: onnx (onnxruntime) or openvino, without torch; torch (bfloat16, int8, on x86); "
            "ctranslate2 (models that translate), without torch."
        ),
    ] = "onnx",
    precision: Annotated[
        str,
        typer.Option(
            help="float32: answers as the bundle does. bfloat16: half of the bytes (torch, openvino). int8: a "
            "quarter of the bytes; needs --data, unless the bundle brings dev data."
        ),
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
    """Writes a bundle as a directory that predict, evaluate and Python's load take.

    With --data its scores are compared with those of the bundle. Where the main score falls by more than --max-drop, or
    the 95% interval of the fall reaches beyond twice that, nothing is written and the exit code is 1. int8 is set by
    the values of a part of the data, at most a fifth, and scored on the rest.
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
        print_json(done.as_record())
        return
    say(f"wrote {done.path}")
    for line in done.lines():
        say(line)


def _by_task(stated: list[str]) -> Any:
    """`DEV`, or `NAME=DEV` of several tasks."""
    if len(stated) == 1 and (Path(stated[0]).exists() or "=" not in stated[0]):
        return stated[0]
    found: dict[str, str] = {}
    for given in stated:
        name, _, file = given.partition("=")
        if not (name and file):
            raise InputError("data of which task?", where="--data", got=given, expected="NAME=FILE")
        if name in found:
            raise InputError(f"two files of the task {name!r}", where="--data", got=given, expected="one")
        found[name] = file
    return found or None
