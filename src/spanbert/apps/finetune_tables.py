"""What a report shows of a fine-tuned task: rows of its tables, from manifest entry and scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

_KINDS = {
    "classify": "text classification",
    "tag": "sequence labelling",
    "qa": "question answering",
    "coref": "coreference resolution",
    "relation": "relation extraction",
}
_UNITS = ("examples", "entities", "words", "questions", "documents", "pronouns", "pairs")
_FIGURES = {
    "accuracy": ("accuracy", "share that got the right label"),
    "f1": ("F1", "harmonic mean of precision and recall"),
    "precision": ("precision", "share of what was found that is right"),
    "recall": ("recall", "share of what is there that was found"),
    "macro_f1": ("macro F1", "mean F1 of the labels: rare ones count as much as frequent ones"),
    "micro_f1": ("micro F1", "F1 over all labels together: frequent ones weigh more"),
    "conll_f1": ("CoNLL F1", "mean F1 of MUC, B-cubed and CEAF"),
    "muc_f1": ("MUC F1", "links between mentions"),
    "b_cubed_f1": ("B-cubed F1", "how much of each mention's cluster is right"),
    "ceaf_f1": ("CEAF F1", "clusters aligned one to one, by phi4"),
    "lea_f1": ("LEA F1", "links of each cluster, large clusters weigh more"),
    "mention_f1": ("mention F1", "mentions that were found, whatever their cluster"),
    "mcc": ("MCC", "Matthews correlation: 0 is guessing, 1 is perfect"),
    "exact_match": ("exact match", "share of the texts whose labels are all right and complete"),
    "em": ("exact match", "share of the questions whose answer is exactly a right one"),
    "pearson": ("Pearson", "linear correlation with the right numbers"),
    "spearman": ("Spearman", "correlation of the ranks"),
    "mse": ("MSE", "mean squared error"),
    "mae": ("MAE", "mean absolute error"),
    "ece": ("ECE", "expected calibration error: mean distance between how sure and how often right"),
    "threshold": ("threshold", "probability from which a label is given"),
    "has_answer_em": ("exact match, answerable", "over the questions that have an answer"),
    "has_answer_f1": ("F1, answerable", "over the questions that have an answer"),
    "no_answer_accuracy": ("accuracy, unanswerable", "share of the questions without answer that were left unanswered"),
    "best_em": ("best exact match", "with the best threshold for exact match"),
    "best_f1": ("best F1", "with the best threshold for F1"),
    "best_em_threshold": ("its threshold", "nats in favour of no answer"),
    "best_f1_threshold": ("its threshold", "nats in favour of no answer"),
}
_F1_OF_ANSWERS = ("F1", "mean overlap of the answers with the right ones")


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
        return cls(
            kind=_kind(entry),
            facts=_facts(entry, scores, data, sizes),
            headline=_headline(entry, scores),
            figures=_figures(entry, scores),
            signature=scores.get("signature", ""),
            remarks=_remarks(entry, scores),
            labels=_labels(scores),
            all_labels=len(scores.get("by_label", ())),
            matrix=_matrix(scores),
            confusions=_confusions(entry, scores),
            unpaired=(scores["missed"], scores["spurious"]) if "missed" in scores else None,
            seeds=[{"name": name_of_figure(entry, figure), **values} for figure, values in spread.items()],
        )


def name_of_figure(entry: Mapping[str, Any], figure: str) -> str:
    """What people call a score of a task."""
    return _named(entry, figure)[0]


def _kind(entry: Mapping[str, Any]) -> str:
    modes = {"single": "one label a text", "multi": "any number of labels a text", "regression": "a number a text"}
    if entry["kind"] == "classify":
        what = modes[entry["mode"]]
    elif entry["kind"] == "tag":
        what = "nested entities" if entry["nested"] else "entities" if entry["scheme"] else "a tag a word"
    elif entry["kind"] == "coref":
        what = "clusters, those of one mention too" if entry["singletons"] else "clusters of two mentions or more"
    elif entry["kind"] == "relation":
        what = f"one of {len(entry['labels'])} labels a pair of entities"
    else:
        what = "answers in a text" if entry["threshold"] is None else "answers in a text, or none"
    return f"{_KINDS[entry['kind']]}: {what}"


def _facts(
    entry: Mapping[str, Any], scores: Mapping[str, Any], data: Mapping[str, Any], sizes: Mapping[str, int]
) -> list[tuple[str, str]]:
    trained = ", ".join(f"{count:,} {unit}" for unit, count in sizes.items())
    scored = ", ".join(f"{scores[unit]:,} {unit}" for unit in _UNITS if unit in scores)
    rows = [("trained on", f"{data['train']['name']} ({trained})")]
    rows.append(("scored on", f"{data['dev']['name']} ({scored})" if data["dev"] else "nothing: there is no dev data"))
    if len(entry.get("labels", ())) > 1:
        rows.append(("labels", _listed(entry["labels"])))
    rows.append(("windows", f"at most {entry['window'][0]} tokens, overlap {entry['window'][1]}"))
    return rows


def _listed(names: list[str], most: int = 12) -> str:
    more = f" ... ({len(names)} in all)" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _named(entry: Mapping[str, Any], figure: str) -> tuple[str, str]:
    if figure == "f1" and entry["kind"] == "qa":
        return _F1_OF_ANSWERS
    return _FIGURES.get(figure, (figure.replace("_", " "), ""))


def _headline(entry: Mapping[str, Any], scores: Mapping[str, Any]) -> tuple[str, float, list[float] | None] | None:
    if not scores:
        return None
    main = scores["main"]
    return _named(entry, main)[0], scores[main], scores["interval"].get(main)


def _figures(entry: Mapping[str, Any], scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for figure, value in scores.items():
        if isinstance(value, float) and (figure != "ece" or scores["reliability"]):  # 0 of nothing says nothing
            name, meaning = _named(entry, figure)
            bounds = scores["interval"].get(figure)
            rows.append({"name": name, "meaning": meaning, "value": value, "interval": bounds})
    return rows


def _remarks(entry: Mapping[str, Any], scores: Mapping[str, Any]) -> list[str]:
    """What a reader should know before believing the figures."""
    said = []
    if "confusion" in scores and scores["examples"]:
        label, figures = max(scores["by_label"].items(), key=lambda one: one[1]["gold"])
        share = figures["gold"] / scores["examples"]
        said.append(f"Always saying {label!r}, the most frequent label, would have an accuracy of {share:.4f}.")
    if scores and entry.get("threshold") is not None and entry.get("mode", "multi") == "multi":
        value = f"{entry['threshold']:.4g}"
        classify = f"a label is given from a probability of {value}"
        answer = f"nothing is answered above {value} nats in favour of no answer"
        chosen = "set by hand" if entry["options"]["threshold"] is not None else "tuned on this dev data"
        said.append(f"Threshold, {chosen}: {classify if entry['kind'] == 'classify' else answer}.")
    return said


def _labels(scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    by_label = scores.get("by_label", scores.get("by_tag", {}))
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


def _confusions(entry: Mapping[str, Any], scores: Mapping[str, Any], most: int = 10) -> list[tuple[str, str, int]]:
    """The most frequent (gold, predicted, count) that are wrong."""
    if "confusions" in scores:
        nothing = "nothing there" if entry.get("nested") or entry.get("scheme") else "-"
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
