"""Nested entities: candidates, gold, and spans across the borders of windows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Span
from spanbert.encoder.config import EncoderConfig
from spanbert.tasks.base import WindowConfig
from spanbert.tasks.tag.config import TagConfig
from spanbert.tasks.tag.heads import SpanHead
from spanbert.tasks.tag.nested import NestedTask
from spanbert.tokens.pieces import rows_of_words
from tests.conftest import WORDS
from tests.labelled import nested_file
from tests.stubs import SpanTableHead, layout_of, predicted, span_logits

LABELS = ("X", "Y")


def nested_task(tokenizer, *, length: int = 64, overlap: int = 0, longest: int = 4) -> NestedTask:
    options = TagConfig(nested=True, longest_span=longest)
    return NestedTask("t", tokenizer, (length, overlap), config=options, joined=False, labels=LABELS)


@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(st.sampled_from([*WORDS[:20], "misunderstanding", "zzzzzzzzzz"]), max_size=40),
    length=st.integers(16, 40), overlap=st.integers(0, 18), longest=st.integers(1, 6),
)  # fmt: skip
def test_spans_across_windows_are_found_once_where_one_window_holds_them(
    tokenizer, words, length: int, overlap: int, longest: int
):
    document = Document(id="a", text=" ".join(words))
    task = nested_task(tokenizer, length=length, overlap=overlap, longest=longest)
    [tagging] = predicted(task, SpanTableHead(2, longest), [document])
    [windowed] = task.tokenize([document])
    places = task.words(windowed)
    expected = set()
    if words:
        first_W, last_W, _ = rows_of_words(windowed.pieces, places)
        for first in range(len(places)):
            for last in range(first, min(first + longest, len(places))):
                whole = any(start <= first_W[first] and last_W[last] < end for start, end in windowed.windows)
                logits = span_logits(
                    int(windowed.pieces.ids[first_W[first]]), int(windowed.pieces.ids[last_W[last]]), last - first, 2
                )
                if whole and logits.argmax():
                    label = LABELS[logits.argmax() - 1]
                    expected.add((places[first].start, places[last].end, label))
    found = [(span.start, span.end, span.label) for span in tagging.spans]
    assert len(found) == len(set(found)), "none twice"
    assert set(found) == expected, "none lost"
    assert found == sorted(found, key=lambda span: (span[0], -span[1], span[2])), "outer ones first"
    assert all(0 < span.score <= 1 for span in tagging.spans)
    assert [(word.start, word.end) for word in tagging.words] == [(word.start, word.end) for word in places]


def test_a_span_longer_than_half_the_overlap_is_found_at_the_border(tokenizer):
    """It begins in the part of the first window, reaches past its end, and lies whole in the second."""
    words = ["fox"] * 10 + ["king", "queen", "child", "bird"] + ["dog"] * 8
    task = nested_task(tokenizer, length=14, overlap=4, longest=4)
    [windowed] = task.tokenize([Document(id="a", text=" ".join(words))])
    assert windowed.windows[:2] == [(0, 12), (8, 20)]

    class OneSpan(SpanTableHead):
        def outputs(self, hidden_RD, layout):
            found = super().outputs(hidden_RD, layout)
            for logits in found:
                logits[:] = [1.0, 0.0, 0.0]
            king, bird = (tokenizer.backend.token_to_id(word) for word in ("king", "bird"))
            for logits, rows in zip(found, torch.split(hidden_RD[:, 0], list(layout.sizes)), strict=True):
                half = len(rows) // 2
                order = [(first, more) for more in range(min(4, half)) for first in range(half - more)]
                for place, (first, more) in enumerate(order):
                    if rows[first] == king and rows[half + first + more] == bird:
                        logits[place] = [0.0, 0.0, 3.0]
            return found

    [tagging] = predicted(task, OneSpan(2, 4), [windowed.document])
    assert [(windowed.document.text[span.start : span.end], span.label) for span in tagging.spans] == [
        ("king queen child bird", "Y")
    ]
    assert tagging.spans[0].score == pytest.approx(np.exp(3) / (np.exp(3) + 2))


def test_every_span_of_a_window_is_learned(tokenizer):
    words = tuple(Span(start=a, end=b) for a, b in [(0, 3), (4, 7), (8, 12), (13, 19)])
    spans = (
        Span(start=0, end=7, label="X"), Span(start=4, end=7, label="Y"), Span(start=4, end=19, label="X"),
        Span(start=0, end=19, label="Y"), Span(start=9, end=11, label="Y"),
    )  # fmt: skip
    document = Document(id="a", text="red fox runs queen!", words=words, spans=spans)
    task = nested_task(tokenizer, longest=3)
    [windowed] = task.tokenize([document])
    [example] = task.examples(windowed)
    candidates = [(first, first + more + 1) for more in range(3) for first in range(4 - more)]
    named = {
        candidates[place]: LABELS[label - 1] for place, label in enumerate(example.target.gold.tolist()) if label
    }  # fmt: skip
    assert len(example.target.gold) == len(candidates) == 9
    assert named == {(0, 2): "X", (1, 2): "Y", (1, 4): "X", (2, 3): "Y"}, "the longest is too long, one is widened"
    assert example.target.units == 4
    first_W, last_W, _ = rows_of_words(windowed.pieces, words)
    assert example.asked.rows.tolist() == [*(first_W + 1), *(last_W + 1)]
    plain = Document(id="a", text=document.text, words=words)
    assert task.examples(task.tokenize([plain])[0]) == []


def test_the_head_scores_every_span_from_its_ends_and_its_width():
    config = EncoderConfig.from_hugging_face(
        {"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 50,
         "intermediate_size": 8, "max_position_embeddings": 64, "hidden_dropout_prob": 0.0},
        where="test",
    )  # fmt: skip
    torch.manual_seed(0)
    head = SpanHead(config, 2, 3).eval()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_()
    sizes = [8, 0, 2]
    hidden_RD = torch.randn(10, 8)
    expected = []
    for rows in torch.split(hidden_RD, sizes):
        half = len(rows) // 2
        for more in range(min(3, half)):
            for first in range(half - more):
                inner = head.first(rows[first]) + head.last(rows[half + first + more]) + head.width.weight[more]
                expected.append(head.output(torch.nn.functional.gelu(inner)))
    with torch.inference_mode():
        outputs = head.outputs(hidden_RD, layout_of(*sizes))
    assert [len(one) for one in outputs] == [4 + 3 + 2, 0, 1]
    np.testing.assert_allclose(np.concatenate(outputs), torch.stack(expected).detach().numpy(), rtol=1e-4, atol=1e-4)
    gold = [np.arange(9) % 3, np.zeros(0, dtype=np.int64), np.array([2])]
    ours = head.loss(hidden_RD, layout_of(*sizes), gold)
    theirs = torch.nn.functional.cross_entropy(
        torch.stack(expected), torch.from_numpy(np.concatenate(gold)), reduction="sum"
    )
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_from_files_to_a_task_and_back(tokenizer, tmp_path: Path):
    path = nested_file(tmp_path / "a.jsonl", 20, 0)
    options = TagConfig(nested=True)
    given = {"config": options, "window": WindowConfig(), "tokenizer": tokenizer, "positions": 64}
    task = NestedTask.from_training("t", NestedTask.open(options, path).documents(), **given)
    assert (task.labels, task.main_metric, task.joined) == (("ANI", "CORE", "PER"), "f1", False)
    again = NestedTask.from_manifest("t", task.manifest(), tokenizer=tokenizer, positions=64)
    assert again.manifest() == task.manifest()
    document = next(task.opened(path).documents())
    assert "nested" in task.scorer().scores()["signature"]
    with pytest.raises(InputError, match="no entities to learn"):
        NestedTask.from_training("t", [Document(id="a", text="fox", spans=())], **given)
    assert len(document.spans) == 3
