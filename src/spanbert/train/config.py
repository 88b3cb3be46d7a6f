"""Settings of training that every task shares."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from spanbert.core.config import Config
from spanbert.core.device import AUTO, device_name
from spanbert.core.errors import InputError
from spanbert.core.habits import unit_meant
from spanbert.encoder.config import Precision

_BUDGET = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+|%)$")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_TOKENS = {"tok": 1, "ktok": 1e3, "Mtok": 1e6, "Gtok": 1e9}


class Amount(Config):
    """So much training: in steps, epochs, tokens, seconds, or a share of the budget.

    Attributes:
        unit: What is counted.
        value: How many.
    """

    unit: Literal["steps", "epochs", "tokens", "seconds", "share"]
    value: float = Field(gt=0)

    @classmethod
    def parse(cls, text: str, *, where: str) -> Self:
        """Reads `500steps`, `3epochs`, `20Mtok`, `90s`, `10m`, `2h` or `10%`; units may be spelled out (`5min`).

        Raises:
            InputError: Not an amount.
        """
        match = _BUDGET.match(text.strip())
        unit = unit_meant(match[2]) if match else None
        if not match or unit is None or float(match[1]) == 0:
            raise InputError(
                "not an amount of training",
                where=where,
                got=repr(text),
                expected="e.g. 3epochs, 500steps, 20Mtok, 10m, 2h, 10%",
            )
        number = float(match[1])
        if unit == "steps":
            return cls(unit="steps", value=number)
        if unit == "epochs":
            return cls(unit="epochs", value=number)
        if unit in _TOKENS:
            return cls(unit="tokens", value=number * _TOKENS[unit])
        if unit in _SECONDS:
            return cls(unit="seconds", value=number * _SECONDS[unit])
        return cls(unit="share", value=number / 100)


class BatchConfig(Config):
    """What a step reads.

    Attributes:
        segment_length: Tokens of a segment, specials included.
        pack_tokens: Tokens of a pack.
        packs: G, packs a step.
        window_shards: Shards whose worth of documents, drawn from all shards alike, is shuffled together.
        prefetch: Steps made ahead.
    """

    segment_length: int = Field(default=128, ge=3)
    pack_tokens: int = Field(default=2048, ge=3)
    packs: int = Field(default=1, ge=1)
    window_shards: int = Field(default=1, ge=1)
    prefetch: int = Field(default=4, ge=1)


class OptimConfig(Config):
    """AdamW and its schedule (Joshi et al. 2020, appendix; small-budget defaults).

    Attributes:
        lr: Peak learning rate of the encoder.
        head_lr: Peak learning rate of the heads; None means `lr`.
        beta1: Decay of the first moment.
        beta2: Decay of the second moment.
        eps: AdamW's epsilon.
        weight_decay: On matrices; never on biases and norms.
        clip: Largest norm of the gradient.
        spike_factor: A step whose gradient is so many times as large as it usually is for its task, is left out, as is
            one whose gradient is no number; None: these alone.
        most_skipped: Steps in a row that are left out before the run ends.
        schedule: `linear` to 0, or `wsd`: warm-up, stable, linear decay over the last `decay`.
        warmup: Share of the budget over which the rate rises.
        decay: Share of the budget over which `wsd` falls.
        frozen: Share of the budget in which the heads alone are trained, at its beginning.
    """

    lr: float = Field(default=5e-4, gt=0)
    head_lr: float | None = Field(default=2e-3, gt=0)
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.999, ge=0, lt=1)
    eps: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.1, ge=0)
    clip: float = Field(default=1.0, gt=0)
    spike_factor: float | None = Field(default=20.0, gt=1)
    most_skipped: int = Field(default=5, ge=1)
    schedule: Literal["linear", "wsd"] = "linear"
    warmup: float = Field(default=0.06, ge=0, lt=1)
    decay: float = Field(default=0.2, gt=0, le=1)
    frozen: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _check_shares(self) -> Self:
        if self.schedule == "wsd" and self.warmup + self.decay > 1:
            raise ValueError(f"warmup {self.warmup} and decay {self.decay} are more than the whole budget")
        return self


class TrainConfig(Config):
    """The loop.

    Attributes:
        max_steps: Budget in optimiser steps; the exact, resumable kind.
        max_tokens: Budget in tokens.
        max_minutes: Budget in minutes, from the first step to the last scores; the schedule then follows the clock.
        accumulation: Micro-batches a step, of each of the processes that train together; more take less memory, and the
            step stays the same.
        shard: Several processes hold a share of every weight each (FSDP2) in place of all weights (DDP): less memory,
            more exchange.
        device: What computes: `auto` (CUDA where there is one, else the CPU), `cpu`, `cuda`, `cuda:1` or `mps`.
        precision: Of the matrix products in training; `auto` is bfloat16 where the hardware multiplies it faster.
            Weights, optimiser, softmax and evaluation are float32 throughout.
        gradient_checkpointing: Less memory for a third more time: activations are computed again in the backward pass.
        evaluate_every: How often the held-out documents are scored; after shares of a budget of time less often, where
            that would take more than a fifth of it.
        checkpoint_every: How often the training state is saved.
        patience: Evaluations without a better score after which training ends (early stopping); None: never.
        seed: Seed of everything random.
        threads: CPU threads at most; None leaves torch's choice. Small batches of small models take one.
    """

    max_steps: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_minutes: float | None = Field(default=None, gt=0)
    accumulation: int = Field(default=1, ge=1)
    shard: bool = False
    device: str = AUTO
    precision: Literal["auto", Precision] = "auto"
    gradient_checkpointing: bool = False
    evaluate_every: str = "20%"
    checkpoint_every: str = "10%"
    patience: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0)
    threads: int | None = Field(default=None, ge=1)

    @field_validator("device", mode="before")
    @classmethod
    def _check_device(cls, given: object) -> str:
        try:
            return device_name(given, "train.device")
        except InputError as error:
            raise ValueError(f"{error.what}; expected {error.expected}") from None

    @model_validator(mode="after")
    def _check_amounts(self) -> Self:
        for name in ("evaluate_every", "checkpoint_every"):
            if Amount.parse(getattr(self, name), where=f"train.{name}").unit == "epochs":
                raise ValueError(f"{name} is in steps, tokens, time or a share of the budget, not in epochs")
        return self


def budget_overrides(text: str) -> list[str]:
    """The settings for `--budget 10m`, `500steps` or `20Mtok`."""
    amount = Amount.parse(text, where="--budget")
    if amount.unit == "share":
        raise InputError("a budget cannot be a share", where="--budget", got=text, expected="500steps, 20Mtok or 10m")
    if amount.unit == "seconds":
        return [f"train.max_minutes={amount.value / 60}"]
    if amount.unit == "epochs":
        return [f"train.max_epochs={amount.value}"]
    if amount.value != int(amount.value):
        raise InputError("not a whole number", where="--budget", got=text, expected="e.g. 500steps, 20Mtok")
    return [f"train.max_{amount.unit}={int(amount.value)}"]
