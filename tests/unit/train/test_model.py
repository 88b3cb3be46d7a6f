"""The model of training: micro-batch in, losses out, and nothing of it is used outside."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
import torch
from torch.func import functional_call

from spanbert.batches.plan import PackingPlan, PlanPosition
from spanbert.core.reporter import SilentReporter
from spanbert.tasks.pretrain.objectives import PretrainTask
from spanbert.tokens.store import TokenStore
from spanbert.train.model import TaskModel
from spanbert.train.pretrain_bundle import build_model
from spanbert.train.pretrain_config import PretrainConfig


def made(store_path: Path, model: Path, *, freeze: bool):
    """A model in eval mode, and a micro-batch."""
    store = TokenStore(store_path)
    config = PretrainConfig.assemble(base={"batch": {"segment_length": 24}, "freeze_encoder": freeze})
    adapter = store.tokenizer()
    task = PretrainTask(adapter, store.unigram_counts(), masking=config.masking, sbo=config.sbo, seed=0)
    built = build_model(task, adapter, store, model=model, size=None, config=config, reporter=SilentReporter())
    plan = PackingPlan(store, segment_length=24, pack_tokens=120)
    return built.eval(), task.collate(list(islice(plan.stream(PlanPosition()), 3)))


def test_losses_are_those_of_the_task(store_path: Path, hugging_face_model: Path):
    model, micro_batch = made(store_path, hugging_face_model, freeze=False)
    encoder, task = model.encoder, model.task
    expected = task.loss(encoder, model.head, encoder(micro_batch.inputs, rows=micro_batch.rows), micro_batch.targets)
    found = model(micro_batch)
    assert found.keys() == expected.keys() == {"mlm", "sbo"}
    assert all(torch.equal(found[name], expected[name]) for name in found)


@pytest.mark.parametrize("freeze", [False, True])
def test_every_parameter_is_used_inside(store_path: Path, hugging_face_model: Path, freeze: bool):
    """Parameters that are put in place for the call alone get all gradients, tied word embeddings too."""
    model, micro_batch = made(store_path, hugging_face_model, freeze=freeze)
    names = [name for name, one in model.named_parameters() if one.requires_grad]
    assert any(name.startswith("encoder.") for name in names) != freeze
    put = {name: one.detach().clone().requires_grad_() for name, one in model.named_parameters() if name in names}
    sum(functional_call(model, put, (micro_batch,)).values()).backward()
    assert all(one.grad is None for one in model.parameters())
    assert all(put[name].grad is not None and put[name].grad.any() for name in names)


def test_a_frozen_encoder_keeps_nothing_for_the_backward_pass(store_path: Path, hugging_face_model: Path):
    model, micro_batch = made(store_path, hugging_face_model, freeze=True)
    seen: list[torch.Tensor] = []
    model.encoder.register_forward_hook(lambda module, given, hidden_RD: seen.append(hidden_RD))
    assert TaskModel.train(model).encoder.training is False
    assert model(micro_batch)["mlm"].requires_grad
    assert [one.requires_grad for one in seen] == [False]
