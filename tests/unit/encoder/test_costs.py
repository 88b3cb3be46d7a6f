"""Parameters, operations and bytes that are computed from dimensions are those of the real modules."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.bench.pretrain import model_flops
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.core.files import read_json
from spanbert.core.types import PackedBatch
from spanbert.encoder.attention import span_boundaries
from spanbert.encoder.cards import CARDS, card_named, peak_flops
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.costs import (
    activation_bytes,
    all_reduce_bytes,
    encoder_flops,
    encoder_parameters,
    state_bytes,
)
from spanbert.encoder.model import Encoder
from spanbert.tasks.pretrain.costs import flops_per_token, head_flops, model_parameters, step_flops
from spanbert.tasks.pretrain.encode import PretrainTargets
from spanbert.tasks.pretrain.heads import PretrainHead

TINY = EncoderConfig(vocab_size=1000, hidden_size=64, layers=3, heads=4, feed_forward_size=160, positions=64)
LENGTHS = [32, 32, 16, 48]
MLM_ROWS, SBO_ROWS = 20, 18


def batch_of(lengths: list[int]) -> PackedBatch:
    tokens, numbers = sum(lengths), np.random.default_rng(0)
    return PackedBatch(
        ids_T=numbers.integers(0, 1000, tokens),
        positions_T=np.concatenate([np.arange(length) for length in lengths]),
        cu_seqlens=np.array([0, *np.cumsum(lengths)], dtype=np.int32),
        longest=max(lengths),
    )


def targets() -> PretrainTargets:
    zeros = np.zeros(SBO_ROWS, dtype=np.int64)
    return PretrainTargets(
        mlm_index_K=np.arange(1, 1 + MLM_ROWS),
        mlm_id_K=np.arange(MLM_ROWS),
        sbo_index_J=np.arange(SBO_ROWS),
        left_J=zeros,
        right_J=zeros + 30,
        offset_J=zeros,
        span_K=np.zeros(MLM_ROWS, dtype=np.int64),
        words_M=np.array([MLM_ROWS]),
    )


def counted(config: EncoderConfig, *, backward: bool) -> int:
    """What torch counts in a step; attention by plain products, since it does not know the CPU's fused kernel."""
    encoder, head = Encoder(config).train(), PretrainHead(config)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        losses = head.losses(encoder(batch_of(LENGTHS)), targets(), encoder.embeddings.word.weight)
        if backward:
            torch.stack(list(losses.values())).sum().backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("changes", [{}, {"attention_span": 12}, {"attention_span": 12, "attention_span_shift": False}])
def test_operations_are_those_that_torch_counts(changes):
    config = TINY.changed(**changes)
    forward = encoder_flops(config, LENGTHS) + head_flops(config, mlm_rows=MLM_ROWS, sbo_rows=SBO_ROWS)
    assert counted(config, backward=False) == forward
    step = step_flops(config, LENGTHS, mlm_rows=MLM_ROWS, sbo_rows=SBO_ROWS)
    assert counted(config, backward=True) == pytest.approx(step, rel=0.01)


@pytest.mark.parametrize("kind", ["transformer", "bilstm", "cnn"])
@pytest.mark.parametrize("has_pooler", [True, False])
def test_parameters_are_those_of_the_modules(kind, has_pooler):
    config = EncoderConfig(
        **{**TINY.model_dump(), "kind": kind, "has_pooler": has_pooler, "layers": 5, "token_types": 3}
    )
    with torch.device("meta"):
        encoder, head, mlm = Encoder(config), PretrainHead(config), PretrainHead(config, sbo_positions=0)
    assert encoder_parameters(config) == sum(one.numel() for one in encoder.parameters())
    trained = sum(one.numel() for name, one in encoder.named_parameters() if not name.startswith("pooler"))
    assert model_parameters(config) == trained + sum(one.numel() for one in head.parameters())
    assert model_parameters(config, sbo_positions=0) == trained + sum(one.numel() for one in mlm.parameters())


def kept_bytes(config: EncoderConfig, *, checkpointing: bool) -> int:
    """Bytes of what a forward pass of the encoder keeps for the backward pass, weights left out."""
    encoder, found = Encoder(config).train(), dict[int, int]()
    encoder.checkpointing = checkpointing
    weights = {one.untyped_storage().data_ptr() for one in encoder.parameters()}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        hidden = encoder(batch_of(LENGTHS))
    assert hidden.requires_grad
    return sum(found.values())


