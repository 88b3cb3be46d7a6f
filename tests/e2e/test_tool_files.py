"""Files of other annotation tools on the command line: inspected, learned from, turned into each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tool_samples import COREFUD, STUDIO, STUDIO_MIN, TO_JSON, TSV, brat, docbin, put

FEW = ("--set", "train.max_steps=2", "--set", "batch.examples=2")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    brat(tmp_path / "letters")
    brat(tmp_path / "letters", "b")
    return {
        "brat": tmp_path / "letters",
        "brat-file": tmp_path / "letters" / "a.ann",
        "webanno": put(tmp_path / "a.tsv", TSV),
        "spacy": docbin(tmp_path / "a.spacy"),
        "spacy-json": put(tmp_path / "a.jsonl", json.dumps(TO_JSON) + "\n"),
        "label-studio": put(tmp_path / "a.json", STUDIO),
        "label-studio-min": put(tmp_path / "min.json", STUDIO_MIN),
    }


def test_doctor_reads_all_of_them(cli, hugging_face_model: Path, files: dict[str, Path]):
    read_as = {
        "brat": "brat's standoff, 2 texts; left out: 2 events",
        "brat-file": "brat's standoff, .ann beside .txt",
        "webanno": "WebAnno TSV 3, the layer NamedEntity; left out",
        "spacy": "spaCy's binary .spacy; left out: 2 spans of the group sc",
        "spacy-json": "spaCy's JSON, of Doc.to_json or for training; left out: 1 spans of the group sc",
        "label-studio": "a Label Studio export; left out: 1 annotations of the same texts",
        "label-studio-min": "Label Studio's JSON-MIN",
    }
    for name, path in files.items():
        code, said, err = cli("doctor", "tag", "--data", path, "--model", hugging_face_model, "--no-estimate", "--json")
        assert code in (0, 2), err
        record = json.loads(said.splitlines()[-1])
        assert record["read_as"].startswith(read_as[name])
        assert record["labels"]["PER"][path.name] >= 1, name


def test_doctor_says_what_brat_gets_wrong(cli, hugging_face_model: Path, tmp_path: Path):
    path = brat(tmp_path / "b", annotations="T1\tPER 0 3;18 22\tAnn Acme\n")
    code, _, err = cli("finetune", "tag", "--train", path, "--model", hugging_face_model, "--out", tmp_path / "out")
    assert (code, err.count("\n")) == (2, 1)
    assert "a.ann:1: an annotation in fragments" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["brat", "brat-file", "spacy"])
def test_entities_are_learned_from_them(
    cli, hugging_face_model: Path, tmp_path: Path, files: dict[str, Path], name: str
):
    """Before, brat's lines were columns, and their last words labels."""
    out = tmp_path / "ner"
    code, _, err = cli("finetune", "tag", "--train", files[name], "--dev", files[name], "--model", hugging_face_model,
                       "--out", out, *FEW)  # fmt: skip
    assert code == 0, err
    labels = json.loads((out / "spanbert.json").read_text())["tasks"]["tag"]["labels"]
    assert {one.partition("-")[2] for one in labels} - {""} <= {"PER", "ORG", "Work", "LOC"}
    code, said, err = cli("evaluate", out, "--data", files[name], "--json")
    assert (code, "f1" in json.loads(said.splitlines()[-1])) == (0, True), err


def test_choices_relations_and_clusters_are_learned(cli, hugging_face_model: Path, tmp_path: Path):
    tasks = [
        {"data": {"text": text}, "annotations": [{"result": [
            {"type": "choices", "from_name": "mood", "value": {"choices": [mood]}}]}]}
        for text, mood in (("the fox runs", "good"), ("a river", "sad"), ("the king", "good"))
    ]  # fmt: skip
    relations = "T1\tPER 0 7\tAnn Lee\nT2\tORG 18 22\tAcme\nR1\tworks_for Arg1:T1 Arg2:T2\nR2\tpays Arg1:T2 Arg2:T1\n"
    data = {
        "classify": put(tmp_path / "choices.json", tasks),
        "relation": brat(tmp_path / "relations", annotations=relations).parent,
        "coref": put(tmp_path / "clusters.conllu", COREFUD),
    }
    for kind, path in data.items():
        code, _, err = cli(
            "finetune", kind, "--train", path, "--model", hugging_face_model, "--out", tmp_path / kind, *FEW
        )
        assert code == 0, err
    tasks_of = {kind: json.loads((tmp_path / kind / "spanbert.json").read_text())["tasks"][kind] for kind in data}
    assert tasks_of["classify"]["labels"] == ["good", "sad"]
    assert tasks_of["relation"]["labels"] == ["pays", "works_for"]


def test_copies_of_choices_are_refused(cli, hugging_face_model: Path, tmp_path: Path):
    path = put(tmp_path / "a.json", STUDIO_MIN)
    code, _, err = cli("doctor", "classify", "--data", path, "--model", hugging_face_model, "--no-estimate", "--fix",
                       tmp_path / "b.json", "--mode", "multi")  # fmt: skip
    assert code == 2
    assert "copies are made of tables and JSON lines alone" in err
    assert not (tmp_path / "b.json").exists()


def test_repaired_copies_of_folders(cli, hugging_face_model: Path, tmp_path: Path):
    brat(tmp_path / "b", text="Ann left.", annotations="T1\tPER 0 2\tAn\nT2\tPER 0 3\tAnn\nA1\tSure T2\n")
    code, said, _ = cli("doctor", "tag", "--data", tmp_path / "b", "--model", hugging_face_model, "--no-estimate", "--fix",
                        tmp_path / "c")  # fmt: skip
    assert code == 0
    assert "spans that occur twice left out: 1" in said
    assert (tmp_path / "c" / "a.txt").read_text() == "Ann left."
    assert (tmp_path / "c" / "a.ann").read_text() == "T2\tPER 0 3\tAnn\nA1\tSure T2\n"


def test_convert_says_what_is_left_out(cli, tmp_path: Path, files: dict[str, Path]):
    code, said, err = cli("convert", files["brat"], tmp_path / "a.conll", "--to", "columns")
    assert code == 0, err
    assert said.splitlines()[1] == (
        "left out: 2 relations, 2 clusters, 2 events, 2 attributes, 2 normalisations, 2 notes"
    )
    for name in ("brat", "webanno", "spacy", "spacy-json", "label-studio", "label-studio-min", "jsonl", "columns"):
        code, _, err = cli("convert", files["brat-file"], tmp_path / f"to-{name}", "--to", name)
        assert code == 0, err
        code, _, err = cli("convert", tmp_path / f"to-{name}", tmp_path / f"back-{name}", "--to", "jsonl")
        assert code == 0, err
        [record] = map(json.loads, (tmp_path / f"back-{name}").read_text().splitlines())
        assert len(record["spans"]) == 4
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("no annotations")
    code, _, err = cli("convert", tmp_path / "folder", tmp_path / "x", "--to", "columns", "--from", "squad")
    assert (code, "a directory, not an annotated file" in err) == (2, True)
