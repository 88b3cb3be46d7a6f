"""Hidden states equal `transformers` on tiny random models and on the real MiniLM."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForMaskedLM

import spanbert
from spanbert.core.errors import InputError
from spanbert.encoder.attention import attend
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.model import Encoder
from tests.conftest import save_hugging_face_bert

RAGGED = [(5, 64, 17, 17, 1, 33), (64,), (1, 1, 2), (9, 8, 9, 8)]


def sequences_of(lengths, vocab_size: int, seed: int = 0) -> list[np.ndarray]:
    draw = np.random.default_rng(seed)
    return [draw.integers(0, vocab_size, length) for length in lengths]


def largest_difference(ours: Encoder, theirs, sequences, token_types=None) -> float:
    batch = spanbert.pack(sequences, token_types=token_types)
    with torch.no_grad():
        hidden_TD = ours(batch)
        expected = [
            theirs(
                input_ids=torch.tensor(sequence)[None],
                token_type_ids=None if token_types is None else torch.tensor(token_types[n])[None],
            ).last_hidden_state[0]
            for n, sequence in enumerate(sequences)
        ]
    return float((hidden_TD - torch.cat(expected)).abs().max())


@pytest.mark.parametrize("lengths", RAGGED)
@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 3, "intermediate_size": 100},
        {"num_attention_heads": 1, "type_vocab_size": 3, "layer_norm_eps": 1e-5},
    ],
)
def test_hidden_states_equal_transformers(tmp_path: Path, vocabulary_file: Path, lengths, shape: dict):
    path = save_hugging_face_bert(tmp_path / "m", vocabulary_file, **shape)
    ours, theirs = spanbert.Encoder.from_pretrained(path), AutoModel.from_pretrained(path).eval()
    sequences = sequences_of(lengths, ours.config.vocab_size)
    types = [np.arange(length) % 2 for length in lengths]
    assert not ours.training
    assert largest_difference(ours, theirs, sequences) < 1e-5
    assert largest_difference(ours, theirs, sequences, types) < 1e-5


def test_minilm_equals_transformers(minilm: Path):
    ours, theirs = Encoder.from_pretrained(minilm), AutoModel.from_pretrained(minilm).eval()
    assert largest_difference(ours, theirs, sequences_of((5, 128, 17, 512, 17), 30522)) < 1e-5


@pytest.mark.parametrize("lengths", RAGGED)
@pytest.mark.parametrize("causal", [False, True])
def test_loop_equals_dense_with_gradients(lengths, causal: bool):
    cu_seqlens = np.cumsum([0, *lengths]).tolist()
    results = []
    for backend in ("loop", "dense"):
        torch.manual_seed(0)
        query, key, value = (torch.randn(sum(lengths), 2, 8, dtype=torch.double, requires_grad=True) for _ in range(3))
        output = attend(query, key, value, cu_seqlens, cu_seqlens, causal=causal, backend=backend)
        output.square().sum().backward()
        results.append([output, query.grad, key.grad, value.grad])
    for ours, oracle in zip(*results, strict=True):
        torch.testing.assert_close(ours, oracle, rtol=1e-9, atol=1e-9)


def test_cross_attention_of_other_lengths():
    query, key, value = torch.randn(5, 2, 8), torch.randn(9, 2, 8), torch.randn(9, 2, 8)
    loop, dense = (attend(query, key, value, [0, 2, 5], [0, 6, 9], backend=b) for b in ("loop", "dense"))
    torch.testing.assert_close(loop, dense)


def test_encoder_gradients_are_those_of_the_dense_backend(hugging_face_model: Path):
    gradients = []
    for backend in ("loop", "dense"):
        encoder = Encoder.from_pretrained(hugging_face_model)
        encoder.backend = backend
        encoder(spanbert.pack(sequences_of((9, 3, 3, 20), 50))).square().mean().backward()
        gradients.append({name: value.grad for name, value in encoder.named_parameters() if value.grad is not None})
    assert len(gradients[0]) > 20
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], rtol=1e-3, atol=1e-5, msg=name)


@pytest.mark.parametrize("variant", ["no prefix", "gamma and beta", "position_ids", "decoder copies", "no pooler"])
def test_other_spellings_load(hugging_face_model: Path, tmp_path: Path, variant: str):
    tensors = load_file(hugging_face_model / "model.safetensors")
    if variant == "no prefix":
        tensors = {name.removeprefix("bert."): tensor for name, tensor in tensors.items() if name.startswith("bert.")}
    elif variant == "gamma and beta":
        tensors = {
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
            for name, tensor in tensors.items()
        }
    elif variant == "position_ids":
        tensors["bert.embeddings.position_ids"] = torch.arange(64)[None]
    elif variant == "decoder copies":
        tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"].clone()
        tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"].clone()
    else:
        tensors = {name: tensor for name, tensor in tensors.items() if "pooler" not in name}
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text((hugging_face_model / "config.json").read_text())
    batch = spanbert.pack(sequences_of((7, 30), 50))
    expected, loaded = Encoder.from_pretrained(hugging_face_model)(batch), Encoder.from_pretrained(tmp_path)(batch)
    assert torch.equal(expected, loaded)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "electra"}, "family that is not supported; got 'electra'"),
        ({"hidden_act": "relu"}, "hidden_act is not supported"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type is not supported"),
        ({"num_hidden_layers": 3}, "got num_hidden_layers 3; expected 2, the layers that have weights"),
        ({"intermediate_size": 65}, "has another shape"),
    ],
)
def test_what_it_cannot_compute_is_refused(hugging_face_model: Path, tmp_path: Path, change: dict, message: str):
    (tmp_path / "model.safetensors").write_bytes((hugging_face_model / "model.safetensors").read_bytes())
    config = json.loads((hugging_face_model / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(InputError, match=message):
        Encoder.from_pretrained(tmp_path)


def test_bad_batches_are_refused(hugging_face_model: Path):
    encoder = Encoder.from_pretrained(hugging_face_model)
    with pytest.raises(InputError, match="longer than the encoder's positions; got 65 tokens; expected at most 64"):
        encoder(spanbert.pack([np.zeros(65, dtype=np.int64)]))
    with pytest.raises(InputError, match="outside the vocabulary; got 9999"):
        encoder(spanbert.pack([[1, 9999]]))


@pytest.mark.parametrize(("size", "parameters"), [("tiny", 4.4e6), ("mini", 11.1e6), ("small", 28.5e6)])
def test_sizes_are_the_published_ones(size, parameters: float):
    encoder = Encoder(EncoderConfig.of_size(size, 30522))
    assert sum(p.numel() for p in encoder.parameters()) == pytest.approx(parameters, rel=0.03)


def test_bundle_loads_in_transformers_with_equal_outputs(trained_bundle: Path):
    ours = Encoder.from_pretrained(trained_bundle)
    theirs, report = AutoModel.from_pretrained(trained_bundle, output_loading_info=True)
    assert set(report["missing_keys"]) == {"pooler.dense.weight", "pooler.dense.bias"}, (
        "it was trained from weights without"
    )
    assert largest_difference(ours, theirs.eval(), sequences_of((5, 64, 17), ours.config.vocab_size)) < 1e-5


def test_a_pooler_that_came_with_the_weights_stays(store_path: Path, vocabulary_file: Path, tmp_path: Path):
    from transformers import BertModel

    from spanbert.train.pretrain import pretrain
    from spanbert.train.pretrain_config import PretrainConfig

    masked = save_hugging_face_bert(tmp_path / "masked", vocabulary_file)
    source = tmp_path / "source"
    source.mkdir()
    BertModel.from_pretrained(masked).save_pretrained(source)
    for name in ("tokenizer.json", "vocab.txt", "tokenizer_config.json"):
        (source / name).write_bytes((masked / name).read_bytes())
    overrides = ["train.max_steps=1", "batch.segment_length=32", "batch.pack_tokens=64"]
    pretrain(store_path, out=tmp_path / "out", model=source, config=PretrainConfig.assemble(overrides=overrides))
    theirs, report = AutoModel.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not report["missing_keys"]
    before = AutoModel.from_pretrained(source)
    assert torch.equal(before.pooler.dense.weight, theirs.pooler.dense.weight)
    assert not torch.equal(before.encoder.layer[0].output.dense.weight, theirs.encoder.layer[0].output.dense.weight)


def test_bundle_is_a_masked_language_model_in_transformers(trained_bundle: Path):
    from spanbert.checkpoint.bundle import open_bundle
    from spanbert.tasks.pretrain.scorer import TorchPieceScorer

    theirs, report = AutoModelForMaskedLM.from_pretrained(trained_bundle, output_loading_info=True)
    assert not report["missing_keys"]
    scorer = TorchPieceScorer.of_bundle(open_bundle(trained_bundle))
    sequence = sequences_of((40,), scorer.encoder.config.vocab_size)[0]
    with torch.no_grad():
        expected = theirs.eval()(torch.tensor(sequence)[None]).logits[0]
        words = scorer.encoder.embeddings.word.weight
        logits = scorer.head.mlm(scorer.encoder(spanbert.pack([sequence]))) @ words.T + scorer.head.mlm.bias
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


def span_mask(lengths, span: int, shifted: bool) -> torch.Tensor:
    """Which token may see which under span-wise attention, written out token by token."""
    owner = []
    for segment, length in enumerate(lengths):
        owner += [(segment, (position + (span - span // 2 if shifted else 0)) // span) for position in range(length)]
    return torch.tensor([[a == b for b in owner] for a in owner])


@pytest.mark.parametrize("lengths", [(64, 7, 3), (1, 16, 17), (40,)])
@pytest.mark.parametrize(("span", "shifted"), [(8, False), (8, True), (5, True), (100, False), (2, True)])
def test_span_wise_attention_equals_a_written_out_mask(lengths, span: int, shifted: bool):
    from torch.nn.functional import scaled_dot_product_attention

    from spanbert.encoder.attention import span_boundaries

    cu_seqlens = np.cumsum([0, *lengths]).tolist()
    bounds = span_boundaries(cu_seqlens, span, shifted=shifted)
    assert set(cu_seqlens) <= set(bounds)
    assert all(0 < b - a <= span for a, b in itertools.pairwise(bounds))
    torch.manual_seed(0)
    query, key, value = (torch.randn(sum(lengths), 2, 8, dtype=torch.double) for _ in range(3))
    heads_first = [one.transpose(0, 1) for one in (query, key, value)]
    expected = scaled_dot_product_attention(*heads_first, attn_mask=span_mask(lengths, span, shifted)).transpose(0, 1)
    for backend in ("loop", "dense"):
        torch.testing.assert_close(attend(query, key, value, bounds, bounds, backend=backend), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="varlen attention needs a CUDA device")
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("lengths", [(5, 64, 17, 17, 1, 33), (300,)])
def test_varlen_equals_dense_on_cuda(lengths, causal: bool):
    cu_seqlens = np.cumsum([0, *lengths]).tolist()
    results = []
    for backend, kind in (("varlen", torch.bfloat16), (None, torch.bfloat16), ("dense", torch.float32)):
        torch.manual_seed(0)
        inputs = [torch.randn(sum(lengths), 4, 32).bfloat16().to("cuda", kind).requires_grad_() for _ in range(3)]
        output = attend(*inputs, cu_seqlens, cu_seqlens, causal=causal, backend=backend)
        output.sum().backward()
        results.append([output.float(), *(one.grad.float() for one in inputs)])
    varlen, chosen, dense = results
    for fast, automatic, exact in zip(varlen, chosen, dense, strict=True):
        assert torch.equal(fast, automatic), "half precision on CUDA takes varlen by itself"
        torch.testing.assert_close(fast, exact, rtol=2e-2, atol=2e-2)


def test_half_precision_on_a_cpu_is_computed_in_float32():
    torch.manual_seed(0)
    query, key, value = (torch.randn(20, 2, 8).bfloat16() for _ in range(3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = attend(query, key, value, [0, 8, 20], [0, 8, 20])
    exact = attend(query.float(), key.float(), value.float(), [0, 8, 20], [0, 8, 20])
    assert output.dtype == torch.bfloat16
    assert torch.equal(output, exact.bfloat16()), "rounded once, at the end"


def test_an_encoder_in_half_precision_runs_on_a_cpu(hugging_face_model: Path):
    encoder, exact = (Encoder.from_pretrained(hugging_face_model) for _ in range(2))
    batch = spanbert.pack(sequences_of((9, 20), 50))
    with torch.no_grad():
        torch.testing.assert_close(encoder.bfloat16()(batch).float(), exact(batch), rtol=0.1, atol=0.1)


def test_varlen_refuses_dropout():
    query = torch.randn(4, 2, 8)
    with pytest.raises(ValueError, match="no dropout"):
        attend(query, query, query, [0, 4], [0, 4], dropout=0.1, backend="varlen")


def test_a_long_text_in_spans_with_more_positions(hugging_face_model: Path):
    from spanbert.checkpoint.bundle import open_bundle
    from spanbert.encoder.model import load_encoder

    files = open_bundle(hugging_face_model)
    full, _ = load_encoder(files)
    wide, _ = load_encoder(files, positions=300, attention_span=16)
    assert torch.equal(wide.embeddings.position.weight[64:128], full.embeddings.position.weight)
    assert wide(spanbert.pack(sequences_of((300, 20), 50))).shape == (320, 32)
    short = spanbert.pack(sequences_of((16, 8), 50))
    unshifted, _ = load_encoder(files, attention_span=16, attention_span_shift=False)
    torch.testing.assert_close(unshifted(short), full(short))
    with pytest.raises(InputError, match="fewer positions than the checkpoint has"):
        load_encoder(files, positions=32)


def test_gradient_checkpointing_changes_no_gradient(hugging_face_model: Path):
    gradients = []
    for checkpointing in (False, True):
        encoder = Encoder.from_pretrained(hugging_face_model).train()
        encoder.checkpointing = checkpointing
        torch.manual_seed(3)
        encoder(spanbert.pack(sequences_of((9, 20), 50))).square().mean().backward()
        gradients.append(encoder.blocks[0].attention.input.weight.grad)
    assert torch.equal(*gradients)
