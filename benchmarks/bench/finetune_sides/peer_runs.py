"""The peer's side of the fine-tuning benchmark: each function is run in a process of its own."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch

from benchmarks.bench.finetune_sides.data import Contest, Kind, gold_tags, read, words_of
from benchmarks.bench.finetune_sides.peer import (
    Recipe,
    TrainedPeer,
    batched_predict_labels,
    load_peer,
    pipeline_predict_labels,
    silence,
    train_classifier,
)
from benchmarks.bench.finetune_sides.peer_qa import (
    batched_predict_answers,
    one_by_one_predict_answers,
    squad_examples,
    train_reader,
)
from benchmarks.bench.finetune_sides.peer_tags import (
    batched_predict_entities,
    pipeline_predict_entities,
    tag_words,
    train_tagger,
)
from benchmarks.bench.finetune_sides.recipe import BATCH, RATE, Trained
from spanbert.core.tagging import split_tag
from spanbert.core.types import Document
from spanbert.encoder.hardware import tune_process

Way = Literal["pipeline", "batched"]
_WAYS: dict[tuple[Kind, Way], Any] = {
    ("classify", "pipeline"): pipeline_predict_labels,
    ("classify", "batched"): batched_predict_labels,
    ("tag", "pipeline"): pipeline_predict_entities,
    ("tag", "batched"): batched_predict_entities,
    ("qa", "pipeline"): one_by_one_predict_answers,
    ("qa", "batched"): batched_predict_answers,
}
_MODELS: dict[Kind, str] = {
    "classify": "AutoModelForSequenceClassification",
    "tag": "AutoModelForTokenClassification",
    "qa": "AutoModelForQuestionAnswering",
}


def train(
    contest: Contest, model: Path, out: Path, seed: int, attention_dropout: float, our_allocator: bool, answers: bool
) -> Trained:
    """Fine-tunes, saves model and tokenizer, and answers the held-out examples by batches.

    Args:
        contest: The task.
        model: Weights and tokenizer in Hugging Face's layout.
        out: The directory to save to.
        seed: The run's seed.
        attention_dropout: 0 as ours, or 0.1, the peer's default.
        our_allocator: Whether the process gets our allocator settings.
        answers: Whether the held-out examples are answered.
    """
    if our_allocator:
        tune_process()
    recipe: Recipe = {
        "epochs": contest.amounts.epochs,
        "lr": RATE,
        "batch": BATCH,
        "seed": seed,
        "attention_dropout": attention_dropout,
    }
    peer = _train(contest.kind, read(contest.kind, contest.train), model, recipe)
    peer.model.save_pretrained(out)
    peer.tokenizer.save_pretrained(out)
    found = _answers(contest.kind, peer, read(contest.kind, contest.held_out)) if answers else []
    return Trained(seconds=peer.seconds, steps=len(peer.losses), answers=found)


def start(contest: Contest, model: Path, out: Path, seed: int) -> None:
    """Saves the weights with a new head for the task, drawn under the seed: what both sides train from.

    Args:
        contest: The task.
        model: Weights and tokenizer in Hugging Face's layout.
        out: The directory to save to.
        seed: The run's seed.
    """
    import transformers

    labels = _labels(contest.kind, read(contest.kind, contest.train))
    recipe: Recipe = {"epochs": 0, "lr": RATE, "batch": BATCH, "seed": seed, "attention_dropout": 0.0}
    auto: Any = getattr(transformers, _MODELS[contest.kind])
    fresh, tokenizer = load_peer(auto, model, recipe, labels)
    fresh.save_pretrained(out)
    tokenizer.save_pretrained(out)


def predict(contest: Contest, saved: Path, way: Way) -> float:
    """Seconds from raw texts to answers.

    Args:
        contest: Whose texts.
        saved: From `train`; it is read once a process.
        way: By the pipeline one text after the other (of questions one window after the other), or by batches of like
            length.
    """
    documents = read(contest.kind, contest.predict)
    inputs = squad_examples(documents) if contest.kind == "qa" else [document.text for document in documents]
    return float(_WAYS[contest.kind, way](_loaded(contest.kind, saved), inputs).seconds)


@cache
def _loaded(kind: Kind, saved: Path) -> TrainedPeer:
    import transformers
    from transformers import AutoTokenizer

    silence()
    auto: Any = getattr(transformers, _MODELS[kind])
    model = auto.from_pretrained(saved, dtype=torch.float32)
    return TrainedPeer(seconds=0.0, model=model, tokenizer=AutoTokenizer.from_pretrained(saved), losses=())


def _train(kind: Kind, documents: list[Document], model: Path, recipe: Recipe) -> TrainedPeer:
    if kind == "classify":
        labels = [label for document in documents for label in document.labels or ()]
        return train_classifier(model, [document.text for document in documents], labels, **recipe)
    if kind == "tag":
        tags = [gold_tags(document) for document in documents]
        every = _labels(kind, documents)
        return train_tagger(model, [words_of(document) for document in documents], tags, every, **recipe)
    return train_reader(model, squad_examples(documents), **recipe)


def _labels(kind: Kind, documents: list[Document]) -> list[str]:
    """The labels in the order of the head's rows; none where a head has no names."""
    if kind == "classify":
        return sorted({label for document in documents for label in document.labels or ()})
    if kind == "tag":
        types = sorted({split_tag(tag)[1] for document in documents for tag in gold_tags(document)} - {""})
        return ["O", *(f"{letter}-{label}" for label in types for letter in "BI")]
    return []


def _answers(kind: Kind, peer: TrainedPeer, documents: list[Document]) -> list[Any]:
    """As `scores.score` takes them."""
    if kind == "classify":
        return batched_predict_labels(peer, [document.text for document in documents]).answers
    if kind == "tag":
        return tag_words(peer, [words_of(document) for document in documents]).answers
    return batched_predict_answers(peer, squad_examples(documents)).answers
