"""Fine-tuning: every kind of task is learned, runs resume bit for bit, and the bundle holds what was asked for."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import spanbert
from spanbert.core.errors import InputError
from spanbert.core.files import read_json
from spanbert.core.reporter import SilentReporter
from spanbert.encoder.model import Encoder
from spanbert.tasks.classify.config import ClassifyConfig
from spanbert.tasks.coref.config import CorefConfig
from spanbert.tasks.joint import JointTask
from spanbert.tasks.qa.config import QAConfig
from spanbert.train.finetune import finetune
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.model import TaskModel
from spanbert.train.optimizer import make_optimizer
from spanbert.train.run_directory import run_directory
from spanbert.train.seeds import _lines, finetune_seeds
from spanbert.train.task_data import TaskData
from spanbert.train.tracking import Tracker, read_log
from tests.labelled import (
    SETTINGS,
    conll_file,
    coref_file,
    data,
    multi_file,
    nested_file,
    pair_file,
    relation_file,
    single_file,
    single_rows,
    squad_file,
    tiny,
    tune,
    write_lines,
    write_table,
)
from tests.runs import losses, run

finetune_module = import_module("spanbert.train.finetune")

LEARNED = {
    "single": ("classify", "accuracy", 0.95), "multi": ("classify", "micro_f1", 0.9),
    "regression": ("classify", "pearson", 0.95), "pair": ("classify", "accuracy", 0.9), "bio": ("tag", "f1", 0.95),
    "bioes": ("tag", "f1", 0.95), "pos": ("tag", "accuracy", 0.98), "nested": ("tag", "f1", 0.9), "qa": ("qa", "f1", 0.95),
}  # fmt: skip


@pytest.mark.parametrize("name", LEARNED)
def test_every_kind_of_task_is_learned(hugging_face_model: Path, tmp_path_factory, name: str):
    result, tasks = tiny(name, hugging_face_model, tmp_path_factory.getbasetemp())
    task, figure, least = LEARNED[name]
    assert result.outcome.stopped_by == "budget"
    assert result.scores[task][figure] >= least
    manifest = json.loads((result.path / "spanbert.json").read_text())
    entry = manifest["tasks"][task]
    assert entry["scores"][figure] == result.scores[task][figure]
    assert "signature" in entry["scores"]
    assert manifest["training"]["weights_of_step"] == result.outcome.best.step
    found = spanbert.evaluate(result.path, tasks[task].dev)
    assert found[figure] == pytest.approx(result.scores[task][figure], abs=1e-6), "the bundle scores as the run said"
    assert [line["step"] for line in read_log(run_directory(result.path) / "evaluations.jsonl")] == [
        result.outcome.progress.step // 2, result.outcome.progress.step,
    ]  # fmt: skip


def test_thresholds_are_tuned_on_dev_data_and_kept(hugging_face_model: Path, tmp_path_factory):
    for name, task in (("qa", "qa"), ("multi", "classify")):
        result, _ = tiny(name, hugging_face_model, tmp_path_factory.getbasetemp())
        stored = json.loads((result.path / "spanbert.json").read_text())["tasks"][task]["threshold"]
        assert stored not in (0.0, 0.5)
        assert spanbert.load(result.path).tasks[task].threshold == stored
    result, _ = tiny("qa", hugging_face_model, tmp_path_factory.getbasetemp())
    assert result.scores["qa"]["f1"] == pytest.approx(result.scores["qa"]["best_f1"]), "no threshold would be better"
    nlp = spanbert.load(result.path)
    assert nlp.answer("who sees it?", "the old king runs near a house").text == "king"
    assert nlp.answer("who sees it?", "the fox runs near a house") is None


def test_a_given_threshold_stays(hugging_face_model: Path, tmp_path: Path):
    options = QAConfig(longest_question=10, threshold=3.5)
    result = tune({"qa": data("qa", squad_file, tmp_path, options, suffix=".json")}, hugging_face_model,
                  tmp_path / "out", "train.max_steps=2")  # fmt: skip
    assert json.loads((result.path / "spanbert.json").read_text())["tasks"]["qa"]["threshold"] == 3.5


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TaskData]:
    folder = tmp_path_factory.mktemp("files")
    return {
        "kind": data("classify", single_file, folder / "kind"),
        "ner": data("tag", conll_file, folder / "ner", suffix=".conll"),
    }


class Killed(BaseException):
    """Ends a run as a kill does: nothing is saved after it."""


@contextmanager
def stopped_after(step: int, monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> Iterator[None]:
    """Does something when a step has been noted, before what is due after it."""
    note = Tracker.step

    def note_and_act(self: Tracker, number: int, figures: dict[str, float]) -> None:
        note(self, number, figures)
        if number == step:
            act()

    with monkeypatch.context() as patch:
        patch.setattr(Tracker, "step", note_and_act)
        yield


def kill() -> None:
    raise Killed


def test_an_interrupted_run_goes_on_bit_for_bit(files, hugging_face_model: Path, tmp_path: Path, monkeypatch):
    """Killed between an evaluation and the next saved state, stopped by a signal, finished; dropout and two tasks."""
    whole, out = tmp_path / "whole", tmp_path / "out"
    settings = ("train.max_steps=16", "train.checkpoint_every=4steps", "train.evaluate_every=6steps",
                "hidden_dropout=0.1")  # fmt: skip
    tune(files, hugging_face_model, whole, *settings)
    with pytest.raises(Killed), stopped_after(7, monkeypatch, kill):
        tune(files, hugging_face_model, out, *settings)
    assert not (out / "model.safetensors").exists()
    with stopped_after(13, monkeypatch, lambda: os.kill(os.getpid(), signal.SIGTERM)):
        stopped = tune(files, hugging_face_model, out, *settings, resume=True)
    assert (stopped.outcome.stopped_by, stopped.outcome.progress.step) == ("SIGTERM", 13)
    assert spanbert.load(out)("the fox").labels, "what a signal leaves is a bundle too"
    scores = {name: one["main"] for name, one in read_json(run_directory(out) / "scores.json").items()}
    assert scores.keys() == files.keys(), "with the scores that were at hand"
    assert (run_directory(out) / "mistakes.jsonl").read_text() == ""
    done = tune(files, hugging_face_model, out, *settings, resume=True)
    assert done.outcome.stopped_by == "budget"
    assert len(losses(whole)) == 16
    assert losses(out) == losses(whole)
    for file in ("model.safetensors", "heads.safetensors", "last", "best"):
        one, two = (
            load_file(
                run_directory(place) / "training" / file / "model.safetensors" if "." not in file else place / file
            )
            for place in (whole, out)
        )
        assert one.keys() == two.keys()
        assert all(torch.equal(one[name], two[name]) for name in one), file
    assert (run_directory(out) / "mistakes.jsonl").read_text() == (run_directory(whole) / "mistakes.jsonl").read_text()


@pytest.mark.parametrize("scoring", ["evaluate_documents", "tune_thresholds", "score_with_mistakes"])
def test_a_signal_ends_scoring_at_once(files, hugging_face_model: Path, tmp_path: Path, monkeypatch, scoring: str):
    """While scores are made for training or for the bundle; the resumed run has what an undisturbed one has."""
    whole, out, settings = tmp_path / "whole", tmp_path / "out", ("train.max_steps=4", "train.evaluate_every=2steps")
    tune(files, hugging_face_model, whole, *settings)
    work, reached = getattr(finetune_module, scoring), []

    def signalled(*arguments: object) -> object:
        os.kill(os.getpid(), signal.SIGTERM)
        reached.append(scoring)  # not reached: the signal ends the work
        return work(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(finetune_module, scoring, signalled)
        stopped = tune(files, hugging_face_model, out, *settings)
    assert (stopped.outcome.stopped_by, stopped.outcome.interrupted, reached) == ("SIGTERM", True, [])
    assert stopped.outcome.progress.step == (2 if scoring == "evaluate_documents" else 4)
    done = tune(files, hugging_face_model, out, *settings, resume=True)
    assert done.outcome.stopped_by == "budget"
    assert read_json(run_directory(out) / "scores.json") == read_json(run_directory(whole) / "scores.json")


def test_a_run_of_another_kind_is_not_continued(
    files, store_path: Path, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pretrained, tuned = tmp_path / "pretrained", tmp_path / "tuned"
    run(store_path, pretrained, hugging_face_model, "train.max_steps=1")
    tune(files, hugging_face_model, tuned, "train.max_steps=1")
    kept = {path: path.stat().st_mtime_ns for out in (pretrained, tuned) for path in out.rglob("*")}
    config = FinetuneConfig.assemble(overrides=[*SETTINGS, "train.max_steps=1"])
    for resume, message in (
        (
            lambda: tune(files, hugging_face_model, pretrained, resume=True),
            "pretrain; expected one of spanbert finetune.",
        ),
        (
            lambda: run(store_path, tuned, hugging_face_model, resume=True),
            "finetune; expected one of spanbert pretrain.",
        ),
        (
            lambda: finetune_seeds(files, seeds=2, model=hugging_face_model, out=tuned, config=config, resume=True),
            "finetune; expected one of spanbert finetune --seeds.",
        ),
    ):
        with pytest.raises(InputError, match=f"cannot be continued; got a run of spanbert {message}"):
            resume()
    assert {path: path.stat().st_mtime_ns for out in (pretrained, tuned) for path in out.rglob("*")} == kept


def test_clusters_and_relations_go_on_bit_for_bit(trained_bundle: Path, tmp_path: Path, monkeypatch):
    """Windows that are learned together, new pieces in the vocabulary, dropout; and kept heads still fill."""
    tasks = {
        "coref": TaskData(kind="coref", train=coref_file(tmp_path / "c.jsonl", 12, 1), options=CorefConfig(size=16)),
        "relation": TaskData(kind="relation", train=relation_file(tmp_path / "r.jsonl", 12, 1)),
    }
    settings = ("train.max_steps=8", "train.checkpoint_every=3steps", "hidden_dropout=0.1", "batch.examples=null",
                "keep_heads=true")  # fmt: skip
    tune(tasks, trained_bundle, tmp_path / "whole", *settings)
    with pytest.raises(Killed), stopped_after(5, monkeypatch, kill):
        tune(tasks, trained_bundle, tmp_path / "out", *settings)
    tune(tasks, trained_bundle, tmp_path / "out", *settings, resume=True)
    for name in ("model.safetensors", "heads.safetensors", "tokenizer.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    told = read_json(run_directory(tmp_path / "out") / "run.json")["tasks"]
    assert {name: one["examples_a_step"] for name, one in told.items()} == {"coref": 16, "relation": 16}
    nlp = spanbert.load(tmp_path / "out")
    assert (
        len(nlp.tokenizer.backend.get_vocab()) == len(spanbert.load(trained_bundle).tokenizer.backend.get_vocab()) + 12
    )
    fillings = nlp.fill("the quick [MASK:1-2] jumps", top_k=20)
    assert not any("[E" in one.text for one in fillings), "markers fill no blank"
    config = read_json(tmp_path / "out" / "config.json")
    assert config["vocab_size"] == nlp.tokenizer.vocab_size
    again = tune({"relation": tasks["relation"]}, tmp_path / "out", tmp_path / "more", "train.max_steps=2")
    assert spanbert.load(again.path).tokenizer.vocab_size == nlp.tokenizer.vocab_size, "markers are there already"


class Heard:
    """A reporter that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)

    def update(self, *_: object) -> None: ...

    def finish(self, stage: str) -> None: ...


