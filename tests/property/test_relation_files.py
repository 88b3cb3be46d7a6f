"""Files of relations: there and back in every format, between formats, and what is refused."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Relation, Span
from spanbert.corpus.formats.registry import write_data
from tests.formats import marks_of, open_relations, read_relations

WORD = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="<>"), min_size=1, max_size=5
)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A text of words, and two entities of words that may lie in each other but do not cross."""
    words = draw(st.lists(WORD, min_size=2, max_size=8))
    starts = [sum(len(word) + 1 for word in words[:place]) for place in range(len(words))]
    ends = [start + len(word) for start, word in zip(starts, words, strict=True)]
    first, last = sorted((draw(st.integers(0, len(words) - 1)), draw(st.integers(0, len(words) - 1))))
    other = draw(st.integers(0, len(words) - 1))
    entities = [Span(start=starts[first], end=ends[last]), Span(start=starts[other], end=ends[other])]
    if draw(st.booleans()):
        entities.reverse()
    label = draw(st.sampled_from(["Cause-Effect(e1,e2)", "Other", "per:title"]))
    relation = Relation(head=entities[0], tail=entities[1], label=label)
    return Document(id=str(draw(st.integers(1, 10**6))), text=" ".join(words), relations=(relation,))


def entities_of(document: Document) -> list[tuple[str, str, str]]:
    """Without blanks, since TACRED's words stand apart."""

    def cut(span: Span) -> str:
        return document.text[span.start : span.end].replace(" ", "")

    return [(cut(one.head), cut(one.tail), one.label) for one in document.relations or ()]


@settings(max_examples=80, deadline=None)
@given(
    made=st.lists(documents(), min_size=1, max_size=3),
    to=st.sampled_from(["tacred", "semeval", "relation-jsonl"]),
    then=st.sampled_from(["tacred", "semeval", "relation-jsonl"]),
)
def test_there_and_back(tmp_path_factory, made: list[Document], to: str, then: str):
    folder = tmp_path_factory.mktemp("relations")
    write_data(made, folder / "one", to=to)
    assert open_relations(folder / "one").format.name == to
    read = list(read_relations(folder / "one"))
    assert [entities_of(one) for one in read] == [entities_of(one) for one in made]
    write_data(read, folder / "two", to=to)
    assert (folder / "two").read_bytes() == (folder / "one").read_bytes()
    write_data(read, folder / "three", to=then)
    last = list(read_relations(folder / "three"))
    assert [entities_of(one) for one in last] == [entities_of(one) for one in made]
    if "tacred" not in (to, then):
        assert [(one.text, one.relations) for one in last] == [(one.text, one.relations) for one in made]


def test_real_files_come_back(real_data: Path, tmp_path: Path):
    semeval = real_data / "re/semeval2010_task8/TEST_FILE_FULL.TXT"
    write_data(read_relations(semeval), tmp_path / "again.txt", to="semeval")
    assert (tmp_path / "again.txt").read_bytes() == semeval.read_bytes().replace(b"\r\n", b"\n")
    for file in (real_data / "re/kbp37/tacred_format/dev-0.json", real_data / "re/fewrel/tacred_format/dev.json"):
        write_data(read_relations(file), tmp_path / "again.json", to="tacred")
        assert json.loads((tmp_path / "again.json").read_text()) == json.loads(file.read_text())
    converted = real_data / "re/semeval2010_task8/tacred_format/test.json"
    for one, other in zip(read_relations(semeval), read_relations(converted), strict=True):
        assert one.relations[0].label == other.relations[0].label
        assert one.id == other.id


