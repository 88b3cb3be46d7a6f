"""What `predict` writes is read as training data, corrected or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spanbert.core.errors import InputError
from spanbert.core.predictions import Coreference
from spanbert.core.types import Document, Question, Relation, Span
from spanbert.corpus.formats.registry import open_data, write_data
from spanbert.pipelines.convert.data import convert_data
from spanbert.pipelines.inputs import read_inputs
from spanbert.pipelines.results import AnnotatedText
from spanbert.tasks.registry import spec_of
from spanbert.tasks.relation.config import RelationConfig
from spanbert.tasks.relation.training import RelationData
from tests.tool_samples import COREFUD

TEXT = "Ann met Bob . She left"
ENTITIES = [
    {"start": 0, "end": 3, "label": "PER", "score": 0.9, "text": "Ann"},
    {"start": 8, "end": 11, "label": "PER", "score": 0.8, "text": "Bob"},
]
TAGS = [{"start": 0, "end": 3, "label": "NNP", "score": 0.9, "text": "Ann"}]
PAIR = {"head": ENTITIES[0], "tail": ENTITIES[1], "label": "knows", "score": 0.7}
CLUSTER = {
    "head": {"start": 0, "end": 3, "text": "Ann"},
    "mentions": [{"start": 0, "end": 3}, {"start": 14, "end": 17}],
}
ANSWER = {"answer": "Ann", "start": 0, "end": 3, "score": 0.9, "null_score": -1.0, "candidates": []}


def line(path: Path, tasks: dict, **about: object) -> Path:
    path.write_text(json.dumps({"id": "7", **(about or {"text": TEXT}), "tasks": tasks}) + "\n")
    return path


def read(path: Path, *among: str) -> Document:
    [document] = open_data(path, among=among).documents()
    return document


def test_each_kind_of_result(tmp_path: Path):
    path = tmp_path / "p.jsonl"
    found = read(line(path, {"ner": {"entities": ENTITIES}, "pos": {"tags": TAGS}}), "jsonl")
    assert found.spans == (Span(start=0, end=3, label="PER"), Span(start=8, end=11, label="PER"))
    found = read(line(path, {"pos": {"tags": TAGS}}), "jsonl")
    assert (found.words, found.columns, found.spans) == ((Span(start=0, end=3),), {"tag": ("NNP",)}, None)
    found = read(line(path, {"rel": {"relations": [PAIR]}, "ner": {"entities": ENTITIES}}), "relation-jsonl")
    [relation] = found.relations
    assert (relation.head.end, relation.tail.start, relation.label, relation.score) == (3, 8, "knows", None)
    found = read(line(path, {"coref": {"clusters": [CLUSTER], "links": []}}), "conll2012", "coref-jsonl", "gap")
    assert found.clusters == ((Span(start=0, end=3), Span(start=14, end=17)),)
    found = read(line(path, {"qa": ANSWER}, question="Who?", context=TEXT), "squad", "qa-jsonl")
    assert found.questions == (Question(id="7", text="Who?", answers=(Span(start=0, end=3),)),)
    assert found.text == TEXT


def test_words_sentences_and_speakers_of_clusters_go_round(tmp_path: Path):
    """What came with its words is read again with the same ones, whatever file it came from."""
    rows = [("Ann", "Eve"), ("left", "Eve"), (".", "Eve"), ("She", "Bob"), ("ran", "Bob")]
    cells = [f"a\t0\t{n}\t{word}\t-\t-\t-\t-\t-\t{name}\t-\t-\n" for n, (word, name) in enumerate(rows)]
    content = "".join(["#begin document (a); part 000\n", *cells[:3], "\n", *cells[3:], "\n#end document\n"])
    files = {"a.conll": content, "a.conllu": COREFUD}
    tokens = {"id": "t", "tokens": ["Ann", "left", ".", "She", "ran"], "speakers": ["Eve", "Eve", "Eve", "Bob", "Bob"]}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    read_in = [one for name in files for one in open_data(tmp_path / name, among=("conll2012", "corefud")).documents()]
    read_in += read_inputs([json.dumps(tokens)], name="in")
    for document in read_in:
        bare = document.without_gold(keep=("columns",))
        clusters = ((document.words[0], document.words[-1]),)
        found = Coreference(clusters=clusters, links=(), heads=(document.words[0],), words=document.words)
        record = AnnotatedText(id=bare.id, text=bare.text, tasks={"coref": found}, source=bare).as_record()
        (tmp_path / "p.jsonl").write_text(json.dumps(record) + "\n")
        again = read(tmp_path / "p.jsonl", "coref-jsonl")
        assert (again.text, again.words, again.columns) == (document.text, document.words, document.columns)
        assert (again.sentences, again.clusters) == (document.sentences, clusters)
        convert_data(tmp_path / "p.jsonl", tmp_path / "gold.jsonl", to="coref-jsonl", overwrite=True)
        gold = read(tmp_path / "gold.jsonl", "coref-jsonl")
        assert [len(cluster) for cluster in gold.clusters] == [2]
        assert gold.clusters[0][0] == document.words[0]
    record["tokens"][1] = "right"
    (tmp_path / "p.jsonl").write_text(json.dumps(record) + "\n")
    with pytest.raises(InputError, match=r"p\.jsonl:1: words that are not those of the text; got 'right'"):
        read(tmp_path / "p.jsonl", "coref-jsonl")


def test_words_of_clusters_do_not_change_what_other_tasks_read(tmp_path: Path):
    tasks = {"ner": {"entities": ENTITIES}, "coref": {"clusters": [CLUSTER], "links": []}}
    path = line(tmp_path / "p.jsonl", tasks, text=TEXT, sentences=[TEXT.split()])
    found = open_data(path, among=spec_of("tag").formats)
    assert found.format.name == "jsonl"
    assert [one.label for document in found.documents() for one in document.spans] == ["PER", "PER"]


def test_entities_that_were_found_beside_relations_become_negatives(tmp_path: Path):
    """What was predicted and corrected teaches when to say nothing, as data that names its entities does."""
    path, text = tmp_path / "p.jsonl", "Ann met Bob and Eve"
    ann, bob, eve = (
        {"start": text.index(word), "end": text.index(word) + 3, "label": "PER", "score": 0.9, "text": word}
        for word in ("Ann", "Bob", "Eve")
    )
    tasks = {
        "ner": {"entities": [ann, bob, eve]},
        "pos": {"tags": TAGS},
        "rel": {"relations": [{"head": ann, "tail": bob, "label": "knows", "score": 0.7}]},
    }
    found = read(line(path, tasks, text=text), "relation-jsonl")
    spans = tuple(Span(start=one["start"], end=one["end"], label="PER") for one in (ann, bob, eve))
    assert found.spans == spans
    data = RelationData.of([found], RelationConfig())
    assert data.negatives is not None

    def every(entities, _):
        return [Relation(head=one, tail=other, label="") for one in entities for other in entities if one != other]

    made = data.negatives.of(found, every, lambda head, tail: True)
    ends = {(one.head.start, one.tail.start) for one in made}
    assert ends == {(bob["start"], ann["start"])} | {
        (one["start"], other["start"]) for pair in ((ann, eve), (bob, eve)) for one, other in (pair, pair[::-1])
    }
    write_data([found], tmp_path / "again.jsonl", to="relation-jsonl")
    assert read(tmp_path / "again.jsonl", "relation-jsonl").spans == spans
    stated = read(line(path, tasks, text=text, entities=[ann]), "relation-jsonl")
    assert stated.spans == spans[:1], "those of the line itself come first"
    with pytest.raises(InputError, match=r"p.jsonl:1: several tasks predicted entities; got ner, more"):
        read(line(path, {**tasks, "more": {"entities": []}}, text=text), "relation-jsonl")


@pytest.mark.parametrize(("to", "kept"), [("squad", "spans"), ("qa-jsonl", "spans")])
def test_corrected_answers(tmp_path: Path, to: str, kept: str):
    """A corrected answer is found where it is; one that was deleted is no answer."""
    path = tmp_path / "p.jsonl"
    records = [
        {"id": "1", "question": "Whom?", "context": TEXT, "tasks": {"qa": {**ANSWER, "answer": "Bob"}}},
        {"id": "2", "question": "Where?", "context": TEXT, "tasks": {"qa": {**ANSWER, "answer": None, "start": None}}},
    ]
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    found = convert_data(path, tmp_path / "out.json", to=to)
    assert (found.questions, found.moved, found.lost) == (2, 1, 0)
    back = [one for document in open_data(tmp_path / "out.json", among=[to]).documents() for one in document.questions]
    assert [(one.id, one.answers, one.answerable) for one in back] == [
        ("1", (Span(start=8, end=11),), True),
        ("2", (), False),
    ]


def test_questions_as_the_hub_has_them(tmp_path: Path):
    path = tmp_path / "q.jsonl"
    answers = {"text": ["Ann", "Ann"], "answer_start": [0, 0]}
    path.write_text(json.dumps({"id": "1", "title": "x", "question": "Who?", "context": TEXT, "answers": answers}))
    assert read(path, "squad", "qa-jsonl").questions[0].answers == (Span(start=0, end=3),) * 2
    for broken, said in (
        ({"question": "Who?"}, "no question with its context; got question"),
        ({"question": "Who?", "context": TEXT, "answers": 3}, "answers in another form; got 3"),
        ({"question": "Who?", "context": TEXT, "answers": [{"text": 3}]}, "field 'text' is of another type"),
        ({"question": "Who?", "context": TEXT, "answers": {"text": ["Ann"]}}, "not as many texts as places"),
    ):
        path.write_text(json.dumps(broken))
        with pytest.raises(InputError, match=said):
            read(path, "qa-jsonl")
    with pytest.raises(InputError, match="no questions to write"):
        write_data([Document(id="a", text="b")], tmp_path / "x.jsonl", to="qa-jsonl")


def test_what_cannot_be_meant(tmp_path: Path):
    path = tmp_path / "p.jsonl"
    line(path, {"a": {"entities": ENTITIES}, "b": {"entities": []}})
    with pytest.raises(InputError, match=r"p.jsonl:1: several tasks predicted entities; got a, b"):
        read(path, "jsonl")
    wrong = [{**ENTITIES[0], "end": 5}]
    line(path, {"a": {"entities": wrong}})
    with pytest.raises(InputError, match=r"other characters than it states; got 0 to 5 is 'Ann m', not 'Ann'"):
        read(path, "jsonl")
    line(path, {"coref": {"clusters": [{"mentions": [{"start": 0, "end": 99}]}]}})
    with pytest.raises(InputError, match="not a mention of the document"):
        read(path, "coref-jsonl")


def test_fields_that_happen_to_be_called_tasks_stay(tmp_path: Path):
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps({"text": TEXT, "spans": [[0, 3, "PER"]], "tasks": ["a"]}) + "\n")
    convert_data(path, tmp_path / "out.jsonl", to="jsonl")
    assert json.loads((tmp_path / "out.jsonl").read_text())["tasks"] == ["a"]
