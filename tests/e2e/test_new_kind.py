"""A kind of task in one folder, tests/word_count, does all that the others do; the registry alone knows it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import spanbert
from spanbert.apps.doctor.diagnose import doctor
from spanbert.core.errors import InputError
from spanbert.core.files import read_json
from spanbert.tasks import registry
from spanbert.train.run_directory import run_directory
from spanbert.train.tracking import Tracker, read_log
from tests.word_count.result import WordCount
from tests.word_count.spec import WORDS

SETTINGS = ["optim.lr=1e-2", "optim.weight_decay=0.0", "train.precision=float32", "train.threads=1", "train.max_steps=120",
            "train.checkpoint_every=40steps", "words.near=0.1"]  # fmt: skip
FEW = [part for one in SETTINGS for part in ("--set", one)]
VOCABULARY = ["the", "a", "red", "old", "fox", "king", "runs", "sees", "over"]
ON_THE_COMMAND_LINE = """
import sys
from spanbert.tasks import registry
from tests.word_count.spec import WORDS
registry.REGISTRY = (*registry.REGISTRY, WORDS)
sys.argv = ["spanbert", *sys.argv[1:]]
from spanbert.apps.cli.main import main
main()
"""


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "REGISTRY", (*registry.REGISTRY, WORDS))


def texts(path: Path, count: int, seed: int) -> Path:
    drawn = random.Random(seed)
    lengths = [drawn.randint(1, 12) for _ in range(count)]
    lines = [" ".join(drawn.choices(VOCABULARY, k=length)) for length in lengths]
    path.write_text(
        "text\tlabel\n" + "".join(f"{line}\t{length}\n" for line, length in zip(lines, lengths, strict=True))
    )
    return path


def test_from_files_to_answers(cli, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    train, dev, out = texts(tmp_path / "train.tsv", 200, 1), texts(tmp_path / "dev.tsv", 40, 2), tmp_path / "words"
    run = ["finetune", "words", "--model", hugging_face_model, "--train", train, "--dev", dev, "--out", out, *FEW]

    note = Tracker.step
    with monkeypatch.context() as patch:

        def stopped(self, step, figures):
            note(self, step, figures)
            if step == 50:
                os.kill(os.getpid(), signal.SIGTERM)

        patch.setattr(Tracker, "step", stopped)
        code, _, err = cli(*run)
    assert len(read_log(run_directory(out) / "metrics.jsonl")) == 50, err
    code, said, err = cli(*run, "--resume", "--json")
    assert code == 0, err
    report = json.loads(said.splitlines()[-1])
    assert (report["stopped_by"], report["step"]) == ("budget", 120)
    assert report["scores"]["words"]["distance"] < 1.5

    code, said, err = cli("evaluate", out, "--data", dev, "--json")
    assert code == 0, err
    found = json.loads(said.splitlines()[-1])
    assert (found["kind"], found["near"], found["examples"]) == ("words", report["scores"]["words"]["near"], 40)
    assert found["signature"].endswith("|task:words|near:0.1")

    (tmp_path / "texts.txt").write_text("the red fox runs over a king\nthe fox\n")
    code, said, err = cli("predict", out, tmp_path / "texts.txt")
    first, second = map(json.loads, said.splitlines())
    assert first["tasks"]["words"].keys() == {"words"}
    assert first["tasks"]["words"]["words"] == pytest.approx(7, abs=1.5)
    code, _, err = cli("predict", out, tmp_path / "texts.txt", "--format", "html", "--out", tmp_path / "page.html")
    assert code == 0, err
    assert (
        f'words <b class="sb-number">{first["tasks"]["words"]["words"]:.3f}</b>' in (tmp_path / "page.html").read_text()
    )

    page = (run_directory(out) / "report.html").read_text()
    for part in ("number of words", "share of the texts whose number of words is nearly right", "off by"):
        assert part in page
    assert "number of words" in (out / "README.md").read_text()

    code, _, err = cli("convert", out, tmp_path / "copy", "--to", "bundle")
    assert code == 0, err
    for path in (out, tmp_path / "copy"):
        result = spanbert.load(path)("the fox")["words"]
        assert isinstance(result, WordCount)
        assert result.words == pytest.approx(second["tasks"]["words"]["words"], abs=1e-4)
    code, _, err = cli("convert", out, tmp_path / "hf", "--to", "hugging-face", "--task", "words")
    assert code == 2
    assert "words" in err
    assert not (tmp_path / "hf").exists()


def test_it_is_learned_with_another_task(hugging_face_model: Path, tmp_path: Path):
    train = texts(tmp_path / "train.tsv", 30, 1)
    labels = tmp_path / "labels.tsv"
    labels.write_text("text\tlabel\nthe fox\ta\nthe king\tb\n")
    config = spanbert.FinetuneConfig.assemble(overrides=["train.max_steps=4", "train.threads=1"])
    both = {
        "words": spanbert.TaskData(kind="words", train=train),
        "topic": spanbert.TaskData(kind="classify", train=labels),
    }
    out = spanbert.finetune(both, model=hugging_face_model, out=tmp_path / "both", config=config).path
    doc = spanbert.load(out)("the old king sees")
    assert set(doc.tasks) == set(doc.as_record()["tasks"]) == {"words", "topic"}
    assert read_json(out / "spanbert.json")["tasks"]["words"]["kind"] == "words"


def test_a_file_of_its_own_stays_in_the_bundle(hugging_face_model: Path, tmp_path: Path):
    train, scale = texts(tmp_path / "train.tsv", 30, 1), tmp_path / "mine.txt"
    scale.write_text("0.25")
    config = spanbert.FinetuneConfig.assemble(
        overrides=["train.max_steps=4", "train.threads=1", f"words.scale={scale}"]
    )
    data = {"words": spanbert.TaskData(kind="words", train=train, dev=texts(tmp_path / "dev.tsv", 8, 2))}
    seeds = spanbert.finetune_seeds(data, model=hugging_face_model, out=tmp_path / "out", config=config, seeds=2)
    scale.unlink()
    spanbert.convert(seeds.path, tmp_path / "copy", to="bundle")
    found = [spanbert.load(path)("the old king sees")["words"].words for path in (seeds.path, tmp_path / "copy")]
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    for path in (seeds.path, tmp_path / "copy"):
        (path / "assets" / "words" / "scale.txt").write_text("0.5")
        with pytest.raises(InputError, match="assets/words/scale.txt"):
            spanbert.load(path)


def test_help_and_options():
    def said(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", ON_THE_COMMAND_LINE, *arguments], capture_output=True, text=True, check=False
        )
        return " ".join((done.stdout + done.stderr).split())

    text = said("finetune", "--help")
    assert "spanbert finetune words --model bundle/ --train train.tsv --out words/" in text
    assert "--near" in text
    assert "--near" not in said("predict", "--help")
    assert "Invalid value for '--near'" in said("finetune", "words", "--near", "far")


TABLE = "text\tlabel\na fox\t2\nthe transformations\t3\nthe old house\t3\nmore\tcells\tthan two\na fox\t1\na dog\t2\n"


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    (tmp_path / "train.tsv").write_text(TABLE)
    (tmp_path / "dev.tsv").write_text("text\tlabel\na dog\t2\na\t1\n")
    return tmp_path / "train.tsv"


def test_doctor(cli, faulty: Path, hugging_face_model: Path):
    out = faulty.with_name("fixed.tsv")
    model, dev = ["--model", hugging_face_model], ["--dev", faulty.with_name("dev.tsv")]
    code, text, _ = cli("doctor", "words", "--data", faulty, *dev, *model, "--fix", out)
    assert code == 2
    for line in (
        "spanbert doctor words: train.tsv, dev.tsv; ",
        "  counted words            11\n",
        "error          2  texts with another number of words than stated [train.tsv]\n",
        "train.tsv:3 'the transformations' has 2\n",
        "error          1  texts that cannot be read [train.tsv]\n",
        "train.tsv:2 and train.tsv:6 'a fox': 2 and 1\n",
        "note           1  texts with more pieces than words [train.tsv]\n",
        "note          11  words in all [train.tsv]\n",
        "note           3  words in all [dev.tsv]\n",
        "warning        1  dev texts that are also in train.tsv: 50.0% of 2 [dev.tsv]\n",
        "  texts that cannot be read left out: 1\n  numbers of words corrected: 2\n",
        "tokens/s",
    ):
        assert line in text
    assert out.read_text() == "text\tlabel\na fox\t2\nthe transformations\t2\nthe old house\t3\na fox\t2\na dog\t2\n"
    code, text, _ = cli("doctor", "words", "--data", out, *model, "--no-estimate", "--json")
    record = json.loads(text.splitlines()[-1])
    assert (code, record["kind"], record["counted_words"]) == (0, "words", 11)
    assert record["labels"] == {"2": {"fixed.tsv": 4}, "3": {"fixed.tsv": 1}}
    assert {one["name"] for one in record["findings"]} == {"duplicates", "rare_labels", "split", "total"}


def test_what_training_would_cost_by_the_spec(faulty: Path, hugging_face_model: Path):
    cost = doctor("words", faulty, model=hugging_face_model).estimate
    assert cost is not None
    assert (cost.windows_an_epoch, cost.steps_an_epoch, cost.steps) == (5, 2, 300)


def test_a_kind_that_is_misspelled(faulty: Path, hugging_face_model: Path):
    with pytest.raises(InputError, match="no kind of task 'wordz'; did you mean 'words'"):
        doctor("wordz", faulty, model=hugging_face_model)
