"""What reports and terminals show people of mistakes and figures."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from spanbert.apps.cli.options import lines_of
from spanbert.apps.reports.finetune_report import _mistake
from spanbert.core.console import LiveReporter
from spanbert.core.predictions import Answer, Classification, Tagging
from spanbert.core.reporter import SilentReporter
from spanbert.core.types import Document, Filling, Span
from spanbert.tasks.tag.base import WordTask
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.run import with_budget

TEXT = "Yesterday Barack Obama met Angela Merkel in Berlin"


def spans(*places: tuple[str, str]) -> tuple[Span, ...]:
    return tuple(
        Span(start=TEXT.index(words), end=TEXT.index(words) + len(words), label=label) for words, label in places
    )


def mistakes(gold: tuple[Span, ...], found: tuple[Span, ...]) -> list[tuple[str, str, str]]:
    document, prediction = Document(id="d", text=TEXT, spans=gold), Tagging(words=(), spans=found)
    return [(one.text, one.gold, one.predicted) for one in WordTask.mistakes(None, document, prediction)]  # type: ignore[arg-type]


def test_wrong_boundaries_show_both_spans():
    found = mistakes(
        spans(("Barack Obama", "PER"), ("Angela Merkel", "PER")), spans(("Obama", "PER"), ("Angela Merkel in", "LOC"))
    )
    assert found == [
        ("Yesterday {Barack [Obama]} met Angela Merkel in Berlin", "PER: Barack Obama", "PER: Obama"),
        ("Yesterday Barack Obama met [{Angela Merkel} in] Berlin", "PER: Angela Merkel", "LOC: Angela Merkel in"),
    ]


@pytest.mark.parametrize(
    ("gold", "found", "shown"),
    [
        (
            [("Berlin", "LOC")],
            [("Berlin", "PER")],
            [("Yesterday Barack Obama met Angela Merkel in [Berlin]", "LOC", "PER")],
        ),
        ([("Berlin", "LOC")], [], [("Yesterday Barack Obama met Angela Merkel in [Berlin]", "LOC", "no entity")]),
        ([], [("met", "PER")], [("Yesterday Barack Obama [met] Angela Merkel in Berlin", "no entity", "PER")]),
        ([("Berlin", "LOC")], [("Berlin", "LOC")], []),
    ],
)
def test_other_mistakes_are_as_they_were(gold, found, shown):
    assert mistakes(spans(*gold), spans(*found)) == shown


def test_every_gold_span_is_in_one_mistake():
    gold, found = spans(("Barack", "A"), ("Obama", "B")), spans(("Barack Obama", "C"))
    assert [(one[1], one[2]) for one in mistakes(gold, found)] == [("A: Barack", "C: Barack Obama"), ("B", "no entity")]


def test_long_mistakes_are_parted_between_words():
    text = "transformation " * 500
    shown = _mistake({"text": text})
    assert set((shown["text"] + " " + shown["more"]).replace("…", " ").partition(" (")[0].split()) == {"transformation"}
    assert shown["more"].endswith("(7,500 characters in all)")
    assert _mistake({"text": "short"}) == {"text": "short", "more": ""}


def test_figures_have_four_digits():
    answer = Answer(text="Ann", start=0, end=3, score=0.123456789)
    assert repr(answer) == "Answer(text='Ann', start=0, end=3, score=0.1235)"
    assert (
        repr(Classification(labels=("a",), scores={"a": 0.98765432}))
        == "Classification(labels=('a',), scores={'a': 0.9877})"
    )
    filling = Filling(text="a", fills=("a",), pieces=(("a",),), piece_scores=((-0.123456,),), score=-1.98765)
    assert (
        repr(filling) == "Filling(text='a', fills=('a',), pieces=(('a',),), piece_scores=((-0.1235,),), score=-1.988)"
    )
    assert lines_of({"lr": 4e-05, "share": 0.98765432, "many": [0.123456789]}) == [
        "lr: 4e-05",
        "share: 0.9877",
        "many: 0.1235",
    ]


def test_a_budget_is_said_in_words():
    class Noting(SilentReporter):
        def say(self, message: str) -> None:
            said.append(message)

    said: list[str] = []
    config = FinetuneConfig(train={"max_minutes": 1 / 12})
    with_budget(config, {"max_steps": 30}, usual={}, reporter=Noting())
    assert said == ["a different budget from the interrupted run's: max_minutes 0.08333, it was max_steps 30"]


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_no_figure_is_cut_on_a_narrow_terminal(width: int):
    stream = io.StringIO()
    figures = {"classify": "0.693", "ner": "1.234", "tok/s": "12,345", "step": "1,234"}
    with LiveReporter(
        Console(file=stream, width=width, force_terminal=True, color_system=None, _environ={})
    ) as reporter:
        reporter.update("train", 0.5, figures)
    line = next(line for line in reversed(stream.getvalue().splitlines()) if "train" in line)
    shown = [f"{name} {value}" for name, value in figures.items() if f"{name} {value}" in line]
    assert len(shown) == len([name for name in figures if name in line]), line
    assert "…" not in line
    assert len(shown) == {60: 0, 80: 2, 100: 3, 200: 4}[width]
