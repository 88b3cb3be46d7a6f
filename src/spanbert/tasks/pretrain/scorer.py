"""The torch side of filling: encoder and heads of a bundle as a `PieceScorer`.

Shapes: K blank pieces, J with an SBO target, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spanbert.batches.packed import pack
from spanbert.checkpoint import tensors
from spanbert.checkpoint.bundle import BundleFiles
from spanbert.core.errors import InputError
from spanbert.core.types import IntArray
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.model import Encoder, fill_parameters, load_encoder, require_finite_states
from spanbert.encoder.placement import on_device
from spanbert.tasks.pretrain.encode import targets_of_spans
from spanbert.tasks.pretrain.heads import TASK, PretrainHead

_TOKENS_AT_ONCE = 1024


def stored_head(config: EncoderConfig, given: Mapping[str, Tensor], *, where: str) -> PretrainHead:
    """The heads of pre-training with the tensors of a checkpoint, `mlm.*` and perhaps `sbo.*`.

    Args:
        config: The encoder's dimensions.
        given: The tensors.
        where: The checkpoint, for messages.

    Raises:
        InputError: They are not those of such heads.
    """
    table = given.get("sbo.position.weight")
    if table is not None and table.dim() != 2:
        raise InputError("tensor 'sbo.position.weight' is no table", where=where, got=str(tuple(table.shape)))
    positions, size = (0, 0) if table is None else table.shape
    head = PretrainHead(config, sbo_positions=positions, sbo_position_size=size)
    fill_parameters(head, given, where=where)
    return head


class TorchPieceScorer:
    """Reads texts with blanks (see `fill.PieceScorer`).

    Args:
        encoder: In eval mode.
        head: In eval mode; without an SBO head the MLM head decides alone.
        sbo_positions: Rows of the SBO's position table.
    """

    def __init__(self, encoder: Encoder, head: PretrainHead, sbo_positions: int) -> None:
        self.encoder, self.head, self.sbo_positions = encoder, head, sbo_positions

    @classmethod
    def of_bundle(cls, files: BundleFiles, device: torch.device | None = None) -> TorchPieceScorer:
        """The encoder and heads of a bundle or of a Hugging Face directory with an MLM head.

        Args:
            files: The bundle.
            device: What computes; None: the CPU.

        Raises:
            InputError: It holds no MLM head.
        """
        encoder, given = load_encoder(files)
        if not any(name.startswith("mlm.") for name in given):
            raise InputError(
                "this model has an encoder but no head that could fill a blank",
                where=str(files.path),
                remedy=f"Train the heads: spanbert prepare TEXT --tokenizer {files.path} --out STORE, then "
                f"spanbert pretrain STORE --model {files.path} --freeze-encoder --out BUNDLE",
            )
        given = {name: one for name, one in given.items() if not name.startswith("task.")} | tensors.read_head(
            files, TASK
        )
        head = stored_head(encoder.config, given, where=str(files.path))
        return cls(encoder.to(device), head.eval().to(device), len(given.get("sbo.position.weight", ())))

    def __call__(
        self, sequences: Sequence[IntArray], places: Sequence[Sequence[tuple[int, int]]]
    ) -> Iterator[npt.NDArray[np.float32]]:
        """See `fill.PieceScorer`; reads about a thousand tokens at once, which bounds the memory."""
        first = 0
        while first < len(sequences):
            last, tokens = first, 0
            while last < len(sequences) and (last == first or tokens + len(sequences[last]) <= _TOKENS_AT_ONCE):
                tokens += len(sequences[last])
                last += 1
            yield from self._score(sequences[first:last], places[first:last])
            first = last

    @torch.no_grad()
    def _score(
        self, sequences: Sequence[IntArray], places: Sequence[Sequence[tuple[int, int]]]
    ) -> list[npt.NDArray[np.float32]]:
        batch = pack(sequences)
        rows = batch.cu_seqlens.tolist()
        starts = [rows[s] + start for s, blanks in enumerate(places) for start, _ in blanks]
        ends = [rows[s] + end for s, blanks in enumerate(places) for _, end in blanks]
        targets = targets_of_spans(
            np.array(starts),
            np.array(ends),
            np.ones(len(starts), dtype=np.int64),
            batch.ids_T,
            sbo_positions=self.sbo_positions,
        )
        hidden_TD = self.encoder(batch)
        require_finite_states(hidden_TD)
        mlm_KV, sbo_JV = self.head.logits(hidden_TD, targets, self.encoder.embeddings.words_VD)
        mean_KV = mlm_KV.log_softmax(-1)
        if sbo_JV is not None:
            index_J = on_device(targets.sbo_index_J, mean_KV.device)
            mean_KV[index_J] = (mean_KV[index_J] + sbo_JV.log_softmax(-1)) / 2
        sizes = [sum(end - start for start, end in blanks) for blanks in places]
        return [part.numpy() for part in torch.split(mean_KV.cpu(), sizes)]
