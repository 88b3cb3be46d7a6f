"""Spans of a window are scored in blocks of words: any number of words costs in proportion, and changes no score."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from spanbert.core.types import Document
from spanbert.encoder.config import EncoderConfig
from spanbert.tasks.coref import head as heads
from spanbert.tasks.coref.config import CorefConfig
from spanbert.tasks.coref.head import CorefHead
from spanbert.tasks.coref.task import CorefTask
from tests.stubs import layout_of, read_windows

HIDDEN, WIDEST = 16, 4
CONFIG = EncoderConfig(vocab_size=50, hidden_size=HIDDEN, layers=1, heads=2, feed_forward_size=16, positions=64)
OWN = CorefConfig(size=8, dropout=0.0, longest_mention=WIDEST)


def head_of(seed: int = 0) -> CorefHead:
    torch.manual_seed(seed)
    head = CorefHead(CONFIG, OWN).eval()
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    return head


class LargestTensor(TorchDispatchMode):
    """Notes the elements of the largest tensor that is made."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        made = function(*arguments, **(named or {}))
        if isinstance(made, Tensor):
            self.elements = max(self.elements, made.numel())
        return made


def largest_of(words: int) -> int:
    rows = torch.zeros(2 * words, HIDDEN)
    with torch.inference_mode(), LargestTensor() as found:
        head_of().forward(rows, layout_of(2 * words))
    return found.elements


def test_a_window_of_any_number_of_words_costs_in_proportion():
    """Emojis without blanks are one unknown piece and a word each: 20,000 of them made 400 million scores."""
    assert largest_of(8_000) <= 2 * largest_of(4_000)
    assert largest_of(20_000) < 100 * 20_000


@pytest.mark.parametrize("words", [0, 1, 3, 4, 5, 6, 7, 23, 24])
@pytest.mark.parametrize("at_once", [1, 2, 3, 8])
def test_blocks_change_no_score(words: int, at_once: int, monkeypatch: pytest.MonkeyPatch):
    head, draw = head_of(), torch.Generator().manual_seed(words)
    starts, ends = (torch.randn(words, HIDDEN, generator=draw) for _ in range(2))
    whole = head.mention_scores(starts, ends)
    monkeypatch.setattr(heads, "WORDS_AT_ONCE", at_once)
    found = head.mention_scores(starts, ends)
    assert found.shape == whole.shape == (words, WIDEST)
    assert torch.allclose(found, whole, atol=1e-4)
    for first in range(words):
        past = [first + more >= words for more in range(WIDEST)]
        assert torch.isneginf(found[first]).tolist() == past


def test_the_score_of_a_span_is_that_of_its_ends():
    head, draw = head_of(), torch.Generator().manual_seed(1)
    starts, ends = (torch.randn(9, HIDDEN, generator=draw) for _ in range(2))
    found = head.mention_scores(starts, ends)
    begin, end = head.mention_start(starts)[2], head.mention_end(ends)[4]
    expected = head.inside(begin) @ end / math.sqrt(OWN.size) + head.start_score(begin) + head.end_score(end)
    assert found[2, 2].item() == pytest.approx(expected.item(), rel=1e-4)


def test_emojis_are_words_of_one_piece_and_no_mention_but_the_whole_piece(tokenizer):
    task = CorefTask("t", tokenizer, (64, 0), config=OWN, has_singletons=False)
    count = 3_000
    [windowed] = task.tokenize([Document(id="d", text="\U0001f600" * count)])
    [(window, asked)] = read_windows(task, windowed)
    assert (len(window.ids), len(asked.rows)) == (3, 2 * count), "[CLS], an unknown piece, [SEP]"
    assert asked.candidates is not None
    assert asked.candidates.sum() == 1
