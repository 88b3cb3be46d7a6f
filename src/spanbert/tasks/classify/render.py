"""Classifications and regressions for people and programs."""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from spanbert.core.html.style import Palette, bar, escaped, words
from spanbert.core.predictions import Classification
from spanbert.core.types import Facts, Record, Scores
from spanbert.tasks.render import Figure, TaskRender, threshold_remark

_BARS = 8
_MODES = {"single": "one label a text", "multi": "any number of labels a text", "regression": "a number a text"}


class ClassifyRender(TaskRender[Classification]):
    """Labels with their probabilities, or a number."""

    figures: ClassVar = {
        "mcc": Figure("MCC", "Matthews correlation: 0 is guessing, 1 is perfect", "matthews_correlation"),
        "exact_match": Figure("exact match", "share of the texts whose labels are right and complete", "exact_match"),
        "threshold": Figure("threshold", "probability from which a label is given"),
        "pearson": Figure("Pearson", "linear correlation with the right numbers", "pearsonr"),
        "spearman": Figure("Spearman", "correlation of the ranks", "spearmanr"),
        "mse": Figure("MSE", "mean squared error", "mse"),
        "mae": Figure("MAE", "mean absolute error", "mae"),
    }

    @override
    def record(self, text: str, result: Classification) -> Record:
        """`labels` and `scores`, or `value`."""
        if result.value is not None:
            return {"value": result.value}
        return {"labels": list(result.labels), "scores": dict(result.scores)}

    @override
    def cells(self, text: str, result: Classification) -> Record:
        """`label`, several with semicolons between, and its probability as `score`; or `value`."""
        if result.value is not None:
            return {"value": result.value}
        sure = [result.scores[label] for label in result.labels]
        return {"label": "; ".join(result.labels), "score": min(sure, default=None)}

    @override
    def html(self, text: str, result: Classification, palette: Palette) -> str:
        """The most probable labels as bars, given ones in bold wherever they rank."""
        if result.value is not None:
            return f'<p class="sb-note">{words("value", "数值")} <b class="sb-number">{result.value:.4g}</b></p>'
        shown = shown_labels(result)
        bars = "".join(_bar(label, result.scores[label], given=label in result.labels) for label in shown)
        notes = [] if result.labels else [words("no label", "没有标签")]
        if len(shown) < len(result.scores):
            left_out = words("less probable labels not shown", "个概率更低的标签未显示")
            notes.append(f"{len(result.scores) - len(shown)} {left_out}")
        note = f'<p class="sb-note">{"; ".join(notes)}</p>' if notes else ""
        return f'<table class="sb-bars"><tbody>{bars}</tbody></table>{note}'

    @override
    def in_words(self, entry: Facts) -> str:
        return f"text classification: {_MODES[entry['mode']]}"

    @override
    def labels(self, entry: Facts) -> list[str]:
        """A number has none."""
        return [] if entry["mode"] == "regression" else super().labels(entry)

    @override
    def intended(self, entry: Facts) -> str:
        read = "two texts" if entry["pairs"] else "a text"
        found = {
            "single": "which of the labels below fits best, with the probability of each",
            "multi": "which of the labels below fit, with the probability of each",
            "regression": "a number, on the scale of the training data",
        }
        return f"It reads {read} and says {found[entry['mode']]}."

    @override
    def limits(self, entry: Facts) -> list[str]:
        if entry["mode"] != "single":
            return []
        return ["Every text gets one of the labels, also one that none of them fits; its probability is then no guide."]

    @override
    def elsewhere(self, entry: Facts) -> list[str]:
        if entry["mode"] != "multi":
            return []
        return [f"The threshold: a label is given from a probability of {entry['threshold']:.4g}."]

    @override
    def remarks(self, entry: Facts, scores: Scores) -> list[str]:
        """The accuracy of the most frequent label; where the threshold comes from."""
        said = []
        if "confusion" in scores and scores["examples"]:
            label, figures = max(scores["by_label"].items(), key=lambda one: one[1]["gold"])
            share = figures["gold"] / scores["examples"]
            said.append(f"Always saying {label!r}, the most frequent label, would have an accuracy of {share:.4f}.")
        if scores and entry["mode"] == "multi":
            said.append(threshold_remark(entry, f"a label is given from a probability of {entry['threshold']:.4g}"))
        return said

    @override
    def sureness(self, entry: Facts) -> str:
        return "off by" if entry["mode"] == "regression" else super().sureness(entry)

    @override
    def python_input(self, entry: Facts) -> list[str]:
        both = 'text, pair = "Any text, as long as you like.", "A second one."'
        return [both] if entry["pairs"] else super().python_input(entry)

    @override
    def python(self, entry: Facts) -> str:
        read = "text, pair=pair" if entry["pairs"] else "text"
        return f"nlp({read}).{'value' if entry['mode'] == 'regression' else 'labels'}"


def shown_labels(result: Classification) -> list[str]:
    """The labels of a drawing: the most probable, and given ones wherever they rank."""
    ranked = sorted(result.scores, key=lambda label: -result.scores[label])
    return [label for rank, label in enumerate(ranked) if rank < _BARS or label in result.labels]


def _bar(label: str, score: float, *, given: bool) -> str:
    row = '<tr class="sb-given">' if given else "<tr>"
    heading = '<th scope="row" class="sb-given">' if given else '<th scope="row">'
    return f'{row}{heading}{escaped(label)}</th><td>{bar(score)}</td><td class="sb-number">{score:.3f}</td></tr>'
