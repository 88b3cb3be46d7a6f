"""All settings of `spanbert finetune`, put together from those of the packages it uses."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from spanbert.core.config import Config
from spanbert.tasks import task_class
from spanbert.tasks.base import WindowOptions
from spanbert.tasks.classify.options import ClassifyOptions
from spanbert.tasks.coref.options import CorefOptions
from spanbert.tasks.qa.options import QAOptions
from spanbert.tasks.relation.options import RelationOptions
from spanbert.tasks.tag.options import TagOptions
from spanbert.train.config import OptimConfig, TrainConfig


class ExampleBatchConfig(Config):
    """What a step reads.

    Attributes:
        examples: Examples a step (windows of long texts are examples too); None: 16, for coreference 2.
        temperature: With several tasks: 1 draws them by their steps in an epoch, larger more evenly.
        prefetch: Steps made ahead.
    """

    examples: int | None = Field(default=None, ge=1)
    temperature: float = Field(default=2.0, ge=1)
    prefetch: int = Field(default=4, ge=1)

    def examples_of(self, kind: str) -> int:
        """Examples a step of a task of this kind."""
        return self.examples or task_class(kind).examples_a_step


class FinetuneOptimConfig(OptimConfig):
    """AdamW as it is used to fine-tune (Devlin et al. 2019, appendix A.3).

    Attributes:
        layer_decay: Each layer's rate is that of the layer above times this (Sun et al. 2019); 1: all the same.
    """

    lr: float = Field(default=5e-5, gt=0)
    head_lr: float | None = Field(default=5e-4, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    layer_decay: float = Field(default=1.0, gt=0, le=1)


class FinetuneTrainConfig(TrainConfig):
    """The loop.

    Attributes:
        max_epochs: Budget in passes over the training examples.
    """

    max_epochs: float | None = Field(default=None, gt=0)
    evaluate_every: str = "25%"
    checkpoint_every: str = "25%"


class FinetuneConfig(Config):
    """All settings of `spanbert finetune`.

    Attributes:
        window: How long texts are read.
        classify: Settings of classification.
        tag: Settings of sequence labelling.
        qa: Settings of question answering.
        coref: Settings of coreference resolution.
        relation: Settings of relation extraction.
        batch: What a step reads.
        optim: Optimiser and schedule.
        train: Budget, intervals, seed.
        hidden_dropout: Dropout of encoder and heads; None: the checkpoint's.
        freeze_encoder: Train the heads alone.
        keep_heads: Keep the checkpoint's MLM and SBO heads in the bundle, as they were.
        licence: Licence and attribution of the training data, for the model card.
    """

    window: WindowOptions = WindowOptions()
    classify: ClassifyOptions = ClassifyOptions()
    tag: TagOptions = TagOptions()
    qa: QAOptions = QAOptions()
    coref: CorefOptions = CorefOptions()
    relation: RelationOptions = RelationOptions()
    batch: ExampleBatchConfig = ExampleBatchConfig()
    optim: FinetuneOptimConfig = FinetuneOptimConfig()
    train: FinetuneTrainConfig = FinetuneTrainConfig()
    hidden_dropout: float | None = Field(default=None, ge=0, lt=1)
    freeze_encoder: bool = False
    keep_heads: bool = False
    licence: str | None = None

    def with_train(self, **changes: object) -> Self:
        """The same with other settings of the loop."""
        return self.model_copy(update={"train": self.train.model_copy(update=changes)})