def test_without_a_budget_the_kind_decides(hugging_face_model: Path, tmp_path: Path):
    tasks = {"relation": TaskData(kind="relation", train=relation_file(tmp_path / "r.jsonl", 16, 1))}
    config = FinetuneConfig.assemble(overrides=["train.threads=1"])
    done = spanbert.finetune(tasks, model=hugging_face_model, out=tmp_path / "out", config=config)
    assert read_json(done.path / "spanbert.json")["recipe"]["train"]["max_epochs"] == 5
    assert done.outcome.progress.step == 300, "more than 5 epochs of so few examples"


def test_a_step_of_long_texts_to_be_tagged_holds_fewer(tmp_path: Path):
    sentence = "Ada B-PER\nsaw O\na O\nlong O\nriver O\n"
    (tmp_path / "long.conll").write_text("\n".join(f"text{n} O\n{60 * sentence}" for n in range(12)), encoding="utf-8")
    config = FinetuneConfig.assemble(overrides=["train.threads=1", "train.max_epochs=1", "scratch.vocabulary=300"])
    tasks = {"tag": TaskData(kind="tag", train=tmp_path / "long.conll")}
    done = spanbert.finetune(tasks, model=None, size="tiny", out=tmp_path / "out", config=config)
    assert done.outcome.progress.step == 4, "12 texts of some 300 pieces, three a step and not sixteen"


