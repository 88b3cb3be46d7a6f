"""What fine-tuning takes where nothing is said: rates by the size of the encoder, a least number of steps, warnings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from spanbert.encoder.config import EncoderConfig
from spanbert.tasks.protocol import TextTask
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.outcome import Outcome

LEAST_STEPS = 300  # of a run without a budget: three epochs of a hundred sentences would be 19
FEW_STEPS = 100
NEAR_ZERO = 0.05
_RATES = (  # weights of the layers at most, rate of the encoder, rate of the heads
    (40e6, 1.5e-4, 1e-3),  # MiniLM and its like
    (150e6, 4e-5, 4e-4),  # base
    (float("inf"), 1.5e-5, 1.5e-4),  # large
)
_FROM_SCRATCH = 5e-4  # of encoder and heads alike


def usual_rates(shape: EncoderConfig, *, from_scratch: bool = False) -> tuple[float, float]:
    """The rates of encoder and heads: the smaller an encoder, the higher.

    Args:
        shape: The encoder's dimensions.
        from_scratch: It has learned nothing yet.
    """
    if from_scratch:
        return _FROM_SCRATCH, _FROM_SCRATCH
    weights = shape.layers * shape.hidden_size * (4 * shape.hidden_size + 2 * shape.feed_forward_size)
    return next((rate, head_rate) for most, rate, head_rate in _RATES if weights <= most)


def with_usual_rates(config: FinetuneConfig, shape: EncoderConfig, *, from_scratch: bool = False) -> FinetuneConfig:
    """The settings with the usual rates in place of those that nobody set.

    Args:
        config: As they were given.
        shape: The encoder's dimensions.
        from_scratch: It has learned nothing yet.
    """
    usual = dict(zip(("lr", "head_lr"), usual_rates(shape, from_scratch=from_scratch), strict=True))
    unset = {name: rate for name, rate in usual.items() if name not in config.optim.model_fields_set}
    return config.model_copy(update={"optim": config.optim.model_copy(update=unset)}) if unset else config


def usual_budget(epochs: float) -> dict[str, Any]:
    """The budget of a run that nobody gave one, as settings of the loop.

    Args:
        epochs: What tasks of the kind usually take.
    """
    return {"max_epochs": epochs, "least_steps": LEAST_STEPS}


def in_steps(config: FinetuneConfig, steps_an_epoch: float) -> FinetuneConfig:
    """The settings with a budget in epochs as one in steps; the last step takes what it lacks from the next epoch."""
    train = config.train
    if train.max_epochs is None:
        return config
    # rounded first: sums of quotients can lie a hair above a whole number
    whole = max(math.ceil(round(train.max_epochs * steps_an_epoch, 9)), train.least_steps, 1)
    return config.with_train(max_steps=whole if train.max_steps is None else min(whole, train.max_steps))


def planned_steps(config: FinetuneConfig, *, usual_epochs: float, steps_an_epoch: float) -> int | None:
    """Steps of a run with these settings; None: its budget is in tokens or minutes.

    Args:
        config: The settings.
        usual_epochs: Epochs where no budget is given.
        steps_an_epoch: Steps in which the training data is read once.
    """
    train = config.train
    if train.max_epochs is None and (train.max_tokens or train.max_minutes):
        return None
    if train.max_epochs is None and train.max_steps is None:
        config = config.with_train(**usual_budget(usual_epochs))
    return in_steps(config, steps_an_epoch).train.max_steps


def warnings_of_steps(config: FinetuneConfig) -> list[str]:
    """What to say of a run that is too short, its budget stated in steps."""
    steps = config.train.max_steps
    if steps is None or steps >= FEW_STEPS:
        return []
    return [f"only {steps} steps: too few for most tasks; without a budget it would be {LEAST_STEPS} at least"]


def warnings_of_outcome(outcome: Outcome, config: FinetuneConfig, tasks: Mapping[str, TextTask]) -> list[str]:
    """What to say of each task whose score on dev data is near zero where the run was best.

    Args:
        outcome: Of the run.
        config: Its settings.
        tasks: By name.
    """
    scores = {} if outcome.best is None else outcome.best.scores
    found = []
    for name, task in tasks.items():
        score = task.selection_score(scores[name]) if name in scores else NEAR_ZERO
        if score < NEAR_ZERO:
            which = f"{name}: " if len(tasks) > 1 else ""
            found.append(
                f"{which}the best score on the dev data is near zero ({score:.4f}): this model has hardly "
                f"learned anything. Train longer (--budget {2 * outcome.progress.step}steps) or at another rate (it "
                f"was --set optim.lr={config.optim.lr:g}), and look at the data with spanbert doctor"
            )
    return found
