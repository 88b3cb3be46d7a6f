"""What a document is in plain text, on the command line: a line, a paragraph, the whole file."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.labelled import tiny

TEXT = "the fox runs near\na king .\nthe fox sleeps .\n\nthe king sees\na fox .\n"


@pytest.fixture(scope="module")
def coref(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny("coref", hugging_face_model, tmp_path_factory.getbasetemp())[0].path


def test_coreference_reads_a_file_as_one_document(cli, coref: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "story.txt"
    file.write_text("\ufeff" + TEXT, encoding="utf-8")

    def texts(*arguments: object) -> tuple[list[tuple[str, str]], str]:
        code, out, err = cli("predict", coref, *arguments)
        assert code == 0, err
        records = map(json.loads, out.splitlines())
        return [(one["id"], one["text"]) for one in records], err

    [(number, whole)], said = texts(file)
    assert (number, whole.rstrip("\n")) == ("1", TEXT.rstrip("\n"))
    assert "story.txt: plain text is read as one document, which coref needs whole" in said
    assert "--documents line or blank" in said
    parts, said = texts(file, "--documents", "blank")
    assert parts == [("1", "the fox runs near\na king .\nthe fox sleeps ."), ("5", "the king sees\na fox .")]
    assert "read as one document" not in said, "it was stated"
    assert [number for number, _ in texts(file, "--documents", "line")[0]] == ["1", "2", "3", "5", "6"]

    def piped(content: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode()), encoding="utf-8"))

    piped(TEXT)
    assert len(texts()[0]) == 1
    piped('{"id": "a", "text": "the fox"}\n{"id": "b", "text": "a king"}\n')
    found, said = texts()
    assert [name for name, _ in found] == ["a", "b"], "a line of JSON is a document"
    assert "read as one document" not in said
    for name in ("story", "story.md"):
        file.rename(tmp_path / name)
        file = tmp_path / name
        assert texts(file, "--documents", "blank")[0] == parts, "text is known by what it is"
    code, _, err = cli("predict", coref, file, "--documents", "blank-line")
    assert code == 2
    assert "no kind of document 'blank-line'; expected line, blank, file" in err.splitlines()[-1]


def test_what_is_no_plain_text_is_not_divided(cli, coref: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refused(*arguments: object) -> None:
        code, out, err = cli("predict", coref, *arguments)
        assert (code, out) == (2, "")
        assert "only plain text is divided into documents" in err

    table, lines = tmp_path / "a.csv", '{"text": "the fox"}\n'
    table.write_text("text\nthe fox\n")
    (tmp_path / "a.txt").write_text(f"\n{lines}")
    (tmp_path / "a.jsonl").write_text(lines)
    for stated in ("line", "blank", "file"):
        refused(table, "--documents", stated)
    refused(tmp_path / "a.txt", "--documents", "file")
    refused(tmp_path / "a.jsonl", "--documents", "blank")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode()), encoding="utf-8"))
    refused("--documents", "file")
    assert cli("predict", coref, tmp_path / "a.jsonl", "--documents", "line")[0] == 0, "so it is"


def test_prepare_divides_alike(cli, hugging_face_model: Path, tmp_path: Path):
    file = tmp_path / "story.txt"
    file.write_text(TEXT, encoding="utf-8")

    def documents(stated: str) -> int:
        code, out, err = cli("prepare", file, "--tokenizer", hugging_face_model, "--out", tmp_path / stated,
                             "--documents", stated, "--held-out", "0", "--json")  # fmt: skip
        assert code == 0, err
        return int(json.loads(out.splitlines()[-1])["documents"]["train"])

    assert [documents(stated) for stated in ("line", "blank", "file", "blank-line")] == [5, 2, 1, 2]
