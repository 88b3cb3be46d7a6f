"""`spanbert finetune --dev 10%`, and `prepare` of a few documents."""

from __future__ import annotations

from pathlib import Path

import pytest

import spanbert
from spanbert.core.files import read_json
from spanbert.tokens.prepare import prepare, summary_lines
from spanbert.tokens.store import TokenStore
from tests.labelled import SETTINGS, conll_file, pair_file, single_file

FEW = [part for one in (*SETTINGS, "train.max_steps=4", "train.threads=1") for part in ("--set", one)]


def test_a_share_is_held_out_scored_on_and_kept(cli, hugging_face_model: Path, tmp_path: Path):
    train = single_file(tmp_path / "train.tsv", 200, 0)
    common = ("finetune", "classify", "--model", hugging_face_model, "--train", train, "--out", tmp_path / "out", *FEW)
    code, _, err = cli(*common, "--dev", "10%")
    assert code == 0, err
    [line] = [line for line in err.splitlines() if line.startswith("dev: ")]
    assert "documents of train.tsv held out (10%), by the hash of their texts, about as many of each label" in line
    run = read_json(tmp_path / "out.run" / "run.json")["tasks"]["classify"]
    assert run["dev"]["name"].startswith("train.tsv (10% held out: ")
    assert run["train"]["name"] == "train.tsv (without 10% held out)"
    held = int(line.split()[1])
    assert read_json(tmp_path / "out.run" / "scores.json")["classify"]["examples"] == held
    assert read_json(tmp_path / "out" / "spanbert.json")["data"]["sizes"]["classify"]["texts"] == 200 - held
    assert "10% held out" in (tmp_path / "out.run" / "report.html").read_text()

    code, _, err = cli(*common, "--dev", "10%", "--resume")
    assert code == 0, err
    code, _, err = cli(*common, "--dev", "20%", "--resume")
    assert code == 2
    assert "the interrupted run has another tasks.classify" in err


def test_of_several_tasks_and_seeds(cli, hugging_face_model: Path, tmp_path: Path):
    ner, pairs = conll_file(tmp_path / "a.conll", 30, 0), pair_file(tmp_path / "p.tsv", 30, 0)
    code, _, err = cli("finetune", "multi", "--task", f"ner=tag:{ner}:20%", "--task", f"same=classify:{pairs}:20%",
                       "--seeds", 2, "--model", hugging_face_model, "--out", tmp_path / "out", *FEW)  # fmt: skip
    assert code == 0, err
    lines = [line for line in err.splitlines() if ": dev: " in line]
    assert len(lines) == 4
    assert lines[:2] == lines[2:], "the same for each seed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["classify", "--dev", "0%"], "dev: not a share to hold out; got 0%; expected e.g. 10%"),
        (
            ["classify", "--dev", "10%", "--dev-target", "a.tsv"],
            "translations of a dev file, where a share is held out",
        ),
        (["classify", "--dev", "10percent"], "10percent: no such file"),
    ],
)
def test_bad_shares(cli, hugging_face_model: Path, tmp_path: Path, monkeypatch, arguments: list[str], message: str):
    monkeypatch.chdir(tmp_path)
    single_file(tmp_path / "a.tsv", 20, 0)
    code, _, err = cli("finetune", *arguments, "--train", "a.tsv", "--model", hugging_face_model, "--out", "out")
    assert code == 2
    assert message in err


def test_doctor_says_that_there_is_nothing_to_check(cli, hugging_face_model: Path, tmp_path: Path):
    file = single_file(tmp_path / "a.tsv", 20, 0)
    code, _, err = cli("doctor", "classify", "--data", file, "--dev", "10%", "--model", hugging_face_model)
    assert code == 2
    assert "--dev: doctor reads dev data from a file; got 10%" in err


def test_in_python(hugging_face_model: Path, tmp_path: Path):
    file = single_file(tmp_path / "a.tsv", 40, 0)
    config = spanbert.FinetuneConfig.assemble(overrides=[*SETTINGS, "train.max_steps=2", "train.threads=1"])
    for number, dev in enumerate(("25%", 0.25, "0.25")):
        task = spanbert.TaskData(kind="sentiment", train=file, dev=dev)
        out = tmp_path / f"out{number}"
        assert (
            spanbert.finetune({"a": task}, out=out, model=hugging_face_model, config=config).scores["a"]["examples"] > 5
        )


@pytest.mark.parametrize("shard_pieces", [1 << 24, 1])
def test_prepare_holds_one_document_out_at_least(vocabulary_file: Path, tmp_path: Path, shard_pieces: int):
    (tmp_path / "a.txt").write_text("\n\n".join(f"the quick fox sees {word}" for word in ("a dog", "a cat", "a bird")))
    whole = prepare([tmp_path / "a.txt"], tokenizer=vocabulary_file, out=tmp_path / "whole", held_out=0)
    made = prepare([tmp_path / "a.txt"], tokenizer=vocabulary_file, out=tmp_path / "store", shard_pieces=shard_pieces)
    assert made.documents == {"train": 2, "held_out": 1}
    assert sum(made.pieces.values()) == whole.pieces["train"]
    assert not any("no document was held out" in line for line in summary_lines(made))
    assert any("no document was held out" in line for line in summary_lines(whole))
    store, all_ = TokenStore(tmp_path / "store"), TokenStore(tmp_path / "whole")
    parts = [one for split in ("train", "held_out") for one in pieces(store, split)]
    assert sorted(parts) == sorted(pieces(all_, "train"))
    counted = sum(len(one) for one in pieces(store, "train"))
    assert store.unigram_counts().sum() == counted == made.pieces["train"]


def pieces(store: TokenStore, split: str) -> list[list[int]]:
    return [document.ids.tolist() for document in store.documents(split)]


def test_prepare_of_one_document_has_nothing_to_hold_out(vocabulary_file: Path, tmp_path: Path):
    (tmp_path / "a.txt").write_text("the quick fox")
    made = prepare([tmp_path / "a.txt"], tokenizer=vocabulary_file, out=tmp_path / "store")
    assert made.documents == {"train": 1, "held_out": 0}
