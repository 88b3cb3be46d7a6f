"""The encoder: a packed batch to hidden states.

Shapes: T tokens of the batch, D hidden size.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from spanbert.checkpoint import names, tensors
from spanbert.checkpoint.bundle import BundleFiles, open_bundle
from spanbert.core.errors import InputError
from spanbert.core.types import PackedBatch
from spanbert.encoder.attention import Backend
from spanbert.encoder.blocks import Block, Embeddings
from spanbert.encoder.config import EncoderConfig

INITIAL_STD = 0.02


def initialise(module: nn.Module) -> None:
    """BERT's initialisation: normal with std 0.02, biases 0, norms 1 (torch's N(0, 1) embeddings make denormals)."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=INITIAL_STD)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.LayerNorm):
        nn.init.ones_(module.weight)
        nn.init.zeros_(module.bias)


class Encoder(nn.Module):
    """BERT on packed batches (Devlin et al. 2019).

    Args:
        config: Its dimensions.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.backend: Backend = "loop"
        self.embeddings = Embeddings(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        if config.has_pooler:
            self.pooler = nn.Linear(config.hidden_size, config.hidden_size)
            self.pooler.requires_grad_(False)  # no objective here reads it; kept for those who load the bundle
        self.apply(initialise)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embeddings.word.weight.device

    def forward(self, batch: PackedBatch) -> Tensor:
        """Encodes a packed batch.

        Args:
            batch: Segments end to end, numpy.

        Returns:
            Hidden states of the last layer, (T, D).

        Raises:
            InputError: A segment longer than the positions, or an id outside the vocabulary.
        """
        config = self.config
        if batch.longest > config.positions:
            raise InputError(
                "a segment is longer than the encoder's positions",
                got=f"{batch.longest} tokens",
                expected=f"at most {config.positions}",
            )
        lowest, highest = int(batch.ids_T.min()), int(batch.ids_T.max())
        if lowest < 0 or highest >= config.vocab_size:
            raise InputError(
                "a piece id outside the vocabulary",
                got=str(lowest if lowest < 0 else highest),
                expected=f"0..{config.vocab_size - 1}",
                remedy="Use the tokenizer that belongs to the model",
            )
        device = self.device
        segments_T = None if batch.segments_T is None else torch.from_numpy(batch.segments_T).to(device)
        hidden_TD: Tensor = self.embeddings(
            torch.from_numpy(batch.ids_T).to(device), torch.from_numpy(batch.positions_T).to(device), segments_T
        )
        cu_seqlens = batch.cu_seqlens.tolist()
        for block in self.blocks:
            hidden_TD = block(hidden_TD, cu_seqlens, self.backend)
        return hidden_TD

    @classmethod
    def from_pretrained(cls, source: str | os.PathLike[str]) -> Encoder:
        """Loads a Hugging Face directory, a bundle or a hub id; eval mode.

        Raises:
            InputError: Not a BERT encoder, or its files are incomplete or damaged.
        """
        encoder, _ = load_encoder(open_bundle(os.fspath(source)))
        return encoder


def load_encoder(files: BundleFiles) -> tuple[Encoder, dict[str, Tensor]]:
    """The encoder of an opened bundle, in eval mode, and the MLM head's tensors by our names where it has them."""
    where = str(files.weights)
    layers = EncoderConfig.from_hugging_face(files.config, where=str(files.path / "config.json")).layers
    ours, _ = names.from_hugging_face(tensors.read_tensors(files.weights), layers, tensors.stack, where=where)
    config = EncoderConfig.from_hugging_face(files.config, where=where, has_pooler="pooler.weight" in ours)
    head = {name: ours.pop(name).float() for name in list(ours) if name.startswith("mlm.")}
    encoder = Encoder(config)
    fill_parameters(encoder, ours, where=where)
    return encoder.eval(), head


def fill_parameters(module: nn.Module, values: Mapping[str, Tensor], *, where: str) -> None:
    """Copies tensors into a module by name, in float32.

    Raises:
        InputError: A tensor is missing, unknown or of another shape.
    """
    expected = module.state_dict()
    for name in sorted(expected.keys() ^ values.keys()):
        raise InputError(
            f"the weights {'lack' if name in expected else 'hold an unknown'} tensor {name!r}", where=where
        )
    for name, tensor in values.items():
        if tensor.shape != expected[name].shape:
            raise InputError(
                f"tensor {name!r} has another shape",
                where=where,
                got=str(tuple(tensor.shape)),
                expected=str(tuple(expected[name].shape)),
                remedy="config.json and the weights do not belong together",
            )
    module.load_state_dict({name: tensor.float() for name, tensor in values.items()})
