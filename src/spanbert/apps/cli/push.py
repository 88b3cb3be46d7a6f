"""`spanbert push`: a finished bundle to the Hugging Face hub."""

from __future__ import annotations

from typing import Annotated

import typer

from spanbert.apps.cli.options import JsonOption, examples, print_json, say

EXAMPLES = examples(
    ("What would be uploaded, without a network", "spanbert push ner/ jane/ner --dry-run"),
    ("Upload, for oneself alone at first", "spanbert push ner/ jane/ner --private --license apache-2.0 --language en"),
    ("Use it, on any machine", "spanbert predict jane/ner texts.txt"),
)


def command(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A finished bundle.")],
    repository: Annotated[str, typer.Argument(metavar="USER/NAME", help="Where it goes; made if it is not there.")],
    private: Annotated[bool, typer.Option("--private", help="Make the repository private.")] = False,
    licence: Annotated[
        str | None,
        typer.Option(
            "--license",
            "--licence",
            help="Of the model: apache-2.0, mit, cc-by-4.0, other ...",
            show_default="the card's",
        ),
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Of the texts: en, zh ...; may be repeated.", show_default="the card's")
    ] = None,
    dataset: Annotated[
        list[str] | None, typer.Option(help="Hub id of training data; may be repeated.", show_default="the card's")
    ] = None,
    message: Annotated[str | None, typer.Option(help="Of the commit.", show_default=False)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be uploaded; asks no hub.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Uploads a bundle to the Hugging Face hub in one commit: its files and its card, nothing of the run.

    Needs a token that may write: `hf auth login`, or HF_TOKEN. HF_ENDPOINT names another hub.
    """
    from spanbert.pipelines.push import push

    done = push(
        bundle,
        repository,
        private=private,
        licence=licence,
        languages=language or (),
        datasets=dataset or (),
        message=message,
        dry_run=dry_run,
    )
    if as_json:
        print_json(vars(done))
        return
    for name, size in done.files.items():
        say(f"{size:>13,}  {name}")
    for name in done.removed:
        say(f"{'removed':>13}  {name}")
    total = f"{sum(done.files.values()) / 1e6:,.1f} MB in {len(done.files)} files, licence {done.licence}"
    if done.url is None:
        say(f"would upload {total} to {repository}; nothing was sent")
        return
    say(f"uploaded {total}: {done.url}")
    say(f'next: spanbert.load("{repository}"), or spanbert predict {repository}')
