"""Fine-tuning with `transformers`, as its good users write it: the loop, and classification.

A plain loop in float32 on the CPU: fast tokenizer, once over the texts in batches; padding to the longest of a batch;
fused AdamW without decay of biases and norms; linear schedule with 10 % warm-up; gradients clipped to 1; fused
attention; denormals flushed. Then two ways to predict: `transformers.pipeline` called with one text after the other,
which its documentation shows first, and batches of texts of like length, which a careful user writes.

Times hold the work alone, from raw inputs to trained weights or final answers; imports and the reading of weights are
outside. Every function is to run in a process of its own, since it sets seeds and verbosity.
`peer_tags` and `peer_qa` hold tagging and question answering.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypedDict, TypeVar, Unpack

import torch

from benchmarks.bench.finetune_sides.recipe import HIDDEN_DROPOUT, WARM_UP, WEIGHT_DECAY

_TOKENISED_AT_ONCE = 1000

Feature = dict[str, Any]
Answer = TypeVar("Answer")


class Recipe(TypedDict):
    """How a peer is trained.

    Attributes:
        epochs: Passes over the examples.
        lr: Peak learning rate; 5e-5 is usual.
        batch: Examples a step; with reading comprehension windows a step.
        seed: Of the new head, the order of examples and dropout.
        attention_dropout: Dropout of attention weights; the default of `transformers` is 0.1.
    """

    epochs: int
    lr: float
    batch: int
    seed: int
    attention_dropout: float


@dataclass(frozen=True, kw_only=True)
class TrainedPeer:
    """A fine-tuned model of `transformers`.

    Attributes:
        seconds: Wall time of tokenising, collating and all steps.
        model: Its `PreTrainedModel`.
        tokenizer: Its fast tokenizer.
        losses: Mean loss of each step's batch.
    """

    seconds: float
    model: Any
    tokenizer: Any
    losses: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Predicted(Generic[Answer]):
    """Answers in the order of the inputs.

    Attributes:
        seconds: Wall time from raw inputs to answers.
        answers: One an input.
    """

    seconds: float
    answers: list[Answer]


def train_classifier(
    model_dir: Path, texts: Sequence[str], labels: Sequence[str], **recipe: Unpack[Recipe]
) -> TrainedPeer:
    """Fine-tunes `AutoModelForSequenceClassification`.

    Args:
        model_dir: Weights and tokenizer in Hugging Face's layout.
        texts: Training texts; cut where they are longer than the model.
        labels: One label a text.
        **recipe: See `Recipe`.
    """
    from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding

    names = sorted(set(labels))
    model, tokenizer = load_peer(AutoModelForSequenceClassification, model_dir, recipe, names)

    def features() -> list[Feature]:
        return [
            {**feature, "labels": model.config.label2id[labels[number]]}
            for number, feature, _ in tokenised(tokenizer, texts, truncation=True)
        ]

    return fit(model, tokenizer, features, DataCollatorWithPadding(tokenizer), recipe)


def pipeline_predict_labels(peer: TrainedPeer, texts: Sequence[str]) -> Predicted[str]:
    """The label of each text, by the `text-classification` pipeline, one text after the other.

    Args:
        peer: From `train_classifier`.
        texts: Raw texts.
    """
    from transformers import pipeline

    classify: Any = pipeline("text-classification", model=ready(peer), tokenizer=peer.tokenizer, device="cpu")
    return timed(lambda: [classify(text, truncation=True)[0]["label"] for text in texts])


def batched_predict_labels(peer: TrainedPeer, texts: Sequence[str], *, batch: int = 32) -> Predicted[str]:
    """The label of each text, by batches of texts of like length.

    Args:
        peer: From `train_classifier`.
        texts: Raw texts.
        batch: Texts in one forward pass.
    """
    model = ready(peer)

    def work() -> list[str]:
        features = [feature for _, feature, _ in tokenised(peer.tokenizer, texts, truncation=True)]
        return [model.config.id2label[int(row)] for row in by_length(peer, features, batch, best_label)]

    return timed(work)


def best_label(output: Any) -> torch.Tensor:
    """The number of the label with the largest logit, over the last axis of a model's output."""
    best: torch.Tensor = output.logits.argmax(-1)
    return best


