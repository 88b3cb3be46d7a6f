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
from spanbert.core.errors import InputError
from spanbert.core.files import sha256_of
from spanbert.tasks.pretrain.heads import TASK
from spanbert.tasks.pretrain.objectives import PretrainTask, SBOConfig
from spanbert.tokens.store import INDEX_NAME, TokenStore
from spanbert.tokens.tokenizer import TokenizerAdapter
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.model import TaskModel
from spanbert.train.pretrain_bundle import require_same_tokenizer
from spanbert.train.pretrain_evaluation import evaluate

_HELD_OUT_TOKENS = 65_536
_HELD_OUT_PACK = 4096


def store_fingerprint(store: str | Path) -> str:
    """The checksum of a store's index, which has those of its shards."""
    return sha256_of(TokenStore(Path(store)).path / INDEX_NAME)


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
    def of(cls, config: FinetuneConfig, tokenizer: TokenizerAdapter, longest: int, model: str) -> TextObjective | None:
        """What the settings ask for; None where they name no text.

        Args:
            config: The settings.
            tokenizer: The model's.
            longest: Tokens of the encoder's longest segment.
            model: What the model is called.

        Raises:
            InputError: No store, one of another tokenizer, or segments that the encoder cannot read.
        """
        settings = config.text
        if settings.store is None:
            return None
        store = TokenStore(Path(settings.store))
        require_same_tokenizer(store, tokenizer, model)
        if settings.segment_length > longest:
            raise InputError(
                "segments longer than the encoder's positions",
                where="text.segment_length",
                got=str(settings.segment_length),
                expected=f"at most {longest}",
            )
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
        """What the text is, for a manifest, and for `--resume` to compare."""
        return {
            "name": ", ".join(sorted({source["name"] for source in self.store.index["sources"]})[:4]),
            "licence": self.store.index.get("licence"),
            "fingerprint": store_fingerprint(self.store.path),
        }

    def scores(self, model: TaskModel) -> dict[str, Any]:
        """Figures on the held-out documents of the text; nothing where there are none.

        Args:
            model: The trained model.
        """
        if not self.store.shard_names("held_out"):
            return {}
        assert isinstance(model.head, nn.ModuleDict)
        length = self.plan.segment_length
        plan = PackingPlan(self.store, split="held_out", segment_length=length, pack_tokens=max(_HELD_OUT_PACK, length))
        own = TaskModel(self.task, model.encoder, model.head[TASK])
        return evaluate(self.task, own, plan, most_tokens=_HELD_OUT_TOKENS)
