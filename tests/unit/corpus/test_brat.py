"""brat's standoff: either file of a pair, folders, what comes back, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Relation, Span
from spanbert.corpus.formats.registry import open_data, write_data
from spanbert.pipelines.convert.data import convert_data
from tests.formats import open_annotations, read_annotations, read_coref, read_relations
from tests.tool_samples import (
    ANN,
    ANN_TEXT,
    brat,
    put,
)


def test_brat_is_read_from_either_file_and_from_a_folder(tmp_path: Path):
    path = brat(tmp_path / "b")
    brat(tmp_path / "b", "none", "Nobody.", "")
    ann, acme, she = (Span(start=a, end=b, label=c) for a, b, c in ((0, 7, "PER"), (18, 22, "ORG"), (24, 27, "PER")))
    [one] = read_annotations(path)
    assert (one.id, one.text) == ("a", ANN_TEXT)
    assert one.spans == (ann, Span(start=8, end=17, label="Work"), acme, she)  # over the line break, as brat splits it
    assert one.relations == (Relation(head=ann, tail=acme, label="works_for"),)
    assert one.clusters == ((Span(start=0, end=7), Span(start=24, end=27)),)
    [again] = read_annotations(path.with_suffix(".txt"))
    assert again == one
    data = open_annotations(tmp_path / "b")
    assert data.description == ("brat's standoff, 2 texts; left out: 1 events, 1 attributes, 1 normalisations, 1 notes")
    folder = list(data.documents())
    assert folder[0] == one
    assert (folder[1].id, folder[1].spans, folder[1].relations, folder[1].clusters) == ("none", (), (), ())
    assert list(read_relations(path)) == [one]
    assert list(read_coref(path)) == [one]


def test_brat_comes_back_byte_for_byte(tmp_path: Path):
    brat(tmp_path / "b")
    brat(tmp_path / "b", "c", "One\r\ntwo", "T1\tN 5 8\ttwo\r\n")
    convert_data(tmp_path / "b", tmp_path / "out", to="brat")
    for path in (tmp_path / "b").iterdir():
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()
    done = convert_data(tmp_path / "b" / "a.ann", tmp_path / "single.ann", to="brat")
    assert (done.spans, done.left_out) == (4, {})
    assert ((tmp_path / "single.ann").read_text(), (tmp_path / "single.txt").read_text()) == (ANN, ANN_TEXT)


def test_what_brat_holds_and_others_do_not_is_said(tmp_path: Path):
    done = convert_data(brat(tmp_path / "b"), tmp_path / "a.jsonl", to="jsonl")
    assert done.left_out == {
        "relations": 1, "clusters": 1, "events": 1, "attributes": 1, "normalisations": 1, "notes": 1
    }  # fmt: skip


def test_brat_with_some_spans_changed_keeps_the_rest(tmp_path: Path):
    [one] = read_annotations(brat(tmp_path / "b"))
    without_acme = tuple(span for span in one.spans if span.label != "ORG")
    changed = replace(one, spans=(*without_acme, Span(start=14, end=17, label="PREP")), relations=())
    write_data([changed], tmp_path / "out.ann", to="brat")
    lines = (tmp_path / "out.ann").read_text().splitlines()
    assert lines == [
        "T1\tPER 0 7\tAnn Lee", "T3\tPER 24 27\tShe", "T4\tWork 8 13;14 17\tworks for", "*\tEquiv T1 T3",
        "E1\tWork:T4 Who:T1", "A1\tNegated E1", "#1\tAnnotatorNotes T1\tsure", "T5\tPREP 14 17\tfor",
    ]  # fmt: skip


def test_relations_called_coreference_make_clusters_and_stay(tmp_path: Path):
    annotations = "T1\tM 0 3\tAnn\nT2\tM 8 11\tshe\nT3\tM 16 19\ther\nR1\tCoreference Arg1:T2 Arg2:T1\nR2\tCoref Arg1:T3 Arg2:T2\n"
    [one] = read_coref(brat(tmp_path / "b", text="Ann and she saw her", annotations=annotations))
    assert one.clusters == ((Span(start=0, end=3), Span(start=8, end=11), Span(start=16, end=19)),)
    assert [relation.label for relation in one.relations] == ["Coreference", "Coref"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("T1\tX 0 3;18 22\tAnn Acme", r"a\.ann:1: an annotation in fragments.*got X 'Ann \.\.\. Acme'"),
        ("T1\tX 0 3\tEve", r"a\.ann:1: another text than the annotation says; got 'Ann' at 0\.\.3; expected 'Eve'"),
        ("T1\tX 0 99\tAnn", r"a\.ann:1: an annotation outside of the text"),
        ("T1\tX 3 3\t", r"a\.ann:1: an annotation outside of the text"),
        ("T1 X 0 3 Ann", r"a\.ann:1: not an annotation of brat's; got 'T1 X 0 3 Ann'"),
        ("T1\tX zero 3\tAnn", r"a\.ann:1: not a text-bound annotation"),
        ("T1\tX 0 3\tAnn\nT1\tX 4 7\tLee", r"a\.ann:2: an id that occurs twice; got T1"),
        ("T1\tX 0 3\tAnn\nR1\tr Arg1:T1 Arg2:T9", r"a\.ann:2: an annotation of what is not there; got T9"),
        ("T1\tX 0 3\tAnn\nR1\tr Arg1:T1", r"a\.ann:2: not a relation of two"),
    ],
)
def test_what_brat_gets_wrong_is_named(tmp_path: Path, line: str, message: str):
    path = brat(tmp_path / "b", annotations=line + "\n")
    with pytest.raises(InputError, match=message):
        list(open_data(path, among=["brat"]).documents())
    brat(tmp_path / "b", "b")
    broken: list[InputError] = []
    assert [one.id for one in open_annotations(tmp_path / "b").documents(broken.append)] == ["b"]
    assert len(broken) == 1


def test_annotations_without_their_text_and_folders_of_other_files(tmp_path: Path):
    path = brat(tmp_path / "b")
    path.with_suffix(".txt").unlink()
    with pytest.raises(InputError, match=r"a\.ann: no text beside the annotations; expected .*a\.txt"):
        list(read_annotations(path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"a directory, not an annotated file; expected a file, or a folder of brat's"):
        open_annotations(tmp_path / "empty")
    with pytest.raises(InputError, match="several texts, and one file"):
        write_data([Document(id="a", text="a"), Document(id="b", text="b")], tmp_path / "x.ann", to="brat")
    put(tmp_path / "taken.txt", "other")
    with pytest.raises(InputError, match=r"taken\.txt: the file exists already"):
        write_data([Document(id="a", text="a", spans=())], tmp_path / "taken.ann", to="brat")
    assert not (tmp_path / "taken.ann").exists()


def test_texts_get_names_of_files(tmp_path: Path):
    ids = ["part/one", "part/one", "../a b", "train.conll:7", "", "."]
    write_data([Document(id=one, text="a", spans=()) for one in ids], tmp_path / "out", to="brat")
    found = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.txt"))
    assert found == ["a_b.txt", "part/one-2.txt", "part/one.txt", "text-2.txt", "text.txt", "train.conll_7.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_text_beside_no_annotations_is_columns(tmp_path: Path):
    assert open_annotations(put(tmp_path / "a.txt", "Ann B-PER\nleft O\n")).format.name == "columns"
