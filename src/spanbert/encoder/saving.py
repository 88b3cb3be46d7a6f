"""A model as files, by Hugging Face's names where it has any: the one way in which bundles and directories are written.

Weights are encoder, MLM head and at most one task's head (`task.*`) by our names; `heads` is everything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from spanbert.checkpoint import names, tensors
from spanbert.checkpoint.bundle import copy_assets, copy_dev_data, write_bundle
from spanbert.encoder.config import EncoderConfig
from spanbert.tokens.tokenizer import TokenizerAdapter

CARD = "README.md"


@dataclass(frozen=True, kw_only=True)
class SavedModel:
    """What is saved of a model.

    Attributes:
        shape: The encoder's dimensions.
        weights: By our names.
        slug: What the hub calls the task whose head is among the weights; None: there is none.
        heads: Other heads, by the names that they have in heads.safetensors.
        tokenizer: The model's.
        assets: By task, its own files by name.
        dev_data: By task, labelled texts that the bundle brings.
        card: The model card; None: none is written.
    """

    shape: EncoderConfig
    weights: Mapping[str, Tensor]
    slug: str | None = None
    heads: Mapping[str, Tensor] = field(default_factory=dict)
    tokenizer: TokenizerAdapter
    assets: Mapping[str, Mapping[str, Path | bytes]] = field(default_factory=dict)
    dev_data: Mapping[str, Path] = field(default_factory=dict)
    card: str | None

    @property
    def architecture(self) -> str | None:
        """Hugging Face's class that holds encoder and the task's head; None where there is no such head."""
        return None if self.slug is None else names.FAMILIES[self.shape.family].architecture(self.slug)

    def named_weights(self) -> dict[str, Tensor]:
        """The weights by Hugging Face's names; the baselines' layers have none and keep ours."""
        if self.shape.kind != "transformer":
            return dict(self.weights)
        family = names.FAMILIES[self.shape.family]
        return names.to_hugging_face(self.weights, self.shape.layers, tensors.split, family=family, slug=self.slug)

    def write_into(self, directory: Path) -> None:
        """Writes everything but config.json and the manifest into an empty directory."""
        tensors.write_tensors(directory / "model.safetensors", self.named_weights())
        if self.heads:
            tensors.write_tensors(directory / "heads.safetensors", dict(self.heads))
        self.write_beside(directory)

    def write_beside(self, directory: Path) -> None:
        """Writes everything but the tensors: the tasks' own files, tokenizer, card."""
        for task, assets in self.assets.items():
            copy_assets(assets, directory, task)
        copy_dev_data(self.dev_data, directory)
        self.tokenizer.save(directory, longest=self.shape.longest_segment)
        if self.card is not None:
            (directory / CARD).write_text(self.card, encoding="utf-8")

    def write_bundle(self, target: Path, *, config: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
        """Writes a bundle, whole or not at all.

        Args:
            target: Its directory.
            config: Hugging Face's config.json.
            manifest: What spanbert.json says.
        """
        write_bundle(target, config=config, manifest=manifest, write_files=self.write_into)
