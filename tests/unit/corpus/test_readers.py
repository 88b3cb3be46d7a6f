from __future__ import annotations

import bz2
import gzip
import json
from pathlib import Path

import pytest

from spanbert.core.errors import InputError
from spanbert.corpus.clean import clean_text
from spanbert.corpus.readers import DocumentReader, ReadOptions


def read(*inputs: object, **options: object) -> tuple[list[tuple[str, str]], DocumentReader]:
    reader = DocumentReader([str(item) for item in inputs], ReadOptions(**options))
    return [(document.id, document.text) for document in reader], reader


def test_txt_documents_between_blank_lines_or_one_a_file(tmp_path: Path):
    file = tmp_path / "a.txt"
    file.write_bytes(b"\xef\xbb\xbfOne\r\nmore\r\n\r\n \r\nTwo\r\n")
    assert read(file)[0] == [("a.txt:1", "One\nmore"), ("a.txt:5", "Two")]
    assert read(file, documents="file")[0] == [("a.txt:1", "One\nmore\n\n \nTwo")]


def test_last_document_without_line_end_counts(tmp_path: Path):
    file = tmp_path / "a.txt"
    file.write_text("One\n\nTwo")
    assert [text for _, text in read(file)[0]] == ["One", "Two"]


def test_jsonl_field_and_ids(tmp_path: Path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"body": "x"}\n\n{"body": "y", "id": 7}\n')
    assert read(file, text_field="body")[0] == [("a.jsonl:1", "x"), ("7", "y")]


def test_compressed_files_folders_globs_and_each_file_once(tmp_path: Path):
    folder = tmp_path / "texts"
    (folder / "deep").mkdir(parents=True)
    (folder / "b.txt.gz").write_bytes(gzip.compress(b"zipped"))
    (folder / "deep" / "c.jsonl.bz2").write_bytes(bz2.compress(b'{"text": "json"}\n'))
    (folder / "a.txt").write_text("plain")
    (folder / "ignored.pdf").write_bytes(b"%PDF")
    (folder / ".hidden.txt").write_text("hidden")
    found, reader = read(folder, folder / "*.txt", folder / "a.txt")
    assert found == [("texts/a.txt:1", "plain"), ("texts/b.txt.gz:1", "zipped"), ("texts/deep/c.jsonl.bz2:1", "json")]
    assert reader.summary.bytes_read.done == reader.summary.bytes_total > 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"text": "x"}\n{"text": \n', ":2: not valid JSON"),
        ("a.jsonl", b'[1]\n', ":1: not a JSON object; got list"),
        ("a.jsonl", b'{"body": "x"}\n', ":1: no field 'text'; got body. Name the field with --text-field"),
        ("a.jsonl", b'{"text": 3}\n', ":1: field 'text' is not a string; got int"),
        ("a.txt", b"good\ncaf\xe9\n", ":2: not UTF-8; got byte 0xe9 in column 4"),
        ("a.txt", b"good\n\x00\x01\n", ":2: a binary file, not text"),
        ("a.txt", "hello".encode("utf-16"), ":1: UTF-16 text"),
        ("a.txt.gz", gzip.compress(b"line\n" * 1000)[:-9], "damaged or cut short"),
        ("a.txt.gz", b"no gzip at all", ":1: the compressed file is damaged or cut short"),
        ("a.xml", b"<html></html>", "not a MediaWiki dump; got <html>"),
        ("a.xml", b"<mediawiki>\n<page>", "a.xml:2: broken XML"),
    ],
)  # fmt: skip
def test_broken_input_names_file_and_line(tmp_path: Path, name: str, content: bytes, message: str):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(InputError) as error:
        read(file)
    assert message in str(error.value)
    assert str(file) in str(error.value)


def test_broken_lines_are_skipped_and_counted_on_request(tmp_path: Path):
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"text": "x"}\n{"text": \n{"text": "caf\xe9"}\n{"text": "y"}\n')
    found, reader = read(file, on_error="skip")
    assert [text for _, text in found] == ["x", "y"]
    assert reader.summary.broken_lines == 2
    assert [example.split(": ")[0] for example in reader.summary.broken_examples] == [f"{file}:2", f"{file}:3"]


@pytest.mark.parametrize("missing", ["none.txt", "*.txt", "folder"])
def test_nothing_to_read(tmp_path: Path, missing: str):
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="no such file|no readable file"):
        read(tmp_path / missing)


def test_unknown_kind_lists_the_known(tmp_path: Path):
    file = tmp_path / "a.pdf"
    file.write_bytes(b"%PDF")
    with pytest.raises(InputError, match=r"got \.pdf; expected \.txt, \.jsonl"):
        read(file)


def test_duplicates_and_empty_documents_are_counted(tmp_path: Path):
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in ("Same text", "same  text", "  ", "other")))
    found, reader = read(file, deduplicate=True)
    assert [text for _, text in found] == ["Same text", "other"]
    assert (reader.summary.duplicates, reader.summary.empty, reader.summary.documents) == (1, 1, 2)


def test_cleaning_repairs_and_is_idempotent(tmp_path: Path):
    dirty = "schÃ¶n\u0007 cafe\u0301\tx\u200d\ue000"
    clean = clean_text(dirty)
    assert clean.startswith("schön café\tx")
    assert "\ue000" not in clean
    assert clean_text(clean) == clean
    file = tmp_path / "a.txt"
    file.write_text(dirty)
    assert read(file)[0][0][1] == dirty
    assert read(file, clean=True)[0][0][1] == clean


def test_mediawiki_prose_without_markup(tmp_path: Path):
    article = (
        "'''Foxes''' are small animals that live in [[forest]]s, and this sentence is long enough to be kept.<ref>no</ref>\n"
        "{{Infobox|a=b}}\n{|\n|table cell text that is also quite long, long enough to be kept if it were prose\n|}\n"
        "[[File:fox.jpg|thumb|A caption that is long enough to be kept if it were taken for prose of the article]]\n"
        "short\n== References ==\nThis closing section is long enough to be kept, but it is no prose of the article.\n"
    )
    pages = "".join(
        f"<page><title>{title}</title><ns>{ns}</ns>{extra}<revision><text>{article}</text></revision></page>".replace(
            "<ref>no</ref>", "&lt;ref&gt;no&lt;/ref&gt;"
        )
        for title, ns, extra in (("Fox", 0, ""), ("Talk", 1, ""), ("Foxes", 0, "<redirect title='Fox'/>"))
    )
    file = tmp_path / "dump.xml-p1p2.bz2"
    file.write_bytes(
        bz2.compress(f"<mediawiki xmlns='http://www.mediawiki.org/xml/export-0.10/'>{pages}</mediawiki>".encode())
    )
    sentence = "Foxes are small animals that live in forests, and this sentence is long enough to be kept."
    assert read(file)[0] == [("Fox", f"Fox\n{sentence}")]
