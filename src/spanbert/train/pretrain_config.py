"""All settings of `spanbert pretrain`, put together from those of the packages it uses."""

from __future__ import annotations

from spanbert.batches.masking import MaskingOptions
from spanbert.core.config import Config
from spanbert.tasks.pretrain.task import SBOOptions
from spanbert.train.config import BatchConfig, OptimConfig, TrainConfig


class PretrainConfig(Config):
    """All settings of `spanbert pretrain`.

    Attributes:
        masking: How segments are masked.
        sbo: The span-boundary objective.
        batch: What a step reads.
        optim: Optimiser and schedule.
        train: Budget, intervals, seed.
        freeze_encoder: Train the heads alone.
    """

    masking: MaskingOptions = MaskingOptions()
    sbo: SBOOptions = SBOOptions()
    batch: BatchConfig = BatchConfig()
    optim: OptimConfig = OptimConfig()
    train: TrainConfig = TrainConfig()
    freeze_encoder: bool = False
