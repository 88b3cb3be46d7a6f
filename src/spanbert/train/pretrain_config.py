"""All settings of `spanbert pretrain`, put together from those of the packages it uses."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator

from spanbert.batches.masking import MaskingConfig
from spanbert.core.config import Config
from spanbert.encoder.config import Kind
from spanbert.tasks.pretrain.objectives import SBOConfig
from spanbert.train.config import BatchConfig, OptimConfig, TrainConfig


class EncoderChanges(Config):
    """What may differ from the checkpoint's (or the size's) encoder.

    Attributes:
        kind: `transformer`, or a baseline from scratch: `bilstm`, `cnn`; None: as it is.
        attention_span: w, attend within consecutive spans of w tokens, at a cost linear in the length; None: as it is.
        attention_span_shift: Move the spans by half of w on every other layer.
        positions: Longest segment; None: as it is.
        hidden_dropout: None: as it is.
    """

    kind: Kind | None = None
    attention_span: int | None = Field(default=None, ge=2)
    attention_span_shift: bool | None = None
    positions: int | None = Field(default=None, ge=3)
    hidden_dropout: float | None = Field(default=None, ge=0, lt=1)


class PretrainTrainConfig(TrainConfig):
    """The loop.

    Attributes:
        accumulation: Micro-batches a step; more take less memory, and the step stays the same. `auto`: as few as fit
            into the memory of a GPU, found by trial when a run begins, and on a CPU one for each pack.
        compile: Let torch compile the layers of the encoder; packs are then filled up to one size. `auto` is on where
            CUDA computes, else off.
        evaluate_tokens: Held-out tokens that an evaluation reads at most.
    """

    accumulation: Annotated[int, Field(ge=1)] | Literal["auto"] = 1  # type: ignore[assignment]
    compile: Literal["auto", "on", "off"] = "auto"
    evaluate_tokens: int = Field(default=32_768, ge=1)

    @field_validator("compile", mode="before")
    @classmethod
    def _as_a_word(cls, given: object) -> object:
        """YAML reads `on` and `off` as true and false."""
        return ("on" if given else "off") if isinstance(given, bool) else given


class PretrainConfig(Config):
    """All settings of `spanbert pretrain`.

    Attributes:
        encoder: Changes of the encoder.
        masking: How segments are masked.
        sbo: The span-boundary objective.
        batch: What a step reads.
        optim: Optimiser and schedule.
        train: Budget, intervals, seed.
        freeze_encoder: Train the heads alone.
    """

    encoder: EncoderChanges = EncoderChanges()
    masking: MaskingConfig = MaskingConfig()
    sbo: SBOConfig = SBOConfig()
    batch: BatchConfig = BatchConfig()
    optim: OptimConfig = OptimConfig()
    train: PretrainTrainConfig = PretrainTrainConfig()
    freeze_encoder: bool = False

    def with_train(self, **changes: object) -> Self:
        """The same with other settings of the loop."""
        return self.model_copy(update={"train": self.train.model_copy(update=changes)})
