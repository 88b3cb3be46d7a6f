"""Relation extraction: markers, cutting, pairs, labels; what a tiny model learns, alone and after an entity task."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spanbert
from spanbert import TaskData
from spanbert.core.errors import InputError
from spanbert.core.files import read_json
from spanbert.core.predictions import RelationExtraction
from spanbert.core.types import Document, Relation, Span
from spanbert.corpus.text.words import split_words
from spanbert.tasks.base import WindowConfig
from spanbert.tasks.relation.config import RelationConfig
from spanbert.tasks.relation.marking import MARKS, marked, marker_names, marker_pair, parts_around
from spanbert.tasks.relation.task import RelationTask
from spanbert.tokens.tokenizer import load_tokenizer
from tests.formats import read_relations
from tests.labelled import people_file, relation_file, tiny, tune, write_lines
from tests.stubs import read_windows


@pytest.fixture
def own_tokenizer(vocabulary_file: Path):
    """One that may get markers."""
    return load_tokenizer(vocabulary_file)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]], int]:
    """Pieces of a text, first and last piece of two entities that do not cross, and a limit."""
    total = draw(st.integers(1, 60))
    ends = [sorted((draw(st.integers(0, total - 1)), draw(st.integers(0, total - 1)))) for _ in range(2)]
    (a, b), (c, d) = ends
    if a < c <= b < d or c < a <= d < b:
        ends = [[a, a], [c, c]]
    return total, [(one, other) for one, other in ends], draw(st.integers(12, 80))


@settings(max_examples=300, deadline=None)
@given(pairs())
def test_parts_hold_the_beginnings_of_both_entities(case):
    total, entities, limit = case
    parts = parts_around(entities, total, limit)
    assert 1 <= len(parts) <= 2
    assert all(0 <= low < high <= total for low, high in parts)
    assert all(before[1] <= after[0] for before, after in pairwise(parts))
    length = sum(high - low for low, high in parts)
    assert length <= limit
    if total <= limit:
        assert parts == [(0, total)]
    first, last = min(one for one, _ in entities), max(one for _, one in entities)
    if last - first < limit:
        assert parts[0][0] <= first
        assert last < parts[0][1], "both whole"
        assert length == min(limit, total), "as much context as there is room for"
    for begin, _ in entities:
        assert any(low <= begin < high for low, high in parts)


@settings(max_examples=300, deadline=None)
@given(pairs())
def test_markers_stand_around_the_entities(case):
    total, entities, limit = case
    ids = np.arange(100, 100 + total)
    markers = [(1, 2), (3, 4)]
    found, starts = marked(ids, entities, markers, limit)
    assert len(found) <= limit
    kept = [int(one) for one in found if one >= 100]
    parts = parts_around(entities, total, limit - MARKS)
    assert kept == [100 + place for low, high in parts for place in range(low, high)], "nothing lost or moved"
    assert sorted(int(one) for one in found if one < 100) == [1, 2, 3, 4]
    placed = found.tolist()
    for (first, last), (begin, end), start in zip(entities, markers, starts, strict=True):
        assert placed[start] == begin
        inside = [one for one in placed[start + 1 : placed.index(end)] if one >= 100]
        assert inside[0] == 100 + first
        whole = list(range(100 + first, 101 + last))
        assert inside == whole[: len(inside)]
        if total <= limit - MARKS:
            assert inside == whole


def test_entities_in_one_another_are_marked_as_brackets():
    found, _ = marked(np.array([10, 11, 12]), [(0, 2), (1, 1)], [(1, 2), (3, 4)], 20)
    assert found.tolist() == [1, 10, 3, 11, 4, 12, 2]
    found, _ = marked(np.array([10, 11]), [(0, 0), (0, 1)], [(1, 2), (3, 4)], 20)
    assert found.tolist() == [3, 1, 10, 2, 11, 4]


def test_marker_names_and_types():
    names = marker_names(["ORG", "PER"])
    assert names[:4] == ["[E1]", "[/E1]", "[E2]", "[/E2]"]
    assert names[4:8] == ["[E1:ORG]", "[/E1:ORG]", "[E2:ORG]", "[/E2:ORG]"]
    numbers = {name: number for number, name in enumerate(names)}
    assert marker_pair(numbers, "2", "ORG") == (6, 7)
    assert marker_pair(numbers, "1", "LOC") == marker_pair(numbers, "1", None) == (0, 1)


def made(tokenizer, *labels: str, options: RelationConfig | None = None, types=("PER", "ORG")) -> RelationTask:
    head, tail = Span(start=0, end=3, label=types[0]), Span(start=9, end=13, label=types[1])
    documents = [
        Document(id="d", text="Ann left Acme.", relations=(Relation(head=head, tail=tail, label=label),))
        for label in labels
    ]
    return RelationTask.from_training(
        "t", documents, config=options or RelationConfig(), window=WindowConfig(), tokenizer=tokenizer, positions=64
    )


def test_from_training(vocabulary_file: Path):
    def task(*labels: str, **more) -> RelationTask:
        return made(load_tokenizer(vocabulary_file), *labels, **more)

    assert task("no_relation", "b").averaging == "micro"
    assert task("A-B(e1,e2)", "Other").averaging == "semeval"
    assert task("A-B(e1,e2)", "no_relation").averaging == "micro"
    assert task("A-B(e1,e2)", "Other", options=RelationConfig(averaging="micro")).main_metric == "micro_f1"
    assert "[E1:PER]" in task("a", "b").markers
    assert list(task("a", "b", types=("ENTITY", "ENTITY")).markers) == ["[E1]", "[/E1]", "[E2]", "[/E2]"]
    assert list(task("a", "b", options=RelationConfig(typed="no")).markers) == ["[E1]", "[/E1]", "[E2]", "[/E2]"]
    assert task("a", "b").labels == ("a", "b")
    for labels in (("a",), ("no_relation", "NA")):
        with pytest.raises(InputError, match=f"task t: not relations to learn; got {len(labels)} different labels"):
            task(*labels)


def test_markers_are_new_pieces_in_a_fixed_order(own_tokenizer):
    before = own_tokenizer.vocab_size
    task = made(own_tokenizer, "b", "a")
    assert list(task.markers.values()) == list(range(before, before + 12))
    assert own_tokenizer.vocab_size == before + 12
    assert own_tokenizer.is_special_V[before:].all()
    again = RelationTask.from_manifest("t", task.manifest(), tokenizer=own_tokenizer, positions=64)
    assert (again.markers, again.labels, again.type_pairs) == (task.markers, task.labels, {("PER", "ORG")})
    assert list(task.added_token_ids) == list(task.markers.values())
    assert not again.untyped
    ids, _ = own_tokenizer.encode("the [E1] fox")
    assert not set(task.markers.values()) & set(ids.tolist()), "a text that says [E1] marks nothing"


def test_types_that_were_never_seen_are_refused(own_tokenizer):
    def asked(task: RelationTask, label: str | None) -> None:
        pair = Relation(head=Span(start=0, end=3, label=label), tail=Span(start=4, end=7, label="ORG"), label="")
        document = Document(id="d", text="the fox", relations=(pair,))
        list(task.windows(task.tokenize([document])[0]))

    typed = made(own_tokenizer, "a", "b")
    asked(typed, "PER")
    with pytest.raises(InputError, match=r"a type of entity that it has not seen; got 'LOC'; expected ORG, PER"):
        asked(typed, "LOC")
    with pytest.raises(InputError, match="got an entity without a type"):
        asked(typed, None)
    assert [typed.knows(Span(start=0, end=1, label=label)) for label in ("ORG", "LOC", None)] == [True, False, False]
    untyped = made(own_tokenizer, "a", "b", options=RelationConfig(typed="no"))
    asked(untyped, "LOC")
    asked(untyped, None)


def test_a_text_without_pieces_has_its_markers():
    found, starts = marked(np.array([], dtype=np.int64), [(0, -1), (0, -1)], [(1, 2), (3, 4)], 20)
    assert (found.tolist(), starts) == ([1, 2, 3, 4], [0, 2])


def test_pairs_of_a_text(vocabulary_file: Path):
    entities = [Span(start=0, end=3, label="PER"), Span(start=9, end=13, label="ORG"), Span(start=9, end=13, label="PER"),
                Span(start=20, end=23, label="PER")]  # fmt: skip

    def places(task: RelationTask) -> list[tuple[int, int]]:
        return [(one.head.start, one.tail.start) for one in task.pairs(entities, [(0, 15), (15, 30)]).judged]

    untyped = RelationConfig(typed="no")
    assert places(made(load_tokenizer(vocabulary_file), "a", "b", options=untyped)) == [(0, 9), (9, 0)] * 2
    directed = made(load_tokenizer(vocabulary_file), "A(e1,e2)", "Other", options=untyped)
    assert places(directed) == [(0, 9)] * 2, "each pair once"
    assert places(made(load_tokenizer(vocabulary_file), "a", "b")) == [(0, 9)], "types that were seen together"
    reverse = made(load_tokenizer(vocabulary_file), "A(e1,e2)", "Other", types=("ORG", "PER"))
    assert places(reverse) == [(9, 0)], "the order in which the types were seen"


def test_mistakes_show_both_entities_in_brackets(own_tokenizer):
    task = made(own_tokenizer, "a", "b")
    text = "李明北京"
    pair = Relation(head=Span(start=2, end=4), tail=Span(start=0, end=2), label="a")
    found = RelationExtraction(relations=(replace(pair, label="b", score=0.9),))
    [mistake] = task.mistakes(Document(id="d", text=text, relations=(pair,)), found)
    assert (mistake.text, mistake.gold, mistake.predicted) == ("[2 李明][1 北京]", "a", "b")


def test_unknown_labels_name_their_line(own_tokenizer, tmp_path: Path):
    task = made(own_tokenizer, "a", "b")
    record = {"text": "Ann left Acme.", "head": {"start": 0, "end": 3, "label": "PER"},
              "tail": {"start": 9, "end": 13, "label": "ORG"}, "label": "c"}  # fmt: skip
    path = write_lines(tmp_path / "test.jsonl", [{**record, "label": "a"}, record])
    documents = list(read_relations(path))
    task.check(documents[0])
    with pytest.raises(InputError, match=r"test.jsonl:2: a relation that the model does not know; got 'c'"):
        task.check(documents[1])


@pytest.fixture(scope="module")
def learned(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory):
    return tiny("relation", hugging_face_model, tmp_path_factory.getbasetemp())


def test_a_tiny_model_learns_who_sees_whom(learned, tmp_path: Path):
    result, _ = learned
    assert result.scores["relation"]["micro_f1"] > 0.9
    scores = spanbert.evaluate(result.path, relation_file(tmp_path / "test.jsonl", 30, 3))
    assert scores["micro_f1"] > 0.9
    assert set(scores["by_label"]) == {"sees", "seen-by"}
    assert scores["signature"].endswith("|averaging:micro|none:no_relation")
    entry = read_json(result.path / "spanbert.json")["tasks"]["relation"]
    assert entry["labels"] == ["no_relation", "seen-by", "sees"]
    assert entry["markers"] == marker_names(["ANI", "PER"])
    nlp = spanbert.load(result.path)
    text = "the king finds a fox ."
    entities = [Span(start=4, end=8, label="PER"), Span(start=17, end=20, label="ANI")]
    [relation] = nlp.relate(text, entities)
    assert (relation.label, text[relation.tail.start : relation.tail.end]) == ("sees", "fox")
    with pytest.raises(InputError, match="no entities that could be related"):
        nlp(text)
    with pytest.raises(InputError, match=r"d2: no entities that could be related"):
        list(nlp.predict([Document(id="d1", text=text, spans=tuple(entities)), Document(id="d2", text=text)]))
    sides = {
        side: {"start": one.start, "end": one.end, "label": one.label}
        for side, one in zip(("head", "tail"), entities, strict=True)
    }
    unknown = write_lines(tmp_path / "x.jsonl", [{"text": text, **sides, "label": "likes"}])
    with pytest.raises(InputError, match=r"x.jsonl:1: a relation that the model does not know"):
        spanbert.evaluate(result.path, unknown)


def test_the_first_piece_can_be_read_instead(hugging_face_model: Path, tmp_path: Path):
    train, dev = relation_file(tmp_path / "train.jsonl", 96, 1), relation_file(tmp_path / "dev.jsonl", 24, 2)
    data = TaskData(kind="relation", train=train, dev=dev, options=RelationConfig(pool="cls"))
    result = tune({"r": data}, hugging_face_model, tmp_path / "out", "train.max_steps=120")
    assert result.scores["r"]["micro_f1"] > 0.8
    assert read_json(result.path / "spanbert.json")["tasks"]["r"]["options"]["pool"] == "cls"


def test_entities_then_relations_from_raw_text(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory):
    result, _ = tiny("entities", hugging_face_model, tmp_path_factory.getbasetemp())
    nlp = spanbert.load(result.path)
    text, other = "the king finds a fox .", "a teacher eats the dog ."
    doc, second = nlp.pipe([text, other])
    assert [text[one.start : one.end] for one in doc.entities] == ["king", "fox"]
    for one, expected in ((doc, ("king", "sees", "fox")), (second, ("teacher", "seen-by", "dog"))):
        found = [
            (one.text[r.head.start : r.head.end], r.label, one.text[r.tail.start : r.tail.end]) for r in one.relations
        ]
        assert found == [expected]
    assert list(doc.tasks) == ["ner", "relation"]
    record = json.loads(json.dumps(doc.as_record()))
    assert record["tasks"]["relation"]["relations"][0]["head"]["text"] == "king"
    assert len(doc["relation"].relations) == 1, "types that were never seen together are not asked for"
    only = next(nlp.pipe([text], task="relation"))
    assert list(only.tasks) == ["relation"]
    assert only.relations == doc.relations
    given = tuple(Span(start=one.start, end=one.end, label=one.label) for one in doc.entities)
    mixed = list(nlp.predict([Document(id="1", text=text, spans=given), Document(id="2", text=text)]))
    assert [len(one.relations) for one in mixed] == [1, 1], "given, then found"
    judged = Document(id="1", text=text, relations=(Relation(head=given[0], tail=given[1], label=""),))
    for task in (None, "relation"):
        documents = [judged, Document(id="2", text=text), judged, Document(id="4", text=other)]
        mixed = list(nlp.predict(documents, task=task))
        assert [one.id for one in mixed] == ["1", "2", "1", "4"]
        labels = [[(r.head.start, r.tail.start, r.label) for r in one.relations] for one in mixed]
        assert labels == [[(4, 17, "sees")]] * 3 + [[(2, 19, "seen-by")]], "a pair, then found"
    words = tuple(Span(start=start, end=end) for start, end in split_words(text, joined=True))
    stated = Document(id="1", text=text, words=words, sentences=((0, 3), (3, 6)))
    assert next(nlp.predict([stated])).relations == (), "the king finds | a fox ."
    several = list(nlp.pipe([text, "the old road", text]))
    assert [len(one.relations) for one in several] == [1, 0, 1]
    assert several[2].relations == doc.relations


def test_what_a_tagger_finds_is_paired_where_the_types_are_known(hugging_face_model: Path, tmp_path: Path):
    """Two taggers find the same entities; one finds places too, which the relation task has never seen."""
    ner = people_file(tmp_path / "ner.conll", 96, 1)
    wider = tmp_path / "wider.conll"
    wider.write_text(ner.read_text().replace("sleeps O", "sleeps B-LOC"))
    pairs = relation_file(tmp_path / "pairs.jsonl", 96, 1)
    tasks = {"ner": TaskData(kind="tag", train=ner), "wider": TaskData(kind="tag", train=wider),
             "relation": TaskData(kind="relation", train=pairs)}  # fmt: skip
    bundle = tune(tasks, hugging_face_model, tmp_path / "out", "train.max_steps=240").path
    nlp = spanbert.load(bundle, options={"relation": {"all_pairs": True}})
    doc = nlp("the king sleeps a fox .")
    assert {span.label for span in doc["wider"].spans} == {"PER", "ANI", "LOC"}
    assert len(doc["relation"].relations) == 1
    assert spanbert.load(bundle)(doc.text)["relation"].relations == doc.relations == (), "the king sleeps"
    with pytest.raises(InputError, match="a type of entity that it has not seen; got 'LOC'"):
        nlp.relate(doc.text, doc["wider"].spans)


def test_a_text_longer_than_the_window_keeps_both_entities(learned):
    result, _ = learned
    task = spanbert.load(result.path).tasks["relation"]
    filler = "the old road runs near a small house . " * 20
    apart = "king " + filler + " fox"
    far = [Span(start=0, end=4, label="PER"), Span(start=len(apart) - 3, end=len(apart), label="ANI")]
    [windowed] = task.tokenize(
        [Document(id="a", text=apart, relations=(Relation(head=far[0], tail=far[1], label=""),))]
    )
    [(window, asked)] = read_windows(task, windowed)
    assert len(window.ids) <= 64
    assert [task.tokenizer.piece(window.ids[row]) for row in asked.rows] == ["[E1:PER]", "[E2:ANI]"]
    assert [task.tokenizer.piece(window.ids[row + 1]) for row in asked.rows] == ["king", "fox"]
    assert len(window.ids) > 56, "as much context as there is room for"
    assert windowed.windows == [(0, len(windowed.pieces.ids))]