def load_peer(auto: Any, model_dir: Path, recipe: Recipe, labels: Sequence[str] = ()) -> tuple[Any, Any]:
    """A model with a fresh head, and its tokenizer; sets torch's generator and the flushing of denormals.

    Args:
        auto: `AutoModelFor...`.
        model_dir: Weights and tokenizer in Hugging Face's layout.
        recipe: Gives seed and attention dropout; hidden dropout is 0.1.
        labels: Names of the head's rows, where the head has names.
    """
    from transformers import AutoTokenizer

    silence()  # the head is new: known
    torch.set_flush_denormal(True)
    torch.manual_seed(recipe["seed"])
    named = {"id2label": dict(enumerate(labels)), "label2id": {name: row for row, name in enumerate(labels)}}
    model = auto.from_pretrained(
        model_dir,
        dtype=torch.float32,
        hidden_dropout_prob=HIDDEN_DROPOUT,
        attention_probs_dropout_prob=recipe["attention_dropout"],
        **(named if labels else {}),
    )
    return model, AutoTokenizer.from_pretrained(model_dir)


def silence() -> None:
    """Lets `transformers` show no bars and no warnings in this process."""
    from transformers import logging as untyped_logging

    logging: Any = untyped_logging
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def tokenised(tokenizer: Any, *columns: Sequence[Any], **options: Any) -> Iterator[tuple[int, Feature, Any]]:
    """Tokenises in batches.

    Args:
        tokenizer: A fast tokenizer.
        *columns: Texts, or word lists; a second column for pairs.
        **options: Of the tokenizer's call.

    Yields:
        The number of the input, what the model reads of it, and its `tokenizers.Encoding`; several times for an input
        that the options have cut into windows.
    """
    for begin in range(0, len(columns[0]), _TOKENISED_AT_ONCE):
        encoded = tokenizer(*(list(column[begin : begin + _TOKENISED_AT_ONCE]) for column in columns), **options)
        names = [name for name in tokenizer.model_input_names if name in encoded]
        numbers = encoded.get("overflow_to_sample_mapping", range(len(encoded.encodings)))
        rows = zip(*(encoded[name] for name in names), strict=True)
        for number, row, encoding in zip(numbers, rows, encoded.encodings, strict=True):
            yield begin + number, dict(zip(names, row, strict=True)), encoding


def fit(
    model: Any, tokenizer: Any, make_features: Callable[[], list[Feature]], collator: Any, recipe: Recipe
) -> TrainedPeer:
    """Tokenises and trains, with the clock running.

    Args:
        model: Trained in place.
        tokenizer: Goes along with the result.
        make_features: Tokenises the examples.
        collator: Pads a batch of them.
        recipe: See `Recipe`.
    """
    from transformers import get_linear_schedule_with_warmup

    begun = time.perf_counter()
    loader: Any = torch.utils.data.DataLoader(
        make_features(),  # type: ignore[arg-type]
        batch_size=recipe["batch"],
        shuffle=True,
        collate_fn=collator,
        generator=torch.Generator().manual_seed(recipe["seed"]),
    )
    matrices = [one for one in model.parameters() if one.ndim > 1]
    others = [one for one in model.parameters() if one.ndim < 2]  # biases and norms
    groups = [{"params": matrices, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=recipe["lr"], fused=True)
    steps = recipe["epochs"] * len(loader)
    make_schedule: Any = get_linear_schedule_with_warmup
    schedule = make_schedule(optimizer, math.ceil(WARM_UP * steps), steps)
    losses = []
    model.train()
    for _ in range(recipe["epochs"]):
        for inputs in loader:
            loss = model(**inputs).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            losses.append(loss.item())
    seconds = time.perf_counter() - begun
    return TrainedPeer(seconds=seconds, model=model, tokenizer=tokenizer, losses=tuple(losses))


def ready(peer: TrainedPeer) -> Any:
    """The model, ready to predict."""
    torch.set_flush_denormal(True)
    return peer.model.eval()


def by_length(
    peer: TrainedPeer, features: Sequence[Feature], batch: int, read: Callable[[Any], torch.Tensor]
) -> list[torch.Tensor]:
    """Forward passes over batches of like length.

    Args:
        peer: The model, and the tokenizer that pads.
        features: Unpadded.
        batch: How many in one pass.
        read: Takes from the model's output a tensor of one row an input.

    Returns:
        The row of each feature, in their order; rows over pieces have those of padding at their end.
    """
    order = sorted(range(len(features)), key=lambda number: len(features[number]["input_ids"]))
    rows: dict[int, torch.Tensor] = {}
    with torch.inference_mode():
        for begin in range(0, len(order), batch):
            chosen = order[begin : begin + batch]
            inputs = peer.tokenizer.pad([features[number] for number in chosen], return_tensors="pt")
            rows.update(zip(chosen, read(peer.model(**inputs)), strict=True))
    return [rows[number] for number in range(len(features))]


def timed(work: Callable[[], list[Answer]]) -> Predicted[Answer]:
    """Answers and how long they took."""
    begun = time.perf_counter()
    answers = work()
    return Predicted(seconds=time.perf_counter() - begun, answers=answers)
