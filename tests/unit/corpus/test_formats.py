"""The registry of formats: what each can hold, how it is called, and by what its files are known."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html import escape
from pathlib import Path

import pytest
from typer.main import get_command

from spanbert.apps.cli.main import app
from spanbert.core.errors import InputError
from spanbert.core.types import Document, Question, Relation, Span
from spanbert.corpus.formats.families import ANNOTATED, COREFERENCE, RELATIONS
from spanbert.corpus.formats.format import Format, ReadSettings, WriteSettings
from spanbert.corpus.formats.gap import HEADER
from spanbert.corpus.formats.registry import (
    FORMATS,
    WRITTEN,
    format_named,
    marked_formats,
    named_formats,
    open_data,
    write_data,
)
from spanbert.tasks.registry import kinds, spec_of

DOCS = Path(__file__).parents[3] / "docs"
TEXT = "Ann met Eve . She left"
WORDS = tuple(Span(start=start, end=end) for start, end in ((0, 3), (4, 7), (8, 11), (12, 13), (14, 17), (18, 22)))
BARE = Document(id="7", text=TEXT, words=WORDS, sentences=((0, 6),))
ANN, EVE, SHE = WORDS[0], WORDS[2], WORDS[4]
GOLD = {
    "spans": (replace(ANN, label="PER"), replace(EVE, label="PER")),
    "clusters": ((ANN, SHE),),
    "relations": (Relation(head=ANN, tail=EVE, label="knows"),),
    "questions": (Question(id="q", text="Who left?", answers=(ANN,)),),
    "labels": ("x",),
    "columns": {"tag": ("B-PER", "O", "B-PER", "O", "O", "O")},
    "target": "Anna traf Eva.",
}
GAP_ROW = ("7", TEXT, "She", "14", "Ann", "0", "TRUE", "Eve", "8", "FALSE", "http://x")


def fields_of(document: Document) -> set[str]:
    """The gold fields in which a document has something."""
    empty = BARE.gold()
    return {name for name, value in document.gold().items() if value != empty[name]}


def full(format_: Format, folder: Path) -> list[Document]:
    """Documents that have, together, all fields that a format says it holds, and no other."""
    holds = {name: GOLD[name] for name in format_.holds}
    if format_.family is COREFERENCE and "columns" in holds:
        holds["columns"] = {"speaker": ("A", "A", "A", "A", "B", "B")}
    if format_.family is ANNOTATED and {"spans", "columns"} <= holds.keys() and not format_.writes_tags:
        tags = holds.pop("columns")  # a text has either
        return [replace(BARE, **holds), replace(BARE, columns=tags)]
    if format_.family is RELATIONS and "spans" in holds:
        ann, eve = holds["spans"]
        holds["relations"] = (Relation(head=ann, tail=eve, label="knows"),)
    if format_.name == "gap":  # of nothing but itself
        path = folder / "gap.tsv"
        path.write_text("\n".join("\t".join(row) for row in (HEADER, GAP_ROW)))
        return list(open_data(path, among=["gap"]).documents())
    return [replace(BARE, **holds)]


def there_and_back(documents: list[Document], name: str, folder: Path) -> list[Document]:
    path = folder / ("file.jsonl" if name in ("parallel", "labelled") else "file")
    companion = folder / "companion" if name == "aligned" else None
    write_data(documents, path, to=name, settings=WriteSettings(companion=companion))
    return list(open_data(path, among=[name], settings=ReadSettings(companion=companion)).documents())


@pytest.mark.parametrize("format_", FORMATS, ids=lambda one: one.name)
def test_a_format_holds_what_it_says(format_: Format, tmp_path: Path):
    documents = full(format_, tmp_path)
    assert set().union(*map(fields_of, documents)) == format_.holds
    again = [one for document in documents for one in there_and_back([document], format_.name, tmp_path)]
    assert [one.text for one in again] == [one.text for one in documents]
    assert [one.gold() for one in again] == [one.gold() for one in documents]


@pytest.mark.parametrize("format_", [one for one in FORMATS if one.write], ids=lambda one: one.name)
def test_a_format_holds_nothing_else(format_: Format, tmp_path: Path):
    """Any other field is refused or lost, and takes nothing along."""
    documents = full(format_, tmp_path)
    assert BARE.gold().keys() == GOLD.keys()
    for name in GOLD.keys() - format_.holds:
        more = [replace(one, **{name: GOLD[name]}) for one in documents]
        try:
            again = [one for document in more for one in there_and_back([document], format_.name, tmp_path)]
        except InputError:
            assert name == "questions"
        else:
            assert [one.gold() for one in again] == [one.gold() for one in documents]


def test_every_format_has_one_name_which_help_and_docs_know():
    names = [one.name for one in FORMATS]
    assert len(set(names)) == len(names)
    to = next(one for one in get_command(app).commands["convert"].params if one.name == "to")
    assert set(WRITTEN) <= set(re.findall(r"[\w-]+", to.help))
    readers = {name: [kind for kind in kinds() if name in spec_of(kind).formats] for name in names}
    rows = [
        f"| `{one.name}` | {escape(one.title, quote=False)} | {', '.join(f'`{kind}`' for kind in readers[one.name])} "
        f"| {', '.join(sorted(one.holds))} | yes | {'yes' if one.write else 'no'} "
        for one in FORMATS
    ]
    page = (DOCS / "FORMATS.md").read_text(encoding="utf-8")
    stated = [line.split("|") for line in page.splitlines() if line.startswith("| `")]
    assert ["|".join(cells[:7]) for cells in stated] == rows
    assert all(len(cells) == 10 and cells[7].strip() and cells[8].strip() for cells in stated)
    groups = [group.count("\n| `") for group in page.split("|---|---|---|---|---|---|---|---|")[1:]]
    main = Counter(one.family.called for one in FORMATS)
    assert groups == [
        main[format_named(name).family.called] for name in ("columns", "conll2012", "tacred", "labelled", "tmx")
    ]


def test_every_task_reads_formats_of_one_family():
    for kind in kinds():
        families = [set(format_named(name).families) for name in spec_of(kind).formats]
        assert len(set.intersection(*families)) == 1


@pytest.mark.parametrize(
    ("name", "formats"),
    [
        ("a.csv", ["labelled", "parallel"]),
        ("a.tsv.gz", ["columns", "labelled", "parallel"]),
        ("a.parquet", ["labelled", "parallel"]),
        ("a.conllu", ["columns"]),
        ("a.json", ["squad"]),
        ("a.txt", []),
        ("a.jsonl", []),
    ],
)
def test_suffixes_that_name_formats(name: str, formats: list[str]):
    assert [one.name for one in named_formats(Path(name))] == formats


def test_marks_of_several_formats(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text('{"clusters": [], "subj_start": 0}\n')
    assert [one.name for one in marked_formats(tmp_path / "a.jsonl")] == ["coref-jsonl", "relation-jsonl"]
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe#begin document\n")
    assert marked_formats(tmp_path / "b.txt") == []


def test_one_format_is_taken_at_its_word(tmp_path: Path):
    (tmp_path / "words.json").write_text("Ann B-PER\nleft O\n")
    [document] = open_data(tmp_path / "words.json", among=["columns"]).documents()
    assert document.spans == (Span(start=0, end=3, label="PER"),)
    with pytest.raises(
        InputError, match=r"words\.json:1: no file of coreference; got 'Ann B-PER'; expected #begin doc"
    ):
        open_data(tmp_path / "words.json", among=["conll2012", "gap"])
