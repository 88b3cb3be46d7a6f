"""`spanbert evaluate`: official scores of a bundle on labelled data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from spanbert.apps.cli.options import (
    DeviceOption,
    JsonOption,
    ThreadsOption,
    device_of_models,
    kind_options,
    kind_set_option,
    print_json,
    say,
)
from spanbert.apps.cli.task_options import Given, settings_of, task_examples, with_task_options
from spanbert.apps.console import make_reporter
from spanbert.core.errors import InputError

if TYPE_CHECKING:
    from spanbert.pipelines.evaluation import Evaluation

EXAMPLES = task_examples(
    "evaluate",
    ("Scores with intervals and signature", "spanbert evaluate ner/ --data test.conll"),
    ("One task of several, as JSON", "spanbert evaluate both/ --task sent --data test.tsv --json"),
    ("Entities and relations from raw text", "spanbert evaluate news/ --data test.jsonl --end-to-end"),
    ("Is A better than B? A paired bootstrap test", "spanbert evaluate --compare A/ B/ --data test.conll"),
)

_MOST_PAIRS = "--max-pairs"


@with_task_options("evaluate")
def command(
    bundles: Annotated[
        list[str],
        typer.Argument(
            metavar="BUNDLE", help="A bundle, exported model or Hugging Face directory; with --compare, two."
        ),
    ],
    data: Annotated[Path, typer.Option(help="Labelled data, in any format that the task is trained on.")],
    target: Annotated[
        Path | None,
        typer.Option(
            help="The translations of --data, line by line, where they are in another file.", show_default=False
        ),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Which task, where a bundle holds several.", show_default=False)
    ] = None,
    *,
    given: Given,
    set_: Annotated[
        list[str] | None,
        kind_set_option("coref.singletons=drop"),
    ] = None,
    end_to_end: Annotated[
        bool,
        typer.Option("--end-to-end", help="Score entities and relations from raw text, strictly and by boundaries."),
    ] = False,
    entities: Annotated[
        str, typer.Option(help="With --end-to-end: those found by the bundle, or those of the data (gold).")
    ] = "found",
    compare: Annotated[bool, typer.Option("--compare", help="Compare two bundles by a paired bootstrap test.")] = False,
    device: DeviceOption = None,
    threads: ThreadsOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.", min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """Scores a task of a bundle: entity F1, accuracy, F1 of answers, CoNLL F1 of clusters and so on; fractions.

    Translations have BLEU and chrF++ by sacreBLEU, on its scale of 0 to 100.

    Every score comes with a 95% bootstrap interval, and with a signature that says how it was counted.
    """
    from spanbert.core.threads import use_threads
    from spanbert.pipelines.evaluate import evaluate

    if threads is not None:
        use_threads(threads)

    if end_to_end:
        for option, value in (("--compare", compare), ("--target", target)):
            if value:
                raise InputError("an option that does not go with --end-to-end", where=option)
        _print(_end_to_end(bundles, data, entities, task, _options(given, set_), device, seed), as_json)
        return
    if entities != "found":
        raise InputError("an option of --end-to-end", where="--entities", got=entities)
    if _MOST_PAIRS in given:
        raise InputError("an option of --end-to-end", where=_MOST_PAIRS, got=str(given[_MOST_PAIRS]))
    if len(bundles) != (2 if compare else 1):
        raise InputError("how many bundles?", got=str(len(bundles)), expected="two with --compare, else one")
    other = bundles[1] if compare else None
    options = _options(given, set_)
    with make_reporter() as reporter:
        found = evaluate(
            bundles[0],
            data,
            target=target,
            task=task,
            other=other,
            options=options,
            device=device_of_models(device, bundles, reporter.say),
            seed=seed,
            reporter=reporter,
        )
    _print(found, as_json)


def _options(given: Given, set_: list[str] | None) -> dict[str, Any]:
    """The settings of a kind that options and `--set` state."""
    options = settings_of("evaluate", given, None, one_task=True)
    for kind, changed in kind_options(set_ or []).items():
        options |= {f"{kind}.{key}": value for key, value in changed.items()}
    return options


def _end_to_end(
    bundles: list[str],
    data: Path,
    entities: str,
    task: str | None,
    options: dict[str, Any],
    device: str | None,
    seed: int,
) -> Evaluation:
    from spanbert.inference.end_to_end import Entities
    from spanbert.pipelines.evaluate import evaluate_end_to_end

    if len(bundles) != 1:
        raise InputError("how many bundles?", got=str(len(bundles)), expected="one with --end-to-end")
    stated = cast(Entities, entities)
    with make_reporter() as reporter:
        where = device_of_models(device, bundles, reporter.say)
        return evaluate_end_to_end(
            bundles[0], data, entities=stated, task=task, options=options, device=where, seed=seed, reporter=reporter
        )


def _print(found: Evaluation, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    for line in found.lines:
        say(line)
