"""The peers of `bench inference`: `transformers.pipeline`, a plain sorted loop around its model, OpenVINO after NNCF.

`transformers` 5 has no pipeline that answers questions: there *one by one* reads one window after the other, and
batches are sorted, which is more than its pipeline did. What is timed is to run in a process of its own.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from benchmarks.bench.finetune_sides.peer import (
    TrainedPeer,
    batched_predict_labels,
    ready,
    silence,
    timed,
    tokenised,
)
from benchmarks.bench.finetune_sides.peer_qa import (
    batched_predict_answers,
    one_by_one_predict_answers,
    squad_examples,
)
from benchmarks.bench.finetune_sides.peer_tags import batched_predict_entities
from benchmarks.bench.inference_sides.sets import Kind, questions_of, texts_of
from spanbert.core.threads import threads
from spanbert.core.types import Span

BATCHES = (4, 8, 16, 32)
_MODELS: Mapping[Kind, str] = {
    "classify": "AutoModelForSequenceClassification",
    "tag": "AutoModelForTokenClassification",
    "qa": "AutoModelForQuestionAnswering",
}
_CALIBRATED_ON = 128  # windows; NNCF's own default is 300
_INT8 = "model.xml"
_Sorted = Callable[..., Any]
_SORTED: Mapping[Kind, _Sorted] = {
    "classify": batched_predict_labels,
    "tag": batched_predict_entities,
    "qa": batched_predict_answers,
}


def pipeline(saved: Path, kind: Kind, file: Path, batch: int) -> float:
    """Seconds of `transformers.pipeline` from raw texts to its results.

    Args:
        saved: A Hugging Face directory, read once a process.
        kind: The kind of task.
        file: Texts or questions.
        batch: 1: one text after the other, as its documentation shows it first; else its `batch_size`.
    """
    peer = _loaded(saved, kind)
    if kind == "qa":
        examples = squad_examples(questions_of(file))
        found = one_by_one_predict_answers(peer, examples) if batch == 1 else _in_batches(peer, examples, batch)
        return float(found.seconds)
    texts, pipe = texts_of(kind, file), _pipeline(saved, kind)
    options = {"truncation": True} if kind == "classify" else {}

    def raw() -> Iterable[Any]:
        return (pipe(text, **options) for text in texts) if batch == 1 else pipe(texts, batch_size=batch, **options)

    def entities() -> list[Any]:
        return [
            [Span(start=one["start"], end=one["end"], label=one["entity_group"]) for one in found] for found in raw()
        ]

    return timed(entities if kind == "tag" else lambda: list(raw())).seconds


def _in_batches(peer: TrainedPeer, examples: Any, batch: int) -> Any:
    return batched_predict_answers(peer, examples, batch=batch)


def sorted_loop(saved: Path, kind: Kind, file: Path) -> float:
    """Seconds of a plain loop over batches of like length.

    Args:
        saved: A Hugging Face directory, or what `quantise` wrote; read once a process.
        kind: The kind of task.
        file: Texts or questions.
    """
    peer = _loaded(saved, kind)
    inputs = squad_examples(questions_of(file)) if kind == "qa" else texts_of(kind, file)
    return float(_SORTED[kind](peer, inputs).seconds)


def quantise(saved: Path, kind: Kind, file: Path, out: Path) -> None:
    """Writes a model of `transformers` as OpenVINO's, static int8 by NNCF with its preset for Transformers.

    Args:
        saved: A Hugging Face directory.
        kind: The kind of task.
        file: Texts or questions that ranges are set by.
        out: The directory to make.
    """
    import openvino
    from transformers import AutoConfig

    peer = _loaded(saved, kind)
    items = _windows(peer, kind, file)
    example = {name: torch.from_numpy(value) for name, value in items[0].items()}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing, about conditions that hold for all lengths
        model = openvino.convert_model(ready(peer), example_input=example)
    peer.tokenizer.save_pretrained(out)
    AutoConfig.from_pretrained(saved).save_pretrained(out)
    openvino.save_model(_quantised(model, items), os.fspath(out / _INT8), compress_to_fp16=False)


def _quantised(model: Any, items: list[dict[str, Any]]) -> Any:
    import nncf

    return nncf.quantize(model, nncf.Dataset(items), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(items))


def _windows(peer: TrainedPeer, kind: Kind, file: Path) -> list[dict[str, Any]]:
    """What the model reads of the first texts, a window each."""
    if kind == "qa":
        documents = questions_of(file)[:_CALIBRATED_ON]
        columns = [[one.questions[0].text for one in documents if one.questions], [one.text for one in documents]]
        features = [feature for _, feature, _ in tokenised(peer.tokenizer, *columns, truncation="only_second")]
    else:
        texts = texts_of(kind, file)[:_CALIBRATED_ON]
        features = [feature for _, feature, _ in tokenised(peer.tokenizer, texts, truncation=True)]
    return [{name: np.array([row], dtype=np.int64) for name, row in one.items()} for one in features]


class OpenVinoModel:
    """A compiled model that is called as those of `transformers` are.

    Args:
        directory: From `quantise`.
    """

    def __init__(self, directory: Path) -> None:
        import openvino
        from transformers import AutoConfig

        self.config = AutoConfig.from_pretrained(directory)
        settings = {"INFERENCE_NUM_THREADS": threads()}
        self._compiled = openvino.Core().compile_model(os.fspath(directory / _INT8), "CPU", settings)

    def eval(self) -> OpenVinoModel:
        """Itself."""
        return self

    def __call__(self, **inputs: torch.Tensor) -> SimpleNamespace:
        """Its outputs by their names."""
        found = self._compiled({name: value.numpy() for name, value in inputs.items()})
        return SimpleNamespace(
            **{name: torch.from_numpy(np.array(found[one])) for one in self._compiled.outputs for name in one.names}
        )


@cache
def _loaded(saved: Path, kind: Kind) -> TrainedPeer:
    import transformers
    from transformers import AutoTokenizer

    silence()
    model: Any
    if (saved / _INT8).is_file():
        model = OpenVinoModel(saved)
    else:
        auto: Any = getattr(transformers, _MODELS[kind])
        model = auto.from_pretrained(saved, dtype=torch.float32)
    return TrainedPeer(seconds=0.0, model=model, tokenizer=AutoTokenizer.from_pretrained(saved), losses=())


@cache
def _pipeline(saved: Path, kind: Kind) -> Any:
    from transformers import pipeline as untyped

    peer, make = _loaded(saved, kind), untyped
    given: dict[str, Any] = {"model": ready(peer), "tokenizer": peer.tokenizer, "device": "cpu"}
    if kind == "tag":
        return make("token-classification", aggregation_strategy="first", **given)
    return make("text-classification", **given)
