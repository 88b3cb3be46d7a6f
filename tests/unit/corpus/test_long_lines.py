"""Lines, pages and fields without an end: refused in bounded memory, or counted and left out."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest

import spanbert
from spanbert.core.errors import InputError
from spanbert.corpus.io.files import ByteCounter, SourceFile, read_lines, text_lines, whole_text
from spanbert.corpus.io.limits import LONGEST_LINE, bounded_lines, longest_line, parse_size
from spanbert.corpus.io.pipes import PipeLines
from spanbert.corpus.raw.readers import DocumentReader, ReadConfig
from tests.faults.limits import MEBIBYTE, memory_limited

ROOM = 64 * MEBIBYTE
LINE = 400 * MEBIBYTE


def _zstd(path: Path, write: Callable[[Callable[[bytes], object]], None]) -> Path:
    with pyarrow.CompressedOutputStream(str(path), "zstd") as stream:
        write(stream.write)
    return path


def endless(path: Path, *, before: bytes = b"", after: bytes = b"", letter: bytes = b"a") -> Path:
    """A compressed file of some kilobytes with 400 MB of one letter in it."""

    def write(out: Callable[[bytes], object]) -> None:
        out(before)
        for _ in range(LINE // MEBIBYTE):
            out(letter * MEBIBYTE)
        out(after)

    openers = {".gz": gzip.open, ".bz2": bz2.open}
    if path.suffix in openers:
        with openers[path.suffix](path, "wb") as stream:
            write(stream.write)
        return path
    return _zstd(path, write)


@pytest.mark.parametrize("suffix", [".zst", ".gz"])
@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv", "a.tsv"])
def test_a_line_without_an_end_is_refused_by_every_reader(tmp_path: Path, name: str, suffix: str, monkeypatch):
    monkeypatch.setenv("SPANBERT_LONGEST_LINE", "8MB")
    bomb = endless(tmp_path / f"{name}{suffix}", before=b"text\n")
    assert bomb.stat().st_size < MEBIBYTE
    config = ReadConfig(text_field="text") if name != "a.jsonl" else ReadConfig(on_error="stop")
    with memory_limited(ROOM), pytest.raises(InputError) as caught:
        list(DocumentReader([bomb], config))
    if name != "a.jsonl":  # whose first line is not JSON
        assert f"{bomb}:2: a line of more than 8 MB" in str(caught.value)
        assert "SPANBERT_LONGEST_LINE" in str(caught.value)


def test_lines_that_are_too_long_are_counted_where_they_are_skipped(tmp_path: Path):
    bomb = endless(tmp_path / "a.txt.zst", before=b"first text\n\n", after=b"\n\nlast text\n")
    reader = DocumentReader([bomb], ReadConfig(on_error="skip", longest_line="1MB"))
    with memory_limited(ROOM):
        assert [document.text for document in reader] == ["first text", "last text"]
    assert reader.summary.broken_lines == 1
    assert reader.summary.broken_examples[0].startswith(f"{bomb}:3: a line of more than 1 MB")


def test_annotated_files_have_the_same_limit(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SPANBERT_LONGEST_LINE", "1MB")
    bomb = endless(tmp_path / "a.jsonl.zst")
    with memory_limited(ROOM), pytest.raises(InputError, match="a line of more than 1 MB"):
        list(text_lines(SourceFile(path=bomb, name="a")))
    with memory_limited(ROOM), pytest.raises(InputError, match="a compressed file of more than 16 MB"):
        whole_text(bomb)


def test_a_pipe_has_the_same_limit(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SPANBERT_LONGEST_LINE", "1MB")
    file = tmp_path / "a.txt"
    file.write_bytes(b"first\n" + b"a" * 4 * MEBIBYTE)
    with file.open("rb") as stream, pytest.raises(InputError, match="stdin:2: a line of more than 1 MB"):
        list(PipeLines(stream, "stdin"))


def test_a_quoted_field_has_an_end(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SPANBERT_LONGEST_LINE", "1MB")
    file = tmp_path / "a.csv"
    file.write_text('text\n"' + "a line of it\n" * 200_000)
    with pytest.raises(InputError, match=r"a\.csv:\d+: not a row; got field larger than field limit"):
        list(DocumentReader([file]))


def test_a_page_of_a_dump_has_an_end(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SPANBERT_LONGEST_LINE", "4MB")
    page = (
        b"<page><title>A</title><ns>0</ns><revision><text>"
        + b"A paragraph of prose that is long enough. " * 9
        + b"</text></revision></page>"
    )
    begin = b"<mediawiki>" + page * 20_000 + b"<page><title>B</title><revision><text>"
    bomb = endless(tmp_path / "dump.xml.zst", before=begin)
    documents = iter(DocumentReader([bomb]))
    assert next(documents).id == "A", "many pages are longer together than the longest line"
    with memory_limited(ROOM), pytest.raises(InputError, match="a page of more than 4 MB"):
        list(documents)


def test_headings_of_a_dump_of_nothing_but_marks_and_blanks(tmp_path: Path):
    """Took hours: every way to divide the line was tried."""
    from spanbert.corpus.raw.mediawiki import plain_paragraphs

    prose = "A paragraph of prose that is long enough to be kept as one of them."
    text = f"== History ==\n{'==' + ' ' * 100_000 + 'x'}\n{prose * 2}\n== {prose} =="
    assert plain_paragraphs(text)[-1] == prose


def test_what_a_limit_may_be(monkeypatch):
    assert longest_line() == LONGEST_LINE == 64_000_000
    assert [parse_size(text, "x") for text in ("7", "2kB", "64MB", "1.5 GB")] == [7, 2000, 64_000_000, 1_500_000_000]
    monkeypatch.setenv("SPANBERT_LONGEST_LINE", "a lot")
    with pytest.raises(InputError, match="SPANBERT_LONGEST_LINE: not a size; got 'a lot'; expected such as 64MB"):
        longest_line()
    with pytest.raises(InputError, match="not a size"):
        parse_size("0", "x")


def test_lines_are_those_that_are_read_without_a_limit(tmp_path: Path):
    file = tmp_path / "a.txt"
    content = b"\n\r\nabc\r\nabcd\n\nabcde\nab\xc3\xa9\nlast"
    file.write_bytes(content)
    with file.open("rb") as stream:
        assert list(bounded_lines(stream, 5)) == [(line, True) for line in content.splitlines(keepends=True)]
    with file.open("rb") as stream:
        cut = [line for line, whole in bounded_lines(stream, 3) if not whole]
    assert cut == [b"ab", b"ab", b"ab", b"la"], "no part of a character"
    source = SourceFile(path=file, name="a")
    assert [number for number, _ in read_lines(source, ByteCounter(), longest=4, cut=True)] == list(range(1, 9))


def test_prepare_names_the_option(tmp_path: Path, vocabulary_file: Path, cli):
    file = tmp_path / "a.txt"
    file.write_text("the quick fox\n\n" + "the fox " * 50_000 + "\n\nthe dog\n")
    command = (
        "prepare",
        file,
        "--tokenizer",
        vocabulary_file,
        "--out",
        tmp_path / "store",
        "--longest-line",
        "100kB",
        "--held-out",
        "0",
    )
    code, _, err = cli(*command)
    assert (code, "a line of more than 0.1 MB" in err) == (2, True)
    code, out, _ = cli(*command, "--on-error", "skip")
    assert code == 0
    assert "1 broken lines skipped" in out
    assert spanbert.info(tmp_path / "store")["train"]["documents"] == 2
