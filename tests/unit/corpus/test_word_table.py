"""Tables with a word a row: how sentences are told apart, quotes, delimiters, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.format import ReadSettings, WriteSettings
from spanbert.corpus.formats.registry import family_of, marked_formats, open_data, write_data
from tests.format_samples import BLANK_ROWS, HEADLESS, KAGGLE, REPEATED


def opened(folder: Path, content: str | bytes, name: str = "a.csv", **settings: object) -> DataFile:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return open_data(path, among=family_of("columns"), settings=ReadSettings(**settings))


def test_the_sentence_at_its_first_word_and_quoted_words(tmp_path: Path):
    data = opened(tmp_path, KAGGLE)
    first, second = data.documents()
    assert (first.id, first.text) == ("Sentence: 1", 'Ann Lee met " Bob 1,000')
    assert [first.text[one.start : one.end] for one in first.words] == ["Ann", "Lee", "met", '"', "Bob", "1,000"]
    assert first.spans == (Span(start=0, end=7, label="per"), Span(start=14, end=17, label="per"))
    assert (second.text, second.spans) == ("北京", (Span(start=0, end=2, label="geo"),))
    assert (first.where, second.where) == (f"{data.path}:2", f"{data.path}:8")
    assert "words: 'Word', tags: 'Tag', sentences: 'Sentence #' (scheme BIO, guessed" in data.description


@pytest.mark.parametrize(
    ("content", "ids"),
    [(REPEATED, ["7", "8"]), (BLANK_ROWS, ["a.csv:2", "a.csv:5"]), (HEADLESS, ["a.csv:1", "a.csv:4"])],
)
def test_the_sentence_in_each_row_or_blank_rows(tmp_path: Path, content: str, ids: list[str]):
    documents = list(opened(tmp_path, content).documents())
    assert [one.text for one in documents] == ["Ann left", "Rome"]
    assert [one.id for one in documents] == ids
    assert [one.spans[0].label for one in documents] == ["PER", "LOC"]


def test_a_word_that_spans_lines_counts_them(tmp_path: Path):
    data = opened(tmp_path, 'word,tag\n"New\nYork",B-LOC\nleft,\n')
    with pytest.raises(InputError, match=r"a\.csv:4: a word without a tag; got left, "):
        list(data.documents())


def test_which_columns(tmp_path: Path):
    content = "sent_id,token,pos,ner\n1,Ann,NNP,B-PER\n1,left,VBD,O\n"
    [document] = opened(tmp_path, content).documents()
    assert document.columns["tag"] == ("B-PER", "O")
    [document] = opened(tmp_path, content, layer="upos").documents()
    assert (document.columns["tag"], document.spans) == (("NNP", "VBD"), None)
    other = "piece,gold\nAnn,B-PER\n"
    with pytest.raises(InputError, match=r"cannot tell which columns hold .* got columns piece, gold\. Name them with"):
        opened(tmp_path, other)
    [document] = opened(tmp_path, other, text_column="piece", label_column="gold").documents()
    assert document.spans == (Span(start=0, end=3, label="PER"),)
    [document] = opened(tmp_path, "B-PER,x,Ann\nO,x,left\n", text_column="3", label_column="1").documents()
    assert (document.text, document.columns["tag"]) == ("Ann left", ("B-PER", "O"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("word,tag\nAnn,B-PER\nleft\n", r"a\.csv:3: a row that does not fit; got 1 columns; expected 2 \(word, tag\)"),
        ("word,tag\nAnn,B-PER\nleft,O,x\n", r"a\.csv:3: a row that does not fit; got 3 columns"),
        ('word,tag\nAnn,B-PER\n"left"x,O\n', r"a\.csv:3: not a row"),
        ("word,tag\nAnn,B-PER\n,O\n", r"a\.csv:3: a tag without a word; got , O"),
        ("word,tag\nAnn,B-PER\nleft,\n", r"a\.csv:3: a word without a tag"),
    ],
)
def test_broken_rows_lose_their_sentence_alone(tmp_path: Path, content: str, message: str):
    data = opened(tmp_path, content + "\nRome,B-LOC\n")
    with pytest.raises(InputError, match=message):
        list(data.documents())
    told: list[InputError] = []
    assert [one.text for one in data.documents(told.append)] == ["Rome"]
    assert len(told) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        ("word\nAnn\n", r"a\.csv:1: one column; got 'word'; expected a word and its tag a row"),
        (
            "text,label\na dull film,bad\n",
            r"cannot tell which columns hold the words and their tags; got columns text, l",
        ),
        ("word,word,tag\na,b,O\n", "several columns 'word'"),
        (KAGGLE.encode("utf-16"), "UTF-16 text"),
        ("word,tag\ncafé,O\n".encode("cp1252"), r"a\.csv:2: not UTF-8; got byte 0xe9 in column 4; .*iconv"),
    ],
)
def test_tables_that_hold_no_words(tmp_path: Path, content: str | bytes, message: str):
    with pytest.raises(InputError, match=message):
        list(opened(tmp_path, content).documents())


def test_what_a_table_cannot_hold(tmp_path: Path):
    words = (Span(start=0, end=3),)
    bare = Document(id="1", text="Ann", words=words)
    with pytest.raises(InputError, match="1: neither spans nor tags to write in a table"):
        write_data([bare], tmp_path / "b.csv", to="word-table")
    tab = Document(id="1", text="a\tb", words=words, columns={"tag": ("X",)})
    with pytest.raises(InputError, match="1: a tab or a line break inside a cell. Write a .csv"):
        write_data([tab], tmp_path / "b.tsv", to="word-table")
    assert not list(tmp_path.iterdir())


def test_sentences_of_one_id_stay_two(tmp_path: Path):
    words = (Span(start=0, end=3),)
    two = [Document(id="1", text="Ann", words=words, spans=())] * 2
    write_data(two, tmp_path / "b.csv", to="word-table", settings=WriteSettings(scheme="BIOES"))
    assert (tmp_path / "b.csv").read_text() == "sentence_id,word,tag\n1,Ann,O\n\n1,Ann,O\n"
    assert len(list(open_data(tmp_path / "b.csv", among=["word-table"]).documents())) == 2


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (KAGGLE, "word-table"),
        ("Ann,B-PER\nleft,O\n", "word-table"),
        ("Ann\tB-PER\nleft\tO\n", "columns"),
        ("1,000 CD O\n", "columns"),
        (",\tO\n", "columns"),
        ("-DOCSTART- -X- O\n\nAnn NNP B-PER\n", "columns"),
        ("# text = one, two\n1\tone\tone\tNUM\tCD\t_\t0\troot\t_\t_\n", "columns"),
    ],
)
def test_tables_and_columns_are_told_apart(tmp_path: Path, content: str, found: str):
    assert opened(tmp_path, content, "a.txt").format.name == found
    marks = [one.name for one in marked_formats(tmp_path / "a.txt")]
    assert marks == ([found] if content.count("\n") > 1 else [])
