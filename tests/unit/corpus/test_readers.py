from __future__ import annotations

import bz2
import gzip
import json
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from spanbert.core.errors import InputError
from spanbert.corpus.raw.clean import clean_text
from spanbert.corpus.raw.hub import split_sources
from spanbert.corpus.raw.readers import DocumentReader, ReadConfig


def read(*inputs: object, **options: object) -> tuple[list[tuple[str, str]], DocumentReader]:
    reader = DocumentReader([str(item) for item in inputs], ReadConfig(**options))
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
        ("a.jsonl", b'{"text": "x \\ud800"}\n', ":1: half of a surrogate pair"),
        ("a.jsonl", b'{"text": "x", "id": "\\udc00"}\n', ":1: half of a surrogate pair"),
        ("a.jsonl", b'{"text": ' + b"[" * 200_000, ":1: "),
        ("a.jsonl", b'{"text": "x", "id": ' + b"1" * 5000 + b"}", ":1: JSON that cannot be read"),
        ("a.jsonl", b'{"text": 3}\n', ":1: field 'text' is not a string; got int"),
        ("a.txt", b"good\ncaf\xe9\n", ":2: not UTF-8; got byte 0xe9 in column 4"),
        ("a.txt", b"good\n\x00\x01\n", ":2: a binary file, not text"),
        ("a.txt", "hello".encode("utf-16"), ":1: UTF-16 text"),
        ("a.txt.gz", gzip.compress(b"line\n" * 1000, mtime=0)[:-9], "damaged or cut short"),
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
    file.write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in ("Same text", "Same text", "same text", "  ", "other"))
    )
    found, reader = read(file, deduplicate=True)
    assert [text for _, text in found] == ["Same text", "same text", "other"]
    assert (reader.summary.duplicates, reader.summary.empty, reader.summary.documents) == (1, 1, 3)


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


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_cleaning_twice_changes_nothing_more(text: str):
    assert clean_text(clean_text(text)) == clean_text(text)


def test_cleaning_leaves_good_text_alone():
    text = "他说：“你好，世界！”（完）１２３ ﬁne \U0001fae8 don’t &amp; ok"
    assert clean_text(text) == text
    assert clean_text("Ã\ue000©") == "é"


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


def test_tables_have_a_header_and_a_column_of_text(tmp_path: Path):
    (tmp_path / "a.csv").write_text('id,text\n1,"two\nlines, and a ""quote"""\n,plain\n')
    (tmp_path / "b.tsv").write_text('label\ttext\npos\tno "quotes here\n')
    assert read(tmp_path / "a.csv")[0] == [("1", 'two\nlines, and a "quote"'), ("a.csv:4", "plain")]
    assert read(tmp_path / "b.tsv")[0] == [("b.tsv:2", 'no "quotes here')]


