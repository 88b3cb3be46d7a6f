"""Which pairs of a text's entities are asked about: those of a loop over all, of too many the nearest; in few windows."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.batches.examples import HeadRows, Window
from spanbert.core.predictions import Tagging
from spanbert.core.types import Document, Relation, Span, outer_first
from spanbert.inference import predictor as predictors
from spanbert.inference import routing
from spanbert.inference.backend import Backend
from spanbert.inference.predictor import Predictor
from spanbert.inference.routing import Router
from spanbert.tasks.base import WindowConfig
from spanbert.tasks.relation import nearest
from spanbert.tasks.relation.config import RelationConfig
from spanbert.tasks.relation.nearest import PairRules, asked_pairs
from spanbert.tasks.relation.negatives import is_forward
from spanbert.tasks.relation.task import RelationTask
from spanbert.tokens.tokenizer import load_tokenizer

LENGTH = 60


@st.composite
def texts(draw: st.DrawFn) -> tuple[list[Span], list[tuple[int, int]], list[tuple[int, int]]]:
    """Entities in text order, stretches that none of them crosses, and sentences."""
    cuts = sorted(draw(st.sets(st.integers(1, LENGTH - 1), max_size=3)))
    stretches = list(zip([0, *cuts], [*cuts, LENGTH], strict=True))
    entities = set()
    for _ in range(draw(st.integers(0, 9))):
        low, high = draw(st.sampled_from(stretches))
        start = draw(st.integers(low, high - 1))
        entities.add((start, draw(st.integers(start + 1, high)), draw(st.sampled_from(["A", "B", None]))))
    spans = [Span(start=start, end=end, label=label) for start, end, label in entities]
    ends = sorted(draw(st.sets(st.integers(1, LENGTH - 1), max_size=3)))
    return sorted(spans, key=outer_first), stretches, list(zip([0, *ends], [*ends, LENGTH], strict=True))


TYPES = st.frozensets(st.tuples(st.sampled_from("AB"), st.sampled_from("AB")))
RULES = st.builds(
    PairRules,
    type_pairs=TYPES,
    types=st.sampled_from([frozenset("AB"), frozenset("A"), frozenset()]),
    order=st.sampled_from(["both", "forward", "backward"]),
    once=st.booleans(),
)


def of_a_loop(entities, stretches, sentences, rules: PairRules) -> list[tuple[tuple[int, int], Relation]]:
    """All pairs that are asked about with their distances."""

    def is_asked(head: Span, tail: Span) -> bool:
        known = {head.label, tail.label} <= rules.types
        if known and rules.type_pairs and (head.label, tail.label) not in rules.type_pairs:
            return False
        return rules.order == "both" or is_forward(head, tail) == (rules.order == "forward")

    def sentence(span: Span) -> int:
        return sum(start <= span.start for start, _ in sentences)

    found = []
    for low, high in stretches:
        inside = [one for one in entities if one.start < high and low < one.end]
        for place, one in enumerate(inside):
            for other in inside[place + 1 :]:
                if (one.start, one.end) == (other.start, other.end):
                    continue
                far = abs(sentence(other) - sentence(one)), max(other.start - one.end, 0)
                orders = [pair for pair in ((one, other), (other, one)) if is_asked(*pair)]
                found += [
                    (far, Relation(head=head, tail=tail, label="")) for head, tail in orders[: 1 if rules.once else 2]
                ]
    return found


@settings(max_examples=300, deadline=None)
@given(texts(), RULES, st.integers(1, 80), st.sampled_from([1, 7, 1 << 18]))
def test_pairs_are_those_of_a_loop_and_of_too_many_the_nearest(text, rules: PairRules, most: int, at_once: int):
    entities, stretches, sentences = text
    with patch.object(nearest, "_PAIRS_AT_ONCE", at_once):
        found = asked_pairs(entities, stretches, sentences, rules, most)
    every = of_a_loop(entities, stretches, sentences, rules)
    kept = sorted(range(len(every)), key=lambda place: every[place][0])[:most]
    assert found.possible == len(every)
    assert list(found.judged) == [every[place][1] for place in sorted(kept)]


def test_many_entities_are_looked_at_in_few_operations():
    """2,000 entities of one sentence are 4 million pairs; a loop over them took seconds, and a list of them gigabytes."""
    entities = [Span(start=3 * number, end=3 * number + 2) for number in range(2_000)]
    rules = PairRules(type_pairs=frozenset(), types=frozenset(), order="both", once=False)
    blocks = []

    def counted(*arguments):
        blocks.append(arguments)
        return nearest_block(*arguments)

    nearest_block = nearest._block
    with patch.object(nearest, "_block", counted):
        found = asked_pairs(entities, [(0, 6_000)], [(0, 6_000)], rules, 1_000)
    assert (len(found.judged), found.possible) == (1_000, 2_000 * 1_999)
    assert max(one.tail.start - one.head.end for one in found.judged) == 1, "neighbours"
    assert len(blocks) < 40
    assert found.remark("a.txt:1") == (
        "a.txt:1: 1,000 of 3,998,000 pairs of entities are judged, the nearest; max_pairs (--max-pairs) sets how many"
    )


@pytest.fixture
def task(vocabulary_file: Path) -> RelationTask:
    ends = {"head": Span(start=0, end=3), "tail": Span(start=4, end=7)}
    documents = [Document(id="d", text="the fox", relations=(Relation(**ends, label=one),)) for one in ("a", "NA")]
    return RelationTask.from_training(
        "t",
        documents,
        config=RelationConfig(all_pairs=True),
        window=WindowConfig(),
        tokenizer=load_tokenizer(vocabulary_file),
        positions=64,
    )


class Counting(Backend):
    """A backend that says the first label of everything, and notes how many windows were made and not yet read."""

    def __init__(self) -> None:
        self.made = self.read = self.most_waiting = self.pairs_at_once = 0

    def run(self, windows: list[Window], asked: dict[str, list[HeadRows]]) -> dict[str, list[np.ndarray]]:
        self.most_waiting = max(self.most_waiting, self.made - self.read)
        self.read += len(windows)
        return {name: [np.array([1.0, 0.0], dtype=np.float32) for _ in own] for name, own in asked.items()}

    def count(self, task: RelationTask) -> None:
        """Counts the windows that the task makes."""
        make, decode = task.windows, task.decode

        def windows(windowed):
            for one in make(windowed):
                self.made += 1
                yield one

        def decoded(windowed, outputs):
            self.pairs_at_once = max(self.pairs_at_once, len(outputs))
            return decode(windowed, outputs)

        task.windows, task.decode = windows, decoded  # type: ignore[method-assign]


def predicted(task: RelationTask, backend: Counting, documents: list[Document], said: list[str]) -> list[int]:
    """How many pairs of each document are answered."""
    router = Router({"t": task}, ["t"], where="bundle", say=said.append)
    routes = [router.route(one) for one in documents]
    found = router.predict(Predictor(backend, {"t": task}), documents, routes)  # type: ignore[arg-type]
    return [len(one["t"].relations) for one in found]


def crowded(name: str, entities: int) -> Document:
    spans = tuple(Span(start=4 * number, end=4 * number + 3) for number in range(entities))
    return Document(id=name, text="fox " * entities, spans=spans)


def test_pairs_of_many_entities_are_bounded_and_that_is_said(task: RelationTask):
    backend, said = Counting(), []
    assert predicted(task, backend, [crowded("many", 2_000), crowded("few", 3)], said) == [1_000, 6]
    assert backend.read == 1_006
    assert said == [
        "many: 1,000 of 3,998,000 pairs of entities are judged, the nearest; max_pairs (--max-pairs) sets how many"
    ]


def test_entities_that_are_handed_over_are_related_across_sentences(task: RelationTask):
    """Those that tasks find are not; as of `nlp.relate`, distances count by sentences first."""
    text = "the fox ran . a dog slept ."
    fox, dog = (Span(start=text.index(word), end=text.index(word) + 3) for word in ("fox", "dog"))
    assert predicted(task, Counting(), [Document(id="d", text=text, spans=(fox, dog))], []) == [2]
    finder = SimpleNamespace(
        entity_types={"ANI"}, spec=SimpleNamespace(needs=frozenset(), produces=frozenset({"spans"}))
    )
    router = Router({"t": task, "ner": finder}, ["t"], where="bundle")  # type: ignore[dict-item]
    route = router.route(Document(id="d", text=text))
    found = {"ner": Tagging(words=(), spans=(fox, dog))}
    assert router._with_pairs(Document(id="d", text=text), route, found, "t")[0].relations == ()
    one = text.replace(" .", "")
    assert len(router._with_pairs(Document(id="d", text=one), route, found, "t")[0].relations or ()) == 2


def test_windows_of_pairs_are_made_as_they_are_read(task: RelationTask, monkeypatch: pytest.MonkeyPatch):
    task.config = task.config.model_copy(update={"max_pairs": 10_000})
    backend = Counting()
    backend.count(task)
    assert predicted(task, backend, [crowded("d", 150)], []) == [10_000]
    stretch = predictors._BATCHES_A_STRETCH * backend.tokens_at_once // task.window[0]
    assert backend.most_waiting <= 2 * stretch < backend.made / 4


def test_texts_with_many_pairs_are_not_held_together(task: RelationTask):
    texts = [crowded(str(number), 20) for number in range(40)]
    held: list[int] = []
    tokenize = task.tokenize
    task.tokenize = lambda some: held.append(sum(len(one.relations) for one in some)) or tokenize(some)  # type: ignore
    assert predicted(task, Counting(), texts, []) == [380] * 40
    assert sum(held) == 40 * 380
    assert max(held) <= routing._PAIRS_AT_ONCE


def test_of_many_cut_texts_the_first_are_named(task: RelationTask):
    task.config, said = task.config.model_copy(update={"max_pairs": 2}), []
    assert predicted(task, Counting(), [crowded(str(number), 3) for number in range(30)], said) == [2] * 30
    assert len(said) == 11
    assert said[0] == "0: 2 of 6 pairs of entities are judged, the nearest; max_pairs (--max-pairs) sets how many"
    assert said[-1] == "the same holds for more texts, which are not named"
