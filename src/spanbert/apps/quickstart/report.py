"""The page of a quick start: what was read, learned and scored, with pictures."""

from __future__ import annotations

from collections.abc import Sequence

from spanbert import __version__
from spanbert.apps.quickstart.own_labels import RAW, SIZES, LearnedLabels
from spanbert.apps.quickstart.own_text import LearnedText
from spanbert.apps.quickstart.reading import PARAGRAPH, Reading
from spanbert.apps.quickstart.room import OURS, READING, THEIRS
from spanbert.apps.reports.curves import Scored, interval_chart, score_curve, training_curve
from spanbert.apps.reports.page import render_report
from spanbert.train.run_directory import run_directory
from spanbert.train.tracking import read_log

_RATES = {"mlm_accuracy": "MLM", "sbo_accuracy": "SBO"}
_CAPTIONS = {
    "held_out": "Share of the hidden pieces of held-out text that were filled in right",
    "loss": "Training loss (MLM), and the learning rate",
    "labels": "F1 on notes that were not learned from; bars are 95% intervals",
}


def quickstart_report(reading: Reading, text: LearnedText, labels: LearnedLabels, following: Sequence[str]) -> str:
    """The page as HTML; it links the page of the paragraph and the reports of both fine-tunings beside it.

    Args:
        reading: The first part.
        text: The second.
        labels: The third.
        following: Commands to try next.
    """
    progress = text.result.outcome.progress
    contenders = labels.contenders(reading.model)
    pictures = _pictures_of(text)
    pictures["labels"] = interval_chart(contenders, across="F1")
    return render_report(
        "quickstart.html.j2",
        pictures,
        captions={place: caption for place, caption in _CAPTIONS.items() if place in pictures},
        reading=reading,
        paragraph=PARAGRAPH,
        reading_page=READING,
        text=text,
        training={"seconds": progress.seconds, "steps": progress.step, "tokens": progress.tokens},
        labels=labels,
        contenders=contenders,
        raw=RAW,
        sizes=SIZES,
        ours_page=f"{OURS}.run/report.html",
        theirs_page=f"{THEIRS}.run/report.html",
        next=following,
        version=__version__,
    )


def _pictures_of(text: LearnedText) -> dict[str, bytes]:
    run, best = run_directory(text.result.path), text.result.outcome.best
    scored = [{"step": 0, **text.result.before}, *read_log(run / "evaluations.jsonl")]
    points = {
        name: [Scored(step=line["step"], value=line[key]) for line in scored if key in line]
        for key, name in _RATES.items()
    }
    curves = {name: some for name, some in points.items() if some}  # none where nothing could be held out
    found: dict[str, bytes] = {}
    if curves:
        found["held_out"] = score_curve(curves, best=best.step if best else None, up="share filled in right")
    trained = [line for line in read_log(run / "metrics.jsonl") if "mlm_loss" in line]
    found["loss"] = training_curve(*([line[key] for line in trained] for key in ("step", "mlm_loss", "lr")))
    return found
