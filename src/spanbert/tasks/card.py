"""The card of a model with fine-tuned tasks, from the entries of its manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spanbert.checkpoint.card import Card
from spanbert.checkpoint.hub_facts import HubFacts, Result
from spanbert.core.types import Facts
from spanbert.tasks.registry import spec_of

_ALWAYS = (
    "Dev data chose the weights, and a threshold where there is one: on data that nothing was chosen by, the figures "
    "are a little lower.",
    "It does best on texts like those it was trained on; on others, score it first: `spanbert evaluate`.",
    "What was wrong or one-sided in its data, or in the text of the weights at the start, it may repeat.",
)


def task_card(
    *,
    title: str,
    what: str,
    entries: Mapping[str, Facts],
    named: str | None,
    positions: int,
    loads: str,
    base: str,
    base_model: str | None,
    data: Mapping[str, Any],
    recipe: str,
    scores: Sequence[str],
) -> str:
    """The card as Markdown.

    Args:
        title: Name of the model.
        what: Encoder and heads in words, a sentence without its full stop.
        entries: Its tasks on labelled texts, by name.
        named: The task whose head Hugging Face has names for.
        positions: Longest segment of the encoder.
        loads: Which programs load it, in sentences.
        base: What training began with.
        base_model: Its hub id.
        data: What the manifest says of the data.
        recipe: The settings as YAML.
        scores: The figures in lines.
    """
    specs = {name: spec_of(entry["kind"], entry) for name, entry in entries.items()}
    renders = {name: spec.renderer() for name, spec in specs.items()}
    tags = {spec.title.replace(" ", "-") for spec in specs.values()} | {spec.kind for spec in specs.values()}
    first = named or next(iter(entries))
    hub = HubFacts(
        title=title,
        tags=["span-pre-training", *sorted(tags)],
        licence=data.get("licence"),
        languages=data.get("languages") or (),
        base_model=base_model,
        datasets=data.get("datasets") or (),
        pipeline_tag=specs[first].hub_task or specs[first].slug,
        results=[
            Result(
                task=spec.hub_task or spec.slug or spec.kind,
                title=name if name != spec.kind else spec.title,
                data=(data.get("dev") or {}).get(name, "dev data"),
                figures=renders[name].hub_figures(entries[name].get("scores", {})),
            )
            for name, spec in specs.items()
        ],
    )
    chosen = f" --task {first}" if len(entries) > 1 else ""
    inputs = dict.fromkeys(line for name, entry in entries.items() for line in renders[name].python_input(entry))
    lines = dict.fromkeys(renders[name].python(entry) for name, entry in entries.items())
    intended = {name: renders[name].intended(entry) for name, entry in entries.items()}
    elsewhere = [] if named is None else renders[named].elsewhere(entries[named])
    if named is not None:
        elsewhere = [
            *elsewhere,
            f"Texts of any length: spanbert reads them whole, in windows that overlap; the encoder alone takes "
            f"{positions} tokens, special ones included.",
        ]
    return Card(
        hub=hub,
        what=what,
        base=base,
        intended=list(intended.values())
        if len(intended) == 1
        else [f"- {name}: {one}" for name, one in intended.items()],
        limits=[
            *dict.fromkeys(one for name, entry in entries.items() for one in renders[name].limits(entry)),
            *_ALWAYS,
        ],
        labels={name: renders[name].labels(entry) for name, entry in entries.items()},
        python=["import spanbert", "", f'nlp = spanbert.load("{title}")', *inputs, *lines],
        shell=[
            f"spanbert predict {title} {specs[first].input}{chosen}",
            f"spanbert evaluate {title}{chosen} --data TEST --json",
        ],
        loads=loads,
        elsewhere=elsewhere,
        data=data,
        scores=scores,
        recipe=recipe,
    ).text()
