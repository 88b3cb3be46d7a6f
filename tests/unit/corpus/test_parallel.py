"""Files of texts with their translations: tables, JSON lines, two files, memories."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.core.errors import InputError
from spanbert.core.types import Document
from spanbert.corpus.formats.format import ReadSettings, WriteSettings
from spanbert.corpus.formats.registry import open_data, write_data

PAIRS = [("He left early.", "Er ging früh."), ("今天下雨。", 'a "quoted", text'), ("x", "<&> y")]


def pairs(path: Path, **settings: object) -> list[tuple[str, str | None]]:
    data = open_data(path, among=("tmx", "parallel"), settings=ReadSettings(**settings))
    return [(document.text, document.target) for document in data.documents()]


def aligned(path: Path, companion: Path) -> list[Document]:
    return list(open_data(path, among=["aligned"], settings=ReadSettings(companion=companion)).documents())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "He left.\tEr ging.\nShe ran.\tSie lief.\n"),
        ("a.tsv", "en\tde\nHe left.\tEr ging.\nShe ran.\tSie lief.\n"),
        ("a.csv", "source,target\nHe left.,Er ging.\nShe ran.,Sie lief.\n"),
        ("a.csv", "id,target,source\n1,Er ging.,He left.\n2,Sie lief.,She ran.\n"),
        ("a.jsonl", '{"text": "He left.", "target": "Er ging."}\n{"text": "She ran.", "target": "Sie lief."}\n'),
        (
            "a.jsonl",
            '{"translation": {"en": "He left.", "de": "Er ging."}}\n{"translation": {"en": "She ran.", "de": "Sie lief."}}\n',
        ),
        (
            "a.json",
            '{"source": "He left.", "translation": "Er ging."}\n{"source": "She ran.", "translation": "Sie lief."}\n',
        ),
    ],
)
def test_columns_are_found(tmp_path: Path, name: str, content: str):
    (tmp_path / name).write_text(content)
    assert pairs(tmp_path / name) == [("He left.", "Er ging."), ("She ran.", "Sie lief.")]


def test_columns_are_named(tmp_path: Path):
    (tmp_path / "a.tsv").write_text("fr\ten\tde\nIl part.\tHe leaves.\tEr geht.\n")
    assert pairs(tmp_path / "a.tsv", text_column="de", target_column="en") == [("Er geht.", "He leaves.")]
    with pytest.raises(InputError, match="cannot tell which columns") as refused:
        pairs(tmp_path / "a.tsv")
    assert "--text-column and --target-column" in str(refused.value)
    with pytest.raises(InputError, match="no column 'english'"):
        pairs(tmp_path / "a.tsv", text_column="english")
    (tmp_path / "b.jsonl").write_text('{"translation": {"en": "He left.", "de": "Er ging.", "fr": "x"}}\n')
    assert pairs(tmp_path / "b.jsonl", text_column="de", target_column="en") == [("Er ging.", "He left.")]


def test_texts_without_translations(tmp_path: Path):
    (tmp_path / "a.csv").write_text("text\nHe left.\n")
    assert pairs(tmp_path / "a.csv") == [("He left.", None)]


def test_places_of_faults(tmp_path: Path):
    (tmp_path / "a.tsv").write_text("one\tzwei\nthree\n")
    with pytest.raises(InputError, match=r"a\.tsv:2"):
        pairs(tmp_path / "a.tsv")
    (tmp_path / "b.jsonl").write_text('{"text": "one", "target": "eins"}\n{"text": "two", "target": 2}\n')
    with pytest.raises(InputError, match=r"b\.jsonl:2.*'target' is not a text"):
        pairs(tmp_path / "b.jsonl")
    (tmp_path / "c.txt").write_text("one\n")
    with pytest.raises(InputError, match="no file of texts with their translations"):
        pairs(tmp_path / "c.txt")


def test_two_files(tmp_path: Path):
    one, other = tmp_path / "a.en", tmp_path / "a.de"
    one.write_text("\ufeffHe left.\n\nShe ran.\n")
    other.write_bytes(b"Er ging.\r\nLeer\r\nSie lief.\r\n")
    found = aligned(one, other)
    assert [(document.text, document.target) for document in found] == [
        ("He left.", "Er ging."), ("", "Leer"), ("She ran.", "Sie lief."),
    ]  # fmt: skip
    assert found[2].where == f"{one} + {other.name}:3"
    packed = tmp_path / "a.de.gz"
    packed.write_bytes(gzip.compress(other.read_bytes()))
    assert aligned(one, packed)[2].target == "Sie lief."


def test_two_files_that_do_not_fit(tmp_path: Path):
    one, other = tmp_path / "a.en", tmp_path / "a.de"
    one.write_text("a\nb\nc\n")
    other.write_text("a\nb\n")
    with pytest.raises(InputError, match=r"a\.en:3: the files do not have equally many lines.*a\.de ends after line 2"):
        aligned(one, other)
    with pytest.raises(InputError, match=r"a\.en:3"):
        aligned(other, one)
    other.write_bytes(b"a\nb\xff\nc\n")
    with pytest.raises(InputError, match=r"a\.de:2: not UTF-8"):
        aligned(one, other)
    broken: list[InputError] = []
    data = open_data(one, among=["aligned"], settings=ReadSettings(companion=other))
    assert [document.target for document in data.documents(broken.append)] == ["a", "c"]
    assert len(broken) == 1
    with pytest.raises(InputError, match="no such file"):
        aligned(one, tmp_path / "missing")


MEMORY = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4"><header srclang="en-US" datatype="xml"/><body>
<tu><tuv xml:lang="en-US"><seg>He <bpt i="1">&lt;b&gt;</bpt>left<ept i="1">&lt;/b&gt;</ept> <hi>early</hi>.</seg></tuv>
<tuv xml:lang="de"><seg>Er ging früh.</seg></tuv></tu>
<tu><tuv xml:lang="de"><seg>Allein</seg></tuv></tu>
<tu><tuv xml:lang="de"><seg>Ja &amp; nein</seg></tuv><tuv xml:lang="en-US"><seg>Yes &amp; no</seg></tuv></tu>
</body></tmx>
"""


