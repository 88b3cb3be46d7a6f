"""The report of a fine-tuning run: one HTML page from its bundle and from what the run left beside it.

run.json; spanbert.json in the bundle   what was trained from what, and how
metrics.jsonl, evaluations.jsonl        curves
end_to_end.json                         figures of relations with their entities, from raw text
scores.json                             figures, labels, confusions, calibration
mistakes.jsonl                          the worst mistakes
seeds.json                              mean and spread, where there were several seeds
tuning.json                             trials, where rates were tuned
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import Any

import yaml

from spanbert import __version__
from spanbert.apps.reports.curves import Scored, reliability_diagram, score_curve, training_curve
from spanbert.apps.reports.finetune_tables import TaskTables
from spanbert.apps.reports.page import render_report
from spanbert.checkpoint.bundle import MANIFEST, open_bundle, tensor_shapes
from spanbert.checkpoint.manifest import Manifest
from spanbert.core.excerpts import parted, shortened
from spanbert.core.files import write_atomically
from spanbert.core.missing import how_to_get
from spanbert.core.reporter import Reporter
from spanbert.core.schema import Schema, read_checked
from spanbert.tasks.registry import spec_of
from spanbert.tasks.render import TaskRender
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.run_directory import END_TO_END, RUN_FILE, SEEDS, TUNING_FILE, files_of_run
from spanbert.train.run_schemas import (
    LogLine,
    MetricsLine,
    MistakeLine,
    RunFacts,
    ScoresRecord,
    SeedsRecord,
    TuningRecord,
)
from spanbert.train.tracking import read_log
from spanbert.train.trial import Trial, TrialTable

_REPORT = "report.html"
_LOGS: Mapping[str, type[Schema]] = {"metrics": MetricsLine, "evaluations": LogLine, "mistakes": MistakeLine}
_CHOSEN = {"optim.lr": "by the encoder's size", "optim.head_lr": "by the encoder's size"}
_LINES = 3  # of the picture of scores
_BEGUN = 300  # characters that are shown before the rest is asked for
_LONGEST_TEXT = 5000  # characters of a mistake's text that are shown


@dataclass(frozen=True, kw_only=True)
class _Section:
    """What the page shows of one task."""

    name: str
    tables: TaskTables
    curves: Mapping[str, str]  # caption by name of the picture
    mistakes: list[dict[str, Any]]
    sureness: str
    best: list[dict[str, Any]]
    alignments: list[dict[str, Any]]


def write_finetune_report(bundle: Path, reporter: Reporter) -> Path | None:
    """Writes report.html into the directory of the run; says so if a needed library is not installed.

    Args:
        bundle: The bundle that a fine-tuning made.
        reporter: Receives a line if the report is left out.

    Returns:
        The page; None where matplotlib or jinja2 is not installed.
    """
    missing = [name for name in ("matplotlib", "jinja2") if find_spec(name) is None]
    if missing:
        reporter.say(f"no report: it needs {' and '.join(missing)}; {how_to_get(missing[0])}")
        return None
    page = files_of_run(bundle) / _REPORT
    write_atomically(page, finetune_report(bundle))
    return page


def finetune_report(bundle: Path) -> str:
    """The report of a run as one HTML page that needs nothing else.

    Args:
        bundle: The bundle that a fine-tuning made.

    Raises:
        InputError: Not such a bundle, its run is not beside it, or the extra `report` is not installed.
    """
    manifest, directory = read_checked(Manifest, bundle / MANIFEST), files_of_run(bundle)
    seeds = read_checked(SeedsRecord, directory / "seeds.json") if (directory / "seeds.json").is_file() else {}
    whole = (directory / RUN_FILE).is_file()  # with several seeds, each has its own
    place = directory if whole else files_of_run(directory / SEEDS / str(seeds["best"]))
    run = read_checked(RunFacts, place / RUN_FILE)
    scores = read_checked(ScoresRecord, directory / "scores.json")
    logs = {name: read_log(directory / f"{name}.jsonl", schema) for name, schema in _LOGS.items()}
    kept = manifest["training"]["weights_of_step"] if scores else None
    pictures: dict[str, bytes] = {}
    sections = []
    for name, data in run["tasks"].items():
        entry, own = manifest["tasks"][name], scores.get(name, {})
        spread = seeds.get("spread", {}).get(name, {})
        render = spec_of(entry["kind"], entry).renderer()
        drawn = _pictures(name, render, own, logs, kept)
        curves = {f"{name} {number}": caption for number, caption in enumerate(drawn)}
        pictures |= dict(zip(curves, drawn.values(), strict=True))
        section = _Section(
            name=name,
            tables=TaskTables.of(entry, own, data=data, sizes=manifest["data"]["sizes"][name], spread=spread),
            curves=curves,
            mistakes=[_mistake(line) for line in logs["mistakes"] if line["task"] == name],
            sureness=render.sureness(entry),
            best=[_mistake(line) for line in own.get("best", [])],
            alignments=own.get("alignments", []),
        )
        sections.append(section)
    files = open_bundle(bundle, verify=False)
    return render_report(
        "finetune.html.j2",
        pictures,
        title=bundle.resolve().name,
        model=run["model"],
        parameters=sum(prod(shape) for shape in tensor_shapes(files).values()),
        training=manifest["training"],
        seeds=seeds,
        trials=_trials(directory),
        scored=bool(scores),
        whole=_end_to_end(directory),
        sections=sections,
        changed=_changed_settings(manifest["recipe"]),
        recipe=yaml.safe_dump(manifest["recipe"], sort_keys=False),
        commands=_commands(bundle, manifest["tasks"], [section.name for section in sections]),
        version=__version__,
    )


def _end_to_end(directory: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of the figures from raw text, by task on relations; empty where there are none."""
    if not (directory / END_TO_END).is_file():
        return {}
    return {name: _level_rows(scores) for name, scores in read_checked(ScoresRecord, directory / END_TO_END).items()}


