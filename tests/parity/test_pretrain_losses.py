"""MLM and SBO losses and gradients equal a slow reference: padded, in `transformers`, one target at a time."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import gelu, layer_norm
from transformers import AutoModel, AutoModelForMaskedLM

from spanbert.batches.masking import MaskingConfig, SpanMasker
from spanbert.batches.plan import PackingPlan, PlanPosition
from spanbert.checkpoint import names, tensors
from spanbert.checkpoint.bundle import open_bundle
from spanbert.core.seeding import keyed_generator
from spanbert.encoder.model import Encoder, load_encoder
from spanbert.tasks.pretrain.heads import PretrainHead
from spanbert.tasks.pretrain.objectives import PretrainTask, SBOConfig
from spanbert.tokens.store import TokenStore


@pytest.fixture(params=[20, 2], ids=["all positions", "two positions"])
def setup(request, store_path: Path, hugging_face_model: Path):
    store = TokenStore(store_path)
    tokenizer = store.tokenizer()
    task = PretrainTask(
        tokenizer,
        store.unigram_counts(),
        masking=MaskingConfig(budget=0.3),
        sbo=SBOConfig(positions=request.param),
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


def slow_losses(theirs, head: PretrainHead, packs, task, tokenizer) -> tuple[torch.Tensor, torch.Tensor]:
    """The formulas of Joshi et al. 2020, section 3, written out target by target on a padded batch of `transformers`."""
    weights = dict(head.named_parameters())
    words = theirs.embeddings.word_embeddings.weight
    size = (words.shape[1],)
    mlm, sbo = torch.zeros((), dtype=torch.double), torch.zeros((), dtype=torch.double)
    masker = SpanMasker(tokenizer, task.masking)
    segments = [(one.epoch, segment) for one in packs for segment in one.segments]
    longest = max(len(segment.ids) for _, segment in segments) + 2
    padded = torch.full((len(segments), longest), tokenizer.special["pad"])
    present = torch.zeros(len(segments), longest, dtype=torch.long)
    results = []
    for row, (epoch, segment) in enumerate(segments):
        masked = masker.mask(segment.ids, segment.word_starts, keyed_generator(3, "mask", epoch, *segment.key))
        framed = [tokenizer.special["cls"], *masked.ids.tolist(), tokenizer.special["sep"]]
        padded[row, : len(framed)] = torch.tensor(framed)
        present[row, : len(framed)] = 1
        results.append(masked)
    assert len({len(segment.ids) for _, segment in segments}) > 1, "nothing was padded"
    hidden = theirs(input_ids=padded, attention_mask=present).last_hidden_state
    for row, ((_, segment), masked) in enumerate(zip(segments, results, strict=True)):
        for start, end in masked.spans:
            left, right = hidden[row, start], hidden[row, end + 1]  # [CLS] moves every piece by one
            for piece in range(start, end):
                true = int(segment.ids[piece])
                x = gelu(weights["mlm.dense.weight"] @ hidden[row, piece + 1] + weights["mlm.dense.bias"])
                x = layer_norm(x, size, weights["mlm.norm.weight"], weights["mlm.norm.bias"], 1e-12)
                logits = words @ x + weights["mlm.bias"]
                mlm = mlm + torch.logsumexp(logits, 0) - logits[true]
                if piece - start >= task.sbo.positions:
                    continue
                y = torch.cat([left, right, weights["sbo.position.weight"][piece - start]])
                for layer in ("first", "second"):
                    y = gelu(weights[f"sbo.{layer}.weight"] @ y + weights[f"sbo.{layer}.bias"])
                    norm = weights[f"sbo.{layer}_norm.weight"], weights[f"sbo.{layer}_norm.bias"]
                    y = layer_norm(y, size, *norm, 1e-12)
                logits = words @ y + weights["sbo.bias"]
                sbo = sbo + torch.logsumexp(logits, 0) - logits[true]
    return mlm, sbo


def test_losses_and_gradients_equal_the_slow_reference(setup, hugging_face_model: Path):
    task, encoder, head, packs, tokenizer = setup
    batch = task.collate(packs)
    assert batch.counts["mlm"] > 40
    assert batch.counts["sbo"] <= batch.counts["mlm"]
    fast = task.loss(encoder, head, encoder(batch.inputs), batch.targets)
    (fast["mlm"] + 0.7 * fast["sbo"]).backward()
    ours = {
        name: p.grad.clone()
        for name, p in [*encoder.named_parameters(), *head.named_parameters()]
        if p.grad is not None
    }
    head.zero_grad()

    theirs = AutoModel.from_pretrained(hugging_face_model, add_pooling_layer=False).double().eval()
    mlm, sbo = slow_losses(theirs, head, packs, task, tokenizer)
    (mlm + 0.7 * sbo).backward()
    torch.testing.assert_close(fast["mlm"], mlm, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(fast["sbo"], sbo, rtol=1e-9, atol=1e-9)
    gradients = {name: p.grad for name, p in theirs.named_parameters()}
    expected, _ = names.from_hugging_face(
        gradients, 2, tensors.stack, family=names.FAMILIES["bert"], where="test", same=tensors.same
    )
    expected |= {name: p.grad for name, p in head.named_parameters()}
    assert ours.keys() == expected.keys()
    for name, gradient in ours.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-6, atol=1e-8, msg=name)


def test_mlm_loss_equals_transformers(store_path: Path, hugging_face_model: Path):
    store = TokenStore(store_path)
    task = PretrainTask(
        store.tokenizer(), store.unigram_counts(), masking=MaskingConfig(), sbo=SBOConfig(weight=0), seed=0
    )
    encoder, given = load_encoder(open_bundle(hugging_face_model))
    head = PretrainHead(encoder.config, sbo_positions=0)
    head.load_state_dict(given)
    theirs = AutoModelForMaskedLM.from_pretrained(hugging_face_model).eval()
    batch = task.collate(list(islice(PackingPlan(store, segment_length=48, pack_tokens=240).stream(PlanPosition()), 2)))
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
    task = PretrainTask(store.tokenizer(), store.unigram_counts(), masking=MaskingConfig(), sbo=SBOConfig(), seed=0)
    head = task.build_head(Encoder.from_pretrained(hugging_face_model))
    counts = store.unigram_counts() + 1.0
    for bias in (head.mlm.bias, head.sbo.bias):
        np.testing.assert_allclose(bias.detach().exp().numpy(), counts / counts.sum(), rtol=1e-4)
