"""What is called in place of the command line, but with its way to end; arguments come in `sys.argv`."""

from __future__ import annotations

import pickle
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import spanbert
from spanbert.apps.cli import main as command_line
from spanbert.apps.reports import curves
from spanbert.tokens.prepare import prepare

HELD_BACK = (signal.SIGINT, signal.SIGTERM)  # until a verb has begun


def _as_verb(work: Callable[[], object]) -> None:
    """Runs something as the command line runs a verb; signals that were held back come when it hears them."""

    def begin() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)
        work()

    command_line.app = begin  # type: ignore[assignment]
    command_line.main()


def verb() -> None:
    """The command line, but for the pictures of reports, which take longer than all else here."""
    curves._drawing = lambda draw, *, height: b"<svg/>"  # type: ignore[assignment]
    _as_verb(command_line.app)


def prepare_shards() -> None:
    """`TEXTS TOKENIZER OUT [overwrite]`: a store of several shards, which the command line makes of gigabytes only."""
    texts, tokenizer, out, *more = sys.argv[1:]
    _as_verb(
        lambda: prepare(texts, tokenizer=tokenizer, out=out, held_out=0.1, shard_pieces=1500, overwrite=bool(more))
    )


def fit() -> None:
    """`MODEL PICKLE`: an estimator, fitted for a moment."""
    model, target = sys.argv[1:]
    settings = {"epochs": 1, "batch": 8, "overrides": ("train.precision=float32",)}
    fitted = spanbert.SpanBertClassifier(model, **settings).fit(["the fox runs", "the old stone"] * 4, [0, 1] * 4)
    Path(target).write_bytes(pickle.dumps(fitted))


def save() -> None:
    """`PICKLE OUT [overwrite]`: saves what `fit` made."""
    source, out, *more = sys.argv[1:]
    _as_verb(lambda: pickle.loads(Path(source).read_bytes()).save(out, overwrite=bool(more)))