def test_a_run_is_resumed_without_saying_its_budget_again(files, hugging_face_model: Path, tmp_path: Path):
    only = {"kind": files["kind"]}
    config = FinetuneConfig.assemble(overrides=[one for one in SETTINGS if "max_steps" not in one])
    first = spanbert.finetune(only, model=hugging_face_model, out=tmp_path / "out", config=config)
    assert first.outcome.progress.step == 300, "3 epochs of 96 examples, 8 a step, would be 36"
    heard = Heard()
    again = spanbert.finetune(
        only, model=hugging_face_model, out=tmp_path / "out", config=config, resume=True, reporter=heard
    )
    assert again.outcome.progress.step == 300
    assert "resuming after step 300" in heard.said
    assert not any("a different budget" in one for one in heard.said)
    more = config.with_train(max_epochs=26.0)
    third = spanbert.finetune(
        only, model=hugging_face_model, out=tmp_path / "out", config=more, resume=True, reporter=heard
    )
    assert third.outcome.progress.step == 312
    assert any("a different budget" in one for one in heard.said)
    with pytest.raises(InputError, match=r"another batch\.examples; got 4; expected 8"):
        tune(only, hugging_face_model, tmp_path / "out", "batch.examples=4", resume=True)
    with pytest.raises(InputError, match="exists already. Pass --resume"):
        tune(only, hugging_face_model, tmp_path / "out")


