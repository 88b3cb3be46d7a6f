"""The tied loss and the cheap dropout equal torch's own operations."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy, linear

from spanbert.encoder.dropout import dropout
from spanbert.encoder.tied_loss import tied_cross_entropy


@pytest.mark.parametrize("vocabulary", [7, 512, 1500])
@pytest.mark.parametrize("rows", [0, 1, 40])
def test_tied_loss_equals_cross_entropy_with_gradients(vocabulary: int, rows: int):
    results = []
    for compute in (
        lambda h, w, b, ids: tied_cross_entropy(h, w, b, ids),
        lambda h, w, b, ids: cross_entropy(linear(h, w, b), ids, reduction="none"),
    ):
        torch.manual_seed(0)
        hidden, words, bias = (torch.randn(*shape, dtype=torch.double, requires_grad=True)
                               for shape in ((rows, 16), (vocabulary, 16), (vocabulary,)))  # fmt: skip
        losses = compute(hidden, words, bias, torch.randint(0, vocabulary, (rows,)))
        (losses * torch.rand(rows, dtype=torch.double)).sum().backward()
        results.append([losses, hidden.grad, words.grad, bias.grad])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def test_under_autocast_only_the_products_are_rounded():
    results = []
    for enabled in (False, True):
        torch.manual_seed(0)
        hidden, words = torch.randn(40, 64, requires_grad=True), torch.randn(600, 64).mul(0.1).requires_grad_()
        bias = torch.zeros(600, requires_grad=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            losses = tied_cross_entropy(hidden, words, bias, torch.randint(0, 600, (40,)))
        (losses * torch.rand(40)).sum().backward()
        results.append([losses.detach(), hidden.grad, words.grad, bias.grad])
    for exact, rounded in zip(*results, strict=True):
        assert rounded.dtype == torch.float32
        assert 0 < float((rounded - exact).norm() / exact.norm()) < 0.01


def test_tied_loss_gives_only_the_gradients_that_are_wanted():
    hidden, words, bias = torch.randn(3, 8, requires_grad=True), torch.randn(20, 8), torch.zeros(20)
    tied_cross_entropy(hidden, words, bias, torch.tensor([1, 2, 3])).sum().backward()
    assert hidden.grad is not None
    assert words.grad is None
    with torch.no_grad():
        assert tied_cross_entropy(hidden, words, bias, torch.tensor([1, 2, 3])).shape == (3,)


@pytest.mark.parametrize("shape", [(1000, 301), (7,), (3, 5, 1)])
@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_share_and_the_mean(shape, probability: float):
    torch.manual_seed(0)
    values = torch.ones(shape, requires_grad=True)
    dropped = dropout(values, probability, training=True)
    dropped.sum().backward()
    assert torch.equal(values.grad, dropped.detach()), "the backward pass drops the same elements"
    kept = dropped.detach()[dropped.detach() != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - probability)), rtol=1e-3, atol=0)
    if values.numel() > 1000:
        assert float((dropped == 0).float().mean()) == pytest.approx(probability, abs=0.005)
        columns = (dropped == 0).float().mean(0)
        assert float(columns.std()) == pytest.approx((probability * (1 - probability) / 1000) ** 0.5, rel=0.2)
    torch.manual_seed(0)
    assert torch.equal(dropout(values, probability, training=True), dropped)


def test_dropout_outside_training_is_nothing():
    values = torch.randn(5)
    assert dropout(values, 0.5, training=False) is values
    assert dropout(values, 0.0, training=True) is values
