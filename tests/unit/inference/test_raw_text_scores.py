"""Scores from raw text with the data's own entities: what is compared, what is left out and said, and progress."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spanbert.apps.cli.task_options import settings_of
from spanbert.batches.examples import HeadRows, Window
from spanbert.core.types import Document, Relation, Span
from spanbert.inference import end_to_end
from spanbert.inference.backend import Backend
from spanbert.inference.end_to_end import all_end_to_end, score_end_to_end
from spanbert.inference.predictor import Predictor
from spanbert.tasks.base import WindowConfig
from spanbert.tasks.relation.config import RelationConfig
from spanbert.tasks.relation.task import RelationTask
from spanbert.tokens.tokenizer import load_tokenizer

TEXT = "the king saw a fox ."
KING, FOX, DOT = (
    Span(start=TEXT.index(word), end=TEXT.index(word) + len(word), label=label)
    for word, label in (("king", "PER"), ("fox", "ANI"), (".", "DOT"))
)


class Sure(Backend):
    """A backend that says the last label of everything."""

    tokens_at_once = 32

    def run(self, windows: list[Window], asked: dict[str, list[HeadRows]]) -> dict[str, list[np.ndarray]]:
        return {name: [np.array([0.0, 1.0], dtype=np.float32) for _ in own] for name, own in asked.items()}


class Heard:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.fractions: list[float] = []
        self.finished: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)

    def update(self, stage: str, fraction: float, figures: object) -> None:
        self.fractions.append(fraction)

    def finish(self, stage: str) -> None:
        self.finished.append(stage)


def text_of(*spans: Span, typed: bool = True, where: str | None = None) -> Document:
    """The king sees the fox; with all entities that are given."""
    bare = [one if typed else Span(start=one.start, end=one.end) for one in (KING, FOX, *spans)]
    related = Relation(head=bare[0], tail=bare[1], label="sees")
    return Document(id="d", text=TEXT, relations=(related,), spans=tuple(bare), where=where)


def predictor_of(vocabulary_file: Path, *, typed: bool = True, **options: int) -> Predictor:
    [one] = [text_of(typed=typed)]
    [related] = one.relations
    none = Relation(head=related.tail, tail=related.head, label="no_relation")
    task = RelationTask.from_training(
        "rel",
        [Document(id="d", text=TEXT, relations=(related, none))],
        config=RelationConfig(**options),
        window=WindowConfig(),
        tokenizer=load_tokenizer(vocabulary_file),
        positions=64,
    )
    return Predictor(Sure(), {"rel": task})  # type: ignore[arg-type]


def test_entities_of_unknown_types_are_left_out_and_that_is_said(vocabulary_file: Path):
    heard = Heard()
    scores = score_end_to_end(predictor_of(vocabulary_file), "rel", [text_of(DOT)], entities="gold", reporter=heard)
    assert heard.said == ["1 entities of types that rel does not know are left out: DOT"]
    assert (scores["main"], scores["relation_strict_f1"]) == ("relation_strict_f1", 1)


def test_gold_without_types_is_compared_by_boundaries_alone(vocabulary_file: Path):
    predictor = predictor_of(vocabulary_file, typed=False)
    scores = score_end_to_end(predictor, "rel", [text_of(typed=False)], entities="gold")
    assert scores["main"] == "relation_boundary_f1"
    assert scores["main"] in scores["interval"]
    assert not any("strict" in name for name in scores)
    assert "|types:boundary|" in scores["signature"]


def test_a_text_of_which_pairs_are_cut_is_named_by_file_and_line(vocabulary_file: Path):
    heard, predictor = Heard(), predictor_of(vocabulary_file, typed=False, max_pairs=2)
    document = text_of(Span(start=0, end=3), typed=False, where="a.jsonl:7")
    score_end_to_end(predictor, "rel", [document], entities="gold", reporter=heard)
    assert heard.said == [
        "a.jsonl:7: 2 of 6 pairs of entities are judged, the nearest; max_pairs (--max-pairs) sets how many"
    ]
    for verb in ("predict", "evaluate", "finetune"):
        assert settings_of(verb, {"--max-pairs": 9}, "relation") == {"relation.max_pairs": 9}, "the advice is taken"


def test_progress_is_told_while_a_text_is_read(vocabulary_file: Path):
    words = "fox " * 40
    spans = tuple(Span(start=4 * number, end=4 * number + 3) for number in range(40))
    document = Document(
        id="d", text=words, spans=spans, relations=(Relation(head=spans[0], tail=spans[1], label="sees"),)
    )
    heard = Heard()
    score_end_to_end(predictor_of(vocabulary_file, typed=False), "rel", [document], entities="gold", reporter=heard)
    assert len({one for one in heard.fractions if 0 < one < 1}) > 2, "of one chunk"
    assert heard.fractions == sorted(heard.fractions)
    assert (heard.fractions[-1], heard.finished) == (1, ["evaluate from raw text"])


def test_the_scores_of_training_are_reported_too(vocabulary_file: Path, monkeypatch: pytest.MonkeyPatch):
    heard, told = Heard(), []
    monkeypatch.setattr(end_to_end, "finding_tasks", lambda tasks: ["ner"])
    monkeypatch.setattr(end_to_end, "score_end_to_end", lambda *given, reporter: told.append(reporter))
    all_end_to_end(predictor_of(vocabulary_file), {"rel": [text_of()]}, heard)
    assert told == [heard]
