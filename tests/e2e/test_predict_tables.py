"""`spanbert predict` on tables and JSON lines of people: columns and fields kept, ids unique, tables written."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spanbert.core.types import Document, Question
from spanbert.pipelines.unique_ids import with_unique_ids
from tests.labelled import tiny, write_lines

REVIEWS = [
    {"nr": "7", "body": 'the fox, "old"', "stars": "4"},
    {"nr": "8", "body": "a king\nsleeps", "stars": ""},
    {"nr": "7", "body": "the queen", "stars": "1"},
]


@pytest.fixture(scope="module")
def runs(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory):
    base = tmp_path_factory.getbasetemp()
    return {
        name: tiny(name, hugging_face_model, base)[0].path
        for name in ("joint", "single", "bio", "qa", "pos", "regression", "pair")
    }


@pytest.fixture
def table(tmp_path: Path) -> Path:
    with (tmp_path / "reviews.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(REVIEWS[0]))
        writer.writeheader()
        writer.writerows(REVIEWS)
    return tmp_path / "reviews.csv"


def rows(cli, *arguments: object) -> list[dict[str, str]]:
    code, out, err = cli("predict", *arguments, "--format", "csv")
    assert code == 0, err
    return list(csv.DictReader(io.StringIO(out)))


@pytest.mark.parametrize(
    ("name", "columns"),
    [("single", ["classify.label", "classify.score"]), ("bio", ["tag.entities"]), ("pos", ["tag.tags"]), ("regression", ["classify.value"])],
)  # fmt: skip
def test_a_table_in_and_the_same_with_more_columns_out(cli, runs, table: Path, name: str, columns: list[str]):
    found = rows(cli, runs[name], table, "--text-column", "body")
    assert list(found[0]) == ["nr", "body", "stars", *columns]
    assert [{key: row[key] for key in REVIEWS[0]} for row in found] == REVIEWS
    assert any(row[columns[0]] for row in found)
    if "score" in columns[-1]:
        assert all(len(row[columns[-1]]) == len("0.1234") for row in found), "four decimals"


def test_the_column_of_the_text_is_found_or_asked_for(cli, runs, table: Path, tmp_path: Path):
    table.write_text(table.read_text().replace("body", "text"))
    assert [row["text"] for row in rows(cli, runs["bio"], table)] == [one["body"] for one in REVIEWS]
    table.write_text("a,b,c\nthe fox,the king,the queen\n")
    code, _, err = cli("predict", runs["bio"], table)
    assert code == 2
    assert "cannot tell which columns hold the text" in err
    assert "--text-column" in err
    code, _, err = cli("predict", runs["bio"], table, "--text-column", "d")
    assert code == 2
    assert "no column 'd'; got columns a, b, c" in err or "no column 'd'" in err
    assert rows(cli, runs["bio"], table, "--text-column", "b")[0]["b"] == "the king"


def test_tab_separated(cli, runs, tmp_path: Path):
    file = tmp_path / "a.tsv"
    file.write_text("nr\tbody\n1\tthe red fox\n2\ta king\n")
    code, out, err = cli("predict", runs["single"], file, "--text-column", "body", "--format", "tsv")
    assert code == 0, err
    lines = [line.split("\t") for line in out.splitlines()]
    assert lines[0] == ["nr", "body", "classify.label", "classify.score"]
    assert [line[:2] for line in lines[1:]] == [["1", "the red fox"], ["2", "a king"]]
    code, out, err = cli("predict", runs["bio"], file, "--text-column", "body")
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["the red fox", "a king"], "not columns of words"


def test_semicolons_divide_columns(cli, runs, tmp_path: Path):
    (tmp_path / "a.csv").write_text("nr;text\n1;the fox, red\n2;a king\n")
    found = rows(cli, runs["single"], tmp_path / "a.csv")
    assert [(row["nr"], row["text"]) for row in found] == [("1", "the fox, red"), ("2", "a king")]


@pytest.mark.parametrize("name", ["single", "bio"])
def test_a_guess_by_content_is_said(cli, runs, tmp_path: Path, name: str):
    """A header of unknown names cannot be told from a text."""
    (tmp_path / "a.csv").write_text("remarks\nthe red fox\na king\n")
    code, out, err = cli("predict", runs[name], tmp_path / "a.csv")
    assert code == 0
    assert len(out.splitlines()) == 3
    assert "a.csv is read as text: column 1, no label (no header, guessed from the content): its first row is a" in err
    code, out, err = cli("predict", runs[name], tmp_path / "a.csv", "--text-column", "remarks")
    assert len(out.splitlines()) == 2
    assert "is read as" not in err
    (tmp_path / "b.csv").write_text("remarks,price\nthe red fox,1\na king,2\n")
    code, out, err = cli("predict", runs[name], tmp_path / "b.csv")
    assert len(out.splitlines()) == 2
    assert "b.csv is read as text: 'remarks'" in err


def test_parquet_keeps_its_columns(cli, runs, tmp_path: Path):
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"text": ["the red fox", "a king"], "n": [1, 2]}), tmp_path / "a.parquet")
    for name in ("single", "bio"):
        assert [row["n"] for row in rows(cli, runs[name], tmp_path / "a.parquet")] == ["1", "2"]


def test_plain_text_as_a_table(cli, runs, tmp_path: Path):
    (tmp_path / "a.txt").write_text("the red fox\na, king\n")
    found = rows(cli, runs["joint"], tmp_path / "a.txt", "--task", "ner")
    assert [(row["id"], row["text"]) for row in found] == [("1", "the red fox"), ("2", "a, king")]
    assert "ner.entities" in found[0]


def test_rows_with_other_columns_are_refused(cli, runs, tmp_path: Path):
    write_lines(tmp_path / "a.jsonl", [{"text": "a fox"}, {"text": "a king", "lang": "en"}])
    code, _, err = cli(
        "predict", runs["single"], tmp_path / "a.jsonl", "--format", "csv", "--out", tmp_path / "out.csv"
    )
    assert code == 2
    assert "a column that the first row has not; got lang" in err
    assert not (tmp_path / "out.csv").exists()


def test_fields_of_json_lines_are_kept(cli, runs, tmp_path: Path):
    records = [{"id": 3, "body": "the red fox", "lang": "en", "meta": {"n": [1]}}, {"body": "a king", "lang": None}]
    write_lines(tmp_path / "a.jsonl", records)
    code, out, err = cli("predict", runs["single"], tmp_path / "a.jsonl", "--text-column", "body")
    assert code == 0, err
    first, second = (json.loads(line) for line in out.splitlines())
    assert list(first) == ["id", "text", "lang", "meta", "tasks"]
    assert (first["id"], first["text"], first["lang"], first["meta"]) == ("3", "the red fox", "en", {"n": [1]})
    assert (second["id"], second["lang"]) == ("2", None)
    (tmp_path / "b.jsonl").write_text(out)
    code, out, _ = cli("predict", runs["bio"], tmp_path / "b.jsonl")
    again = json.loads(out.splitlines()[0])
    assert list(again["tasks"]) == ["classify", "tag"], "results of an earlier bundle stay"
    assert again["lang"] == "en"
    code, _, err = cli("predict", runs["single"], tmp_path / "a.jsonl", "--text-column", "bod")
    assert (code, "no bod; got id, body, lang, meta" in err) == (2, True)


def test_a_field_with_the_words_of_the_text_is_kept_and_so_are_all_digits(cli, runs, tmp_path: Path):
    line = {"id": "1", "text": "the fox", "title": "the fox", "weight": 0.123456789}
    source = write_lines(tmp_path / "a.jsonl", [line])
    code, out, err = cli("predict", runs["single"], source)
    assert code == 0, err
    found = json.loads(out)
    assert {key: found[key] for key in line} == line
    [row] = rows(cli, runs["single"], source)
    assert (row["title"], row["weight"]) == ("the fox", "0.123456789")
    named = write_lines(tmp_path / "b.jsonl", [{"body": "the fox", "id": "1"}])
    code, out, err = cli("predict", runs["single"], named, "--text-column", "body")
    assert code == 0, err
    assert list(json.loads(out)) == ["id", "text", "tasks"]


def test_questions_keep_their_context_and_pairs_their_texts(cli, runs, tmp_path: Path):
    write_lines(
        tmp_path / "a.jsonl", [{"id": "q", "question": "who sees it?", "context": "the old king runs", "source": "x"}]
    )
    [row] = rows(cli, runs["qa"], tmp_path / "a.jsonl")
    assert list(row) == ["id", "question", "context", "source", "qa.answer", "qa.score"]
    (tmp_path / "p.tsv").write_text("text_a\ttext_b\tn\nthe fox\ta king\t1\n")
    [row] = rows(cli, runs["pair"], tmp_path / "p.tsv")
    assert list(row) == ["text_a", "text_b", "n", "classify.label", "classify.score"]


def test_ids_are_unique(cli, runs, tmp_path: Path):
    write_lines(
        tmp_path / "a.jsonl",
        [
            {"id": "2", "text": "a fox"},
            {"text": "a king"},
            {"id": "2", "text": "a dog"},
            {"id": "2#2", "text": "a cat"},
        ],
    )
    _, out, _ = cli("predict", runs["single"], tmp_path / "a.jsonl")
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["2", "2#2", "2#3", "2#2#2"]


@given(st.lists(st.one_of(st.sampled_from(["a", "a#2", "b", ""]), st.lists(st.sampled_from(["a", "q"]), max_size=3))))
def test_ids_are_unique_and_first_ones_stay(ids: list):
    documents = [
        Document(id=one, text="") if isinstance(one, str)
        else Document(id="d", text="", questions=tuple(Question(id=name, text="?") for name in one))
        for one in ids
    ]  # fmt: skip
    made = list(with_unique_ids(documents))
    flat = [name for one in made for name in ([one.id] if one.questions is None else [q.id for q in one.questions])]
    given_ = [name for one in ids for name in ([one] if isinstance(one, str) else one)]
    assert len(set(flat)) == len(flat) == len(given_)
    assert all(new.startswith(old) for new, old in zip(flat, given_, strict=True))
    assert not flat or flat[0] == given_[0]


def test_threads(cli, runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAYON_NUM_THREADS", "1")  # and as it was after the test
    before = torch.get_num_threads()
    try:
        (tmp_path / "a.txt").write_text("a fox\n")
        assert cli("predict", runs["single"], tmp_path / "a.txt", "--threads", 1)[0] == 0
        assert torch.get_num_threads() == 1
        assert cli("predict", runs["single"], tmp_path / "a.txt", "--num_threads", 2)[0] == 0
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert cli("predict", runs["single"], tmp_path / "a.txt", "--threads", 0)[0] == 2


@pytest.mark.parametrize(
    ("name", "given", "begins"),
    [
        ("a.csv", [], "nr,body,stars,"),
        ("a.TSV", [], "nr\tbody\tstars\t"),
        ("a.html", [], "<!doctype html>"),
        ("a.jsonl", [], '{"id": '),
        ("a", [], '{"id": '),
        ("a.csv", ["--format", "jsonl"], '{"id": '),
    ],
)
def test_the_ending_of_the_output_says_its_format(
    cli, runs, table: Path, tmp_path: Path, name: str, given, begins: str
):
    out = tmp_path / "new" / name
    out.parent.mkdir()
    code, _, err = cli("predict", runs["single"], table, "--text-column", "body", "--out", out, *given)
    assert code == 0, err
    assert out.read_text().startswith(begins)
