"""`spanbert explain`: a text to why a task says what it says of it, word by word."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from spanbert.apps.cli.completion import one_of
from spanbert.apps.cli.options import (
    DeviceOption,
    JsonOption,
    OverwriteOption,
    announced_device,
    examples,
    print_json,
    say,
)
from spanbert.core.errors import InputError

if TYPE_CHECKING:
    from spanbert.core.attributions import Baseline
    from spanbert.core.types import Document
    from spanbert.pipelines.explanations import AttentionView, Explanation
    from spanbert.pipelines.load import Pipeline

EXAMPLES = examples(
    ("Why a text got its label", 'spanbert explain sentiment/ "A fine film, but too long."'),
    ("What speaks for another label", 'spanbert explain sentiment/ "A fine film, but too long." --label negative'),
    ("Why each entity is one, as a page", 'spanbert explain ner/ "Ann left Rome." --out why.html'),
    ("What speaks for an entity that was not found", 'spanbert explain ner/ "Ann left Rome." --of Rome --label PER'),
    (
        "Why this is the answer",
        """spanbert explain qa/ '{"question": "Who left?", "context": "Ann left Rome."}'""",
    ),
    ("Where each head of each layer looks", 'spanbert explain ner/ "Ann left Rome." --attention --out heads.html'),
)
_BASELINES = ("mask", "pad", "zero")
_PLACE = re.compile(r"(\d{1,18}):(\d{1,18})")


def command(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A bundle or Hugging Face directory.")],
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help='A text, or a line of JSON as predict reads it: {"question", "context"}, {"text", "pair"}, '
            '{"text", "head", "tail"}.',
        ),
    ],
    task: Annotated[
        str | None, typer.Option(help="Which task, where several read the text.", show_default=False)
    ] = None,
    label: Annotated[str | None, typer.Option(help="Explain this label, given or not.", show_default=False)] = None,
    of: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS|START:END",
            help="Explain what is said of this place: an entity, an answer, a mention, the head of a relation.",
            show_default=False,
        ),
    ] = None,
    other: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS|START:END",
            help="And of this one: the antecedent of a mention, the tail of a relation.",
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        str,
        typer.Option(
            help="What stands for a word that is not there: mask, pad or zero (embeddings).",
            autocompletion=one_of(_BASELINES),
        ),
    ] = "mask",
    steps: Annotated[
        int, typer.Option(help="Steps of the integral at most; they are doubled until the words add up.", min=1)
    ] = 512,
    most: Annotated[int, typer.Option(help="Things explained at most, in text order.", min=1)] = 10,
    attention: Annotated[
        bool, typer.Option("--attention", help="Instead show where each head of each layer looks: --out or --json.")
    ] = False,
    device: DeviceOption = None,
    out: Annotated[Path | None, typer.Option(help="Write a page (HTML) to this file.", show_default=False)] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Shows why a task says what it says of a text: how much each word moves the score (integrated gradients).

    Explained is a label, an entity, an answer, a link between mentions or a relation. Words above 0 speak for it, those
    below against it; together they are the score less that of a text without words.
    """
    from spanbert.core.outputs import check_output_file
    from spanbert.pipelines.load import load

    if attention:
        _check_view(
            {"--task": task, "--label": label, "--of": of, "--other": other}, is_shown=as_json or out is not None
        )
    if out is not None:
        check_output_file(out, inputs=[bundle], overwrite=overwrite)
    document = _document(text)
    nlp = load(bundle, device=announced_device(device, partial(typer.echo, err=True)))
    found: AttentionView | Explanation
    if attention:
        found = _attention(nlp, document)
    else:
        found = nlp.explain(
            document,
            task=task,
            label=label,
            of=_place(of),
            other=_place(other),
            baseline=cast("Baseline", baseline),
            steps=steps,
            most=most,
        )
    if out is not None:
        _write_page(out, found, title=Path(bundle).resolve().name)
    if as_json:
        print_json(found.as_record())
    elif out is None:
        for line in found.lines():
            say(line)


def _check_view(given: Mapping[str, str | None], *, is_shown: bool) -> None:
    """Refuses what a view of attention has no use for.

    Args:
        given: Options of tasks, by flag.
        is_shown: Whether there is a page or JSON to hold it.

    Raises:
        InputError: There is something of that kind, or nothing to hold the view.
    """
    used = [flag for flag, value in given.items() if value is not None]
    if used:
        raise InputError("a view of the encoder, which knows no tasks", where="--attention", got=", ".join(used))
    if not is_shown:
        remedy = "Pass --out page.html, or --json"
        raise InputError("pictures, which a terminal cannot show", where="--attention", remedy=remedy)


def _document(text: str) -> Document:
    """What is explained.

    Raises:
        InputError: No text, or several lines of JSON.
    """
    from spanbert.pipelines.inputs import read_inputs

    documents = list(read_inputs(text.split("\n"), name="TEXT", entities=True, documents="file"))
    if len(documents) != 1:
        got = f"{len(documents)} of them" if documents else "nothing"
        raise InputError("not one text", where="TEXT", got=got, expected="a text, or a line of JSON")
    return documents[0]


def _place(stated: str | None) -> str | tuple[int, int] | None:
    """Words as they are; two numbers as a place."""
    numbers = None if stated is None else _PLACE.fullmatch(stated)
    return stated if numbers is None else (int(numbers[1]), int(numbers[2]))


def _attention(nlp: Pipeline, document: Document) -> AttentionView:
    """Of a question the question comes first, as the encoder reads it."""
    if document.questions:
        return nlp.attention(document.questions[0].text, pair=document.text)
    return nlp.attention(document.text, pair=document.pair)


def _write_page(out: Path, found: AttentionView | Explanation, *, title: str) -> None:
    from spanbert.core.files import file_written_whole, only_writer
    from spanbert.pipelines.html import page

    with only_writer(out), file_written_whole(out) as stream:
        stream.writelines(page([found], title=title))
