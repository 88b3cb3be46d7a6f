"""What a report shows of a fine-tuned task: rows of its tables, from manifest entry and scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from spanbert.tasks.registry import spec_of
from spanbert.tasks.render import TaskRender


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell of a confusion matrix.

    Attributes:
        count: How many.
        share: Of its row, 0 to 1.
        right: On the diagonal.
    """

    count: int
    share: float
    right: bool


@dataclass(frozen=True, kw_only=True)
class TaskTables:
    """What a page shows of one task.

    Attributes:
        kind: What it is, in words.
        facts: Names and values of what it was trained on, and how.
        headline: The main score's name, value and interval; None where nothing was scored.
        figures: `name`, `meaning`, `value` and `interval` of every score.
        signature: How they were counted.
        remarks: What a reader should know before believing them.
        labels: `label`, `f1`, `precision`, `recall`, `gold`, `predicted`; most gold first.
        all_labels: How many labels there are.
        matrix: A row for each gold label, with a cell for each predicted one; the most frequent labels.
        confusions: (gold, predicted, count), most frequent first.
        unpaired: Entities that were missed, and spurious ones.
        seeds: `name`, `mean`, `stdev`, `by_seed` of every score, where there were several seeds.
    """

    kind: str
    facts: list[tuple[str, str]]
    headline: tuple[str, float, list[float] | None] | None
    figures: list[dict[str, Any]]
    signature: str
    remarks: list[str]
    labels: list[dict[str, Any]]
    all_labels: int
    matrix: list[tuple[str, list[Cell]]]
    confusions: list[tuple[str, str, int]]
    unpaired: tuple[int, int] | None
    seeds: list[dict[str, Any]]

    @classmethod
    def of(
        cls,
        entry: Mapping[str, Any],
        scores: Mapping[str, Any],
        *,
        data: Mapping[str, Any],
        sizes: Mapping[str, int],
        spread: Mapping[str, Any],
    ) -> Self:
        """The tables of a task.

        Args:
            entry: The manifest's.
            scores: Those of scores.json; empty where nothing was scored.
            data: `train` and `dev` of run.json.
            sizes: How much there was to train on.
            spread: Mean and spread of each score over seeds.
        """
        render = spec_of(entry["kind"], entry).renderer()
        labels = _labels(render.by_label(scores))
        return cls(
            kind=render.in_words(entry),
            facts=_facts(entry, scores, data, sizes, units=render.units),
            headline=_headline(render, scores),
            figures=_figures(render, scores),
            signature=scores.get("signature", ""),
            remarks=render.remarks(entry, scores),
            labels=labels,
            all_labels=len(labels),
            matrix=_matrix(scores),
            confusions=_confusions(scores, nothing=render.nothing(entry)),
            unpaired=(scores["missed"], scores["spurious"]) if "missed" in scores else None,
            seeds=[{"name": render.figure(figure).name, **values} for figure, values in spread.items()],
        )


def _facts(
    entry: Mapping[str, Any],
    scores: Mapping[str, Any],
    data: Mapping[str, Any],
    sizes: Mapping[str, int],
    *,
    units: Iterable[str],
) -> list[tuple[str, str]]:
    trained = ", ".join(f"{count:,} {unit}" for unit, count in sizes.items())
    scored = ", ".join(f"{scores[unit]:,} {unit}" for unit in units if unit in scores)
    rows = [("trained on", f"{data['train']['name']} ({trained})")]
    rows.append(("scored on", f"{data['dev']['name']} ({scored})" if data["dev"] else "nothing: there is no dev data"))
    if len(entry.get("labels", ())) > 1:
        rows.append(("labels", _listed(entry["labels"])))
    rows.append(("windows", f"at most {entry['window'][0]} tokens, overlap {entry['window'][1]}"))
    return rows


def _listed(names: list[str], most: int = 12) -> str:
    more = f" ... ({len(names)} in all)" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _headline(render: TaskRender[Any], scores: Mapping[str, Any]) -> tuple[str, float, list[float] | None] | None:
    if not scores:
        return None
    main = scores["main"]
    return render.figure(main).name, scores[main], scores["interval"].get(main)


def _figures(render: TaskRender[Any], scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for key, value in scores.items():
        if isinstance(value, float) and (key != "ece" or scores["reliability"]):  # 0 is meaningless without data
            bounds = scores["interval"].get(key)
            rows.append({**render.figure(key)._asdict(), "value": value, "interval": bounds})
    return rows


def _labels(by_label: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    rows = [{"label": label, **figures} for label, figures in by_label.items()]
    return sorted(rows, key=lambda row: (-row["gold"], -row["predicted"], row["label"]))


def _matrix(scores: Mapping[str, Any]) -> list[tuple[str, list[Cell]]]:
    """A row for each gold label: how its texts were labelled."""
    found = scores.get("confusion", {"labels": [], "matrix": []})
    return [
        (
            label,
            [
                Cell(count=count, share=count / max(sum(row), 1), right=place == column)
                for column, count in enumerate(row)
            ],
        )
        for place, (label, row) in enumerate(zip(found["labels"], found["matrix"], strict=True))
    ]


def _confusions(scores: Mapping[str, Any], *, nothing: str, most: int = 10) -> list[tuple[str, str, int]]:
    """The most frequent (gold, predicted, count) that are wrong."""
    if "confusions" in scores:
        return [tuple(nothing if one == "-" else one for one in row) for row in scores["confusions"]]  # type: ignore[misc]
    matrix = _matrix(scores)
    labels = [label for label, _ in matrix]
    wrong = [
        (label, labels[column], cell.count)
        for label, row in matrix
        for column, cell in enumerate(row)
        if cell.count and not cell.right
    ]
    return sorted(wrong, key=lambda one: (-one[2], one[:2]))[:most]