def test_training_stops_after_evaluations_without_gain(files, hugging_face_model: Path, tmp_path: Path):
    """A rate of nearly nothing: the first evaluation is the best; the third is the second without a gain."""
    still = ("optim.lr=1e-12", "optim.head_lr=1e-12", "train.evaluate_every=2steps", "train.patience=2")
    only = {"kind": files["kind"]}
    result = tune(only, hugging_face_model, tmp_path / "out", *still)
    assert (result.outcome.stopped_by, result.outcome.progress.step, result.outcome.best.step) == ("patience", 6, 2)
    assert len(read_log(run_directory(tmp_path / "out") / "evaluations.jsonl")) == 3
    again = tune(only, hugging_face_model, tmp_path / "out", *still, resume=True)
    assert (again.outcome.stopped_by, again.outcome.progress.step) == ("patience", 6), "a run that ended stays ended"
    longer = tune(only, hugging_face_model, tmp_path / "out", *still, "train.patience=4", resume=True)
    assert (longer.outcome.stopped_by, longer.outcome.progress.step) == ("patience", 10)


def test_a_kill_after_an_evaluation_does_not_use_up_patience(
    files, hugging_face_model: Path, tmp_path: Path, monkeypatch
):
    """The best weights on the disk may be of a later step than the state that a run goes on from."""
    only = {"kind": files["kind"]}
    settings = ("train.evaluate_every=3steps", "train.checkpoint_every=4steps", "train.patience=1")
    accuracies = {3: 0.1, 6: 0.5, 9: 0.4, 12: 0.9}
    last = [0]
    note = Tracker.step
    monkeypatch.setattr(Tracker, "step", lambda self, step, one: (last.__setitem__(0, step), note(self, step, one))[1])
    monkeypatch.setattr(finetune_module, "evaluate_documents", lambda *_: {"kind": {"accuracy": accuracies[last[0]]}})
    whole = tune(only, hugging_face_model, tmp_path / "whole", *settings)
    assert (whole.outcome.stopped_by, whole.outcome.progress.step, whole.outcome.best.step) == ("patience", 9, 6)
    with pytest.raises(Killed), stopped_after(7, monkeypatch, kill):
        tune(only, hugging_face_model, tmp_path / "out", *settings)
    resumed = tune(only, hugging_face_model, tmp_path / "out", *settings, resume=True)
    assert len(losses(tmp_path / "out")) == 9
    assert (resumed.outcome.stopped_by, resumed.outcome.progress.step, resumed.outcome.best.step) == ("patience", 9, 6)


