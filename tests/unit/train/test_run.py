"""What every run has around its training: its budget, its precision, what it goes on from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spanbert.core.errors import InputError
from spanbert.core.files import read_json
from spanbert.core.reporter import SilentReporter
from spanbert.encoder import hardware
from spanbert.train.config import TrainConfig
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.pretrain_config import PretrainConfig
from spanbert.train.run import model_fact, run_into, settled, with_budget
from spanbert.train.run_directory import run_directory
from spanbert.train.runtime import Runtime

STEPS = {"max_steps": 3, "max_tokens": None, "max_minutes": None}
EPOCHS = {**dict.fromkeys(STEPS), "max_epochs": 2.0}


class Heard(SilentReporter):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


@pytest.mark.parametrize(
    ("config", "asked", "earlier", "usual", "found", "says"),
    [
        (PretrainConfig(), {}, {}, {}, dict.fromkeys(STEPS), False),
        (PretrainConfig(), {"max_tokens": 9}, {}, {}, {"max_tokens": 9}, False),
        (PretrainConfig(), {}, STEPS, {}, STEPS, False),
        (PretrainConfig(), {"max_steps": 3}, STEPS, {}, STEPS, False),
        (PretrainConfig(), {"max_steps": 4}, STEPS, {}, {**STEPS, "max_steps": 4}, True),
        (FinetuneConfig(), {}, {}, {"max_epochs": 3.0}, {**EPOCHS, "max_epochs": 3.0}, False),
        (FinetuneConfig(), {}, EPOCHS, {"max_epochs": 3.0}, EPOCHS, False),
        (FinetuneConfig(), {"max_steps": 4}, EPOCHS, {"max_epochs": 3.0}, {"max_steps": 4, "max_epochs": None}, True),
    ],
)
def test_a_budget_is_given_or_taken_over_or_the_usual_one(config, asked, earlier, usual, found, says: bool):
    heard = Heard()
    settings = with_budget(config.with_train(**asked), earlier, usual=usual, reporter=heard, remark="; so")
    assert {key: getattr(settings.train, key) for key in found} == found
    assert [one.startswith("a different budget from") and one.endswith("; so") for one in heard.said] == [True] * says


def test_settings_say_the_precision_that_is_computed_in(monkeypatch: pytest.MonkeyPatch):
    for capable, expected in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(hardware, "gains_by_bfloat16", lambda device, capable=capable: capable)
        config, runtime = settled(PretrainConfig())
        assert config.train.precision == runtime.precision == expected
    assert settled(FinetuneConfig().with_train(precision="float32"))[1].precision == "float32"


def test_a_run_has_its_directory_for_itself_and_writes_nothing_before_it_begins(tmp_path: Path):
    facts, target, runtime = {"settings": {"a": 1}}, tmp_path / "out", Runtime.of(TrainConfig())
    given = {"runtime": runtime, "reporter": SilentReporter()}
    with run_into(target, facts, resume=True, **given) as run:
        assert run.state is None
        assert not target.exists()
        with pytest.raises(InputError), run_into(target, facts, resume=True, **given):
            raise AssertionError
        heard = Heard()
        assert not replace(run, reporter=heard).begin(None)
        assert heard.said == ["nothing to resume: starting from the beginning"]
    assert read_json(run_directory(target) / "run.json") == facts
    with (
        pytest.raises(InputError, match="exists already. Pass --overwrite"),
        run_into(target, facts, resume=False, **given),
    ):
        raise AssertionError


def test_a_model_is_named_by_its_path_or_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    assert model_fact("model") == str(tmp_path / "model")
    assert model_fact("google-bert/bert-base-cased") == "google-bert/bert-base-cased"
