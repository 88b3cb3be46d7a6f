"""Heads that write step by step: the backend gives them all rows of every window, whatever the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spanbert.batches.examples import Framer, Layout, Window
from spanbert.core.types import OutputArray
from spanbert.encoder.model import Encoder
from spanbert.inference.torch_backend import TorchBackend
from spanbert.tasks.head import GeneratingHead
from spanbert.tasks.protocol import Generated, Hypothesis
from spanbert.tokens.tokenizer import TokenizerAdapter
from tests.conftest import make_text

PIECES = 50


class WritingHead(GeneratingHead[int]):
    """Writes the likeliest piece of the window's mean and of the piece before it, again and again."""

    def __init__(self, size: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.before, self.output = nn.Embedding(PIECES, size), nn.Linear(size, PIECES)

    def forward(self, hidden_RD: Tensor, layout: Layout) -> dict[str, Tensor]:
        return {"means": torch.stack([one.mean(0) for one in hidden_RD.split(list(layout.sizes))])}

    def loss(self, hidden_RD: Tensor, layout: Layout, gold: Sequence[int]) -> Tensor:
        raise NotImplementedError

    def outputs(self, hidden_RD: Tensor, layout: Layout) -> list[OutputArray]:
        raise NotImplementedError

    def generate(
        self, hidden_TD: Tensor, layout: Layout, options: Mapping[str, float], references: Sequence[object]
    ) -> list[Generated]:
        means_SD, last_S, written = (
            self(hidden_TD, layout)["means"],
            torch.zeros(len(layout.sizes), dtype=torch.long),
            [],
        )
        for _ in range(int(options["steps"])):
            last_S = self.output(means_SD + self.before(last_S)).argmax(-1)
            written.append(last_S.numpy())
        return [
            Generated(hypotheses=[Hypothesis(ids=ids, score=0.0, log_probability=0.0)])
            for ids in np.stack(written, axis=1)
        ]


@pytest.fixture
def backend(hugging_face_model: Path) -> TorchBackend:
    encoder = Encoder.from_pretrained(hugging_face_model).eval()
    return TorchBackend(encoder, {"writer": WritingHead(encoder.config.hidden_size).eval()})


def written(backend: TorchBackend, windows: Sequence[Window], steps: int) -> list[np.ndarray]:
    found = backend.generate(windows, "writer", {"steps": steps}, [None] * len(windows))
    return [one.hypotheses[0].ids for one in found]


def test_what_is_written_does_not_depend_on_the_batch(backend: TorchBackend, tokenizer: TokenizerAdapter):
    windows = [
        Framer(tokenizer).one(tokenizer.encode(text)[0][: 4 + 3 * number])
        for number, text in enumerate(make_text(6, 3))
    ]
    together, [longer] = written(backend, windows, 5), written(backend, windows[:1], 7)
    alone = [written(backend, [window], 5)[0] for window in windows]
    assert [len(one) for one in together] == [5] * 6
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len({tuple(one) for one in together}) > 1, "windows are not all read as the same"
    np.testing.assert_array_equal(longer[:5], together[0])
