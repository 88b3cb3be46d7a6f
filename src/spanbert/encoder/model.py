"""The encoder: a packed batch to hidden states.

Shapes: T tokens of the batch, D hidden size.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from spanbert.checkpoint import names, tensors
from spanbert.checkpoint.bundle import BundleFiles, open_bundle
from spanbert.core.errors import InputError
from spanbert.core.types import IntArray, PackedBatch
from spanbert.encoder.attention import Backend, Bounds, span_boundaries
from spanbert.encoder.baselines import ConvolutionBlock, RecurrentBlock
from spanbert.encoder.blocks import Block, Embeddings
from spanbert.encoder.compiled import CompiledLayers
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.linear import Linear, can_pack, packed
from spanbert.encoder.placement import on_device

INITIAL_STD = 0.02
_OF_HEADS = ("mlm.", "sbo.", "task.")


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
    """BERT and RoBERTa on packed batches (Devlin et al. 2019, Liu et al. 2019); the baselines in their place.

    Args:
        config: Its dimensions.

    Attributes:
        backend: How attention is computed; None: as is best for device and precision (`encoder.attention`).
        checkpointing: Keep one activation a layer in training and compute the others again in the backward pass.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.backend: Backend | None = None
        self.checkpointing = False
        self._compiled: CompiledLayers | None = None
        self.embeddings = Embeddings(config)
        self.blocks = nn.ModuleList(_layer(config, number) for number in range(config.layers))
        if config.has_pooler:
            self.pooler = nn.Linear(config.hidden_size, config.hidden_size)
            self.pooler.requires_grad_(False)  # no objective here reads it; kept for those who load the bundle
        self.apply(initialise)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embeddings.word.weight.device

    def forward(self, batch: PackedBatch, *, rows: IntArray | None = None) -> Tensor:
        """Encodes a packed batch.

        Args:
            batch: Segments end to end, numpy.
            rows: Rows that are read, (R,); the last layer then computes no others.

        Returns:
            Hidden states of the last layer, (T, D), or of the given rows, (R, D).

        Raises:
            InputError: A segment longer than the positions, or an id outside the vocabulary.
        """
        config = self.config
        if batch.longest > config.longest_segment:
            raise InputError(
                "a segment is longer than the encoder's positions",
                got=f"{batch.longest} tokens",
                expected=f"at most {config.longest_segment}",
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
        token_types_T = None if batch.token_types_T is None else on_device(batch.token_types_T, device)
        hidden_TD: Tensor = self.embeddings(
            on_device(batch.ids_T, device),
            on_device(batch.positions_T + config.position_offset, device),
            token_types_T,
        )
        compiled = self._compiled if self.training else None
        bounds = self._attention_bounds(batch.cu_seqlens.tolist(), None if compiled is None else compiled.at_most)
        if compiled is not None:
            compiled.mark(bounds, device)
        if rows is not None and len(rows) == batch.tokens and bool((np.diff(rows) == 1).all()):
            rows = None  # all of them
        blocks: Sequence[Callable[..., Tensor]] = list(self.blocks) if compiled is None else compiled.blocks
        picks = rows is not None and len(rows) > 0 and isinstance(self.blocks[-1], Block)
        for number, block in enumerate(blocks[:-1] if picks else blocks):
            if self.checkpointing and torch.is_grad_enabled():
                hidden_TD = checkpoint(block, hidden_TD, bounds[number % 2], self.backend, use_reentrant=False)
            else:
                hidden_TD = block(hidden_TD, bounds[number % 2], self.backend)
        if rows is None:
            return hidden_TD
        if not picks:
            return hidden_TD.index_select(0, on_device(rows, device))
        once, places = np.unique(rows, return_inverse=True)
        last = bounds[(len(blocks) - 1) % 2]
        top = self.blocks[-1]
        assert isinstance(top, Block)
        row_bounds = Bounds(np.searchsorted(once, last.starts).tolist())
        hidden_RD = top.of_rows(hidden_TD, on_device(once, device), row_bounds, last, self.backend)
        if len(once) == len(rows) and bool((once == rows).all()):
            return hidden_RD
        return hidden_RD.index_select(0, on_device(places, device))

    def _attention_bounds(self, cu_seqlens: list[int], at_most: int | None) -> tuple[Bounds, Bounds]:
        """What even and odd layers attend within: whole segments, or spans of them."""
        span = self.config.attention_span
        even = Bounds(cu_seqlens if span is None else span_boundaries(cu_seqlens, span, shifted=False), at_most=at_most)
        if span is None or not self.config.attention_span_shift:
            return even, even
        return even, Bounds(span_boundaries(cu_seqlens, span, shifted=True), at_most=at_most)

    def compile_layers(self, *, at_most: int) -> None:
        """Lets torch compile the layers for training; see `encoder.compiled`. Baselines stay as they are.

        Args:
            at_most: Tokens of the longest segment that will be trained on.
        """
        if self.config.kind == "transformer":
            self._compiled = CompiledLayers(self.blocks, at_most=at_most)

    def pack_weights(self, dtype: torch.dtype = torch.float32) -> None:
        """Lays the weights of the layers out for faster products, where torch offers it; for prediction alone.

        They can be neither trained nor saved afterwards. Baselines keep theirs.

        Args:
            dtype: Of the products: float32, whose results differ by rounding alone, or bfloat16.
        """
        if not can_pack():
            return
        layers = [block for block in self.blocks if isinstance(block, Block)]
        for block in layers:
            cuts = (self.config.hidden_size,) if block is layers[-1] else ()  # the last asks for queries alone
            block.attention.input = packed(block.attention.input, cuts=cuts, dtype=dtype)
            block.attention.output = packed(block.attention.output, dtype=dtype)
            block.feed_forward.input = packed(block.feed_forward.input, dtype=dtype)
            block.feed_forward.output = packed(block.feed_forward.output, dtype=dtype)

    def cast_weights(self, dtype: torch.dtype) -> None:
        """Turns the weights of the layers' products into another type, once; for prediction under autocast alone.

        Embeddings and norms stay float32, and so do sums. Baselines keep theirs.

        Args:
            dtype: Of the products.
        """
        for block in self.blocks:
            if isinstance(block, Block):
                for module in block.modules():
                    if isinstance(module, Linear):
                        module.to(dtype)

    @classmethod
    def from_pretrained(cls, source: str | os.PathLike[str]) -> Encoder:
        """Loads a Hugging Face directory, a bundle or a hub id; eval mode.

        Raises:
            InputError: Not an encoder of a known family, or its files are incomplete or damaged.
        """
        encoder, _ = load_encoder(open_bundle(os.fspath(source)))
        return encoder


def _layer(config: EncoderConfig, number: int) -> nn.Module:
    if config.kind == "bilstm":
        return RecurrentBlock(config)
    return ConvolutionBlock(config, number) if config.kind == "cnn" else Block(config)


class DivergedError(InputError):
    """Weights that are too large to compute anything with."""


def require_finite_states(hidden_RD: Tensor) -> None:
    """Refuses hidden states that nothing could be said from, as weights that are too large make them.

    Args:
        hidden_RD: Hidden states, (R, D).

    Raises:
        DivergedError: Some are infinite or not numbers.
    """
    if not bool(torch.isfinite(hidden_RD.sum())) and not bool(torch.isfinite(hidden_RD).all()):
        raise DivergedError(
            "the encoder's hidden states are infinite or not numbers",
            got="weights that are too large",
            remedy="Its training diverged: take an earlier model, or train again with a lower rate",
        )


def load_encoder(
    files: BundleFiles, *, positions: int | None = None, pieces: int | None = None, **changes: object
) -> tuple[Encoder, dict[str, Tensor]]:
    """The encoder of an opened bundle, in eval mode, and the tensors of its heads by our names.

    Heads are those that lie among the weights (`mlm.*`, `sbo.*`, and `task.*` of the one task that `architectures` in
    config.json names); a bundle's own `heads.safetensors` is the task's to read.

    Args:
        files: The opened bundle.
        positions: Longest segment; more than the checkpoint has are made by repeating its table (Beltagy et al. 2020,
            section 5), fewer are refused.
        pieces: Size of the vocabulary that is needed; rows that the checkpoint lacks are drawn around the mean of the
            others, in the current state of torch's generator.
        changes: Other settings of the encoder that need no weights, such as `attention_span`.
    """
    where = str(files.weights)
    config = EncoderConfig.of_bundle(files)
    ours = tensors.read_weights(files.weights)
    if config.kind == "transformer":
        family = names.FAMILIES[config.family]
        ours, _ = names.from_hugging_face(
            ours,
            config.layers,
            tensors.stack,
            family=family,
            where=where,
            same=tensors.same,
            slug=names.slug_of(files.config.get("architectures")),
        )
    config = config.model_copy(update={"has_pooler": "pooler.weight" in ours})
    _require_fitting(config, ours, where=where)
    if positions is not None and config.kind != "transformer":
        changes["positions"] = positions
    elif positions is not None and positions != config.longest_segment:
        table, offset = ours["embeddings.position.weight"], config.position_offset
        ours["embeddings.position.weight"] = torch.cat([table[:offset], _repeat_positions(table[offset:], positions)])
        changes["positions"] = positions + offset
    table_VD = ours["embeddings.word.weight"]
    if pieces is not None and pieces > len(table_VD):
        ours["embeddings.word.weight"] = torch.cat([table_VD, _new_rows(table_VD, pieces - len(table_VD))])
        changes["vocab_size"] = pieces
    config = config.changed(**changes)
    head = {name: ours.pop(name).float() for name in list(ours) if name.startswith(_OF_HEADS)}
    encoder = Encoder(config)
    fill_parameters(encoder, ours, where=where)
    return encoder.eval(), head


def _require_fitting(config: EncoderConfig, ours: Mapping[str, Tensor], *, where: str) -> None:
    """Compares the sizes that config.json states with the weights, before an encoder of that size is made.

    What else may not fit, `fill_parameters` finds.

    Raises:
        InputError: They do not belong together.
    """
    names.require_layers(ours, config.layers, where=where)
    size = config.hidden_size
    stated = {
        "embeddings.word.weight": (config.vocab_size, size),
        "embeddings.token_type.weight": (config.token_types, size),
    }
    if config.kind == "transformer":
        stated["embeddings.position.weight"] = (config.positions, size)
        stated["blocks.0.feed_forward.input.weight"] = (config.feed_forward_size, size)
    for name, shape in stated.items():
        if name not in ours:
            raise InputError(f"the weights lack tensor {name!r}", where=where)
        _require_shape(name, ours[name], shape, where=where)


def _new_rows(table_VD: Tensor, rows: int) -> Tensor:
    mean_D = table_VD.float().mean(0)
    return (mean_D + INITIAL_STD * torch.randn(rows, len(mean_D))).to(table_VD.dtype)


def _repeat_positions(table_PD: Tensor, positions: int) -> Tensor:
    if positions < len(table_PD):
        raise InputError(
            "fewer positions than the checkpoint has",
            where="encoder.positions",
            got=str(positions),
            expected=f"at least {len(table_PD)}",
        )
    times = -(-positions // len(table_PD))
    return table_PD.repeat(times, 1)[:positions]


def fill_parameters(module: nn.Module, values: Mapping[str, Tensor], *, where: str) -> None:
    """Copies tensors into a module by name, in float32.

    Raises:
        InputError: A tensor is missing, unknown, of another shape, or holds what is no number.
    """
    expected = module.state_dict()
    require_shapes(expected, values, where=where)
    numbers = {name: tensor.float() for name, tensor in values.items()}
    tensors.require_finite(numbers, where=where)
    module.load_state_dict(numbers)


def require_shapes(expected: Mapping[str, Tensor], values: Mapping[str, Tensor], *, where: str) -> None:
    """Refuses tensors that are not those of a module.

    Raises:
        InputError: A tensor is missing, unknown or of another shape.
    """
    for name in sorted(expected.keys() ^ values.keys()):
        raise InputError(
            f"the weights {'lack' if name in expected else 'hold an unknown'} tensor {name!r}", where=where
        )
    for name, tensor in values.items():
        _require_shape(name, tensor, tuple(expected[name].shape), where=where)


def _require_shape(name: str, tensor: Tensor, shape: tuple[int, ...], *, where: str) -> None:
    if tuple(tensor.shape) != shape:
        raise InputError(
            f"tensor {name!r} has another shape",
            where=where,
            got=str(tuple(tensor.shape)),
            expected=str(shape),
            remedy="config.json and the weights do not belong together",
        )