def test_types_and_several_pairs_a_line(tmp_path: Path):
    record = {
        "text": "Ann left Rome.",
        "relations": [
            {"head": {"start": 0, "end": 3, "label": "PER"}, "tail": {"start": 9, "end": 13}, "label": "left"},
            {"head": {"start": 9, "end": 13}, "tail": {"start": 0, "end": 3}, "label": "no_relation"},
        ],
        "more": 1,
    }
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(record) + "\n")
    [document] = read_relations(path)
    assert entities_of(document) == [("Ann", "Rome", "left"), ("Rome", "Ann", "no_relation")]
    assert document.relations[0].head.label == "PER"
    write_data([document], tmp_path / "b.jsonl", to="relation-jsonl")
    assert json.loads((tmp_path / "b.jsonl").read_text()) == record
    write_data([document], tmp_path / "c.json", to="tacred")
    again = list(read_relations(tmp_path / "c.json"))
    assert [entities_of(one) for one in again] == [[("Ann", "Rome", "left")], [("Rome", "Ann", "no_relation")]]
    assert [one.id for one in again] == [f"{document.id}-1", f"{document.id}-2"]
    path.write_text(json.dumps({"text": "Ann left", "relations": []}) + "\n")
    with pytest.raises(InputError, match=r"a.jsonl:1: a text without a relation"):
        write_data(read_relations(path), tmp_path / "d.json", to="tacred")
    assert not (tmp_path / "d.json").exists()


def test_entities_inside_words_cut_the_words_of_tacred(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text('7\t"<e1>car</e1>s and sub<e2>way</e2>s"\nOther\nComment:\n\n')
    write_data(read_relations(path), tmp_path / "a.json", to="tacred")
    [record] = json.loads((tmp_path / "a.json").read_text())
    assert record["token"] == ["car", "s", "and", "sub", "way", "s"]
    assert [record[key] for key in ("subj_start", "subj_end", "obj_start", "obj_end")] == [0, 0, 4, 4]


TACRED = {"token": ["a", "b"], "subj_start": 0, "subj_end": 0, "obj_start": 1, "obj_end": 1, "relation": "r"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "a.json",
            json.dumps([TACRED, {**TACRED, "obj_end": 2}]),
            "example 2: obj outside of the text; got obj_start 1",
        ),
        ("a.json", json.dumps([{**TACRED, "subj_start": -1}]), "example 1: subj outside of the text"),
        ("a.json", json.dumps([{"token": ["a"]}]), "example 1: no subj_start"),
        ("a.json", json.dumps([{**TACRED, "token": ["a", 3]}]), "example 1: tokens that are not words"),
        (
            "a.jsonl",
            '{"text": "ab", "head": {"start": 0, "end": 3}, "tail": {"start": 0, "end": 1}}',
            ":1: head outside",
        ),
        ("a.jsonl", '{"text": "ab", "head": {"start": 0, "end": 1}}', ":1: tail outside of the text; got null"),
        ("a.jsonl", '{"texts": "ab"}', ":1: no text"),
        ("a.jsonl", '{"text": "ab", "relations": [1]}', ":1: relations that are not objects"),
        ("a.txt", '1\t"<e1>a</e1> b"\nOther\n', ":1: no <e2>"),
        ("a.txt", '1\t"<e1>a</e1> <e2></e2>"\nOther\n', ":1: an entity ends before it begins, or is empty"),
        ("a.txt", '1\t"<e1>a</e1> <e1>b</e1>"\nOther\n', ":1: <e1> occurs twice"),
        ("a.txt", '1\t"<e1>a</e1> <e2>b</e2>"\nOther\n\n2 "<e1>a</e1> <e2>b</e2>"\n', ":4: not a sentence"),
        (
            "a.jsonl",
            '{"text": "a b", "head": {"start": 0, "end": 1}, "tail": {"start": 1, "end": 2}}',
            "nothing but blanks",
        ),
        (
            "a.jsonl",
            '{"text": "ab", "head": {"start": 0, "end": 1}, "tail": {"start": 1, "end": 2}, "label": 3}',
            "not text",
        ),
        ("a.txt", "some text\n", ":1: no file of relations"),
        ("a.txt", "\n", "an empty file"),
    ],
)
def test_what_is_refused(tmp_path: Path, name: str, content: str, said: str):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=said):
        list(read_relations(tmp_path / name))


def test_lines_of_tacred_keep_their_fields(tmp_path: Path):
    record = {**TACRED, "id": None, "stanford_pos": ["NN", "VB"]}
    path = write_text(tmp_path / "a.jsonl", json.dumps(record) + "\n")
    [document] = read_relations(path)
    assert document.id == "a.jsonl:1"
    write_data([document], tmp_path / "b.jsonl", to="relation-jsonl")
    assert json.loads((tmp_path / "b.jsonl").read_text()) == record
    unlabelled = write_text(tmp_path / "c.json", json.dumps([{**TACRED, "relation": None}]))
    assert next(read_relations(unlabelled)).relations[0].label == ""


