"""Formats on the command line: `convert` between all of a family, `doctor` on each, hub data sets, names of labels."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import datasets
import pytest

from spanbert.corpus.formats.registry import FORMATS, WRITTEN, family_of, marked_formats
from spanbert.tasks.registry import kinds, spec_of
from tests.format_samples import PRODIGY, PRODIGY_CHOICES, SAMPLES, lines, put_sample

TAGGED = [name for name in family_of("columns") if name not in ("squad", "qa-jsonl")]


def sample(folder: Path, name: str) -> Path:
    return put_sample(folder, name, *SAMPLES[name][0])


@pytest.mark.parametrize("name", TAGGED)
def test_convert_to_every_format_of_words_and_spans(cli, tmp_path: Path, name: str):
    source = sample(tmp_path, name)
    if name == "gliner":  # its spans nest, which a tag a word cannot express
        source.write_text(SAMPLES[name][-1][1])
    for other in TAGGED:
        out = tmp_path / f"out-{other}"
        code, text, err = cli("convert", source, out, "--to", other)
        assert (code, err) == (0, ""), (other, err)
        assert f"from {name}" in text
        assert out.exists()


@pytest.mark.parametrize("name", TAGGED)
def test_doctor_reads_every_format_of_words_and_spans(cli, hugging_face_model: Path, tmp_path: Path, name: str):
    source = sample(tmp_path, name)
    options = ["--data", source, "--model", hugging_face_model, "--no-estimate", "--json"]
    code, text, err = cli("doctor", "tag", *options, *(["--nested"] if name == "gliner" else []))
    record = json.loads(text.splitlines()[-1])
    assert code == 0, (record, err)
    assert "PER" in json.dumps(record["labels"]).upper()
    assert record["read_as"]


@pytest.mark.parametrize("kind", ["relation", "classify"])
def test_doctor_and_convert_of_other_kinds(cli, hugging_face_model: Path, tmp_path: Path, kind: str):
    for name in spec_of(kind).formats:
        source = put_sample(tmp_path, name, *SAMPLES[name][-1])
        options = ["--data", source, "--model", hugging_face_model, "--no-estimate", "--json"]
        _, text, err = cli("doctor", kind, *options)
        assert err.count("\n") <= 1, err
        assert json.loads(text.splitlines()[-1])["read_as"]
        for other in spec_of(kind).formats:
            if other in ("semeval", "tacred") and name in ("brat", "webanno", "label-studio"):
                continue  # they refuse texts of several lines, and texts without a relation
            out = tmp_path / f"{name}-{other}.jsonl"
            code, _, err = cli("convert", source, out, "--to", other)
            assert (code, err) == (0, ""), (name, other, err)


def test_what_annotators_rejected_is_said(cli, hugging_face_model: Path, tmp_path: Path):
    (tmp_path / "a.jsonl").write_text(lines(PRODIGY))
    (tmp_path / "b.jsonl").write_text(lines(PRODIGY_CHOICES))
    code, text, _ = cli("convert", tmp_path / "a.jsonl", tmp_path / "a.conll", "--to", "columns")
    assert code == 0
    assert "left out: 1 rejected texts, 1 ignored texts" in text
    code, text, _ = cli("convert", tmp_path / "b.jsonl", tmp_path / "b.csv", "--to", "labelled", "--json")
    assert json.loads(text.splitlines()[-1])["left_out"] == {"ignored texts": 1}
    assert (tmp_path / "b.csv").read_text() == "id,text,label\nb.jsonl:1,a dull film,bad\n"
    code, text, _ = cli("doctor", "tag", "--data", tmp_path / "a.jsonl", "--model", hugging_face_model, "--no-estimate")
    assert "left out: 1 rejected texts, 1 ignored texts" in text
    fixed = tmp_path / "fixed.jsonl"
    cli("doctor", "tag", "--data", tmp_path / "a.jsonl", "--model", hugging_face_model, "--no-estimate", "--fix", fixed)
    assert list(map(json.loads, fixed.read_text().splitlines())) == PRODIGY


def test_numbers_as_tags_and_a_data_set_of_the_hub(
    cli, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    rows = [{"tokens": ["a", "fox"], "ner_tags": [0, 1]}, {"tokens": ["the", "river"], "ner_tags": [0, 0]}] * 3
    (tmp_path / "a.jsonl").write_text(lines(rows))
    model = ["--model", hugging_face_model, "--no-estimate"]
    code, _, err = cli("doctor", "tag", "--data", tmp_path / "a.jsonl", *model)
    assert (code, err.count("\n")) == (2, 1)
    assert "numbers in 'ner_tags', and nothing that says what they stand for" in err
    code, text, _ = cli("doctor", "tag", "--data", tmp_path / "a.jsonl", "--label-names", "O,B-ANIMAL", *model)
    assert code == 0, text
    assert "2 names of labels" in text
    label = datasets.ClassLabel(names=["O", "B-ANIMAL"])
    features = datasets.Features({"tokens": datasets.List(datasets.Value("string")), "ner_tags": datasets.List(label)})
    (tmp_path / "set").mkdir()
    datasets.Dataset.from_list(rows, features=features).to_parquet(str(tmp_path / "set" / "train.parquet"))
    hub = f"hf:{tmp_path / 'set'}:train"
    code, text, err = cli("doctor", "tag", "--data", hub, *model)
    assert code == 0, err
    code, text, err = cli("convert", hub, tmp_path / "a.conll", "--to", "columns", "--scheme", "BIOES")
    assert code == 0, err
    assert (tmp_path / "a.conll").read_text().startswith("a\tO\nfox\tS-ANIMAL\n\n")
    code, _, err = cli("doctor", "tag", "--data", f"hf:{tmp_path / 'none'}:train", *model)
    assert (code, err.count("\n")) == (2, 1)
    assert "the data set cannot be opened" in err


def test_a_data_set_of_the_hub_from_training_to_prediction(
    cli, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    rows = [{"tokens": ["a", "fox"], "ner_tags": ["O", "B-ANIMAL"]}, {"tokens": ["a"], "ner_tags": ["O"]}] * 8
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.jsonl").write_text(lines(rows))
    hub, bundle = f"hf:{tmp_path / 'set'}:train", tmp_path / "bundle"
    options = ["--model", hugging_face_model, "--train", hub, "--dev", hub, "--out", bundle, "--budget", "2steps"]
    assert cli("finetune", "tag", *options)[0] == 0
    code, text, _ = cli("evaluate", bundle, "--data", hub, "--json")
    assert code == 0
    assert json.loads(text.splitlines()[-1])["data"].endswith(".parquet")
    (tmp_path / "a.txt").write_text("Word,Tag\na,O\nfox,B-ANIMAL\n")
    (tmp_path / "b.txt").write_text('[{"tokenized_text": ["a", "fox"], "ner": []}]')
    for source, texts in ((hub, 16), (tmp_path / "a.txt", 1), (tmp_path / "b.txt", 1)):
        code, text, err = cli("predict", bundle, source)
        assert (code, text.count("\n")) == (0, texts), err
        assert json.loads(text.splitlines()[0])["text"] == "a fox"


def test_illegal_tags_of_lists_are_told_and_mended(cli, hugging_face_model: Path, tmp_path: Path):
    row = {"id": "0", "tokens": ["a", "fox", "here"], "ner_tags": ["O", "I-ANIMAL", "O"]}
    right = {**row, "ner_tags": ["O", "B-ANIMAL", "O"]}
    (tmp_path / "a.jsonl").write_text(lines([right, right, row, right]))
    options = ["--data", tmp_path / "a.jsonl", "--model", hugging_face_model, "--no-estimate"]
    _, text, _ = cli("doctor", "tag", *options, "--fix", tmp_path / "b.jsonl")
    assert "a.jsonl:3 I-ANIMAL after O, read as B-ANIMAL" in text
    assert list(map(json.loads, (tmp_path / "b.jsonl").read_text().splitlines())) == [right] * 4


def test_columns_are_named(cli, tmp_path: Path):
    (tmp_path / "a.csv").write_text("piece,gold\nfox,B-ANIMAL\n")
    code, _, err = cli("convert", tmp_path / "a.csv", tmp_path / "a.jsonl", "--to", "hf-tokens")
    assert (code, err.count("\n")) == (2, 1)
    assert "got columns piece, gold. Name them with --text-column and --label-column" in err
    named = ["--text-column", "piece", "--label-column", "gold"]
    code, _, err = cli("convert", tmp_path / "a.csv", tmp_path / "a.jsonl", "--to", "hf-tokens", *named)
    assert code == 0, err
    assert json.loads((tmp_path / "a.jsonl").read_text())["ner_tags"] == ["B-ANIMAL"]
    for option in ("--label-column", "--label-names", "--pair-column", "--separator"):
        code, _, err = cli("convert", tmp_path, tmp_path / "x", "--to", "bundle", option, "x")
        assert code == 2
        assert "an option for files of annotations" in err


def test_every_format_that_is_written_is_read_by_a_task():
    assert {name for kind in kinds() for name in spec_of(kind).formats} == {one.name for one in FORMATS} == set(WRITTEN)


def test_gold_is_never_read_as_text(cli, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Before, `predict` took the rows of a .txt for texts, and tagged their tags as words."""
    train = (
        "".join(f"{word} NN B-NP {tag}\n" for word, tag in (("the", "O"), ("fox", "S-ANIMAL"), ("runs", "O"))) + "\n"
    )
    rows = f"-DOCSTART- -X- -X- O\n\n{train}{train}-DOCSTART- -X- -X- O\n\n{train}"
    (tmp_path / "a.txt").write_text(rows)
    bundle, options = tmp_path / "ner", ("--model", hugging_face_model, "--budget", "2steps", "--train")
    assert cli("finetune", "tag", *options, tmp_path / "a.txt", "--out", bundle)[0] == 0
    code, text, err = cli("predict", bundle, tmp_path / "a.txt")
    assert (code, [json.loads(line)["text"] for line in text.splitlines()]) == (0, ["the fox runs"] * 3), err
    code, text, err = cli("predict", bundle, tmp_path / "a.txt", "--format", "conll")
    assert code == 0, err
    blocks = text.split("\n\n")
    assert [block.partition("\n")[0].split()[0] for block in blocks if block] == [
        "-DOCSTART-",
        "the",
        "the",
        "-DOCSTART-",
        "the",
    ]
    assert blocks[0] == "-DOCSTART- -X- -X- O"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(rows.encode()), encoding="utf-8"))
    code, text, err = cli("predict", bundle, "-")
    assert (code, text, "stdin:1: words with tags, not texts" in err) == (2, "", True), err
    for table in ("id,text\n1,the fox\n", "句子\t标签\n好\t1\n"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(table.encode()), encoding="utf-8"))
        code, text, err = cli("predict", bundle, "-")
        assert (code, text, "stdin:1: names of columns, not a text" in err) == (2, "", True), err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Malcolm X\nVitamin O\n"), encoding="utf-8"))
    code, text, err = cli("predict", bundle, "-")
    assert (code, text.count("\n")) == (0, 2), err
    (tmp_path / "reviews.csv").write_text("text,label\na dull film,bad\na fine film,good\n")
    other = tmp_path / "sentiment"
    assert cli("finetune", "classify", *options, tmp_path / "reviews.csv", "--out", other)[0] == 0
    for name in ("columns", "word-table", "brat", "webanno", "gliner", "label-studio", "label-studio-min", "corefud"):
        folder = tmp_path / name
        folder.mkdir()
        file, content = next(one for one in SAMPLES[name] if not one[0].endswith((".csv", ".tsv", ".conll")))
        source = put_sample(folder, name, "a.txt" if name != "brat" else file, content)
        code, text, err = cli("predict", other, source)
        if name in ("label-studio", "label-studio-min"):  # whose texts a classifier reads
            assert (code, json.loads(text.splitlines()[0])["text"]) == (0, "Ann left Rome."), err
        else:
            assert (code, text, err.count("\n")) == (2, "", 1), (name, text, err)
            assert "no task that reads" in err
    code, _, err = cli("predict", bundle, tmp_path / "word-table")
    assert (code, "a folder without annotated files" in err) == (2, True)


def test_what_only_looks_like_columns_is_text(tmp_path: Path):
    for number, text in enumerate(
        ("the cat sat .\nthe dog ran .\n", "Malcolm X\nVitamin O\n", "[[Link]] to\n{this}\n", "[\n")
    ):
        (tmp_path / f"{number}.txt").write_text(text)
        assert marked_formats(tmp_path / f"{number}.txt") == []