def test_memories(tmp_path: Path):
    path = tmp_path / "m.tmx"
    path.write_text(MEMORY)
    assert pairs(path) == [("He left early.", "Er ging früh."), ("Yes & no", "Ja & nein")]
    assert pairs(path, text_column="de", target_column="en")[1] == ("Ja & nein", "Yes & no")
    with pytest.raises(InputError, match="no language 'fr'"):
        pairs(path, target_column="fr")
    path.write_bytes(MEMORY.replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16"))
    assert len(pairs(path)) == 2
    path.write_text(MEMORY.replace('</tu>\n<tu><tuv xml:lang="de"><seg>Allein', "</tux>"))
    with pytest.raises(InputError, match=r"m\.tmx:\d+: not XML"):
        pairs(path)
    path.write_text("<html><body/></html>")
    with pytest.raises(InputError, match="not a translation memory"):
        pairs(path)
    path.write_text(MEMORY.replace("<seg>Allein", '<seg/></tuv><tuv xml:lang="fr"><seg>Seul'))
    with pytest.raises(InputError, match="a memory of several languages"):
        pairs(path)


@pytest.mark.parametrize(
    ("name", "to"), [("b.jsonl", "parallel"), ("b.csv", "parallel"), ("b.tsv", "parallel"), ("b.tmx", "tmx")]
)
def test_what_is_written_is_read_again(tmp_path: Path, name: str, to: str):
    documents = [Document(id=str(number), text=text, target=target) for number, (text, target) in enumerate(PAIRS)]
    write_data(documents, tmp_path / name, to=to)
    assert pairs(tmp_path / name) == PAIRS


@settings(max_examples=60, deadline=None)
@given(both=st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), min_size=1, max_size=4))
def test_json_lines_hold_every_text(tmp_path_factory: pytest.TempPathFactory, both: list[tuple[str, str]]):
    path = tmp_path_factory.mktemp("pairs") / "a.jsonl"
    write_data((Document(id="1", text=text, target=target) for text, target in both), path, to="parallel")
    assert pairs(path) == both
    assert [json.loads(line)["target"] for line in path.read_text().split("\n") if line] == [
        target for _, target in both
    ]


def test_what_cannot_be_written(tmp_path: Path):
    broken = [Document(id="1", text="two\nlines", target="x")]
    for to, name in (("parallel", "a.tsv"), ("aligned", "a.en")):
        with pytest.raises(InputError, match="a line break inside a text"):
            write_data(broken, tmp_path / name, to=to, settings=WriteSettings(companion=tmp_path / "a.de"))
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="where to write the translations"):
        write_data(broken, tmp_path / "a.en", to="aligned")
    with pytest.raises(InputError, match="a text without a translation"):
        write_data([Document(id="1", text="x")], tmp_path / "a.jsonl", to="parallel")
    with pytest.raises(InputError, match="a character that XML cannot hold"):
        write_data([Document(id="1", text="\x07", target="x")], tmp_path / "a.tmx", to="tmx")


def test_two_files_are_written(tmp_path: Path):
    documents = [Document(id="1", text="He left.", target="Er ging.")]
    one, other = tmp_path / "a.en", tmp_path / "a.de"
    write_data(documents, one, to="aligned", settings=WriteSettings(companion=other))
    assert (one.read_text(), other.read_text()) == ("He left.\n", "Er ging.\n")
