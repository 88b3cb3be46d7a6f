"""The loop: groups, accumulation, frozen encoders, kills, signals, resuming bit for bit."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from spanbert.batches.plan import PlanPosition
from spanbert.core.errors import InputError, SpanbertError
from spanbert.encoder.model import Encoder
from spanbert.train import loop
from spanbert.train import pretrain as pretraining
from spanbert.train.config import OptimConfig
from spanbert.train.optimizer import make_optimizer, set_rates
from spanbert.train.outcome import Best
from spanbert.train.run_directory import run_directory
from spanbert.train.tracking import read_log
from tests.runs import SIGNAL_AT_STEP, Clock, arguments, assert_same_weights, interrupted, losses, run


def test_parameter_groups(hugging_face_model: Path):
    model = torch.nn.ModuleDict({"encoder": Encoder.from_pretrained(hugging_face_model), "head": torch.nn.Linear(4, 4)})
    optimizer = make_optimizer(model, OptimConfig(lr=1.0, head_lr=2.0, weight_decay=0.1))
    for group in optimizer.param_groups:
        ranks = {parameter.ndim for parameter in group["params"]}
        assert group["weight_decay"] == (0.0 if ranks == {1} else 0.1)
        assert (1 in ranks) != (2 in ranks)
    set_rates(optimizer, 0.5)
    assert {(group["peak_lr"], group["lr"]) for group in optimizer.param_groups} == {(1.0, 0.5), (2.0, 1.0)}


def test_training_learns_and_logs(store_path: Path, hugging_face_model: Path, tmp_path: Path):
    result = run(
        store_path,
        tmp_path / "out",
        hugging_face_model,
        "train.max_steps=60",
        "optim.lr=3e-3",
        "train.evaluate_every=10%",
    )
    assert result.outcome.stopped_by == "budget"
    after = result.outcome.best.scores
    assert after["mlm_loss"] < result.before["mlm_loss"] - 0.1
    assert len(losses(tmp_path / "out")) == 60
    line = read_log(run_directory(tmp_path / "out") / "metrics.jsonl")[0]
    assert {"step", "loss", "mlm_loss", "sbo_loss", "lr", "tokens", "seconds", "tokens_per_second"} <= line.keys()
    assert line["loss"] == pytest.approx(line["mlm_loss"] + line["sbo_loss"])
    evaluations = read_log(run_directory(tmp_path / "out") / "evaluations.jsonl")
    assert [entry["step"] for entry in evaluations] == list(range(6, 61, 6))
    assert list((run_directory(tmp_path / "out") / "tensorboard").glob("events.*"))
    assert -result.outcome.best.selection_score == min(entry["mlm_loss"] + entry["sbo_loss"] for entry in evaluations)


@pytest.mark.parametrize(("evaluation", "every", "expected"), [(0.5, "25%", 4), (20.0, "25%", 2), (20.0, "25s", 3)])
def test_a_budget_of_time_holds_steps_and_evaluations_and_the_last_one_too(
    evaluation: float,
    every: str,
    expected: int,
    store_path: Path,
    hugging_face_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    clock = Clock()
    for module in (loop, pretraining):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(loop.Trainer, "_step", clock.lasting(loop.Trainer._step, 5.0))
    monkeypatch.setattr(pretraining, "evaluate", clock.lasting(pretraining.evaluate, evaluation))
    settings = ("train.max_minutes=1.6666666666666667", f"train.evaluate_every={every}")
    run(store_path, tmp_path / "out", hugging_face_model, *settings)
    assert len(read_log(run_directory(tmp_path / "out") / "evaluations.jsonl")) == expected
    steps = len(losses(tmp_path / "out"))
    assert steps * 5 + expected * evaluation <= 100 < (steps + 1) * 5 + expected * evaluation, "the last is in it"


def test_accumulation_changes_nothing_but_rounding(store_path: Path, tmp_path: Path, vocabulary_file: Path):
    from tests.conftest import save_hugging_face_bert

    model = save_hugging_face_bert(tmp_path / "m", vocabulary_file, hidden_dropout_prob=0.0)
    curves = []
    for accumulation in (1, 2, 4):
        out = tmp_path / f"out{accumulation}"
        run(store_path, out, model, "train.max_steps=8", "batch.packs=4", f"train.accumulation={accumulation}")
        curves.append(losses(out))
    assert curves[1] == pytest.approx(curves[0], rel=1e-4)
    assert curves[2] == pytest.approx(curves[0], rel=1e-4)
    assert curves[0][0] != curves[0][-1]


def test_two_runs_are_equal_and_seeds_differ(store_path: Path, hugging_face_model: Path, tmp_path: Path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run(store_path, tmp_path / name, hugging_face_model, "train.max_steps=5", f"train.seed={seed}")
    assert losses(tmp_path / "a") == losses(tmp_path / "b") != losses(tmp_path / "c")
    assert_same_weights(tmp_path / "a", tmp_path / "b")


def test_frozen_encoder_stays_and_heads_learn(store_path: Path, hugging_face_model: Path, tmp_path: Path):
    run(store_path, tmp_path / "out", hugging_face_model, "train.max_steps=10", "freeze_encoder=true")
    before, after = (
        load_file(hugging_face_model / "model.safetensors"),
        load_file(tmp_path / "out" / "model.safetensors"),
    )
    encoder = [name for name in before if name.startswith("bert.")]
    assert len(encoder) > 30
    assert all(torch.equal(before[name], after[name]) for name in encoder)
    assert not torch.equal(
        before["cls.predictions.transform.dense.weight"], after["cls.predictions.transform.dense.weight"]
    )


def test_from_scratch_without_held_out_documents(corpus_file: Path, vocabulary_file: Path, tmp_path: Path):
    from spanbert.tokens.prepare import prepare

    prepare([corpus_file], tokenizer=vocabulary_file, out=tmp_path / "store", held_out=0)
    result = run(tmp_path / "store", tmp_path / "out", None, "train.max_steps=2", size="tiny")
    assert result.outcome.best is None
    assert json.loads((tmp_path / "out" / "config.json").read_text())["num_hidden_layers"] == 2


def test_training_goes_on_from_a_bundle_with_its_heads(store_path: Path, trained_bundle: Path, tmp_path: Path):
    result = run(store_path, tmp_path / "out", trained_bundle, "train.max_steps=1")
    manifest = json.loads((trained_bundle / "spanbert.json").read_text())
    assert result.before["sbo_loss"] == pytest.approx(manifest["tasks"]["pretrain"]["scores"]["sbo_loss"], rel=0.05)


@pytest.fixture(scope="module")
def undisturbed(store_path: Path, hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that the interrupted ones are compared with; a process of its own, as theirs are."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    done = subprocess.run(
        [sys.executable, "-m", "spanbert", *map(str, arguments(store_path, out, hugging_face_model))], check=False
    )
    assert done.returncode == 0
    assert len(losses(out)) == 20
    return out


def test_killed_run_resumes_bit_for_bit(undisturbed: Path, store_path: Path, hugging_face_model: Path, tmp_path: Path):
    out = tmp_path / "out"
    call = arguments(store_path, out, hugging_face_model)
    assert interrupted(11, "SIGKILL", *call).returncode == -9
    assert not (out / "model.safetensors").exists()
    assert len(losses(out)) == 11
    assert not out.exists(), "no bundle before there is a whole one"

    done = subprocess.run(
        [sys.executable, "-m", "spanbert", *map(str, call), "--resume"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "resuming after step 8" in done.stderr
    assert losses(out) == losses(undisturbed)
    assert_same_weights(out, undisturbed)
    assert (
        read_log(run_directory(out) / "evaluations.jsonl")[-1]["mlm_loss"]
        == read_log(run_directory(undisturbed) / "evaluations.jsonl")[-1]["mlm_loss"]
    )

    run_again = subprocess.run(
        [sys.executable, "-m", "spanbert", *map(str, call)], capture_output=True, text=True, check=False
    )
    assert run_again.returncode == 2
    assert "exists already. Pass --resume" in run_again.stderr


def test_a_signal_saves_and_ends_the_run_with_its_code(
    undisturbed: Path, store_path: Path, hugging_face_model: Path, tmp_path: Path
):
    out = tmp_path / "out"
    call = arguments(store_path, out, hugging_face_model)
    stopped = interrupted(7, "SIGTERM", *call)
    assert stopped.returncode == 143, stopped.stderr
    resuming = shlex.join(["spanbert", *map(str, call), "--resume"])
    assert stopped.stderr.splitlines()[-2:] == ["SIGTERM: saved after step 7", f"resume with: {resuming}"]
    assert Encoder.from_pretrained(out).config.layers == 2
    stopped = interrupted(15, "SIGINT", *call, "--resume")
    assert (stopped.returncode, stopped.stderr.splitlines()[-2:]) == (
        130, ["SIGINT: saved after step 15", f"resume with: {resuming}"],
    )  # fmt: skip
    stopped = interrupted(20, "SIGTERM", *call, "--resume")  # after its last step a run has held-out data to score
    assert stopped.returncode == 143, stopped.stderr
    assert "step 20: held-out" not in stopped.stderr, "nothing is scored after the signal"
    done = interrupted(99, "SIGTERM", *call, "--resume")
    assert done.returncode == 0, done.stderr
    assert losses(out) == losses(undisturbed)
    assert_same_weights(out, undisturbed)


def test_resume_refuses_other_settings_and_starts_where_nothing_is(
    store_path: Path, hugging_face_model: Path, tmp_path: Path
):
    out = tmp_path / "out"
    run(store_path, out, hugging_face_model, "train.max_steps=2", resume=True)
    with pytest.raises(InputError, match=r"another optim\.clip; got 0\.5; expected 1\.0"):
        run(store_path, out, hugging_face_model, "train.max_steps=2", "optim.clip=0.5", resume=True)
    result = run(store_path, out, hugging_face_model, "train.max_steps=4", resume=True)
    assert result.outcome.progress.step == 4
    assert len(losses(out)) == 4


def test_a_damaged_state_is_refused(store_path: Path, hugging_face_model: Path, tmp_path: Path):
    out = tmp_path / "out"
    run(store_path, out, hugging_face_model, "train.max_steps=2")
    last = run_directory(out) / "training" / "last"
    (last / "optimizer.safetensors").write_bytes(b"x")
    with pytest.raises(
        InputError, match="training state is damaged.*Start again with --overwrite in place of --resume"
    ):
        run(store_path, out, hugging_face_model, "train.max_steps=4", resume=True)
    for content in ("{}", "[]", '{"checksums": 1}'):
        (last / "state.json").write_text(content)
        with pytest.raises(InputError, match=r"state\.json: the training state is damaged"):
            run(store_path, out, hugging_face_model, "train.max_steps=4", resume=True)
    assert run(store_path, out, hugging_face_model, "train.max_steps=1", overwrite=True).outcome.progress.step == 1
    assert len(losses(out)) == 1
    (run_directory(out) / "run.json").write_text("{")
    with pytest.raises(InputError, match="the folder exists already. Pass --overwrite to replace it"):
        run(store_path, out, hugging_face_model, "train.max_steps=1", resume=True)
    run(store_path, out, hugging_face_model, "train.max_steps=1", overwrite=True)


def test_a_run_replaces_only_what_it_may(store_path: Path, hugging_face_model: Path, tmp_path: Path):
    out = tmp_path / "out"
    run(store_path, out, hugging_face_model, "train.max_steps=1")
    (run_directory(out) / "mistakes.jsonl").write_text("of another run")
    with pytest.raises(InputError, match="exists already. Pass --resume to continue it, --overwrite to replace it"):
        run(store_path, out, hugging_face_model, "train.max_steps=1")
    with pytest.raises(InputError, match="either continue the run or replace it"):
        run(store_path, out, hugging_face_model, "train.max_steps=1", resume=True, overwrite=True)
    with pytest.raises(InputError, match="accumulation must divide"):
        run(store_path, out, hugging_face_model, "train.max_steps=1", "train.accumulation=2", overwrite=True)
    assert (out / "model.safetensors").exists(), "a run that is refused replaces nothing"
    run(store_path, out, hugging_face_model, "train.max_steps=2", overwrite=True)
    assert len(losses(out)) == 2
    assert not (run_directory(out) / "mistakes.jsonl").exists()
    for target in (store_path, store_path / "inside", hugging_face_model):
        with pytest.raises(InputError, match="the output would"):
            run(store_path, target, hugging_face_model, "train.max_steps=1", overwrite=True)


def test_what_killed_runs_left_is_swept(store_path: Path, hugging_face_model: Path, tmp_path: Path):
    out = tmp_path / "out"
    run(store_path, out, hugging_face_model, "train.max_steps=1")
    training = run_directory(out) / "training"
    left = [tmp_path / ".out.0123abcd.tmp", run_directory(out) / ".run.json.0123abcd.tmp", training / ".last.new.0123abcd.tmp",
            training / ".best.new.x_1y2z3w", training / "best.new", training / "last.old"]  # fmt: skip
    for path in left:
        path.mkdir()
        (path / "model.safetensors").write_bytes(b"half")
    kept = tmp_path / ".out.settings"
    kept.mkdir()
    with pytest.raises(InputError, match="the interrupted run has another"):
        run(store_path, out, hugging_face_model, "train.max_steps=2", "optim.clip=0.5", resume=True)
    assert all(path.exists() for path in left[1:]), "not by a run that is refused, but for what lies beside the bundle"
    run(store_path, out, hugging_face_model, "train.max_steps=2", resume=True)
    assert not any(path.exists() for path in left)
    assert kept.exists()
    assert sorted(path.name for path in training.iterdir()) == ["best", "last"]


def test_the_files_of_a_bundle_have_one_mode(store_path: Path, hugging_face_model: Path, tmp_path: Path):
    out = tmp_path / "out"
    before = os.umask(0o027)
    try:
        run(store_path, out, hugging_face_model, "train.max_steps=1")
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (out, *out.rglob("*"))}
    assert {path.name: oct(mode) for path, mode in modes.items() if mode != (0o750 if path.is_dir() else 0o640)} == {}


def test_a_loss_that_is_not_finite_ends_the_run(
    store_path: Path, hugging_face_model: Path, tmp_path: Path, monkeypatch
):
    from spanbert.tasks.pretrain.heads import PretrainHead

    monkeypatch.setattr(
        PretrainHead, "losses", lambda self, hidden, *_: dict.fromkeys(("mlm", "sbo"), hidden.sum() * float("nan"))
    )
    with pytest.raises(SpanbertError, match=r"step 1: the gradient's norm is nan, the loss nan. Start again"):
        run(store_path, tmp_path / "out", hugging_face_model, "train.max_steps=2")
    assert not (run_directory(tmp_path / "out") / "training").exists()


def test_a_signal_before_the_first_step_leaves_no_bundle(
    undisturbed: Path, store_path: Path, hugging_face_model: Path, tmp_path: Path
):
    early = SIGNAL_AT_STEP.replace("from spanbert.apps", "from spanbert.train import pretrain\nbefore = pretrain.evaluate\n"
        "pretrain.evaluate = lambda *a, **k: (os.kill(os.getpid(), signal.SIGTERM), before(*a, **k))[1]\nfrom spanbert.apps")  # fmt: skip
    call = [str(one) for one in arguments(store_path, tmp_path / "out", hugging_face_model)]
    stopped = subprocess.run(
        [sys.executable, "-c", early, "99", "SIGTERM", *call], capture_output=True, text=True, check=False
    )
    assert stopped.returncode == 143, stopped.stderr
    assert "SIGTERM: before the first step" in stopped.stderr
    assert "held-out figures" not in stopped.stderr, "scoring ends at once"
    assert not (tmp_path / "out").exists()
    assert not (run_directory(tmp_path / "out") / "before.json").exists()
    run(store_path, tmp_path / "out", hugging_face_model, "train.max_steps=20", resume=True)
    assert losses(tmp_path / "out") == losses(undisturbed)


def test_resume_keeps_the_budget_of_the_run(store_path: Path, hugging_face_model: Path, tmp_path: Path):
    run(store_path, tmp_path / "out", hugging_face_model, "train.max_steps=3")
    result = run(store_path, tmp_path / "out", hugging_face_model, resume=True)
    assert result.outcome.progress.step == 3
    assert json.loads((run_directory(tmp_path / "out") / "run.json").read_text())["settings"]["train"]["max_steps"] == 3


def test_heads_are_taken_whole_or_made_new(store_path: Path, trained_bundle: Path, tmp_path: Path):
    said: list[str] = []

    class Heard:
        def say(self, message: str) -> None:
            said.append(message)

        def update(self, *_: object) -> None: ...

        def finish(self, stage: str) -> None: ...

    run(store_path, tmp_path / "out", trained_bundle, "train.max_steps=1", "sbo.position_size=7", reporter=Heard())
    assert said[1:3] == ["MLM head: from the checkpoint", "SBO head: new"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["batch.segment_length=100", "train.max_steps=1"], "segments longer than the encoder's positions"),
        (["train.max_steps=1", "train.accumulation=2"], "accumulation must divide"),
        ([], "no budget"),
        (["train.max_steps=1", "masking.budget=1.5"], "bad value for 'masking.budget'"),
        (["train.max_steps=1", "masking.mask_share=0.95"], "are more than 1"),
        (["train.max_steps=1", "sbo.positions=0"], "bad value for 'sbo.positions'"),
        (["train.max_steps=1", "optim.schedule=wsd", "optim.warmup=0.9"], "more than the whole budget"),
        (["train.max_steps=1", "train.evaluate_every=often"], "not an amount"),
        (["train.max_steps=1", "encoder.kind=cnn"], "the model's layers are of another kind"),
        (
            ["train.max_steps=1", "encoder.kind=cnn", "encoder.attention_span=8"],
            "the model's layers are of another kind",
        ),
    ],
)
def test_settings_that_cannot_work(store_path: Path, hugging_face_model: Path, tmp_path: Path, overrides, message):
    with pytest.raises(InputError, match=message):
        run(store_path, tmp_path / "out", hugging_face_model, *overrides)


def test_store_of_another_tokenizer(store_path: Path, minilm: Path, tmp_path: Path):
    with pytest.raises(InputError, match="another tokenizer than the model's"):
        run(store_path, tmp_path / "out", minilm, "train.max_steps=1")
    assert not (run_directory(tmp_path / "out") / "metrics.jsonl").exists()


def test_span_wise_attention_trains_on_long_segments_and_is_saved(
    store_path: Path, hugging_face_model: Path, tmp_path: Path
):
    out = tmp_path / "out"
    run(store_path, out, hugging_face_model, "train.max_steps=3", "batch.segment_length=200", "encoder.positions=200",
        "encoder.attention_span=16", "train.gradient_checkpointing=true")  # fmt: skip
    config = Encoder.from_pretrained(out).config
    assert (config.attention_span, config.attention_span_shift, config.positions) == (16, True, 200)


def test_other_schemes_train_without_the_boundary_objective(store_path: Path, hugging_face_model: Path, tmp_path: Path):
    for scheme in ("subword", "word", "entity"):
        result = run(store_path, tmp_path / scheme, hugging_face_model, "train.max_steps=2", f"masking.scheme={scheme}")
        assert "sbo_loss" not in result.outcome.best.scores
        assert not (tmp_path / scheme / "heads.safetensors").exists()
        assert "sbo_loss" not in read_log(run_directory(tmp_path / scheme) / "metrics.jsonl")[0]


def test_states_of_earlier_versions_are_read():
    position = PlanPosition(epoch=1, shard_window=2, item=3)
    assert PlanPosition.of_state({"epoch": 1, "window": 2, "pack": 3}) == position
    assert PlanPosition.of_state(position.as_dict()) == position
    best = Best(step=4, selection_score=0.5, scores={"f1": 0.5})
    assert Best.of_state({"step": 4, "goodness": 0.5, "scores": {"f1": 0.5}}) == best
    assert Best.of_state(asdict(best)) == best