@pytest.mark.parametrize("decay", [1.0, 0.5])
def test_rates_fall_from_layer_to_layer(hugging_face_model: Path, decay: float):
    model = TaskModel(JointTask({}), Encoder.from_pretrained(hugging_face_model), torch.nn.Linear(32, 2))
    settings = FinetuneConfig().optim.model_copy(update={"lr": 1.0, "head_lr": 3.0, "layer_decay": decay})
    optimizer = make_optimizer(model, settings, layer_decay=settings.layer_decay)
    rates = {
        id(parameter): group["peak_lr"] for group in optimizer.param_groups for parameter in group["params"]
    }  # fmt: skip
    for name, parameter in model.named_parameters():
        if name.startswith("head."):
            expected = 3.0
        elif name.startswith("encoder.embeddings."):
            expected = decay**2  # below two layers
        else:
            expected = decay ** (1 - int(name.split(".")[2]))
        assert rates[id(parameter)] == expected, name


def encoder_weights(path: Path) -> dict[str, torch.Tensor]:
    return {name: one for name, one in load_file(path / "model.safetensors").items() if name.startswith("bert.e")}


def test_a_frozen_encoder_stays_as_it_was(files, hugging_face_model: Path, tmp_path: Path):
    before = encoder_weights(hugging_face_model)
    assert len(before) > 30
    for frozen in ("true", "false"):
        out = tmp_path / frozen
        tune(files, hugging_face_model, out, "train.max_steps=6", f"freeze_encoder={frozen}")
        after = encoder_weights(out)
        assert after.keys() == before.keys()
        assert all(torch.equal(before[name], after[name]) for name in before) == (frozen == "true")


def test_kept_heads_still_fill(files, trained_bundle: Path, tmp_path: Path):
    only = {"kind": files["kind"]}
    tune(only, trained_bundle, tmp_path / "kept", "train.max_steps=4", "keep_heads=true", "freeze_encoder=true")
    before, after = spanbert.load(trained_bundle), spanbert.load(tmp_path / "kept")
    template = "the quick [MASK:1-2] jumps"
    assert [one.text for one in after.fill(template)] == [one.text for one in before.fill(template)]
    assert [one.score for one in after.fill(template)] == pytest.approx([one.score for one in before.fill(template)])
    assert after("the fox").labels
    tune(only, trained_bundle, tmp_path / "dropped", "train.max_steps=4")
    assert not (tmp_path / "dropped" / "heads.safetensors").exists()
    with pytest.raises(InputError):
        spanbert.load(tmp_path / "dropped").fill(template)


