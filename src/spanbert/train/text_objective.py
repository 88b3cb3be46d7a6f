"""Text that a fine-tuning goes on with: span pre-training in a share of its steps, so that blanks are still filled.

Labelled tasks move the encoder away from the heads that fill blanks; an auxiliary language-model objective keeps both
together (Radford et al. 2018, section 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from spanbert.batches.masking import MaskingConfig
from spanbert.batches.plan import PackingPlan
from spanbert.checkpoint.bundle import BundleFiles
from spanbert.inference.loading import stored_tokenizer
from spanbert.tasks.pretrain.heads import TASK
from spanbert.tasks.pretrain.objectives import PretrainTask, SBOConfig
from spanbert.tokens.store import TokenStore
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.model import TaskModel
from spanbert.train.pretrain_bundle import require_same_tokenizer, require_segments
from spanbert.train.pretrain_evaluation import evaluate, held_out_plan

_HELD_OUT_TOKENS = 65_536


def text_store(config: FinetuneConfig, *, verify: bool = True) -> TokenStore | None:
    """The store that the settings name; None where they name none.

    Args:
        config: The settings.
        verify: Compare every file with its checksum.

    Raises:
        InputError: No store, or a damaged one.
    """
    return None if config.text.store is None else TokenStore(Path(config.text.store), verify=verify)


@dataclass(frozen=True, kw_only=True)
class TextObjective:
    """What is learned from the text.

    Attributes:
        task: Masked pieces, and the span-boundary objective.
        plan: The order of the training text.
        store: The text.
    """

    task: PretrainTask
    plan: PackingPlan
    store: TokenStore

    @classmethod
    def of(
        cls, store: TokenStore | None, config: FinetuneConfig, files: BundleFiles, longest: int, model: str
    ) -> TextObjective | None:
        """What is learned from a store by the settings; None where there is none.

        Args:
            store: See `text_store`.
            config: The settings.
            files: The model at the start: its tokenizer has no markers that tasks added.
            longest: Tokens of the encoder's longest segment.
            model: What the model is called.

        Raises:
            InputError: A store of another tokenizer, or segments that the encoder cannot read.
        """
        if store is None:
            return None
        settings, tokenizer = config.text, stored_tokenizer(files)
        require_same_tokenizer(store, tokenizer, model)
        require_segments(settings.segment_length, longest, "text.segment_length")
        task = PretrainTask(
            tokenizer, store.unigram_counts(), masking=MaskingConfig(), sbo=SBOConfig(), seed=config.train.seed
        )
        plan = PackingPlan(
            store,
            segment_length=settings.segment_length,
            pack_tokens=settings.pack_tokens,
            seed=config.train.seed,
            packs=config.train.accumulation,
        )
        return cls(task=task, plan=plan, store=store)

    def facts(self) -> dict[str, Any]:
        """What the text is, for a manifest."""
        return {
            "name": self.store.texts,
            "licence": self.store.index.get("licence"),
            "fingerprint": self.store.checksum,
        }

    def scores(self, model: TaskModel) -> dict[str, Any]:
        """Figures on the held-out documents of the text; nothing where there are none.

        Args:
            model: The trained model.
        """
        plan = held_out_plan(self.store, self.plan.segment_length)
        if plan is None:
            return {}
        assert isinstance(model.head, nn.ModuleDict)
        own = TaskModel(self.task, model.encoder, model.head[TASK])
        return evaluate(self.task, own, plan, most_tokens=_HELD_OUT_TOKENS)
