"""Prediction: one pass of the encoder for all tasks that share it, order kept, memory bounded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from spanbert.core.reporter import SilentReporter
from spanbert.core.types import Document, Question
from spanbert.inference.predictor import Predictor
from spanbert.inference.torch_backend import TorchBackend
from spanbert.inference.work import SourceProgress
from spanbert.tasks.classify.config import ClassifyConfig
from spanbert.tasks.classify.task import ClassifyTask
from spanbert.tasks.qa.config import QAConfig
from spanbert.tasks.qa.task import QATask
from spanbert.tasks.tag.config import TagConfig
from spanbert.tasks.tag.nested import NestedTask
from spanbert.tasks.tag.task import TagTask
from tests.conftest import make_text
from tests.stubs import LabelTableHead, PieceEncoder, SpanTableHead, TableHead, predictor_of


@pytest.fixture(scope="module")
def tasks(tokenizer) -> dict:
    window = (24, 6)
    labels = {"mode": "single", "labels": ("a", "b"), "threshold": 0.5}
    return {
        "topic": ClassifyTask("topic", tokenizer, window, config=ClassifyConfig(), pairs=False, **labels),
        "cut": ClassifyTask(
            "cut", tokenizer, window, config=ClassifyConfig(long_texts="truncate"), pairs=False, **labels
        ),
        "pair": ClassifyTask("pair", tokenizer, window, config=ClassifyConfig(), pairs=True, **labels),
        "ner": TagTask(
            "ner", tokenizer, window, config=TagConfig(), joined=True, tags=("O", "B-X", "I-X"), scheme="BIO"
        ),
        "pos": TagTask("pos", tokenizer, window, config=TagConfig(), joined=True, tags=("N", "V"), scheme=None),
        "nested": NestedTask(
            "nested", tokenizer, window, config=TagConfig(nested=True, longest_span=3), joined=False, labels=("X",)
        ),
        "wide": TagTask("wide", tokenizer, (64, 6), config=TagConfig(), joined=True, tags=("N", "V"), scheme=None),
        "qa": QATask("qa", tokenizer, window, config=QAConfig(longest_question=6), language="en", threshold=None),
    }  # fmt: skip


HEADS = {
    "topic": LabelTableHead(2, 1), "cut": LabelTableHead(2, 2), "pair": LabelTableHead(2, 3), "ner": TableHead(3, 4),
    "pos": TableHead(2, 5), "nested": SpanTableHead(1, 3), "wide": TableHead(2, 6), "qa": TableHead(2, 7),
}  # fmt: skip


def of(tasks: dict, *names: str) -> tuple[Predictor, PieceEncoder]:
    return predictor_of({name: tasks[name] for name in names}, {name: HEADS[name] for name in names})


def texts(count: int, seed: int = 0) -> list[Document]:
    return [
        Document(id=str(n), text=text, pair="a fox runs", questions=(Question(id="q", text="who?"),))
        for n, text in enumerate(make_text(count, seed))
    ]


def test_together_tasks_say_what_they_say_alone(tasks):
    pair = "a fox runs"
    documents = [*texts(12), Document(id="empty", text="", pair=pair), Document(id="blank", text=" \u200b ", pair=pair)]
    names = list(tasks)
    together, _ = of(tasks, *names)
    found = list(together.predict(documents))
    assert [document for document, _ in found] == documents
    assert all(list(one) == names for _, one in found)
    assert len({one["topic"].scores["a"] for _, one in found}) > 10, "texts differ"
    for name in names:
        alone, _ = of(tasks, name)
        assert [one[name] for _, one in alone.predict(documents)] == [one[name] for _, one in found], name
    assert together.only(["pos"]).tasks.keys() == {"pos"}


@pytest.mark.parametrize(
    ("names", "passes"),
    [
        (("topic", "ner", "pos", "nested"), 1),
        (("topic", "ner", "wide"), 2),
        (("topic", "pair"), 2),
        (("ner", "cut"), 2),
        (("ner", "qa", "pos"), 2),
    ],
)
def test_tasks_that_read_the_plain_text_share_one_pass(tasks, names: tuple[str, ...], passes: int):
    predictor, encoder = of(tasks, *names)
    short = Document(id="a", text="the fox", pair="a dog", questions=(Question(id="q", text="who?"),))
    encoder.calls = 0
    list(predictor.predict([short]))
    assert encoder.calls == passes


def test_documents_are_read_as_they_are_needed_and_come_in_order(tasks):
    predictor, _ = of(tasks, "topic")
    read = 0

    def endless() -> Iterator[Document]:
        nonlocal read
        while True:
            read += 1
            yield Document(id=str(read), text="fox " * (1 + read % 7))

    stream = predictor.predict(endless())
    for number in range(1, 1301):
        document, _ = next(stream)
        assert document.id == str(number)
        assert read - number < 512, "what is read ahead stays bounded"
    read = 0
    next(predictor.predict(endless()))
    assert read == 1, "the first answer waits for nothing else"
    read = 0

    def long() -> Iterator[Document]:
        nonlocal read
        while True:
            read += 1
            yield Document(id=str(read), text="fox " * 120_000)

    next(predictor.predict(long()))
    assert read <= 3, "of long texts fewer are read at a time"


def test_nothing_to_read(tasks):
    predictor, encoder = of(tasks, *tasks)
    assert list(predictor.predict([])) == []
    assert encoder.calls == 0


def test_batches_do_not_change_what_is_said(tasks, hugging_face_model):
    """The real encoder and heads: texts alone, and among others of other lengths."""
    import torch

    from spanbert.encoder.model import Encoder

    torch.manual_seed(0)
    encoder = Encoder.from_pretrained(hugging_face_model)
    chosen = {name: tasks[name] for name in ("topic", "ner", "nested", "qa")}
    heads = {name: task.build_head(task.head_context(encoder.config)).eval() for name, task in chosen.items()}
    for head in heads.values():
        for parameter in head.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    predictor = Predictor(TorchBackend(encoder, heads), chosen)
    documents = texts(8, seed=5)
    together = [found for _, found in predictor.predict(documents)]
    for document, found in zip(documents, together, strict=True):
        [(_, alone)] = predictor.predict([document])
        assert alone["topic"].scores == pytest.approx(found["topic"].scores, abs=1e-5)
        for name in ("ner", "nested"):
            assert [(one.start, one.end, one.label) for one in alone[name].spans] == [
                (one.start, one.end, one.label) for one in found[name].spans
            ]
            scores = [[one.score for one in answer[name].spans] for answer in (alone, found)]
            np.testing.assert_allclose(*scores, atol=1e-5)
        assert alone["qa"][0].null_score == pytest.approx(found["qa"][0].null_score, abs=1e-4)


def test_progress_moves_within_a_document(tasks):
    """A long text is told of batch by batch, every pass of it, and every chunk ends at 1."""
    told: list[float] = []
    predictor, _ = of(tasks, "ner", "wide")
    long = Document(id="d", text="the fox sees a dog . " * 3000)
    for document, _ in predictor.predict([long], progress=told.append):
        assert document is long
    assert told[0] == 0
    assert told[-1] == pytest.approx(1.0)
    assert len(told) > 8
    assert told == sorted(told)


class Shown(SilentReporter):
    """Keeps the fractions."""

    def __init__(self) -> None:
        self.shown: list[float] = []

    def update(self, stage, fraction, figures) -> None:
        self.shown.append(fraction)


def test_shares_of_chunks_are_a_share_of_the_source():
    reporter = Shown()
    progress = SourceProgress(reporter, "read", iter([50, 100]).__next__, 100)
    for share in (0.0, 0.5, 1.0, 0.0, 0.5, 1.0):
        progress(share)
    assert reporter.shown == [0.0, 0.25, 0.5, 0.5, 0.75, 1.0]


def test_outputs_of_a_long_text_are_not_held_together(tasks):
    """The decoder of a document is given each stretch before the next is computed."""
    predictor, encoder = of(tasks, "ner")
    calls: list[int] = []

    class Counting:
        def add(self, output: object) -> None:
            calls.append(encoder.calls)

        def finish(self) -> int:
            return len(calls)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks["ner"], "decoder", lambda windowed: Counting())
        [(_, found)] = predictor.predict([Document(id="d", text="the fox sees a dog . " * 10_000)])
    assert found["ner"] == len(calls)
    assert calls[0] < calls[-1] / 2
