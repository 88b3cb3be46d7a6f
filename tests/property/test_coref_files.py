"""Files of coreference: there and back in every format, between formats, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.clusters import CorefOrigin, coref_origin, in_first_cluster, repeated_mentions
from spanbert.corpus.formats.conll2012 import conll2012_lines
from spanbert.corpus.formats.coref_lines import coref_lines
from spanbert.corpus.formats.gap import HEADER
from spanbert.corpus.formats.registry import write_data
from spanbert.corpus.text.words import text_of_words
from tests.formats import marks_of, open_coref, read_coref

WORD = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=4)
CELLS = "doc\t0\t{place}\t{word}\t-\t-\t-\t-\t-\t-\t-\t{cell}"


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Words in sentences, and clusters whose mentions may nest but never cross others of their cluster."""
    words = draw(st.lists(WORD, min_size=1, max_size=12))
    ends = sorted(draw(st.sets(st.integers(1, len(words)))) | {len(words)})
    text, spans = text_of_words(words, breaks=ends[:-1])
    places = [(first, last) for first in range(len(words)) for last in range(first, len(words))]
    chosen = draw(st.lists(st.sampled_from(places), unique=True, max_size=6))
    owners = [draw(st.integers(0, 2)) for _ in chosen]
    clusters = []
    for owner in sorted(set(owners)):
        mentions = sorted(place for place, one in zip(chosen, owners, strict=True) if one == owner)
        apart = [
            one for number, one in enumerate(mentions) if not any(_cross(other, one) for other in mentions[:number])
        ]
        clusters.append(tuple(Span(start=spans[first].start, end=spans[last].end) for first, last in apart))
    return Document(
        id="doc",
        text=text,
        words=tuple(spans),
        clusters=tuple(clusters),
        sentences=tuple(pairwise([0, *ends])),
    )