def test_bytes_are_those_that_autograd_keeps():
    tokens, deeper = sum(LENGTHS), TINY.changed(layers=4)
    layer = activation_bytes(deeper, "float32") - activation_bytes(TINY, "float32")
    whole = kept_bytes(TINY, checkpointing=False)
    assert kept_bytes(deeper, checkpointing=False) - whole == layer * tokens
    assert whole == pytest.approx(activation_bytes(TINY, "float32") * tokens, rel=0.02)
    again = activation_bytes(TINY, "float32", checkpointing=True) * tokens - layer * tokens  # of the layer at hand
    assert kept_bytes(TINY, checkpointing=True) == pytest.approx(again, rel=0.02)
    assert activation_bytes(TINY, "bfloat16") < 0.6 * activation_bytes(TINY, "float32")


@given(length=st.integers(1, 300), span=st.integers(2, 70), layers=st.integers(1, 5), shift=st.booleans())
def test_attended_pairs_are_those_of_the_boundaries(length, span, layers, shift):
    config = TINY.changed(layers=layers, attention_span=span, attention_span_shift=shift)
    pairs = 0
    for number in range(layers):
        bounds = span_boundaries([0, length], span, shifted=shift and number % 2 == 1)
        pairs += sum(size * size for size in np.diff(bounds).tolist())
    dense = encoder_flops(config.changed(attention_span=None), [length]) - 4 * 64 * layers * length * length
    assert encoder_flops(config, [length]) == dense + 4 * 64 * pairs


@pytest.mark.parametrize("length", [128, 512])
def test_the_benchmark_counts_the_same(length):
    config = EncoderConfig.from_hugging_face(read_json(packaged_minilm() / "config.json"), where="MiniLM")
    assert flops_per_token(config, segment_length=length) == pytest.approx(model_flops(length)[0])


def test_a_ring_sends_almost_twice_what_is_summed():
    assert all_reduce_bytes(1000, 1) == 0
    assert all_reduce_bytes(1000, 2) == 4000
    assert all_reduce_bytes(1000, 64, bytes_each=2) == pytest.approx(2 * 2 * 1000 * 63 / 64)


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H100 PCIe", "H100 PCIe"),
        ("NVIDIA H100 NVL", "H100 NVL"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("NVIDIA A10", "A10"),
        ("NVIDIA A10G", "A10G"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("Tesla T4", "T4"),
        ("Tesla V100-SXM2-16GB", "V100 SXM2"),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", None),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", None),
        ("NVIDIA GeForce RTX 4090 D", None),
        ("AMD EPYC", None),
        ("", None),
    ],
)
def test_devices_are_known_by_their_names(device, name):
    card = card_named(device)
    assert (None if card is None else card.name) == name


def test_peaks_are_operations_a_second_of_dense_products():
    assert peak_flops("NVIDIA H100 80GB HBM3") == 989.5e12
    assert peak_flops("NVIDIA A100-SXM4-80GB", "float32") == 156e12
    assert peak_flops("Tesla T4") is None  # it multiplies no bfloat16
    assert peak_flops("Tesla T4", "float32") == 8.1e12
    assert peak_flops("some other card") is None
    for card in CARDS:
        assert card_named(f"NVIDIA {card.name}") is card
        assert card.bfloat16 is None or card.bfloat16 > card.float32


def test_costs_need_no_torch():
    script = "import sys, spanbert.tasks.pretrain.costs, spanbert.encoder.cards; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_trained_weight_takes_what_the_optimiser_keeps_of_it():
    weight = torch.nn.Parameter(torch.ones(1000))
    optimizer = torch.optim.AdamW([weight])
    weight.sum().backward()
    optimizer.step()
    moments = [one for one in optimizer.state[weight].values() if one.numel() == 1000]
    kept = sum(one.nbytes for one in [weight, weight.grad, *moments])
    assert state_bytes(1000, "float32") == kept
    assert state_bytes(1000, "bfloat16") == kept + weight.bfloat16().nbytes
