"""spanbert: from your own text to structured answers with span-pre-trained encoders.

    import spanbert
    nlp = spanbert.load("bundle")
    nlp.fill("The quick [MASK:1-3] fox", top_k=5)

Names are imported when they are first used, so that `import spanbert` is quick and needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from spanbert.apps.doctor.diagnose import doctor
    from spanbert.batches.masking import mask_spans
    from spanbert.batches.packed import pack
    from spanbert.core.errors import InputError, SpanbertError
    from spanbert.core.predictions import Answer
    from spanbert.core.reporter import SilentReporter
    from spanbert.core.types import Document, Filling, PackedBatch, Span
    from spanbert.encoder.model import Encoder
    from spanbert.exports.export import export
    from spanbert.pipelines.convert.data import convert_data
    from spanbert.pipelines.convert.models import convert
    from spanbert.pipelines.evaluate import evaluate, evaluate_end_to_end
    from spanbert.pipelines.info import info
    from spanbert.pipelines.load import load
    from spanbert.pipelines.predict import predict
    from spanbert.pipelines.push import push
    from spanbert.pipelines.sklearn.estimators import SpanBertClassifier, SpanBertTagger
    from spanbert.tokens.prepare import prepare
    from spanbert.tokens.tokenizer import load_tokenizer
    from spanbert.train.finetune import finetune
    from spanbert.train.finetune_config import FinetuneConfig
    from spanbert.train.pretrain import pretrain
    from spanbert.train.pretrain_config import PretrainConfig
    from spanbert.train.seeds import finetune_seeds
    from spanbert.train.task_data import TaskData
    from spanbert.train.tune import finetune_tuned

_HOMES = {
    "Answer": "core.predictions",
    "FinetuneConfig": "train.finetune_config",
    "TaskData": "train.task_data",
    "evaluate": "pipelines.evaluate",
    "evaluate_end_to_end": "pipelines.evaluate",
    "export": "exports.export",
    "finetune": "train.finetune",
    "finetune_seeds": "train.seeds",
    "finetune_tuned": "train.tune",
    "predict": "pipelines.predict",
    "Document": "core.types",
    "Encoder": "encoder.model",
    "Filling": "core.types",
    "InputError": "core.errors",
    "PackedBatch": "core.types",
    "PretrainConfig": "train.pretrain_config",
    "SilentReporter": "core.reporter",
    "Span": "core.types",
    "SpanBertClassifier": "pipelines.sklearn.estimators",
    "SpanBertTagger": "pipelines.sklearn.estimators",
    "SpanbertError": "core.errors",
    "convert": "pipelines.convert.models",
    "convert_data": "pipelines.convert.data",
    "doctor": "apps.doctor.diagnose",
    "info": "pipelines.info",
    "load": "pipelines.load",
    "load_tokenizer": "tokens.tokenizer",
    "mask_spans": "batches.masking",
    "pack": "batches.packed",
    "prepare": "tokens.prepare",
    "pretrain": "train.pretrain",
    "push": "pipelines.push",
}

__all__ = [
    "Answer",
    "Document",
    "Encoder",
    "Filling",
    "FinetuneConfig",
    "InputError",
    "PackedBatch",
    "PretrainConfig",
    "SilentReporter",
    "Span",
    "SpanBertClassifier",
    "SpanBertTagger",
    "SpanbertError",
    "TaskData",
    "__version__",
    "convert",
    "convert_data",
    "doctor",
    "evaluate",
    "evaluate_end_to_end",
    "export",
    "finetune",
    "finetune_seeds",
    "finetune_tuned",
    "info",
    "load",
    "load_tokenizer",
    "mask_spans",
    "pack",
    "predict",
    "prepare",
    "pretrain",
    "push",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'spanbert' has no attribute {name!r}")
    value = getattr(import_module(f"spanbert.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