def test_several_seeds_keep_the_best_and_tell_the_spread(
    files, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config = FinetuneConfig.assemble(overrides=[*SETTINGS, "train.max_steps=10", "train.seed=5", "train.threads=1"])
    only = {"kind": files["kind"]}
    result = finetune_seeds(only, seeds=3, model=hugging_face_model, out=tmp_path / "out", config=config)
    figures = {seed: one.scores["kind"]["accuracy"] for seed, one in result.results.items()}
    assert list(figures) == [5, 6, 7]
    spread = result.spread["kind"]["accuracy"]
    assert spread["by_seed"] == {str(seed): value for seed, value in figures.items()}
    assert spread["mean"] == pytest.approx(sum(figures.values()) / 3)
    selection_score = {seed: one.outcome.best.selection_score for seed, one in result.results.items()}
    assert result.best == max(selection_score, key=selection_score.__getitem__)
    best = run_directory(tmp_path / "out") / "seeds" / str(result.best)
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == (best / "model.safetensors").read_bytes()
    assert json.loads((run_directory(tmp_path / "out") / "seeds.json").read_text())["best"] == result.best
    assert spanbert.load(tmp_path / "out")("the fox").labels == spanbert.load(best)("the fox").labels
    card = (tmp_path / "out" / "README.md").read_text()
    assert "\n# out\n" in card
    assert f"those of seed {result.best}, the best on dev data of 3" in card
    assert f"kind accuracy: mean {spread['mean']:.4f}" in card
    with pytest.raises(InputError, match="the folder exists already. Pass --resume to continue it, --overwrite"):
        finetune_seeds(only, seeds=2, model=hugging_face_model, out=tmp_path / "out", config=config)
    with pytest.raises(InputError, match="a run of spanbert finetune --seeds; expected one of spanbert finetune. Pass"):
        finetune(only, model=hugging_face_model, out=tmp_path / "out", config=config, resume=True)
    short = config.with_train(max_steps=1, seed=0)
    with stopped_after(1, monkeypatch, lambda: os.kill(os.getpid(), signal.SIGTERM)):
        stopped = finetune_seeds(
            only, seeds=2, model=hugging_face_model, out=tmp_path / "out", config=short, overwrite=True
        )
    assert (list(stopped.results), stopped.spread) == ([0], {}), "the next seed is for --resume"
    left = [one.name for place in ("out", "out.run") for one in (tmp_path / place).iterdir()]
    assert left == ["seeds"], "nothing is left of what is replaced"
    without = {"kind": TaskData(kind="classify", train=files["kind"].train)}
    with pytest.raises(InputError, match="several seeds need dev data"):
        finetune_seeds(without, seeds=2, model=hugging_face_model, out=tmp_path / "other", config=config)
    assert not (tmp_path / "other").exists()


def test_large_figures_of_seeds_have_two_decimals():
    figures = {
        "bleu": {"mean": 34.56789, "stdev": 1.23456, "by_seed": {"0": 1.0}},
        "f1": {"mean": 0.98765, "stdev": 0.01234},
    }
    lines = _lines({"de": figures}, 0)
    assert "de bleu: mean 34.57, standard deviation 1.2346" in lines
    assert "de f1: mean 0.9877, standard deviation 0.0123" in lines


def test_several_tasks_on_one_encoder(hugging_face_model: Path, tmp_path_factory):
    result, tasks = tiny("joint", hugging_face_model, tmp_path_factory.getbasetemp())
    main = {"kind": "accuracy", "ner": "f1", "pos": "accuracy", "who": "f1"}
    assert list(result.scores) == list(main)
    assert all(result.scores[name][figure] > 0.85 for name, figure in main.items())
    assert result.outcome.best.selection_score <= sum(result.scores[name][main[name]] for name in main) / 4 + 0.05
    nlp = spanbert.load(result.path)
    encoder, calls = nlp.predictor.backend.encoder, []
    handle = encoder.register_forward_hook(lambda *_: calls.append(1))
    doc = nlp("the red fox runs over a king often")
    handle.remove()
    assert len(calls) == 1, "one pass for all tasks that read the text alone"
    assert list(doc) == ["kind", "ner", "pos"]
    assert [(one.label, doc.text[one.start : one.end]) for one in doc.entities] == [("ANI", "red fox"), ("PER", "king")]
    assert nlp.answer("who sees it?", doc.text).text == "king"
    for name, figure in main.items():
        alone = spanbert.evaluate(result.path, tasks[name].dev, task=name)
        assert alone[figure] == pytest.approx(result.scores[name][figure])
        if name != "who":
            [one] = nlp.pipe([doc.text], task=name)
            assert list(one) == [name]
            if name == "kind":
                assert one[name].scores == pytest.approx(doc[name].scores, abs=1e-6)
            else:
                assert [word.label for word in one[name].words] == [word.label for word in doc[name].words]


FORMATS = {
    "csv": ("classify", ".csv", lambda path, n, s: path.write_text("label,text\n" + "".join(f"{b},{a}\n" for a, b in single_rows(n, s)))),
    "jsonl": ("classify", ".jsonl", lambda path, n, s: write_lines(path, [{"text": a, "label": b} for a, b in single_rows(n, s)])),
    "headless": ("classify", ".tsv", lambda path, n, s: write_table(path, single_rows(1, s + 9)[0], single_rows(n, s))),
    "spans": ("tag", ".jsonl", nested_file),
    "conllu": ("tag", ".conllu", lambda path, n, s: path.write_text("\n".join(
        "".join(f"{k}\t{word}\t_\tNOUN\tN\t_\t0\t_\t_\t_\n" for k, word in enumerate(text.split(), 1)) for text, _ in single_rows(n, s)
    ))),
    "pairs": ("classify", ".tsv", pair_file),
    "lists": ("classify", ".jsonl", multi_file),
    "squad": ("qa", ".json", squad_file),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_training_data_in_many_formats(hugging_face_model: Path, tmp_path: Path, name: str):
    kind, suffix, write = FORMATS[name]
    write(tmp_path / f"train{suffix}", 12, 0)
    task = TaskData(kind=kind, train=tmp_path / f"train{suffix}")
    result = tune({"t": task}, hugging_face_model, tmp_path / "out", "train.max_steps=1", "qa.longest_question=9")
    assert (result.outcome.best, result.scores) == (None, {}), "no dev data"
    found = spanbert.evaluate(tmp_path / "out", task.train)
    assert found["signature"]
    assert len(losses(tmp_path / "out")) == 1


@pytest.mark.parametrize(
    ("tasks", "overrides", "message"),
    [
        ({}, (), "no task to learn"),
        ({"t": ("classfy", "a.tsv")}, (), "no kind of task 'classfy'; did you mean 'classify'"),
        ({"t": ("classify", "none.tsv")}, (), "none.tsv"),
        ({"t": ("classify", "a.tsv", "none.tsv")}, (), "none.tsv: no such file"),
        ({"type": ("classify", "a.tsv")}, (), "a name that no task can have"),
        ({"t": ("classify", "a.tsv")}, ("window.length=65",), "windows longer than the model's positions"),
        ({"t": ("classify", "a.tsv")}, ("window.length=32", "window.overlap=17"), "overlap by more than half"),
        ({"t": ("classify", "a.tsv")}, ("train.accumulation=3",), "accumulation must divide"),
        ({"t": ("tag", "a.conll")}, ("tag.column=upos", "tag.nested=true"), "no entities"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(
    hugging_face_model: Path, tmp_path: Path, tasks, overrides, message: str
):
    single_file(tmp_path / "a.tsv", 12, 0)
    (tmp_path / "a.conll").write_text("fox NOUN\nruns VERB\n")
    with pytest.raises(InputError, match=message):
        made = {
            name: TaskData(kind=kind, train=tmp_path / files[0], dev=tmp_path / files[1] if len(files) > 1 else None)
            for name, (kind, *files) in tasks.items()
        }
        tune(made, hugging_face_model, tmp_path / "out", *overrides)
    assert not (tmp_path / "out" / "spanbert.json").exists()
    assert not (run_directory(tmp_path / "out") / "metrics.jsonl").exists()


def test_class_weights_change_what_is_learned(hugging_face_model: Path, tmp_path: Path):
    rows = [("the fox runs", "a")] * 30 + [("a dog runs", "b")] * 2
    write_table(tmp_path / "a.tsv", ("text", "label"), rows)
    curves = []
    for weights in ("none", "balanced"):
        task = TaskData(kind="classify", train=tmp_path / "a.tsv", options=ClassifyConfig(class_weights=weights))
        tune({"t": task}, hugging_face_model, tmp_path / weights, "train.max_steps=4", "batch.examples=32")
        curves.append(losses(tmp_path / weights))
    assert curves[0][0] != curves[1][0]


@pytest.mark.parametrize("name", ["single", "bio", "nested", "qa"])
def test_a_task_goes_on_with_its_head(hugging_face_model: Path, tmp_path: Path, tmp_path_factory, name: str):
    result, tasks = tiny(name, hugging_face_model, tmp_path_factory.getbasetemp())
    again = tune(tasks, result.path, tmp_path / "again", "train.max_steps=1", "optim.lr=1e-12", "optim.head_lr=1e-12")
    [task] = tasks
    for figure in ("f1", "accuracy"):
        if figure in result.scores[task]:
            assert again.scores[task][figure] == pytest.approx(result.scores[task][figure])


def test_other_labels_get_a_new_head(hugging_face_model: Path, tmp_path: Path, tmp_path_factory):
    result, _ = tiny("single", hugging_face_model, tmp_path_factory.getbasetemp())
    rows = [(text, f"an {label}") for text, label in single_rows(40, 5)]
    other = write_table(tmp_path / "other.tsv", ("text", "label"), rows)
    tasks = {"classify": TaskData(kind="classify", train=other, dev=other)}
    new = tune(tasks, result.path, tmp_path / "new", "train.max_steps=1", "optim.lr=1e-12", "optim.head_lr=1e-12")
    before, after = (load_file(path / "model.safetensors")["classifier.weight"] for path in (result.path, new.path))
    assert not torch.equal(before, after)
    assert set(spanbert.load(new.path).tasks["classify"].labels) == {"an animal", "an person"}


def test_dev_data_is_read_to_its_end_before_training(hugging_face_model: Path, tmp_path: Path):
    train, dev = single_file(tmp_path / "train.tsv", 24, 1), single_file(tmp_path / "dev.tsv", 300, 2)
    with dev.open("a", encoding="utf-8") as stream:
        stream.write("a fox\tanimal\tmore\n")
    task = TaskData(kind="classify", train=str(train), dev=str(dev))
    with pytest.raises(InputError, match=r"dev\.tsv:302"):
        tune({"kind": task}, hugging_face_model, tmp_path / "out")
    assert not (run_directory(tmp_path / "out") / "training").exists()


def test_the_card_names_the_licence_of_the_data(files, hugging_face_model: Path, tmp_path: Path):
    only = {"kind": files["kind"]}
    tune(only, hugging_face_model, tmp_path / "out", "train.max_steps=2", "licence=CC BY 4.0, by us")
    assert "licence of the text: CC BY 4.0, by us" in (tmp_path / "out" / "README.md").read_text()
    again = tune(only, tmp_path / "out", tmp_path / "next", "train.max_steps=2")
    card = (again.path / "README.md").read_text()
    assert "licence of the text: not stated" in card, "that of other data is not passed on"
    assert "Weights at the start: out (text under CC BY 4.0, by us)" in card


def test_how_files_are_read_is_said(files, hugging_face_model: Path, tmp_path: Path):
    heard: list[str] = []

    class Heard(SilentReporter):
        def say(self, message: str) -> None:
            heard.append(message)

    tune({"kind": files["kind"]}, hugging_face_model, tmp_path / "out", "train.max_steps=2", reporter=Heard())
    assert any("is read as text: 'text', label: 'label' (guessed from the header)" in line for line in heard)


def test_dev_data_without_labels_is_refused(hugging_face_model: Path, tmp_path: Path):
    train = single_file(tmp_path / "train.tsv", 20, 0)
    dev = write_lines(tmp_path / "dev.jsonl", [{"text": "the fox runs"}])
    with pytest.raises(InputError, match="task classify: dev data without labels"):
        tune({"classify": TaskData(kind="classify", train=train, dev=dev)}, hugging_face_model, tmp_path / "out")
    assert not (tmp_path / "out").exists()
