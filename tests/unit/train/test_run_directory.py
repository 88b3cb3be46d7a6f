"""The bundle is what a user needs; the run lies beside it, is found there, and comes from where it was before."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import spanbert
from spanbert.core.errors import InputError
from spanbert.core.files import only_writer
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.run_directory import FINETUNE, check_run_folder, files_of_run, move_out, only_run, run_directory
from spanbert.train.seeds import finetune_seeds
from tests.labelled import SETTINGS, conll_file, data, squad_file, tune
from tests.runs import arguments, assert_same_weights, interrupted, losses, run

MADE_OF_TEXT = {"config.json", "spanbert.json", "README.md", "tokenizer_config.json"}
INSIDE = (
    "run.json", "metrics.jsonl", "evaluations.jsonl", "before.json", "scores.json", "mistakes.jsonl", "report.html",
    "seeds.json", "tensorboard", "training", "seeds",
)  # fmt: skip


def as_before(bundle: Path, *, leave: tuple[str, ...] = ()) -> None:
    """Lays a run out as earlier versions did: all of it inside of the bundle's directory."""
    bundle.mkdir(exist_ok=True)
    for path in sorted(run_directory(bundle).iterdir()):
        assert path.name in INSIDE, path
        if path.name not in leave:
            path.rename(bundle / path.name)
    if not leave:
        run_directory(bundle).rmdir()


def resumed(call: list[object]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "spanbert", *map(str, call), "--resume"], capture_output=True, text=True, check=False
    )


def test_a_bundle_holds_what_its_manifest_says_and_nothing_of_the_run(hugging_face_model: Path, tmp_path: Path):
    tasks = {
        "ner": data("tag", conll_file, tmp_path, suffix=".conll"),
        "asks": data("qa", squad_file, tmp_path, suffix=".json"),
    }
    bundle = tune(tasks, hugging_face_model, tmp_path / "model", "train.max_steps=4").path
    manifest = json.loads((bundle / "spanbert.json").read_text())
    found = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert found == {*manifest["files"], "README.md", "spanbert.json"}
    contexts = [
        one["context"] for article in json.loads(tasks["asks"].dev.read_text())["data"] for one in article["paragraphs"]
    ]
    assert (run_directory(bundle) / "mistakes.jsonl").read_text()
    for name in MADE_OF_TEXT:
        text = (bundle / name).read_text()
        assert not any(str(place) in text for place in (tmp_path, hugging_face_model)), "no path of this machine"
        assert not any(context in text for context in contexts), "no text of the dev data"
    assert str(hugging_face_model) in (run_directory(bundle) / "run.json").read_text()


def test_a_path_among_the_settings_stays_out_of_the_bundle(
    hugging_face_model: Path, vocabulary_file: Path, tmp_path: Path
):
    tasks = {"ner": data("tag", conll_file, tmp_path, suffix=".conll")}
    own = f"scratch.vocabulary={vocabulary_file}"
    bundle = tune(tasks, None, tmp_path / "model", "train.max_steps=2", own, size="tiny").path  # type: ignore[arg-type]
    for name in MADE_OF_TEXT:
        assert str(vocabulary_file) not in (bundle / name).read_text()
    manifest = json.loads((bundle / "spanbert.json").read_text())
    assert manifest["recipe"]["scratch"]["vocabulary"] == vocabulary_file.name
    assert str(vocabulary_file) in (run_directory(bundle) / "run.json").read_text()


def test_a_bundle_moves_alone(hugging_face_model: Path, tmp_path: Path):
    tasks = {"ner": data("tag", conll_file, tmp_path, suffix=".conll")}
    bundle = tune(tasks, hugging_face_model, tmp_path / "model", "train.max_steps=4").path
    text = "the old king runs near a house"
    before = spanbert.load(bundle)(text).entities
    (tmp_path / "elsewhere").mkdir()
    moved = bundle.rename(tmp_path / "elsewhere" / "other")
    shutil.rmtree(run_directory(bundle))
    assert spanbert.load(moved)(text).entities == before
    assert spanbert.evaluate(moved, tasks["ner"].dev, other=moved)["compared"]["difference"] == 0
    spanbert.convert(moved, tmp_path / "converted", to="bundle")
    assert {path.name for path in (tmp_path / "converted").iterdir()} == {path.name for path in moved.iterdir()}
    with pytest.raises(InputError, match=r"the folder exists already.*there is nothing to resume in .*other\.run"):
        tune(tasks, hugging_face_model, moved, "train.max_steps=8", resume=True)


