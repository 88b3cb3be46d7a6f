"""Tuning: rates are tried for a part of a run, the best run is a whole one, bit for bit, and a kill loses no trial."""

from __future__ import annotations

import json
import os
import signal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spanbert
from spanbert.core.errors import InputError, SpanbertError
from spanbert.core.files import read_json
from spanbert.train import tune_plan
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.run_directory import run_directory
from spanbert.train.seeds import finetune_seeds
from spanbert.train.task_data import TaskData
from spanbert.train.tracking import Tracker
from spanbert.train.tune import finetune_tuned
from spanbert.train.tune_plan import plan_of
from tests.labelled import SETTINGS, conll_file, data, single_file

tune_module = import_module("spanbert.train.tune")

USUAL = (1e-4, 1e-3)
FEW = [*(one for one in SETTINGS if "lr=" not in one), "train.max_steps=8", "train.evaluate_every=25%",
       "train.threads=1"]  # fmt: skip


class Heard:
    """A reporter that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)

    def update(self, *_: object) -> None: ...

    def finish(self, stage: str) -> None: ...


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TaskData]:
    folder = tmp_path_factory.mktemp("files")
    return {
        "kind": data("classify", single_file, folder / "kind"),
        "ner": data("tag", conll_file, folder / "ner", suffix=".conll"),
    }


def few(*overrides: str) -> FinetuneConfig:
    return FinetuneConfig.assemble(overrides=[*FEW, *overrides])


@settings(max_examples=200, deadline=None)
@given(
    runs=st.floats(1.5, 20), fixed=st.sampled_from(["", "optim.lr=3e-5", "optim.head_lr=2e-4", "freeze_encoder=true"])
)
def test_trials_stay_within_the_budget_and_leave_alone_what_is_set(runs: float, fixed: str):
    config = FinetuneConfig.assemble(overrides=[fixed] if fixed else [])
    same, plan = plan_of(f"{100 * runs:.6f}%", config, USUAL)
    assert same == config
    assert plan.runs <= runs * 1.0001
    assert 1 <= plan.kept <= len(plan.trials)
    assert len(plan.trials) >= 3
    assert len({tuple(one.items()) for one in plan.trials}) == len(plan.trials)
    names = {"optim.lr", "optim.head_lr"} - {fixed.partition("=")[0]} - ({"optim.lr"} if "freeze" in fixed else set())
    assert all(one.keys() == names for one in plan.trials)
    usual = dict(zip(("optim.lr", "optim.head_lr"), USUAL, strict=True))
    assert plan.trials[0] == {name: usual[name] for name in names}
    assert {one[name] / usual[name] for one in plan.trials for name in names} >= {0.5, 1.0, 2.0}


def test_a_budget_in_time_or_steps_is_shared_among_the_runs():
    config = FinetuneConfig.assemble(overrides=["train.max_epochs=3"])
    timed, plan = plan_of("20m", config, USUAL)
    assert timed.train.max_minutes == pytest.approx(20 / plan.runs)
    assert timed.train.max_epochs == 3, "whichever comes first"
    stepped, plan = plan_of("2000steps", config, USUAL)
    assert stepped.train.max_steps == int(2000 / plan.runs)
    config = FinetuneConfig.assemble(overrides=["train.max_minutes=10"])
    same, plan = plan_of("20m", config, USUAL)
    assert same == config
    assert plan.runs <= 2, "a budget of a run that somebody set stays"


@pytest.mark.parametrize(
    ("budget", "overrides", "message"),
    [
        ("400%", ["optim.lr=1e-4", "optim.head_lr=1e-3"], "nothing to tune: the rates are set"),
        ("400%", ["optim.head_lr=1e-3", "freeze_encoder=true"], "nothing to tune"),
        ("100%", [], "too little for three trials; got 100%, 1 of one run; expected 150% of one run at least"),
        ("10m", ["train.max_minutes=10"], "too little for three trials"),
        ("3epochs", [], "not a budget of several runs"),
        ("much", [], "not an amount of training"),
    ],
)
def test_what_cannot_be_tuned(budget: str, overrides: list[str], message: str):
    with pytest.raises(InputError, match=message):
        plan_of(budget, FinetuneConfig.assemble(overrides=overrides), USUAL)


@pytest.fixture(scope="module")
def tuned(files, hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory):
    heard, out = Heard(), tmp_path_factory.mktemp("tuned") / "out"
    return finetune_tuned(files, model=hugging_face_model, out=out, config=few(), reporter=heard), heard


def test_the_best_of_several_tasks_is_a_whole_run(tuned, files, hugging_face_model: Path, tmp_path: Path):
    """Paused and continued, with dropout off and two tasks: the same weights as of one run with these rates."""
    found, heard = tuned
    run = run_directory(found.result.path)
    record = read_json(run / "tuning.json")
    assert record["best"] == found.best.name
    assert len(record["trials"]) == 5
    first = [one["scores"][0]["score"] for one in record["trials"]]
    whole = {one["name"]: one["scores"][1]["score"] for one in record["trials"] if len(one["scores"]) == 2}
    assert all(one["scores"][0]["step"] == 4 for one in record["trials"])
    assert len(whole) == 2
    assert min(first[int(name) - 1] for name in whole) >= sorted(first)[-2], "those with the best scores went on"
    assert whole[found.best.name] == max(whole.values())
    assert found.result.outcome.best.selection_score == max(whole.values())
    assert (found.config.optim.lr, found.config.optim.head_lr) == (
        found.best.settings["optim.lr"],
        found.best.settings["optim.head_lr"],
    )
    states = {place.name for place in (run / "tuning").glob("*.run") if (place / "training").exists()}
    assert states == {f"{found.best.name}.run"}, "what will not go on takes no room"
    rates = [f"{key}={value}" for key, value in found.best.settings.items()]
    plain = spanbert.finetune(files, model=hugging_face_model, out=tmp_path / "plain", config=few(*rates))
    for name in ("model.safetensors", "heads.safetensors"):
        assert (plain.path / name).read_bytes() == (found.result.path / name).read_bytes()
    assert plain.scores == found.result.scores
    endings = [line for line in heard.said if line.startswith("trial ")]
    assert [line.partition(":")[0] for line in endings[:5]] == [f"trial {number} of 5" for number in range(1, 6)]
    assert f"{first[0]:.4f} on the dev data after 4 steps" in endings[0]
    assert len(endings) == 7
    assert sum("texts" in line and "windows" in line for line in heard.said) == 2 * (1 + 2), "not once a trial"
    card = (found.result.path / "README.md").read_text()
    assert "## Tuning" in card
    assert "| lr | head_lr | after 50% | after 100% |" in card.replace("optim.", "")
    assert f"those of {found.best.in_words}" in card


def test_the_same_seed_tunes_to_the_same_result(tuned, files, hugging_face_model: Path, tmp_path: Path, monkeypatch):
    """Killed in the second round and in the middle of a trial, and continued: the same scores, no trial made twice."""
    found, _ = tuned
    out, made = tmp_path / "out", []
    finetune = tune_module.finetune

    def counted(*arguments: Any, **options: Any) -> Any:
        made.append((Path(options["out"]).name, options["until"]))
        return finetune(*arguments, **options)

    monkeypatch.setattr(tune_module, "finetune", counted)

    class Killed(BaseException):
        """Ends a run as a kill does."""

    steps, note = [0], Tracker.step

    def kill_at(count: int) -> None:
        def step(self: Tracker, number: int, figures: dict[str, float]) -> None:
            note(self, number, figures)
            steps[0] += 1
            if steps[0] == count:
                raise Killed

        steps[0] = 0
        monkeypatch.setattr(Tracker, "step", step)

    kill_at(2 * 4 + 3)
    with pytest.raises(Killed):
        finetune_tuned(files, model=hugging_face_model, out=out, config=few())
    assert made == [("1", 0.5), ("2", 0.5), ("3", 0.5)]
    assert not out.exists()
    kill_at(3 * 4 + 2)
    with pytest.raises(Killed):
        finetune_tuned(files, model=hugging_face_model, out=out, config=few(), resume=True)
    assert made[3:6] == [("3", 0.5), ("4", 0.5), ("5", 0.5)]
    monkeypatch.setattr(Tracker, "step", note)
    no_budget = FinetuneConfig.assemble(overrides=[one for one in FEW if "max_steps" not in one])
    again = finetune_tuned(files, model=hugging_face_model, out=out, config=no_budget, resume=True)
    assert [until for _, until in made[6:]] == [1.0, 1.0, 1.0]
    assert again.trials == found.trials
    assert again.best == found.best
    assert (out / "model.safetensors").read_bytes() == (found.result.path / "model.safetensors").read_bytes()
    made.clear()
    third = finetune_tuned(files, model=hugging_face_model, out=out, config=few(), resume=True)
    assert made == [(found.best.name, 1.0)], "a tuning that ended only scores its bundle again"
    assert third.result.scores == again.result.scores


def test_a_tuning_goes_on_with_the_settings_that_it_began_with(tuned, files, hugging_face_model: Path):
    out = tuned[0].result.path

    def go_on(config: FinetuneConfig, **more: Any) -> None:
        finetune_tuned(files, model=hugging_face_model, out=out, config=config, resume=True, **more)

    with pytest.raises(InputError, match="another budget of a run"):
        go_on(few("train.max_steps=12"))
    with pytest.raises(InputError, match=r"another batch\.examples"):
        go_on(few("batch.examples=4"))
    with pytest.raises(InputError, match=r"another tuning\.budget; got '300%'; expected '400%'"):
        go_on(few(), budget="300%")
    with pytest.raises(InputError, match="exists already. Pass --resume"):
        finetune_tuned(files, model=hugging_face_model, out=out, config=few())
    with pytest.raises(InputError, match="a run of another kind.*got a run of spanbert finetune --tune"):
        spanbert.finetune(files, model=hugging_face_model, out=out, config=few(), resume=True)


def test_dev_data_is_needed(files, hugging_face_model: Path, tmp_path: Path):
    without = {"kind": TaskData(kind="classify", train=files["kind"].train)}
    with pytest.raises(InputError, match="tuning needs dev data, to choose the best rates by; expected --dev"):
        finetune_tuned(without, model=hugging_face_model, out=tmp_path / "out", config=few())
    assert not list(tmp_path.iterdir())


def test_a_tuning_that_is_refused_leaves_nothing(files, hugging_face_model: Path, tmp_path: Path):
    (tmp_path / "dev.tsv").write_text("text\tlabel\nthe fox\tgood\nno label in this row\n")
    bad = {"kind": TaskData(kind="classify", train=files["kind"].train, dev=tmp_path / "dev.tsv")}
    with pytest.raises(InputError, match=r"dev\.tsv:3"):
        finetune_tuned(bad, model=hugging_face_model, out=tmp_path / "out", config=few())
    assert [path.name for path in tmp_path.iterdir()] == ["dev.tsv"]


def test_a_rate_at_which_the_loss_explodes_is_left_behind(files, hugging_face_model: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(tune_plan, "_FACTORS", ((1e30, 1e30), (1.0, 1.0), (2.0, 1.0)))
    only, heard = {"kind": files["kind"]}, Heard()
    found = finetune_tuned(
        only, model=hugging_face_model, out=tmp_path / "out", budget="200%", config=few(), reporter=heard
    )
    assert found.trials[0].scores[0].score is None
    assert found.best.name in ("2", "3")
    assert any(line.endswith("the loss was infinite or not a number") for line in heard.said)
    assert "| diverged |" in (tmp_path / "out" / "README.md").read_text()
    monkeypatch.setattr(tune_plan, "_FACTORS", ((1e30, 1e30), (1e31, 1e30), (1e29, 1e30)))
    with pytest.raises(SpanbertError, match="the loss of all 3 trials"):
        finetune_tuned(only, model=hugging_face_model, out=tmp_path / "none", budget="200%", config=few())


def test_several_seeds_take_the_best_rates(files, hugging_face_model: Path, tmp_path: Path):
    only = {"kind": files["kind"]}
    config = few("train.seed=3", "train.max_steps=4")
    found = finetune_seeds(only, seeds=2, tune=True, model=hugging_face_model, out=tmp_path / "out", config=config)
    assert list(found.results) == [3, 4]
    run = run_directory(tmp_path / "out")
    best = next(one for one in read_json(run / "tuning.json")["trials"]
                if one["name"] == read_json(run / "tuning.json")["best"])  # fmt: skip
    assert found.results[3].path == run / "tuning" / best["name"]
    other = read_json(run / "seeds" / "4" / "spanbert.json")["recipe"]
    assert (other["optim"]["lr"], other["train"]["seed"]) == (best["settings"]["optim.lr"], 4)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "## Tuning" in card
    assert "## Seeds" in card
    again = finetune_seeds(
        only, seeds=2, tune=True, model=hugging_face_model, out=tmp_path / "out", config=config, resume=True
    )
    assert again.spread == found.spread


def test_the_command(cli, files, hugging_face_model: Path, tmp_path: Path, monkeypatch):
    out, kind = tmp_path / "out", files["kind"]
    run = ["finetune", "classify", "--model", hugging_face_model, "--train", kind.train, "--out", out, "--tune-budget",
           "200%", *(part for one in FEW for part in ("--set", one))]  # fmt: skip
    code, _, err = cli(*run)
    assert (code, "tuning needs dev data" in err) == (2, True)
    run += ["--dev", kind.dev]
    note = Tracker.step

    def stop(self: Tracker, number: int, figures: dict[str, float]) -> None:
        note(self, number, figures)
        if self._metrics.name.endswith("2.run/metrics.jsonl"):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Tracker, "step", stop)
    code, said, err = cli(*run)
    assert code == 143, err
    assert "resume with: spanbert finetune classify" in err
    assert not out.exists()
    monkeypatch.setattr(Tracker, "step", note)
    code, said, err = cli(*run, "--resume", "--json")
    assert code == 0, err
    report = json.loads(said.splitlines()[-1])
    assert (report["path"], report["step"]) == (str(out), 8)
    assert "trial 3 of 3: lr " in said + err
    page = (run_directory(out) / "report.html").read_text()
    assert "Rates that were tried" in page
    assert page.count("<td>kept</td>") == 1
    assert spanbert.load(out)("the fox").labels


def test_a_tuning_replaces_what_it_may_when_it_begins(files, hugging_face_model: Path, tmp_path: Path):
    only, out = {"kind": files["kind"]}, tmp_path / "out"
    config = few("train.max_steps=4")
    spanbert.finetune(only, model=hugging_face_model, out=out, config=config)
    (tmp_path / "dev.tsv").write_text("text\tlabel\nthe fox\tgood\nno label in this row\n")
    bad = {"kind": TaskData(kind="classify", train=files["kind"].train, dev=tmp_path / "dev.tsv")}
    with pytest.raises(InputError, match=r"dev\.tsv:3"):
        finetune_tuned(bad, model=hugging_face_model, out=out, config=config, overwrite=True)
    assert (out / "model.safetensors").exists(), "a tuning that is refused replaces nothing"
    assert (run_directory(out) / "metrics.jsonl").exists()
    first = finetune_tuned(only, model=hugging_face_model, out=out, budget="200%", config=config, overwrite=True)
    assert not (run_directory(out) / "tensorboard").exists()
    again = finetune_tuned(only, model=hugging_face_model, out=out, budget="200%", config=config, overwrite=True)
    assert again.trials == first.trials
    assert len(read_json(run_directory(out) / "tuning.json")["trials"]) == 3
