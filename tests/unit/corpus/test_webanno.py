"""WebAnno TSV 3: layers, relations, chains, parts of tokens, UTF-16, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spanbert.core.errors import InputError
from spanbert.core.types import Span
from spanbert.corpus.formats.registry import write_data
from spanbert.pipelines.convert.data import convert_data
from tests.formats import open_annotations, read_annotations, read_coref, read_relations
from tests.tool_samples import (
    TSV,
    put,
)


def test_webanno_is_read_with_relations_chains_and_parts_of_tokens(tmp_path: Path):
    path = put(tmp_path / "a.tsv", TSV)
    data = open_annotations(path)
    [one] = data.documents()
    assert one.text == "Ann Lee 😊 joined Acme.\nShe ran."
    assert [one.text[word.start : word.end] for word in one.words][2:5] == ["😊", "joined", "Acme"]
    assert one.sentences == ((0, 6), (6, 9))
    said = [(one.text[span.start : span.end], span.label) for span in one.spans]
    assert said == [("Ann Lee", "PER"), ("Ac", "PART"), ("Acme", "ORG"), ("Acme", "PROD")]
    [relation] = one.relations
    assert (relation.head.label, relation.tail.label, relation.label) == ("PER", "ORG", "works_for")
    assert one.clusters == ((Span(start=0, end=7), Span(start=23, end=26)),)
    assert data.description == (
        "WebAnno TSV 3, the layer NamedEntity; left out: 9 annotations of the layer POS, "
        "1 annotations of the layer Frame, 2 types of mentions"
    )
    [tags] = read_annotations(path, "upos")
    assert tags.columns["tag"][:4] == ("PROPN", "PROPN", "SYM", "VERB")
    assert list(read_coref(path)) == list(read_relations(path)) == [one]


def test_webanno_comes_back_and_goes_through_brat(tmp_path: Path):
    path = put(tmp_path / "a.tsv", TSV)
    convert_data(path, tmp_path / "b.tsv", to="webanno")
    assert (tmp_path / "b.tsv").read_text() == TSV
    convert_data(path, tmp_path / "brat", to="brat")
    convert_data(tmp_path / "brat", tmp_path / "tsv", to="webanno")
    [one], [again] = read_annotations(path), read_annotations(tmp_path / "tsv")
    fields = ("id", "text", "spans", "relations", "clusters")
    assert [getattr(one, name) for name in fields] == [getattr(again, name) for name in fields]
    with pytest.raises(InputError, match="annotations that changed, beside others that would be lost"):
        write_data([replace(one, spans=())], tmp_path / "c.tsv", to="webanno")


def test_a_folder_of_webanno_is_one_file(tmp_path: Path):
    for name in ("annotation/one.txt/eve", "annotation/two.txt/eve"):
        (tmp_path / name).parent.mkdir(parents=True)
        put(tmp_path / f"{name}.tsv", TSV)
    put(tmp_path / "annotation/table.tsv", "a\tb\n")
    found = [one.id for one in open_annotations(tmp_path / "annotation").documents()]
    assert found == ["one.txt/eve", "two.txt/eve"]


def test_layers_of_ones_own_are_entities_where_there_are_no_others(tmp_path: Path):
    content = "#FORMAT=WebAnno TSV 3.2\n#T_SP=webanno.custom.Term|Kind|Sure\n#T_SP=webanno.custom.Odd\n\n\n#Text=a \\[b\\]\n1-1\t0-1\ta\tX\tyes\t*\n1-2\t2-5\t\\[b\\]\t*\t*\t_\n"
    data = open_annotations(put(tmp_path / "a", content))
    [one] = data.documents()
    assert one.text == "a [b]"
    assert one.spans == (Span(start=0, end=1, label="X"), Span(start=0, end=1, label="Odd"))
    assert data.left_out == {"further features of entities": 1, "entities without a value": 1}


def test_a_file_that_ends_before_its_first_token_is_an_empty_text(tmp_path: Path):
    header = TSV[: TSV.index("\n\n#Text=")]
    assert ".POS|" in header
    [one] = open_annotations(put(tmp_path / "a.tsv", f"{header}\n")).documents()
    assert (one.text, one.words, one.spans, one.columns) == ("", (), (), {})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1-2\t4-7\tLee", "1-2\t4-7\tLea", r"a\.tsv:11: another text than the token says; got 'Lee'; expected 'Lea'"),
        ("31-32\t.", "31-99\t.", r"a\.tsv:21: a token outside of the text"),
        ("1-1[1_2]", "1-1[7_2]", r"a\.tsv:14: a relation of what is not there; got 1-1\[7_2\]"),
        ("1-1[1_2]", "Ann", r"a\.tsv:14: a relation from nowhere; got 'Ann'"),
        ("*->1-2", "*", r"a\.tsv:19: a mention of no chain"),
        ("\tPRP\tPRON\t_\t_\t_\t_\t_\tpro[1]\t*->1-2\t_\t_\t", "", r"a\.tsv:19: too few columns"),
    ],
)
def test_what_webanno_gets_wrong_is_named(tmp_path: Path, old: str, new: str, message: str):
    assert TSV.count(old) == 1
    with pytest.raises(InputError, match=message):
        list(read_annotations(put(tmp_path / "a.tsv", TSV.replace(old, new))))
