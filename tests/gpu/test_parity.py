"""Hidden states, gradients, losses, fillings and predictions of a device are those of the CPU.

Tolerances: float32 differs by the order of sums, bfloat16 by its 8 bits (0.4% of each product's result).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import spanbert
from spanbert.batches.packed import pack
from spanbert.core.reporter import SilentReporter
from spanbert.encoder.attention import Bounds, attend
from spanbert.encoder.model import Encoder
from spanbert.encoder.tied_loss import tied_cross_entropy
from spanbert.tasks.pretrain.objectives import PretrainTask
from spanbert.tokens.store import TokenStore
from spanbert.train.model import TaskModel
from spanbert.train.pretrain_bundle import build_model
from spanbert.train.pretrain_config import PretrainConfig
from tests.runs import SMALL
from tests.unit.train.test_compiled import packs_of

LENGTHS = (31, 31, 9, 64, 3, 17)
PRECISIONS = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
BUNDLE = Path(__file__).parents[1] / "fixtures" / "bundles" / "joint"
TEXTS = ("the old king sees a red fox near the river . the queen sees it", "a dog", "", "the small house " * 60)


def computing(device: torch.device, dtype: torch.dtype):
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype=dtype)


def same(found: Tensor, wanted: Tensor, dtype: torch.dtype, *, float32: float = 1e-4, bfloat16: float = 0.03) -> None:
    """Compares relative to the size of what is wanted, as a whole."""
    found, wanted = found.detach().float().cpu(), wanted.detach().float()
    assert found.shape == wanted.shape
    assert torch.isfinite(found).all()
    error = float((found - wanted).norm() / wanted.norm().clamp(min=1e-12))
    assert error < (float32 if dtype == torch.float32 else bfloat16), error


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("fewer", [False, True], ids=["all queries", "some queries"])
@PRECISIONS
def test_attention_forward_and_backward(device: torch.device, dtype: torch.dtype, causal: bool, fewer: bool):
    """Against the block mask in float32 on the CPU; with some queries a segment has none, as where heads read rows."""
    if causal and fewer:
        pytest.skip("nowhere used: kernels count positions from the end of the keys there")
    draw = torch.Generator().manual_seed(0)
    lengths_q = [min(length, 4) * (number != 2) for number, length in enumerate(LENGTHS)] if fewer else list(LENGTHS)
    made = [torch.randn(sum(one), 4, 32, generator=draw) for one in (lengths_q, LENGTHS, LENGTHS, lengths_q)]
    bounds_q, bounds_k = (Bounds(np.cumsum([0, *one]).tolist()) for one in (lengths_q, LENGTHS))

    def gradients(*where: object, backend: str | None) -> tuple[Tensor, list[Tensor]]:
        *inputs, upstream = (one.to(*where).requires_grad_(number < 3) for number, one in enumerate(made))
        output = attend(*inputs, bounds_q, bounds_k, causal=causal, backend=backend)  # type: ignore[arg-type]
        return output, list(torch.autograd.grad(output, inputs, upstream))

    wanted, wanted_gradients = gradients(torch.float32, backend="dense")
    found, found_gradients = gradients(device, dtype, backend=None)
    same(found, wanted, dtype)
    for one, other in zip(found_gradients, wanted_gradients, strict=True):
        same(one, other, dtype)


@pytest.mark.parametrize("rows", [None, np.array([0, 5, 31, 62, 71, 90, 90, 154]), np.zeros(0, dtype=np.int64)])
@pytest.mark.parametrize("span", [None, 8])
@PRECISIONS
def test_hidden_states_and_gradients(
    hugging_face_model: Path, device: torch.device, dtype: torch.dtype, rows: np.ndarray | None, span: int | None
):
    batch = pack([np.random.default_rng(n).integers(5, 60, length) for n, length in enumerate(LENGTHS)])
    here, there = (Encoder.from_pretrained(hugging_face_model) for _ in range(2))
    for one in (here, there):
        one.config = one.config.model_copy(update={"attention_span": span})
    there.to(device)
    wanted = here(batch, rows=rows)
    with computing(device, dtype):
        found = there(batch, rows=rows)
    if not len(wanted):
        assert len(found) == 0
        return
    same(found, wanted, dtype)
    upstream = torch.randn(wanted.shape, generator=torch.Generator().manual_seed(1))
    wanted.backward(upstream)
    found.backward(upstream.to(found))
    parameters = dict(there.named_parameters())
    for name, one in here.named_parameters():
        if one.grad is not None and float(one.grad.norm()) > 1e-3:  # biases of keys have none but rounding
            same(parameters[name].grad, one.grad, dtype, float32=1e-3, bfloat16=0.1)


@PRECISIONS
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_tied_loss(device: torch.device, dtype: torch.dtype, smoothing: float):
    draw = torch.Generator().manual_seed(0)
    given = [torch.randn(*shape, generator=draw) * 0.3 for shape in ((7, 16), (1100, 16), (1100,))]
    ids = torch.randint(0, 1100, (7,), generator=draw)

    def losses(where: torch.device | None, precision: torch.dtype) -> tuple[Tensor, tuple[Tensor, ...]]:
        inputs = [one.to(where).requires_grad_() for one in given]
        with nullcontext() if where is None else computing(where, precision):
            found = tied_cross_entropy(*inputs, ids.to(where), smoothing=smoothing)
        return found, torch.autograd.grad(found.sum(), inputs)

    (wanted, wanted_gradients), (found, found_gradients) = losses(None, torch.float32), losses(device, dtype)
    same(found, wanted, dtype)
    for one, other in zip(found_gradients, wanted_gradients, strict=True):
        same(one, other, dtype)


@pytest.fixture
def pretraining(store_path: Path, hugging_face_model: Path) -> Callable[[], tuple[TaskModel, list]]:
    store = TokenStore(store_path)
    config = PretrainConfig.assemble(overrides=[*SMALL, "encoder.hidden_dropout=0"])

    def make() -> tuple[TaskModel, list]:
        task = PretrainTask(store.tokenizer(), store.unigram_counts(), masking=config.masking, sbo=config.sbo, seed=0)
        model = build_model(
            task, store.tokenizer(), store, model=hugging_face_model, size=None, config=config,
            reporter=SilentReporter(),
        )  # fmt: skip
        return model.train(), [task.collate(packs) for packs in packs_of(store, 2)[:3]]

    return make


@PRECISIONS
def test_losses_of_pre_training_and_their_gradients(pretraining, device: torch.device, dtype: torch.dtype):
    (here, batches), (there, _) = pretraining(), pretraining()
    there.to(device)
    for batch in batches:
        wanted = here(batch)
        with computing(device, dtype):
            found = there(batch)
        near = {"rel": 1e-5 if dtype == torch.float32 else 1e-2}
        for name in wanted:
            assert float(found[name].detach()) == pytest.approx(float(wanted[name].detach()), **near)
        torch.stack(list(wanted.values())).sum().backward()
        torch.stack(list(found.values())).sum().backward()
    parameters = dict(there.named_parameters())
    for name, one in here.named_parameters():
        if one.grad is not None and float(one.grad.norm()) > 1e-3:
            same(parameters[name].grad, one.grad, dtype, float32=1e-3, bfloat16=0.1)


def test_nothing_in_a_step_waits_for_the_device(pretraining, device: torch.device):
    """torch raises where a program waits for CUDA: reads a number, or copies from memory that is not pinned."""
    from spanbert.train.config import OptimConfig
    from spanbert.train.optimizer import make_optimizer

    model, batches = pretraining()
    model.to(device)
    optimizer = make_optimizer(model, OptimConfig())

    def step(batch: object) -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        with computing(device, torch.bfloat16):
            losses = model(batch)
        torch.autograd.backward(torch.stack(list(losses.values())).sum())
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return norm

    step(batches[0])  # which reserves memory and makes the optimiser's state
    if device.type == "cuda":
        torch.cuda.set_sync_debug_mode("error")
    try:
        norms = [step(batch) for batch in batches[1:]]
    finally:
        if device.type == "cuda":
            torch.cuda.set_sync_debug_mode("default")
    assert all(one.device == device for one in norms)
    assert all(np.isfinite(float(one)) for one in norms)


def near(found: object, wanted: object, most: float) -> object:
    """What is wanted, with the numbers of what was found where they are near."""
    if isinstance(found, dict) and isinstance(wanted, dict) and found.keys() == wanted.keys():
        return {key: near(found[key], wanted[key], most) for key in wanted}
    if isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        return [near(one, other, most) for one, other in zip(found, wanted, strict=True)]
    both = isinstance(found, float) and isinstance(wanted, float)
    return found if both and found == pytest.approx(wanted, abs=most) else wanted


@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_predictions_of_every_task(device: torch.device, precision: str):
    here, there = spanbert.load(BUNDLE, device="cpu"), spanbert.load(BUNDLE, device=device, precision=precision)
    assert there.device == device
    most = 2e-3 if precision == "float32" else 0.1
    for one, other in zip(there.pipe(TEXTS * 40), here.pipe(TEXTS * 40), strict=True):
        found, wanted = one.as_record(), other.as_record()
        assert found == near(found, wanted, most)
    asked = [nlp.answer("who sees it ?", TEXTS[0]) for nlp in (here, there)]
    assert asked[0] is not None
    assert asked[1] is not None
    assert asked[0].text == asked[1].text
    assert there.to("cpu")(TEXTS[0]).as_record() == here(TEXTS[0]).as_record()


def test_fillings(trained_bundle: Path, device: torch.device):
    here, there = spanbert.load(trained_bundle, device="cpu"), spanbert.load(trained_bundle).to(device)
    for text in ("The quick [MASK:1-3] fox", "[MASK] is the [MASK] of it."):
        wanted, found = here.fill(text, top_k=5), there.fill(text, top_k=5)
        assert [one.score for one in found] == pytest.approx([one.score for one in wanted], abs=1e-3)
        assert found[0].text == wanted[0].text