def test_parquet_streams_a_column(tmp_path: Path):
    table = pyarrow.table(
        {"id": [f"d{n}" for n in range(3000)], "body": [f"text {n}" for n in range(3000)], "n": range(3000)}
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    found, reader = read(tmp_path / "a.parquet", text_field="body")
    assert len(found) == 3000
    assert found[2999] == ("d2999", "text 2999")
    assert reader.summary.bytes_read.done == reader.summary.bytes_total


def test_zstd(tmp_path: Path):
    with pyarrow.output_stream(str(tmp_path / "a.jsonl.zst"), compression="zstd") as stream:
        stream.write(b"".join(b'{"text": "line %d"}\n' % n for n in range(5000)))
    found, _ = read(tmp_path / "a.jsonl.zst")
    assert len(found) == 5000
    assert found[-1] == ("a.jsonl.zst:5000", "line 4999")
    whole = (tmp_path / "a.jsonl.zst").read_bytes()
    (tmp_path / "b.jsonl.zst").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged or cut short"):
        read(tmp_path / "b.jsonl.zst")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"body\nx\n", ":1: no column 'text'; got body. Name the column with --text-field"),
        ("a.csv", b"id,text\n1,x\n2\n", ":3: a row that does not fit the header; got 1 columns; expected 2 (id, text)"),
        ("a.csv", b'text\n"open\n', "not a row"),
        ("a.parquet", b"PAR1 no", "not a whole Parquet file"),
    ],
)
def test_broken_tables(tmp_path: Path, name: str, content: bytes, message: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        read(tmp_path / name)
    assert message in str(error.value)
    assert str(tmp_path / name) in str(error.value)


def test_columns_of_one_name(tmp_path: Path):
    """The text must be one of them; an id that is in doubt is none."""
    cells = [pyarrow.array([one]) for one in "abc"]
    parquet.write_table(pyarrow.table(cells, names=["text", "text", "id"]), tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text("text,id,text\na,1,b\n")
    for name, listed in (("a.parquet", "text, text, id"), ("b.csv", "text, id, text")):
        with pytest.raises(InputError, match=rf"{name}.*: several columns 'text'; got {listed}"):
            read(tmp_path / name)
    parquet.write_table(pyarrow.table(cells, names=["text", "id", "id"]), tmp_path / "c.parquet")
    found, _ = read(tmp_path / "c.parquet")
    assert found == [("c.parquet:1", "a")]


def test_parquet_columns_are_checked(tmp_path: Path):
    parquet.write_table(pyarrow.table({"text": [1, 2]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="column 'text' holds no strings; got int64"):
        read(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="no column 'body'; got text"):
        read(tmp_path / "a.parquet", text_field="body")


def test_hub_data_sets(tmp_path: Path):
    """A folder stands for a data set of the hub: the same code reads both."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text('{"body": "one"}\n{"body": "two"}\n')
    found, reader = read(f"hf:{tmp_path / 'data'}:train", text_field="body")
    assert [text for _, text in found] == ["one", "two"]
    assert found[0][0] == f"hf:{tmp_path / 'data'}:train:1"
    assert reader.sources == [{"name": f"hf:{tmp_path / 'data'}:train", "bytes": None}]
    with pytest.raises(InputError, match="no column 'text'; got body"):
        read(f"hf:{tmp_path / 'data'}")
    with pytest.raises(InputError, match="cannot be opened"):
        read("hf:nobody/nothing")
    with pytest.raises(InputError, match="not a data set"):
        read("hf:a:b:c")


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("tag:a.conll:b.conll", ["tag", "a.conll", "b.conll"]),
        ("tag:hf:wnut_17", ["tag", "hf:wnut_17"]),
        ("tag:hf:wnut_17:train", ["tag", "hf:wnut_17:train"]),
        ("tag:hf:a/b@de:train:dev/b.conll", ["tag", "hf:a/b@de:train", "dev/b.conll"]),
        ("tag:hf:a/b:dev/b.conll", ["tag", "hf:a/b", "dev/b.conll"]),
        ("tag:hf:a:hf:b:test", ["tag", "hf:a", "hf:b:test"]),
        ("tag:a.conll:hf:b", ["tag", "a.conll", "hf:b"]),
        ("tag:", ["tag", ""]),
        ("tag:hf", ["tag", "hf"]),
        ("tag:hf:", ["tag", "hf:"]),
    ],
)
def test_data_sets_of_the_hub_keep_their_colons(text: str, sources: list[str]):
    assert split_sources(text) == sources


def test_languages_are_guessed_on_request_only(tmp_path: Path):
    texts = [
        "The fox runs through the forest every morning.",
        "Der Fuchs läuft jeden Morgen durch den Wald.",
        "狐狸每天早上都在森林里奔跑。",
    ]
    (tmp_path / "a.txt").write_text("\n\n".join(texts))
    assert len(read(tmp_path / "a.txt")[0]) == 3
    found, reader = read(tmp_path / "a.txt", languages=("en", "zh"))
    assert [text for _, text in found] == [texts[0], texts[2]]
    assert reader.summary.other_languages == 1
    with pytest.raises(InputError, match="--languages: no such language; got 'xx'"):
        read(tmp_path / "a.txt", languages=("xx",))
