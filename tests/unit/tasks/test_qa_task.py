"""Question answering as a task: windows, gold, answers over long contexts, thresholds, the loss."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from spanbert.core.errors import InputError
from spanbert.core.predictions import Answer, Answering
from spanbert.core.types import Document, MisplacedAnswer, Question, Span
from spanbert.encoder.config import EncoderConfig
from spanbert.tasks.base import WindowConfig
from spanbert.tasks.qa.config import QAConfig
from spanbert.tasks.qa.head import QAHead
from spanbert.tasks.qa.task import QATask
from tests.conftest import WORDS
from tests.labelled import squad_file
from tests.stubs import TableHead, layout_of, number_of_window, predicted, read_windows, table_of


def qa_task(tokenizer, *, length: int = 64, overlap: int = 8, threshold: float | None = None, **options) -> QATask:
    return QATask(
        "q", tokenizer, (length, overlap), config=QAConfig(**options), language="en", threshold=threshold
    )  # fmt: skip


def asked(
    context: str, *questions: str, answers: tuple[tuple[int, int], ...] = (), answerable: bool = True
) -> Document:
    places = tuple(Span(start=start, end=end) for start, end in answers)
    made = tuple(
        Question(id=f"q{n}", text=text, answers=places, answerable=answerable) for n, text in enumerate(questions)
    )
    return Document(id="c", text=context, questions=made)


@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=60), length=st.integers(16, 40),
    overlap=st.integers(0, 12), threshold=st.one_of(st.none(), st.integers(-30, 30).map(lambda tenths: tenths / 10)), longest=st.integers(1, 5),
)  # fmt: skip
def test_answers_over_windows_are_those_of_every_span_of_the_context(
    tokenizer, words, length: int, overlap: int, threshold: float | None, longest: int
):
    """Logits hang on pieces alone: the best spans of the windows are the best of the spans that a window holds."""
    questions = ("who runs?", "where is the old stone house, king?")
    document = asked(" ".join(words), *questions)
    task = qa_task(
        tokenizer, length=length, overlap=overlap, threshold=threshold, longest_answer=longest, candidates=6,
        longest_question=6,
    )  # fmt: skip
    [windowed] = task.tokenize([document])
    [found] = predicted(task, TableHead(2), [document])
    logits_n2 = table_of(windowed.pieces.ids, 2, 0).astype(np.float32)
    firsts = [number_of_window(one.ids) for one in task.windows(windowed)]
    null_S = table_of(np.array(firsts), 2, 0).astype(np.float32).sum(1)
    assert [one.question for one in found] == ["q0", "q1"]
    for number, answering in enumerate(found):
        windows = [
            window for window, owner in zip(windowed.windows, windowed.owners, strict=True) if owner == number
        ]  # fmt: skip
        null = min(null_S[place] for place, owner in enumerate(windowed.owners) if owner == number)
        assert {piece for start, end in windows for piece in range(start, end)} == set(range(len(windowed.pieces.ids)))
        spans = {
            (int(windowed.pieces.offsets[a, 0]), int(windowed.pieces.offsets[b, 1])): float(logits_n2[a, 0] + logits_n2[b, 1])
            for start, end in windows
            for a in range(start, end)
            for b in range(a, min(a + longest, end))
        }  # fmt: skip
        ranked = sorted(spans.values(), reverse=True)
        assert [spans[one.start, one.end] for one in answering.candidates] == pytest.approx(ranked[:6])
        assert answering.null_score == pytest.approx(null - ranked[0], abs=1e-5)
        for one in answering.candidates:
            assert one.text == document.text[one.start : one.end] != ""
        if threshold is None:
            assert answering.answer == answering.candidates[0]
        elif abs(answering.null_score - threshold) > 1e-4:
            assert (answering.answer is None) == (answering.null_score > threshold)


def test_rows_are_the_first_and_the_context_and_gold_is_among_them(tokenizer):
    context = "the fox runs over the old stone near a river and the king sees it often"
    start = context.index("king")
    document = asked(context, "who sees it?", "who?", answers=((start, start + 4), (0, 3)))
    task = qa_task(tokenizer, length=16, overlap=4)
    [windowed] = task.tokenize([document])
    examples = task.examples(windowed)
    assert len(examples) == len(windowed.windows) > 4
    held = 0
    for one, (low, high), owner in zip(examples, windowed.windows, windowed.owners, strict=True):
        question = windowed.questions[owner]
        special = tokenizer.special
        ids = [special["cls"], *question, special["sep"], *windowed.pieces.ids[low:high], special["sep"]]
        assert one.window.ids.tolist() == ids
        assert len(ids) <= 16
        assert one.window.token_types.tolist() == [0] * (len(question) + 2) + [1] * (high - low + 1)
        assert one.asked.rows.tolist() == [0, *range(len(question) + 2, len(question) + 2 + high - low)]
        assert one.target.units == 1
        if one.target.gold != (0, 0):
            held += 1
            assert [tokenizer.piece(one.window.ids[one.asked.rows[row]]) for row in one.target.gold] == ["king", "king"]
        else:
            assert tokenizer.backend.token_to_id("king") not in one.window.ids
    assert held >= 2, "at least a window of each question"


def test_what_teaches_nothing_is_left_out_and_the_unanswerable_is_nothing(tokenizer):
    task = qa_task(tokenizer)
    [lost] = task.tokenize([asked("the fox runs", "who?")])
    assert task.examples(lost) == [], "answerable, but its answer is nowhere"
    assert len(read_windows(task, lost)) == 1
    [none] = task.tokenize([asked("the fox runs", "who?", answers=((4, 7),), answerable=False)])
    assert [one.target.gold for one in task.examples(none)] == [(0, 0)]
    inside = asked("unbelievable fox", "who?", answers=((3, 8),))  # widened to the pieces that hold it
    [windowed] = task.tokenize([inside])
    [example] = task.examples(windowed)
    first, last = (int(windowed.pieces.offsets[row - 1][edge]) for edge, row in enumerate(example.target.gold))
    assert first <= 3
    assert last >= 8


def test_the_longest_words_of_a_question_and_its_context(tokenizer):
    task = qa_task(tokenizer, length=16, overlap=8, longest_question=4)
    [windowed] = task.tokenize([asked("fox " * 30, "who " * 50)])
    assert len(windowed.questions[0]) == 4
    assert all(len(one.ids) <= 16 for one in task.windows(windowed))
    with pytest.raises(InputError, match="the question leaves no room for its text; got 12 pieces"):
        qa_task(tokenizer, length=16).tokenize([asked("fox", " ".join(["fox"] * 12))])
    [empty] = predicted(task, TableHead(2), [asked("", "who?")])
    assert empty == [Answering(question="q0", answer=None, candidates=(), null_score=float("inf"))]
    [silent] = predicted(task, TableHead(2), [Document(id="c", text="fox")])
    assert silent == []


def test_what_the_training_data_poses(tokenizer, tmp_path: Path):
    given = {"config": QAConfig(), "window": WindowConfig(), "tokenizer": tokenizer, "positions": 64}
    two = QATask.from_training("q", QATask.open(QAConfig(), squad_file(tmp_path / "a.json", 9, 0)).documents(), **given)
    assert (two.threshold, two.language, two.window, two.tuner() is None) == (0.0, "en", (64, 32), False)
    one = QATask.from_training(
        "q", QATask.open(QAConfig(), squad_file(tmp_path / "b.json", 9, 0, answerable=True)).documents(), **given
    )
    assert (one.threshold, one.tuner()) == (None, None)
    fixed = QATask.from_training(
        "q", two.opened(tmp_path / "a.json").documents(), **{**given, "config": QAConfig(threshold=1.5, language="zh")}
    )
    assert (fixed.threshold, fixed.language, fixed.tuner()) == (1.5, "zh", None)
    chinese = [asked("国王看见了狐狸", "谁？", answers=((0, 2),)), asked("fox", "who?", answers=((0, 3),))]
    assert QATask.from_training("q", [chinese[0], chinese[0], chinese[1]], **given).language == "zh"
    assert QATask.from_training("q", chinese, **given).language == "en"
    with pytest.raises(InputError, match="no answered question to learn from; got 1 paragraphs"):
        QATask.from_training("q", [asked("fox", "who?", answerable=False)], **given)
    again = QATask.from_manifest("q", json.loads(json.dumps(two.manifest())), tokenizer=tokenizer, positions=64)
    assert again.manifest() == two.manifest()


def answering(text: str | None, null: float) -> Answering:
    best = Answer(text=text or "dog", start=0, end=3, score=0.9)
    return Answering(question="q0", answer=None if text is None else best, candidates=(best,), null_score=null)


def test_scores_threshold_and_mistakes(tokenizer):
    task = qa_task(tokenizer, threshold=0.0)
    fox, none = asked("fox dog", "who?", answers=((0, 3),)), asked("fox dog", "who?", answerable=False)
    unknown = Document(id="c", text="fox dog", questions=(Question(id="q0", text="who?"),))
    moved = Document(
        id="c", text="fox dog",
        questions=(Question(id="q0", text="who?", misplaced=(MisplacedAnswer(text="a cat", stated=4, found=None),)),),
    )  # fmt: skip
    scorer = task.scorer()
    cases = [(fox, answering("the fox", -1)), (none, answering(None, 2)), (none, answering("dog", -3)),
             (moved, answering("fox", -1)), (unknown, answering("fox", -1))]  # fmt: skip
    for document, one in cases:
        scorer.add(document, [one])
    scores = scorer.scores()
    assert (scores["questions"], scores["em"]) == (4, 0.5), "a question without gold is left out"
    assert [bool(list(task.mistakes(document, [one]))) for document, one in cases] == [False, False, True, True, False]
    [mistake] = task.mistakes(none, [cases[2][1]])
    assert (mistake.gold, mistake.predicted, mistake.severity) == ("no answer", "dog", 0.9)
    tuner = task.tuner()
    for document, text, null in ((fox, "fox", 1.0), (none, "dog", 3.0), (fox, "fox", -2.0), (none, "dog", 2.5)):
        tuner.add(document, [answering(text, null)])
    assert tuner.best() == 1.0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_loss_is_that_of_padded_question_answering(dtype: torch.dtype):
    """The reference: start and end over padded windows, the question's positions masked, mean of both and of windows."""
    torch.manual_seed(0)
    config = EncoderConfig.from_hugging_face(
        {"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 50,
         "intermediate_size": 8, "max_position_embeddings": 64},
        where="test",
    )  # fmt: skip
    head = QAHead(config).to(dtype)
    lengths, questions = (9, 6, 12), (3, 2, 4)
    windows = [torch.randn(length, 8, dtype=dtype, requires_grad=True) for length in lengths]
    rows = [[0, *range(question + 2, length - 1)] for length, question in zip(lengths, questions, strict=True)]
    gold = [(1, 3), (0, 0), (2, 2)]
    hidden_RD = torch.cat([window[row] for window, row in zip(windows, rows, strict=True)])
    ours = head.loss(hidden_RD, layout_of(*map(len, rows)), gold) / 3
    gradients = torch.autograd.grad(ours, [*windows, *head.parameters()])

    total = torch.zeros((), dtype=dtype)
    for side in (0, 1):
        logits = torch.full((3, 12), -torch.inf, dtype=dtype)
        for place, (window, row) in enumerate(zip(windows, rows, strict=True)):
            values = functional.linear(window, head.output.weight, head.output.bias)[:, side]
            logits[place, row] = values[row]
        wanted = torch.tensor([row[one[side]] for row, one in zip(rows, gold, strict=True)])
        total = total + functional.cross_entropy(logits, wanted)
    theirs = total / 2
    torch.testing.assert_close(ours.to(dtype), theirs, rtol=1e-5, atol=1e-6)
    for one, other in zip(gradients, torch.autograd.grad(theirs, [*windows, *head.parameters()]), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
