"""What fine-tuning takes where nothing is said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spanbert.encoder.config import EncoderConfig
from spanbert.train.budget import Progress
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.outcome import Best, Outcome
from spanbert.train.usual import LEAST_STEPS, planned_steps, usual_rates, warnings_of_outcome, with_usual_rates

SMALL = EncoderConfig(vocab_size=10, hidden_size=384, layers=6, heads=12, feed_forward_size=1536)
BASE = EncoderConfig(vocab_size=10)
LARGE = EncoderConfig(vocab_size=10, hidden_size=1024, layers=24, heads=16, feed_forward_size=4096)


def test_smaller_encoders_have_higher_rates():
    rates = [usual_rates(shape) for shape in (SMALL, BASE, LARGE)]
    assert rates == sorted(rates, reverse=True)
    assert 1e-4 <= rates[0][0] <= 2e-4
    assert 3e-5 <= rates[1][0] <= 5e-5
    assert 1e-5 <= rates[2][0] <= 2e-5
    assert all(head > rate for rate, head in rates)
    assert usual_rates(SMALL, from_scratch=True)[0] > rates[0][0]


def test_rates_that_somebody_set_stay():
    assert with_usual_rates(FinetuneConfig(), SMALL).optim.lr == usual_rates(SMALL)[0]
    config = FinetuneConfig.assemble(overrides=["optim.lr=3e-5"])
    found = with_usual_rates(config, SMALL).optim
    assert (found.lr, found.head_lr) == (3e-5, usual_rates(SMALL)[1])
    again = FinetuneConfig.assemble(base=json.loads(with_usual_rates(config, SMALL).model_dump_json()))
    assert with_usual_rates(again, LARGE).optim == found, "a recipe that is read again stays as it was"


@pytest.mark.parametrize(
    ("overrides", "steps"),
    [
        ([], LEAST_STEPS),
        (["train.max_epochs=3"], 60),
        (["train.max_epochs=3", "train.least_steps=70"], 70),
        (["train.max_epochs=3", "train.max_steps=5"], 5),
        (["train.max_steps=7"], 7),
        (["train.max_minutes=7"], None),
        (["train.max_tokens=7"], None),
    ],
)
def test_planned_steps(overrides: list[str], steps: int | None):
    config = FinetuneConfig.assemble(overrides=overrides)
    assert planned_steps(config, usual_epochs=3, steps_an_epoch=20) == steps
    assert planned_steps(FinetuneConfig(), usual_epochs=3, steps_an_epoch=200.5) == 602


@pytest.mark.parametrize(
    ("names", "scores", "begins"),
    [
        (["ner"], {"ner": 0.01}, ["the best score on the dev data is near zero (0.0100): this model has hardly"]),
        (["ner"], {"ner": 0.5}, []),
        (["ner", "sent"], {"ner": 0.0, "sent": 0.9}, ["ner: the best score on the dev data is near zero (0.0000)"]),
        (["ner", "sent"], {"ner": 0.9}, []),  # the other has no dev data
        (["ner"], {}, []),
    ],
)
def test_each_task_that_hardly_learned_is_named(names: list[str], scores: Mapping[str, float], begins: list[str]):
    tasks: Any = dict.fromkeys(names, SimpleNamespace(selection_score=lambda found: found["f1"]))
    found = {name: {"f1": score} for name, score in scores.items()}
    best = Best(step=5, selection_score=0.45, scores=found) if scores else None
    outcome = Outcome(progress=Progress(step=10), stopped_by="budget", best=best)
    said = warnings_of_outcome(outcome, FinetuneConfig(), tasks)
    assert len(said) == len(begins)
    assert all(one.startswith(begin) and "--budget 20steps" in one for one, begin in zip(said, begins, strict=True))


def test_without_a_budget(cli, hugging_face_model: Path, tmp_path: Path):
    train = tmp_path / "train.tsv"
    train.write_text("text\tlabel\n" + "the fox\ta\nthe king\tb\n" * 8)
    run = ["finetune", "classify", "--model", hugging_face_model, "--train", train, "--dev", train]
    code, said, err = cli(*run, "--out", tmp_path / "usual", "--json", "--set", "train.precision=float32")
    assert code == 0, err
    assert json.loads(said.splitlines()[-1])["step"] == LEAST_STEPS
    recipe = json.loads((tmp_path / "usual" / "spanbert.json").read_text())["recipe"]
    assert (
        recipe["optim"]["lr"] == usual_rates(BASE.changed(hidden_size=32, layers=2, heads=2, feed_forward_size=64))[0]
    )
    assert "by the encoder&#39;s size" in (tmp_path / "usual.run" / "report.html").read_text()
    code, said, err = cli(*run, "--out", tmp_path / "short", "--budget", "2epochs", "--set", "optim.lr=1e-12", "--set",
                          "optim.head_lr=1e-12")  # fmt: skip
    assert code == 0, err
    assert "only 2 steps: too few for most tasks" in said + err
    code, said, _ = cli("doctor", "classify", "--data", train, "--model", hugging_face_model, "--no-estimate", "--set",
                        "train.max_epochs=2", "--json")  # fmt: skip
    assert "few_steps" in {one["name"] for one in json.loads(said.splitlines()[-1])["findings"]}


@pytest.mark.parametrize(
    ("kind", "tokens", "examples"),
    [
        ("tag", 0, 16),  # not known yet
        ("tag", 30, 16),  # sentences
        ("tag", 256, 4),  # documents of ten sentences
        ("tag", 512, 2),
        ("tag", 5000, 1),
        ("classify", 512, 16),  # a label a text, however long
        ("coref", 20, 16),
        ("coref", 512, 6),
        ("coref", 3500, 2),
    ],
)
def test_fewer_long_texts_a_step_where_every_token_is_learned_from(kind: str, tokens: float, examples: int):
    assert FinetuneConfig().batch.examples_of(kind, tokens) == examples
    assert FinetuneConfig.assemble(overrides=["batch.examples=8"]).batch.examples_of(kind, tokens) == 8