@pytest.mark.parametrize("leave", [(), ("before.json", "evaluations.jsonl")], ids=["whole", "half moved"])
def test_a_run_of_an_earlier_version_goes_on_bit_for_bit(
    leave: tuple[str, ...], store_path: Path, hugging_face_model: Path, tmp_path: Path
):
    whole, out = tmp_path / "whole", tmp_path / "out"
    run(store_path, whole, hugging_face_model, "train.max_steps=20", "train.checkpoint_every=4steps",
        "train.evaluate_every=6steps")  # fmt: skip
    call = arguments(store_path, out, hugging_face_model)
    assert interrupted(11, "SIGKILL", *call).returncode == -9
    as_before(out, leave=leave)
    assert files_of_run(out) == out
    refused = resumed([*call, "--set", "optim.clip=0.5"])
    assert "another optim.clip" in refused.stderr
    assert files_of_run(out) == out, "what is refused is not moved"
    done = resumed(call)
    assert done.returncode == 0, done.stderr
    assert "resuming after step 8" in done.stderr
    assert losses(out) == losses(whole)
    assert_same_weights(out, whole)
    assert {path.name for path in out.iterdir()} == {path.name for path in whole.iterdir()}, "and is moved out"


def test_seeds_of_an_earlier_version_go_on(hugging_face_model: Path, tmp_path: Path):
    tasks = {"ner": data("tag", conll_file, tmp_path, suffix=".conll")}
    config = FinetuneConfig.assemble(overrides=[*SETTINGS, "train.max_steps=4", "train.threads=1"])
    first = finetune_seeds(tasks, seeds=2, model=hugging_face_model, out=tmp_path / "out", config=config)
    for seed in "01":
        as_before(run_directory(first.path) / "seeds" / seed)
    as_before(first.path)
    again = finetune_seeds(tasks, seeds=2, model=hugging_face_model, out=tmp_path / "out", config=config, resume=True)
    assert again.spread == first.spread
    found = sorted(path.name for path in (run_directory(first.path) / "seeds").iterdir())
    assert found == ["0", "0.run", "1", "1.run"]
    assert not set(INSIDE) & {path.name for path in first.path.iterdir()}


def test_one_run_has_both_places_for_itself(tmp_path: Path):
    bundle = tmp_path / "model"
    for place in (bundle, run_directory(bundle)):
        with only_writer(place), pytest.raises(InputError, match="another process is writing here"), only_run(bundle):
            raise AssertionError
        with only_run(bundle), pytest.raises(InputError, match="another process is writing here"), only_writer(place):
            raise AssertionError
    run_directory(bundle).mkdir()
    check_run_folder(bundle, (FINETUNE,), inputs=[], resume=False, overwrite=False)
    (run_directory(bundle) / "notes.txt").write_text("mine")
    for resume, overwrite in ((False, False), (True, False), (False, True)):
        with pytest.raises(InputError, match=r"model\.run: the folder exists already, and is no .*Choose another one"):
            check_run_folder(bundle, (FINETUNE,), inputs=[], resume=resume, overwrite=overwrite)
    assert (run_directory(bundle) / "notes.txt").read_text() == "mine"


def test_where_the_run_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path / "real")
    assert run_directory(Path("a/b")) == Path("a/b.run")
    assert run_directory(Path()) == run_directory(tmp_path / "link") == tmp_path / "real.run"
    move_out(tmp_path / "nothing")
    monkeypatch.setattr(os.path, "ismount", lambda path: path == tmp_path)
    with pytest.raises(InputError, match=r"root of a file system.*Choose a folder in it, such as .*/model"):
        check_run_folder(tmp_path, (FINETUNE,), inputs=[], resume=False, overwrite=False)
