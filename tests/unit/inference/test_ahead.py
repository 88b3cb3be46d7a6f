"""Texts are turned into pieces ahead of a device; answers stay as they are."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch

import spanbert
from spanbert.core.types import Document
from spanbert.inference import ahead
from spanbert.inference.ahead import made_ahead

BUNDLE = Path(__file__).parents[2] / "fixtures" / "bundles" / "joint"


def documents(count: int) -> list[Document]:
    return [Document(id=str(number), text=f"the king sees fox {number}" * (number % 7)) for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 500])
def test_in_order(count: int):
    given, here = documents(count), threading.current_thread()

    def make(part):
        assert threading.current_thread() is not here
        assert 0 < len(part) <= 64
        return [one.id for one in part]

    assert list(made_ahead(make, given)) == [one.id for one in given]
    assert not [one for one in threading.enumerate() if one.name.startswith("tokenizer")]


def test_no_more_than_a_few_parts_are_made_before_they_are_needed():
    made: list[int] = []
    found = made_ahead(lambda part: made.append(len(part)) or part, documents(64 * 20))
    next(found)
    for _ in range(64):
        next(found)
    assert len(made) <= 2 + 2 * ahead._PARTS_WAITING
    found.close()
    assert len(made) <= 2 + 2 * ahead._PARTS_WAITING, "the rest is not made once nobody asks"


def test_an_error_comes_to_whom_asks():
    def fail(part):
        raise ValueError("no pieces")

    with pytest.raises(ValueError, match="no pieces"):
        list(made_ahead(fail, documents(3)))


def test_a_device_that_works_apart_gives_the_same_answers():
    """The way of a GPU, on the CPU: pieces from a thread, larger batches, products under autocast."""
    here, there = spanbert.load(BUNDLE), spanbert.load(BUNDLE)
    backend = there.predictor.backend
    backend.works_apart, backend.tokens_at_once = True, 512
    texts = [one.text for one in documents(150)]
    for one, other in zip(here.pipe(texts), there.pipe(texts), strict=True):
        assert one["sent"].labels == other["sent"].labels
        assert one["sent"].scores == pytest.approx(other["sent"].scores, abs=1e-4)
        assert one.entities == other.entities or len(one.entities) == len(other.entities)


def test_products_of_a_backend_that_works_apart(monkeypatch: pytest.MonkeyPatch):
    from spanbert.encoder.model import load_encoder
    from spanbert.inference.heads import load_predictor
    from spanbert.inference.torch_backend import TorchBackend

    nlp = spanbert.load(BUNDLE)
    plain = load_predictor(nlp.files, nlp.tasks)
    encoder, _ = load_encoder(nlp.files)
    encoder.cast_weights(torch.bfloat16)
    kinds = {name: one.dtype for name, one in encoder.named_parameters()}
    assert kinds["blocks.0.attention.input.weight"] == kinds["blocks.0.feed_forward.output.bias"] == torch.bfloat16
    assert kinds["embeddings.word.weight"] == kinds["blocks.0.attention.norm.weight"] == torch.float32
    backend = TorchBackend(encoder, plain.backend.heads, dtype=torch.bfloat16)
    backend.works_apart = True
    seen: list[torch.dtype] = []
    forward = encoder.forward

    def watched(*given, **named):
        hidden = forward(*given, **named)
        seen.append(torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32)
        return hidden

    monkeypatch.setattr(encoder, "forward", watched)
    nlp.__dict__["predictor"] = type(plain)(backend, nlp.tasks)
    found, wanted = nlp("the old king sees a red fox"), spanbert.load(BUNDLE)("the old king sees a red fox")
    assert set(seen) == {torch.bfloat16}
    assert found["sent"].labels == wanted["sent"].labels
    assert found["sent"].scores == pytest.approx(wanted["sent"].scores, abs=0.1)
