"""What `prepare.py` made, as parts use it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.gpu.job import Job
from benchmarks.gpu.packing import unpack_model, unpack_store
from spanbert.tokens.store import TokenStore
from spanbert.tokens.tokenizer import load_tokenizer

TOKENIZER, STORE, MODEL, LABELLED, WHEELS, FACTS = (
    "tokenizer", "store", "model", "labelled", "wheels", "inputs.json",
)  # fmt: skip


def store_of(job: Job) -> TokenStore:
    """The token store."""
    return unpack_store(job.inputs / STORE, job.inputs / TOKENIZER, job.work / STORE)


def model_of(job: Job) -> Path:
    """The model to start from."""
    return unpack_model(job.inputs / MODEL, load_tokenizer(job.inputs / TOKENIZER), job.work / MODEL)


def labelled_of(job: Job) -> dict[str, Path]:
    """The files of the labelled data set: `train` and `test`."""
    return {name: job.inputs / LABELLED / f"{name}.conll" for name in ("train", "test")}
