"""MLM and SBO losses and gradients equal a slow reference: one segment at a time, padded, one target at a time."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import gelu, layer_norm
from transformers import AutoModelForMaskedLM

from spanbert.batches.masking import MaskingOptions
from spanbert.batches.packed import pack
from spanbert.batches.plan import PackingPlan, PlanPosition
from spanbert.checkpoint.bundle import open_bundle
from spanbert.encoder.model import Encoder, load_encoder
from spanbert.tasks.pretrain.heads import PretrainHead
from spanbert.tasks.pretrain.task import PretrainTask, SBOOptions
from spanbert.tokens.store import TokenStore


@pytest.fixture(params=[20, 2], ids=["all positions", "two positions"])
def setup(request, store_path: Path, hugging_face_model: Path):
    store = TokenStore(store_path)
    tokenizer = store.tokenizer()
    task = PretrainTask(
        tokenizer,
        store.unigram_counts(),
        masking=MaskingOptions(budget=0.3),
        sbo=SBOOptions(positions=request.param),
        seed=3,
    )
    encoder, _ = load_encoder(open_bundle(hugging_face_model))
    torch.manual_seed(1)
    head = task.build_head(encoder)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    plan = PackingPlan(store, segment_length=24, pack_tokens=120)
    packs = list(islice(plan.stream(PlanPosition()), 3))
    return task, encoder.double(), head.double(), packs, tokenizer


def slow_losses(encoder: Encoder, head: PretrainHead, packs, task, tokenizer) -> tuple[torch.Tensor, torch.Tensor]:
    """The formulas of Joshi et al. 2020, section 3, written out target by target."""
    weights = dict(head.named_parameters())
    words = encoder.embeddings.word.weight
    size = (words.shape[1],)
    mlm, sbo = torch.zeros((), dtype=torch.double), torch.zeros((), dtype=torch.double)
    from spanbert.batches.masking import SpanMasker
    from spanbert.core.seeding import keyed_generator

    masker = SpanMasker(tokenizer, task.masking)
    for one in packs:
        for segment in one.segments:
            masked = masker.mask(segment.ids, segment.word_starts, keyed_generator(3, "mask", one.epoch, *segment.key))
            framed = np.array([tokenizer.special["cls"], *masked.ids, tokenizer.special["sep"]])
            hidden = encoder(pack([framed]))
            for start, end in masked.spans:
                left, right = hidden[start], hidden[end + 1]  # + 1 for [CLS]
                for piece in range(start, end):
                    true = int(segment.ids[piece])
                    x = gelu(weights["mlm.dense.weight"] @ hidden[piece + 1] + weights["mlm.dense.bias"])
                    x = layer_norm(x, size, weights["mlm.norm.weight"], weights["mlm.norm.bias"], 1e-12)
                    logits = words @ x + weights["mlm.bias"]
                    mlm = mlm + torch.logsumexp(logits, 0) - logits[true]
                    if piece - start >= task.sbo.positions:
                        continue
                    y = torch.cat([left, right, weights["sbo.position.weight"][piece - start]])
                    for layer in ("first", "second"):
                        y = gelu(weights[f"sbo.{layer}.weight"] @ y + weights[f"sbo.{layer}.bias"])
                        y = layer_norm(
                            y, size, weights[f"sbo.{layer}_norm.weight"], weights[f"sbo.{layer}_norm.bias"], 1e-12
                        )
                    logits = words @ y + weights["sbo.bias"]
                    sbo = sbo + torch.logsumexp(logits, 0) - logits[true]
    return mlm, sbo


def test_losses_and_gradients_equal_the_slow_reference(setup):
    task, encoder, head, packs, tokenizer = setup
    batch = task.encode(packs)
    assert batch.counts["mlm"] > 40
    assert batch.counts["sbo"] <= batch.counts["mlm"]
    fast = task.loss(encoder, head, encoder(batch.inputs), batch.targets)
    (fast["mlm"] + 0.7 * fast["sbo"]).backward()
    parameters = [p for p in [*encoder.parameters(), *head.parameters()] if p.grad is not None]
    gradients = [p.grad.clone() for p in parameters]
    for parameter in parameters:
        parameter.grad = None
    mlm, sbo = slow_losses(encoder, head, packs, task, tokenizer)
    (mlm + 0.7 * sbo).backward()
    torch.testing.assert_close(fast["mlm"], mlm, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(fast["sbo"], sbo, rtol=1e-9, atol=1e-9)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        torch.testing.assert_close(gradient, parameter.grad, rtol=1e-6, atol=1e-8)


def test_mlm_loss_equals_transformers(store_path: Path, hugging_face_model: Path):
    store = TokenStore(store_path)
    task = PretrainTask(
        store.tokenizer(), store.unigram_counts(), masking=MaskingOptions(), sbo=SBOOptions(weight=0), seed=0
    )
    encoder, given = load_encoder(open_bundle(hugging_face_model))
    head = PretrainHead(encoder.config, sbo_positions=0)
    head.load_state_dict(given)
    theirs = AutoModelForMaskedLM.from_pretrained(hugging_face_model).eval()
    batch = task.encode(list(islice(PackingPlan(store, segment_length=48, pack_tokens=240).stream(PlanPosition()), 2)))
    assert batch.counts["sbo"] == 0
    with torch.no_grad():
        ours = task.loss(encoder, head, encoder(batch.inputs), batch.targets)
        labels = torch.full((batch.inputs.tokens,), -100)
        labels[batch.targets.mlm_index_K] = torch.from_numpy(batch.targets.mlm_id_K)
        expected = torch.zeros(())
        for a, b in zip(batch.inputs.cu_seqlens[:-1], batch.inputs.cu_seqlens[1:], strict=True):
            here = labels[a:b]
            if (here >= 0).any():
                ids = torch.from_numpy(batch.inputs.ids_T[a:b])[None]
                expected += theirs(ids, labels=here[None]).loss * (here >= 0).sum()
    assert set(ours) == {"mlm"}
    torch.testing.assert_close(ours["mlm"], expected, rtol=1e-4, atol=1e-3)


def test_new_heads_start_at_the_unigram_model(store_path: Path, hugging_face_model: Path):
    store = TokenStore(store_path)
    task = PretrainTask(store.tokenizer(), store.unigram_counts(), masking=MaskingOptions(), sbo=SBOOptions(), seed=0)
    head = task.build_head(Encoder.from_pretrained(hugging_face_model))
    counts = store.unigram_counts() + 1.0
    for bias in (head.mlm.bias, head.sbo.bias):
        np.testing.assert_allclose(bias.detach().exp().numpy(), counts / counts.sum(), rtol=1e-4)