def _level_rows(scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    titles = {
        "relation_strict": "relations, both entities with their types",
        "relation_boundary": "relations, whatever the types",
        "entity_strict": "entities with their types",
        "entity_boundary": "entities, whatever the types",
    }
    return [
        {
            "title": title,
            "interval": scores["interval"][f"{level}_f1"],
            **{name: scores[f"{level}_{name}"] for name in ("f1", "precision", "recall")},
        }
        for level, title in titles.items()
        if f"{level}_f1" in scores
    ]


def _trials(directory: Path) -> dict[str, Any]:
    """The table of a tuning: names of its columns, and a row for each trial; empty where nothing was tuned."""
    if not (directory / TUNING_FILE).is_file():
        return {}
    record = read_checked(TuningRecord, directory / TUNING_FILE)
    trials = [Trial.of_record(one) for one in record["trials"]]
    table = TrialTable.of(trials)
    rows = [
        {"settings": settings, "scores": scores, "kept": trial.name == record["best"]}
        for trial, (settings, scores) in zip(trials, table.rows, strict=True)
    ]
    return {"settings": table.settings, "shares": table.shares, "rows": rows}


def _mistake(line: Mapping[str, Any]) -> dict[str, Any]:
    text = line["text"]
    more = f" ({len(text):,} characters in all)" if len(text) > _LONGEST_TEXT else ""
    begun, rest = parted(shortened(text, _LONGEST_TEXT) + more, _BEGUN)
    return {**line, "text": begun, "more": rest}


def _pictures(
    name: str,
    render: TaskRender[Any],
    scores: Mapping[str, Any],
    logs: Mapping[str, list[dict[str, Any]]],
    kept: int | None,
) -> dict[str, bytes]:
    """The pictures of a task by their captions."""
    found = {}
    trained = [line for line in logs["metrics"] if f"{name}_loss" in line]
    if trained:
        columns = ([line[key] for line in trained] for key in ("step", f"{name}_loss", "lr"))
        found["Training loss, and the learning rate"] = training_curve(*columns)
    lines = [(line["step"], line[name]) for line in logs["evaluations"] if name in line]
    if lines and scores:
        rising = (figure for figure in scores["interval"] if figure not in render.falling)
        figures = sorted(rising, key=lambda figure: figure != scores["main"])[:_LINES]
        curves = {figure: list(_scored(lines, figure)) for figure in figures}
        named = {render.figure(figure).name: points for figure, points in curves.items()}
        found["Scores on the dev data; the band is a 95% interval"] = score_curve(named, best=kept)
    if scores.get("reliability"):
        caption = f"Calibration: how often predictions were right, by how sure the model was (ECE {scores['ece']:.4f})"
        found[caption] = reliability_diagram(scores["reliability"])
    return found


def _scored(lines: Iterable[tuple[int, Mapping[str, Any]]], figure: str) -> Iterable[Scored]:
    for step, scores in lines:
        low, high = scores["interval"][figure]
        yield Scored(step=step, value=scores[figure], interval=(low, high))


def _changed_settings(recipe: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Key, value and default of the settings that are not the defaults."""
    defaults = _flat(FinetuneConfig().model_dump(mode="json")) | _CHOSEN
    return [(key, value, defaults.get(key)) for key, value in _flat(recipe).items() if value != defaults.get(key)]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return flat


def _commands(bundle: Path, entries: Mapping[str, Any], names: list[str]) -> list[tuple[str, str]]:
    """Comments and the commands that use the bundle, a shell's and Python's."""
    path = shlex.quote(str(bundle))
    found = []
    specs = {name: spec_of(entries[name]["kind"], entries[name]) for name in names}
    for name, spec in specs.items():
        chosen = f" --task {name}" if len(names) > 1 else ""
        found.append(("", f"spanbert evaluate {path}{chosen} --data TEST"))
        found.append(("", f"spanbert predict {path}{chosen} {spec.input} --format html --out page.html"))
    found.append(("# Python", f"import spanbert\nnlp = spanbert.load({str(bundle)!r})"))
    lines = (spec.renderer().python(entries[name]) for name, spec in specs.items())
    found += [("", line) for line in dict.fromkeys(lines)]
    return found
