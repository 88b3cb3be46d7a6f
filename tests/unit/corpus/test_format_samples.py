"""Every format by a sample of ours: known by its content, the same after a round trip, and converted within its family."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from spanbert.core.types import Document
from spanbert.corpus.formats.families import COREFERENCE
from spanbert.corpus.formats.format import WriteSettings
from spanbert.corpus.formats.registry import FORMATS, WRITTEN, family_of, format_named, open_data, write_data
from spanbert.tasks.registry import kinds, spec_of
from tests.format_samples import DOCCANO_OFFSETS, SAMPLES, lines, put_sample

CASES = [(name, *sample) for name, samples in SAMPLES.items() for sample in samples]
WHOLE = ("brat", "label-studio", "label-studio-min", "spacy", "spacy-json", "squad")  # not, or not all, read compressed
OTHERS = {  # a file with two kinds of annotation, of which each verb reads its own
    ("doccano", lines(DOCCANO_OFFSETS)): {"doccano", "doccano-relations"},
}


def shown(case: object) -> str:
    return str(case)[:24].strip()


def bare(document: Document) -> Document:
    """All that a document says, without where it stood in which file."""
    is_place = re.fullmatch(r"a\.\w+:\d+", document.id)
    return replace(document, id="" if is_place else document.id, origin=None, where=None)


def written_as(name: str) -> str:
    return {
        "labelled": "b.jsonl",
        "parallel": "b.jsonl",
        "gap": "b.tsv",
        "tmx": "b.tmx",
        "brat": "b.ann",
        "webanno": "b.tsv",
        "spacy": "b.spacy",
    }.get(name, "b")


def test_every_format_has_a_sample():
    assert set(SAMPLES) == {one.name for one in FORMATS} - {"aligned"}  # which is known by its second file


@pytest.mark.parametrize(("name", "file", "content"), CASES, ids=shown)
def test_known_by_its_content(tmp_path: Path, name: str, file: str, content: str):
    """Whichever verb asks: `convert` to any format of its families, and every task that reads it."""
    path = put_sample(tmp_path, name, file, content)
    asked = [family_of(other) for other in family_of(name) if other in WRITTEN]
    asked += [spec_of(kind).formats for kind in kinds() if name in spec_of(kind).formats]
    for among in dict.fromkeys(asked):
        expected = OTHERS.get((name, content), {name})
        assert open_data(path, among=among).format.name in expected, among
    data = open_data(path, among=family_of(name))
    assert list(data.documents())
    if name not in WHOLE:
        (tmp_path / f"{file}.gz").write_bytes(gzip.compress(content.encode()))
        packed = open_data(tmp_path / f"{file}.gz", among=family_of(name))
        assert packed.format.name == name
        assert [one.text for one in packed.documents()] == [one.text for one in data.documents()]


@pytest.mark.parametrize(("name", "file", "content"), CASES, ids=shown)
def test_the_same_after_a_round_trip(tmp_path: Path, name: str, file: str, content: str):
    documents = list(open_data(put_sample(tmp_path, name, file, content), among=[name]).documents())
    (tmp_path / "again").mkdir()
    if name == "brat":
        file = "a.ann"  # else a folder
    if name == "webanno":
        file = "a.tsv"
    target = tmp_path / "again" / ("a.jsonl" if (name, file) == ("labelled", "a.json") else file)
    write_data(documents, target, to=name)
    again = list(open_data(target, among=[name]).documents())
    assert list(map(bare, again)) == list(map(bare, documents))


def content(path: Path) -> object:
    """What a file says, but for how its JSON is laid out."""
    if path.read_bytes()[:1] == b"\x78":
        return zlib.decompress(path.read_bytes())
    text = path.read_text(encoding="utf-8")
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return list(map(json.loads, text.splitlines()))
    return value if isinstance(value, list) else [value]


def test_what_the_docs_call_lossless_is(tmp_path: Path):
    page = (Path(__file__).parents[3] / "docs" / "FORMATS.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `")]
    lossless = {cells[1].strip(" `") for cells in rows if cells[7].strip().startswith("lossless")}
    for name in lossless & SAMPLES.keys():
        for number, (file, text) in enumerate(SAMPLES[name]):
            source = put_sample(tmp_path, name, file, text)
            target = tmp_path / f"{name}-{number}{Path(written_as(name)).suffix}"
            write_data(open_data(source, among=[name]).documents(), target, to=name)
            assert content(target) == content(source), (name, file)


PAIRS = [
    (name, other)
    for name in SAMPLES
    for other in family_of(name)
    if format_named(name).family is format_named(other).family is not COREFERENCE
    if name != other and other in WRITTEN and not {name, other} & {"squad", "qa-jsonl", "webanno", "brat"}
]


@pytest.mark.parametrize(("name", "other"), PAIRS)
def test_converted_to_every_other_format_of_the_family(tmp_path: Path, name: str, other: str):
    """Texts, but for blanks between words, and what is annotated in them survive, there and on the way back."""
    documents = [
        one for one in open_data(put_sample(tmp_path, name, *SAMPLES[name][0]), among=[name]).documents() if one.text
    ]
    settings = WriteSettings(companion=tmp_path / "second")
    there = tmp_path / f"there{Path(written_as(other)).suffix}"
    flat = [without_inner(one) for one in documents] if format_named(other).writes_tags else documents
    if "labels" not in format_named(other).holds:
        flat = [replace(one, labels=None) for one in flat]
    write_data(flat, there, to=other, settings=settings)
    if other == "aligned":
        return
    data = open_data(there, among=family_of(other))
    assert data.format.name == other
    found = list(data.documents())
    assert list(map(said, found)) == list(map(said, flat))
    write_data(found, tmp_path / written_as(name), to=name, settings=settings)
    back = list(open_data(tmp_path / written_as(name), among=[name]).documents())
    assert list(map(said, back)) == list(map(said, flat))


def without_inner(document: Document) -> Document:
    """The document without spans within others, which one tag a word cannot express."""
    spans = document.spans
    kept = [] if spans is None else [
        one for one in spans
        if not any(other != one and other.start <= one.start and one.end <= other.end for other in spans)
    ]  # fmt: skip
    return replace(document, spans=None if spans is None else tuple(kept))


def said(document: Document) -> tuple[object, ...]:
    """Text and annotation of a document."""
    spans = None if document.relations is not None else document.spans
    relations = {
        (document.text[one.head.start : one.head.end], document.text[one.tail.start : one.tail.end], one.label)
        for one in document.relations or ()
    }
    where = None if spans is None else sorted((document.text[one.start : one.end], one.label) for one in spans)
    return "".join(document.text.split()), document.pair, document.target, document.labels, where, relations