def _cross(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Brackets can say two that share no more than the last word of one, the first of the other."""
    return one[0] < other[0] < one[1] < other[1]


def mentions_of(document: Document) -> list[set[tuple[int, int]]]:
    found = [{(one.start, one.end) for one in cluster} for cluster in document.clusters or ()]
    return sorted(found, key=sorted)


@settings(max_examples=80, deadline=None)
@given(made=st.lists(documents(), min_size=1, max_size=3), to=st.sampled_from(["conll2012", "corefud", "coref-jsonl"]))
def test_there_and_back(tmp_path_factory, made: list[Document], to: str):
    folder = tmp_path_factory.mktemp("coref")
    write_data(made, folder / "one", to=to)
    read = list(read_coref(folder / "one"))
    assert open_coref(folder / "one").format.name == to
    assert [one.text for one in read] == [one.text for one in made]
    assert [mentions_of(one) for one in read] == [mentions_of(one) for one in made]
    assert [one.sentences for one in read] == [one.sentences for one in made]
    write_data(read, folder / "two", to=to)
    assert (folder / "two").read_bytes() == (folder / "one").read_bytes()
    other = {"conll2012": "coref-jsonl", "corefud": "conll2012", "coref-jsonl": "corefud"}[to]
    write_data(read, folder / "three", to=other)
    assert [mentions_of(one) for one in read_coref(folder / "three")] == [mentions_of(one) for one in made]


@settings(max_examples=40, deadline=None)
@given(made=documents())
def test_changed_clusters_change_the_last_cells_alone(tmp_path_factory, made: Document):
    path = tmp_path_factory.mktemp("coref") / "one.conll"
    write_data([made], path, to="conll2012")
    [read] = read_coref(path)
    before, after = path.read_text().splitlines(), list(conll2012_lines([replace(read, clusters=())]))
    assert [line.split("\t")[:-1] for line in after] == [line.split("\t")[:-1] for line in before]
    assert all(line.endswith("\t-") for line in after if "\t" in line)


def test_real_files_come_back_byte_for_byte(real_data: Path, tmp_path: Path):
    files = [
        real_data / "coref/ontogum/dev-00.conll",
        *sorted((real_data / "coref/litbank").glob("*.conll"))[:5],
        real_data / "coref/gap/gap-validation.tsv",
    ]
    for file in files:
        read = list(read_coref(file))
        write_data(read, tmp_path / "again", to=open_coref(file).format.name)
        assert (tmp_path / "again").read_bytes() == file.read_bytes(), file.name
        assert any(one.clusters for one in read)


def test_speakers_genres_and_blank_separated_columns(tmp_path: Path):
    lines = """#begin document (bc/cctv/00/cctv_0000); part 001
bc/cctv/00/cctv_0000  1  0  Ann   NNP  -  -  -  -  Speaker#1  -  (3)
bc/cctv/00/cctv_0000  1  1  ran   VBD  -  -  -  -  Speaker#1  -  -

bc/cctv/00/cctv_0000  1  0  She   PRP  -  -  -  -  Speaker#2  -  (3)|(5
bc/cctv/00/cctv_0000  1  1  fell  VBD  -  -  -  -  Speaker#2  -  5)

#end document
"""
    path = tmp_path / "a.conll"
    path.write_text(lines)
    [document] = read_coref(path)
    assert (document.id, coref_origin(document).genre, coref_origin(document).part) == (
        "bc/cctv/00/cctv_0000;1",
        "bc",
        "001",
    )
    assert document.columns["speaker"] == ("Speaker#1", "Speaker#1", "Speaker#2", "Speaker#2")
    assert document.text == "Ann ran\nShe fell"
    assert mentions_of(document) == [{(0, 3), (8, 11)}, {(8, 16)}]
    [record] = map(json.loads, coref_lines([document]))
    assert record["sentences"] == [["Ann", "ran"], ["She", "fell"]]
    assert record["clusters"] == [[[0, 0], [2, 2]], [[2, 3]]]
    assert (record["genre"], record["speakers"][1]) == ("bc", ["Speaker#2", "Speaker#2"])


def test_characters_and_fields_of_json(tmp_path: Path):
    record = {"id": "x", "text": "Ann left. She ran.", "clusters": [[[0, 3], [10, 13]]], "source": {"page": 3}}
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(record) + "\n")
    [document] = read_coref(path)
    assert [document.text[one.start : one.end] for one in document.clusters[0]] == ["Ann", "She"]
    assert json.loads(next(coref_lines([document]))) == record
    [changed] = coref_lines([replace(document, clusters=())])
    assert json.loads(changed) == {**record, "clusters": []}


def frame(*cells: str, end: bool = True) -> str:
    body = "\n".join(CELLS.format(place=place, word=f"w{place}", cell=cell) for place, cell in enumerate(cells))
    return f"#begin document (doc); part 000\n{body}\n\n" + ("#end document\n" if end else "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (frame("-", "3)"), r":3: a mention ends but never began; got 3\)"),
        (frame("(3", "-"), r":2: a mention never ends; got \(3"),
        (frame("(3x", "-"), r":2: not a coreference cell"),
        (frame("(3)", end=False), r":3: a document without an end"),
        (frame("-").replace("\t0\tw0\t-\t-\t-\t-\t-\t-\t-", ""), r":2: too few columns"),
        ("word\n" + frame("-"), "no file of coreference"),
        ("#begin document (a)\n#begin document (b)\n", r":2: a document begins inside another"),
        (frame("-") + "stray\n", r":5: a line outside of documents"),
        ("\n", "an empty file"),
        ('{"text": "abc", "clusters": [[[0, 9]]]}\n', r":1: not a mention of the document; got \[0, 9\]"),
        ('{"tokens": ["a"], "clusters": [[[0, 1]]]}\n', r":1: not a mention of the document"),
        ('{"text": "abc", "clusters": [[0, 1]]}\n', r":1: not a mention of the document"),
        ('{"text": "abc", "clusters": 3}\n', r":1: clusters that are not lists"),
        ('{"words": ["a"]}\n', r":1: neither text nor words"),
        ('{"sentences": ["ab"]}\n', r":1: sentences that are not words"),
        ('{"text": 3}\n', r":1: a text that is not a string"),
        ("ID\tText\tX\n", "no file of coreference"),
        (frame("(" + "9" * 5000 + ")"), "not a coreference cell"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: str, said: str):
    path = tmp_path / "broken"
    path.write_text(content)
    with pytest.raises(InputError, match=said):
        list(read_coref(path))


def test_gap_rows(tmp_path: Path, real_data: Path):
    lines = (real_data / "coref/gap/gap-validation.tsv").read_text(encoding="utf-8").splitlines()
    cells = lines[1].split("\t")
    path = tmp_path / "gap.tsv"
    for place, value, said in ((3, "0", "a name that is not where"), (6, "MAYBE", "not a truth value")):
        path.write_text("\n".join([lines[0], "\t".join([*cells[:place], value, *cells[place + 1 :]])]))
        with pytest.raises(InputError, match=f":2.*{said}"):
            list(read_coref(path))
    path.write_text("\n".join([lines[0], "\t".join(cells[:-1])]))
    with pytest.raises(InputError, match=":2: a row of another length"):
        list(read_coref(path))
    path.write_text("\n".join([lines[0], lines[2]]) + "\n")
    [document] = read_coref(path)
    pronoun, *names = document.spans
    assert document.text[pronoun.start : pronoun.end] == lines[2].split("\t")[2]
    assert [name.label for name in names] == ["A", "B"]
    with pytest.raises(InputError, match="not a pronoun and two names"):
        write_data([replace(document, origin=None)], tmp_path / "out.tsv", to="gap")
    assert not (tmp_path / "out.tsv").exists()


def test_mentions_in_two_clusters_are_named_and_can_be_self_describing(tmp_path: Path):
    path = tmp_path / "a.conll"
    path.write_text(frame("(1|(2", "1)|2)", "(1)", "(2)", "(4)"))
    [document] = read_coref(path)
    [repeated] = repeated_mentions(document)
    assert (repeated.where, repeated.clusters) == (f"{path}:3", ("1", "2"))
    assert mentions_of(document) == [{(0, 5), (6, 8)}, {(0, 5), (9, 11)}, {(12, 14)}]
    mended = replace(document, clusters=in_first_cluster(document))
    assert mentions_of(mended) == [{(0, 5), (6, 8)}, {(12, 14)}], "a cluster that lost all but one is gone"
    write_data([document], tmp_path / "b.conll", to="conll2012")
    assert (tmp_path / "b.conll").read_bytes() == path.read_bytes()
    (tmp_path / "c.jsonl").write_text('{"text": "abc", "clusters": [[[0, 1]], [[0, 1]]]}\n')
    [of_json] = read_coref(tmp_path / "c.jsonl")
    assert repeated_mentions(of_json)[0].where == f"{tmp_path / 'c.jsonl'}:1"


def test_what_words_and_brackets_cannot_hold(tmp_path: Path):
    document = Document(
        id="a", text="abc", words=(Span(start=0, end=3),), clusters=((Span(start=0, end=1), Span(start=0, end=3)),)
    )
    for to in ("conll2012", "coref-jsonl"):
        with pytest.raises(InputError, match="a mention begins or ends inside a word"):
            write_data([document], tmp_path / "out", to=to)
    text, words = text_of_words(["a", "b", "c", "d"])
    crossing = (Span(start=0, end=words[2].end), Span(start=words[1].start, end=words[3].end))
    made = Document(id="a", text=text, words=tuple(words), clusters=(crossing,))
    with pytest.raises(InputError, match="mentions of one cluster cross"):
        write_data([made], tmp_path / "out", to="conll2012")
    apart = replace(made, clusters=((crossing[0],), (crossing[1],)))
    write_data([apart], tmp_path / "apart", to="conll2012")
    assert mentions_of(next(read_coref(tmp_path / "apart"))) == mentions_of(apart), "of two clusters they may"
    write_data([made], tmp_path / "lines", to="coref-jsonl")
    assert mentions_of(next(read_coref(tmp_path / "lines"))) == mentions_of(made)
    touching = replace(made, clusters=((crossing[0], Span(start=words[2].start, end=words[3].end)),))
    assert [line.rpartition("\t")[2] for line in conll2012_lines([touching])][1:5] == ["(0", "-", "0)|(0", "0)"]
    with pytest.raises(InputError, match="a: a text without clusters among others"):
        write_data([apart, replace(made, clusters=None)], tmp_path / "out", to="conll2012")
    with pytest.raises(InputError, match=r"out.jsonl.gz: compressed files are not written"):
        write_data([made], tmp_path / "out.jsonl.gz", to="coref-jsonl")
    with pytest.raises(InputError, match="unknown format 'conl2012'"):
        write_data([document], tmp_path / "out", to="conl2012")
    assert not (tmp_path / "out").exists()


def test_texts_without_words_are_split_where_mentions_end(tmp_path: Path, real_data: Path):
    clusters = ((Span(start=0, end=3), Span(start=6, end=11)), (Span(start=14, end=17),))
    text = "Ann's father.\nShe left."
    write_data([Document(id="a", text=text, clusters=clusters)], tmp_path / "a.conll", to="conll2012")
    [read] = read_coref(tmp_path / "a.conll")
    assert [read.text[one.start : one.end] for one in read.words][:3] == ["Ann", "'s", "fathe"]
    assert [[read.text[one.start : one.end] for one in cluster] for cluster in read.clusters] == [
        ["Ann", "fathe"],
        ["She"],
    ]
    assert list(read.sentences) == [(0, 5), (5, 8)]
    rows = list(read_coref(real_data / "coref/gap/gap-validation.tsv"))
    write_data(rows, tmp_path / "gap.conll", to="conll2012")
    again = list(read_coref(tmp_path / "gap.conll"))
    assert [len(one.clusters) for one in again] == [len(one.clusters) for one in rows]


def test_wrapped_mentions_and_sentences_of_a_text(tmp_path: Path):
    text = "He lives in New\nyork city. He likes it."
    clusters = ((Span(start=12, end=25), Span(start=36, end=38)), (Span(start=0, end=2), Span(start=27, end=29)))
    write_data([Document(id="a", text=text, clusters=clusters)], tmp_path / "a.conll", to="conll2012")
    [read] = read_coref(tmp_path / "a.conll")
    assert list(read.sentences) == [(0, 7), (7, 11)]
    assert [len(cluster) for cluster in read.clusters] == [2, 2]
    spaced = tmp_path / "b.conll"
    spaced.write_text((tmp_path / "a.conll").read_text().replace("\t-\n", "\t- \n"))
    assert mentions_of(next(read_coref(spaced))) == mentions_of(read), "a blank after the last cell"
    with pytest.raises(InputError, match="what one cell cannot hold"):
        write_data([replace(read, origin=CorefOrigin(document="a\tb"))], tmp_path / "c.conll", to="conll2012")


def test_nameless_speakers_and_white_space_inside_words(tmp_path: Path):
    record = {"sentences": [["10\u00a0000", "left"]], "speakers": [["", "Bob"]], "clusters": [[[0, 0], [1, 1]]]}
    (tmp_path / "a.jsonl").write_text(json.dumps(record) + "\n")
    made = next(read_coref(tmp_path / "a.jsonl"))
    write_data([made], tmp_path / "a.conll", to="conll2012")
    tabs = (tmp_path / "a.conll").read_text()
    (tmp_path / "b.conll").write_text(tabs.replace("\t", "  "))
    for name in ("a.conll", "b.conll"):
        [read] = read_coref(tmp_path / name)
        assert [read.text[one.start : one.end] for one in read.words] == ["10\u00a0000", "left"]
        assert (read.columns["speaker"], mentions_of(read)) == (("-", "Bob"), mentions_of(made))


def test_parts_and_empty_clusters(tmp_path: Path):
    path = tmp_path / "a.conll"
    path.write_text(frame("(1)", "(1)").replace("part 000", "part 003"))
    [read] = read_coref(path)
    write_data([read], tmp_path / "a.jsonl", to="coref-jsonl")
    [again] = read_coref(tmp_path / "a.jsonl")
    assert (again.id, coref_origin(again).part) == (read.id, "003") == ("doc;3", "003")
    write_data([again], tmp_path / "b.conll", to="conll2012")
    assert next(read_coref(tmp_path / "b.conll")).id == "doc;3"
    (tmp_path / "c.jsonl").write_text('{"text": "ab", "clusters": [[], [[0, 1]]], "id": null}\n')
    [read] = read_coref(tmp_path / "c.jsonl")
    assert (mentions_of(read), read.id) == ([{(0, 1)}], "c.jsonl:1")


def test_files_of_coreference_are_known_by_their_first_line(tmp_path: Path):
    contents = {
        frame("-"): "conll2012",
        '\n{"text": "a", "clusters": []}\n': "coref-jsonl",
        '{"sentences": [["a"]]}\n': "coref-jsonl",
        "\t".join(HEADER) + "\n": "gap",
        "ID\tText\tLabel\n": None,
        '{"text": "a"}\n': None,
        "word O\n": None,
        "": None,
    }
    for content, expected in contents.items():
        (tmp_path / "a").write_text(content)
        assert marks_of(tmp_path / "a") == ([expected] if expected else [])
    assert marks_of(tmp_path / "none") == []
