"""What a fine-tuning is, for run.json and for `--resume` to compare."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spanbert.corpus.data import Source, source_facts
from spanbert.corpus.held_out import HeldOut
from spanbert.encoder.config import Size
from spanbert.tokens.store import TokenStore
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.run import model_fact
from spanbert.train.task_data import TaskData


def run_facts(
    tasks: Mapping[str, TaskData],
    model: str | Path | None,
    size: Size | None,
    config: FinetuneConfig,
    text: TokenStore | None,
) -> dict[str, Any]:
    """What the run is.

    Args:
        tasks: By name.
        model: What it starts from; None: from scratch.
        size: From scratch, the size.
        config: The settings.
        text: What it is pre-trained on beside the tasks.
    """

    def facts_of(given: Path | Source | None, companion: Path | None) -> dict[str, str] | None:
        return None if given is None else source_facts(given, companion)

    return {
        "tasks": {
            name: {
                "kind": data.kind,
                "examples_a_step": config.batch.examples_of(data.kind),
                **_tokens_a_step(data, config),
                "train": facts_of(data.train, data.train_target),
                "dev": None if isinstance(data.dev, HeldOut) else facts_of(data.dev, data.dev_target),
                "options": None if data.options is None else data.options.model_dump(mode="json"),
            }
            for name, data in tasks.items()
        },
        "model": f"from scratch, size {size}" if model is None else model_fact(model),
        **({} if text is None else {"text": text.checksum}),
        "settings": config.model_dump(mode="json"),
    }


def _tokens_a_step(data: TaskData, config: FinetuneConfig) -> dict[str, int]:
    tokens = config.batch.tokens_of(data.kind)
    return {} if tokens is None else {"tokens_a_step": tokens}