def test_compressed_files_byte_order_marks_and_late_labels(tmp_path: Path):
    for name, content in (
        ("a.json.gz", gzip.compress(json.dumps([TACRED]).encode(), mtime=0)),
        ("b.json", b"\xef\xbb\xbf" + json.dumps([TACRED]).encode()),
    ):
        (tmp_path / name).write_bytes(content)
        assert marks_of(tmp_path / name) == [open_relations(tmp_path / name).format.name] == ["tacred"]
        assert entities_of(next(read_relations(tmp_path / name))) == [("a", "b", "r")]
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(json.dumps([TACRED]).encode(), mtime=0)[:-9])
    with pytest.raises(InputError, match="damaged or cut short"):
        list(read_relations(tmp_path / "c.json.gz"))
    late = write_text(tmp_path / "d.txt", '1\t"<e1>a</e1> <e2>b</e2>"\n\nOther\nComment:\n\n')
    assert next(read_relations(late)).relations[0].label == "Other"
    write_data(read_relations(late), tmp_path / "e.txt", to="semeval")
    assert (tmp_path / "e.txt").read_bytes() == late.read_bytes()


def test_relations_that_stay_keep_their_fields(tmp_path: Path):
    sides = {"head": {"start": 0, "end": 1, "text": "a"}, "tail": {"start": 2, "end": 3}}
    record = {"text": "a b", "relations": [{**sides, "label": "x", "evidence": 1}, {**sides, "label": "y"}]}
    [document] = read_relations(write_text(tmp_path / "a.jsonl", json.dumps(record) + "\n"))
    kept = replace(document, relations=document.relations[:1])
    write_data([kept], tmp_path / "b.jsonl", to="relation-jsonl")
    assert json.loads((tmp_path / "b.jsonl").read_text()) == {**record, "relations": record["relations"][:1]}


def write_text(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def test_every_sentence_has_a_number_of_its_own(tmp_path: Path):
    def document(identity: str, *labels: str) -> Document:
        head, tail = Span(start=0, end=3), Span(start=9, end=13)
        pairs = tuple(Relation(head=head, tail=tail, label=label) for label in labels)
        return Document(id=identity, text="Ann left Acme.", relations=pairs)

    write_data([document("1", "a", "b"), document("2", "c"), document("9", "d"), document("x", "e")],
                    tmp_path / "a.txt", to="semeval")  # fmt: skip
    read = list(read_relations(tmp_path / "a.txt"))
    assert [(one.id, one.relations[0].label) for one in read] == [
        ("1", "a"), ("2", "b"), ("3", "c"), ("9", "d"), ("10", "e"),
    ]  # fmt: skip
    with pytest.raises(InputError, match="compressed files are not written"):
        write_data(read, tmp_path / "a.txt.bz2", to="semeval")


def test_files_of_relations_are_known_by_their_beginning(tmp_path: Path):
    contents = {
        json.dumps([TACRED]): "tacred",
        json.dumps(TACRED): "relation-jsonl",
        '1\t"<e1>a</e1> <e2>b</e2>"\n': "semeval",
        '1\t"a quotation"\n': None,
        "[1, 2]": None,
        '{"text": "a"}': None,
        "": None,
    }
    for content, expected in contents.items():
        assert marks_of(write_text(tmp_path / "a", content)) == ([expected] if expected else [])


def test_unknown_formats_and_line_breaks(tmp_path: Path):
    relation = Relation(head=Span(start=0, end=1), tail=Span(start=2, end=3), label="r")
    document = Document(id="1", text="a\nb", relations=(relation,))
    with pytest.raises(InputError, match="a text with line breaks"):
        write_data([document], tmp_path / "out", to="semeval")
    with pytest.raises(InputError, match="a text with line breaks or marks"):
        write_data([Document(id="1", text="a <e1>", relations=(relation,))], tmp_path / "out", to="semeval")
    plain = Document(id="a.jsonl:7", text="a b", relations=(relation,))
    write_data([plain], tmp_path / "named", to="semeval")
    assert next(read_relations(tmp_path / "named")).id == "1"
    with pytest.raises(InputError, match="unknown format 'semevel'"):
        write_data([document], tmp_path / "out", to="semevel")
