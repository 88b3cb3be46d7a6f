"""Predicted tags in columns: the scheme and the marks of documents are those of the file that was read."""

from __future__ import annotations

from pathlib import Path

import pytest

from spanbert.core.predictions import Tagging
from spanbert.core.types import Document, Span
from spanbert.pipelines.result_columns import conll_lines
from spanbert.pipelines.results import AnnotatedText
from tests.formats import read_annotations

LEE = Span(start=0, end=7, label="PER", score=0.9)


def lines(document: Document) -> list[str]:
    found = Tagging(words=tuple(document.words or ()), spans=(LEE,))
    bare = document.without_gold(keep=("columns",))
    return list(conll_lines(AnnotatedText(id="1", text=document.text, tasks={"tag": found}, source=bare)))


@pytest.mark.parametrize(
    ("name", "content", "tags"),
    [
        ("a.conll", "Ann B-PER\nLee I-PER\nleft O\n", ["B-PER", "I-PER"]),
        ("a.txt", "Ann B-PER\nLee E-PER\nleft O\n\nRome S-LOC\n", ["B-PER", "E-PER"]),
        ("a.csv", "word,tag\nAnn,B-PER\nLee,L-PER\nleft,O\n\nRome,U-LOC\n", ["B-PER", "L-PER"]),
        ("a.jsonl", '{"text": "Ann Lee left", "spans": []}\n', ["B-PER", "I-PER"]),
    ],
)
def test_the_scheme_of_the_input_is_kept(tmp_path: Path, name: str, content: str, tags: list[str]):
    (tmp_path / name).write_text(content)
    document = next(iter(read_annotations(tmp_path / name)))
    if document.words is None:
        document = Document(
            id="1", text=document.text, words=(Span(start=0, end=3), Span(start=4, end=7), Span(start=8, end=12))
        )
    assert lines(document) == [f"Ann\t{tags[0]}", f"Lee\t{tags[1]}", "left\tO", ""]


def test_lines_that_begin_documents_are_kept(tmp_path: Path):
    rows = "Ann NNP B-NP B-PER\nLee NNP I-NP I-PER\nleft VBD B-VP O\n"
    (tmp_path / "a.txt").write_text(f"-DOCSTART- -X- -X- O\n\n{rows}\n{rows}\n-DOCSTART- -X- -X- O\n\n{rows}")
    words = ["Ann\tB-PER", "Lee\tI-PER", "left\tO", ""]
    start = ["-DOCSTART- -X- -X- O", ""]
    assert [lines(one) for one in read_annotations(tmp_path / "a.txt")] == [[*start, *words], words, [*start, *words]]
