"""The command line with what people type from habit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from spanbert.apps.cli.main import app
from spanbert.core.files import read_json
from spanbert.tasks.registry import kind_meant, kinds, spec_of, specs
from tests.labelled import SETTINGS, conll_file, single_file

FEW = [part for one in (*SETTINGS, "train.max_steps=3") for part in ("--set", one)]


@pytest.fixture
def train(cli, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs `finetune` and gives the settings and the tasks that its run.json says."""
    monkeypatch.chdir(tmp_path)
    single_file(tmp_path / "a.tsv", 12, 0)
    conll_file(tmp_path / "a.conll", 12, 0)

    def run(*arguments: object) -> tuple[dict, dict, str]:
        code, _, err = cli("finetune", *arguments, "--model", hugging_face_model, "--out", "out")
        assert code == 0, err
        facts = read_json(tmp_path / "out.run" / "run.json")
        return facts["settings"], facts["tasks"], err

    return run


def test_options_that_are_settings(train):
    said = ("--epochs", 1, "--lr=1e-4", "--batch_size", 4, "--threads", 1, "--seed", 7, "--device", "cpu")
    settings, _, _ = train("classify", "--train", "a.tsv", *said)
    found = settings["train"]
    assert (found["max_epochs"], found["threads"], found["seed"]) == (1, 1, 7)
    assert (settings["optim"]["lr"], settings["batch"]["examples"]) == (1e-4, 4)


def test_a_setting_that_is_on_or_off_needs_no_value(train):
    settings, _, _ = train("classify", "--train", "a.tsv", "--freeze-encoder", *FEW)
    assert settings["freeze_encoder"] is True


def test_a_kind_by_another_name(train):
    settings, tasks, err = train("pos", "--train", "a.conll", *FEW)
    assert (list(tasks), tasks["tag"]["kind"], settings["tag"]["column"]) == (["tag"], "tag", "upos")
    assert 'pos is the kind tag --set tag.column="upos"' in err


def test_several_tasks_by_other_names(train):
    _, tasks, _ = train("multi", "--task", "ner=NER:a.conll", "--task", "sent=sentiment:a.tsv", *FEW)
    assert {name: one["kind"] for name, one in tasks.items()} == {"ner": "tag", "sent": "classify"}


def test_names_of_kinds_are_theirs_alone():
    named = [alias for spec in specs() for alias in spec.aliases]
    assert len(named) == len(set(named))
    assert not set(named) & {*kinds(), "multi"}
    for spec in specs():
        for alias, settings in spec.aliases.items():
            assert kind_meant(alias.upper()) == (spec.kind, settings)
            spec.config.assemble(base=settings)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["finetune", "ner", "--device", "tpu", "--train", "a", "--out", "b"], "--device: no such device; got 'tpu'; expected auto, cpu, cuda"),
        (["finetune", "ner", "--gpus", "4", "--train", "a", "--out", "b"], "--gpus: no such device; got '4 cards'"),
        (["evaluate", "bundle", "--data", "a", "--device", "cuda:0,1"], "one process computes on one device"),
        (["prepare", "a", "--tokenizer", "b", "--out", "c", "--gpu"], "--gpu: this command needs no GPU: leave the option out"),
        (["prepare", "a", "--tokenizer", "b", "--out", "c", "--device=cuda"], "--device: this command needs no GPU"),
        (["finetune", "nerr", "--train", "a", "--out", "b"], "no kind of task 'nerr'; did you mean 'ner' (the kind tag)?"),
        (["finetune", "mult", "--train", "a", "--out", "b"], "did you mean 'multi'?"),
        (["doctor", "clasify", "--data", "a", "--model", "b"], "no kind of task 'clasify'; did you mean 'classify'?"),
        (["finetune", "ner", "--epochs", "many", "--train", "a", "--out", "b"], "bad value for 'train.max_epochs'"),
        (["pretrain", "store", "--batch-size", "8", "--out", "b"], "--batch-size: a step reads packs of tokens"),
        (["finetune", "ner", "--fp16", "--train", "a", "--out", "b"], "--set train.precision=bfloat16"),
        (["predict", "bundle", "--batch-size", "8"], "--batch-size: leave it out"),
        (["finetune", "ner", "--eval-batch-size", "8", "--train", "a", "--out", "b"], "--eval-batch-size: leave it out"),
        (["pretrain", "store", "--epochs", "3", "--out", "b"], "--epochs: finetune alone counts epochs; pretrain takes --budget"),
        (["doctor", "ner", "--train", "a", "--model", "b"], "--train: the data that is looked at or scored is named by --data"),
        (["evaluate", "bundle", "--train", "a"], "--train: the data that is looked at or scored is named by --data"),
        (["finetune", "ner", "--label-smoothing", "0.1", "--train", "a", "--out", "b"], "--set label_smoothing=0.1: a setting of the kind translate; got the kind tag"),
        (["finetune", "ner", "--set", "beam=1", "--train", "a", "--out", "b"], "--set beam=1: a setting of the kind translate; got the kind tag"),
        (["finetune", "multi", "--task", "a=ner:a", "--task", "b=qa:b", "--set", "classify.mode=multi", "--out", "b"], "a setting of the kind classify; got the kind qa and tag"),
        (["doctor", "ner", "--set", "beam=1", "--data", "a", "--model", "b"], "--set beam=1: a setting of the kind translate; got the kind tag"),
        (["finetune", "ner", "--set", "optim.learning_rat=1", "--train", "a", "--out", "b"], "unknown key 'optim.learning_rat'"),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_says_what_to_do(cli, tmp_path: Path, monkeypatch, arguments: list[str], message: str):
    monkeypatch.chdir(tmp_path)
    code, _, err = cli(*arguments)
    assert (code, err.count("\n")) == (2, 1), err
    assert message in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("out", ["--output-dir", "-o"])
def test_options_by_the_names_of_other_programs(cli, corpus_file: Path, hugging_face_model: Path, tmp_path: Path, out):
    code, _, err = cli("prepare", corpus_file, "--tokenizer", hugging_face_model, out, tmp_path / "store",
                       "--license=ours", "--validation_split", "10%")  # fmt: skip
    assert code == 0, err
    index = read_json(tmp_path / "store" / "index.json")
    assert (index["licence"], index["held_out"]) == ("ours", 0.1)


def test_an_unknown_option_is_refused_as_ever(cli):
    code, _, err = cli("finetune", "tag", "--nonsense", "3", "--train", "a", "--out", "b")
    assert code == 2
    assert "No such option: --nonsense" in err


def flags(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text.partition("Examples")[0]))


@pytest.mark.parametrize("verb", ["finetune", "doctor"])
def test_help_of_a_kind_has_its_options_alone(cli, verb: str):
    whole = flags(cli(verb, "--help")[1])
    for kind in kinds():
        code, out, _ = cli(verb, kind, "--help")
        assert code == 0
        own = {option.flag for option in spec_of(kind).options if verb in option.verbs}
        others = {option.flag for spec in specs() for option in spec.options if verb in option.verbs} - own
        assert own <= flags(out) <= whole
        assert not others & flags(out)
        assert ("--dev-target" in flags(out)) == (spec_of(kind).companion is not None)
        assert spec_of(kind).title.capitalize() in out
    assert "--task" not in flags(cli("finetune", "tag", "--help")[1])


def test_help_of_a_kind_by_another_name_and_before_it(cli):
    shown = cli("finetune", "tag", "--help")[1]
    assert cli("finetune", "ner", "-h")[1] == shown
    assert cli("finetune", "--help", "tag")[1] == shown
    assert cli("finetune", "nonsense", "--help")[1] == cli("finetune", "--help")[1]
    assert cli("finetune", "multi", "--help")[1] == cli("finetune", "-h")[1]


def test_h_is_help(cli):
    assert cli("-h") == cli("--help")
    assert cli("predict", "-h") == cli("predict", "--help")


def completions(words: str) -> list[str]:
    environment = {"_SPANBERT_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    return CliRunner().invoke(app, [], env=environment, prog_name="spanbert").output.split()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("spanbert finetune ", [*kinds(), "multi"]),
        ("spanbert finetune t", ["tag", "translate"]),
        ("spanbert doctor co", ["coref"]),
        ("spanbert predict bundle --format co", ["conll"]),
        ("spanbert convert a b --to bu", ["bundle"]),
        ("spanbert convert a b --from sq", ["squad"]),
        ("spanbert finetune tag --set optim.head", ["optim.head_lr="]),
        ("spanbert pretrain store --set sbo.w", ["sbo.weight="]),
        ("spanbert predict bundle --set coref.de", ["coref.depth="]),
        ("spanbert finetune tag --size la", ["large"]),
    ],
)
def test_completion(words: str, found: list[str]):
    assert completions(words) == found


def test_a_name_is_looked_for_in_the_kinds_at_hand(train):
    """Several kinds have a `label_column`; the file may set other kinds too, as that of another run does."""
    Path("all.yaml").write_text("translate:\n  beam: 2\n")
    settings, _, _ = train("classify", "--train", "a.tsv", "--set", "label_column=label", "--config", "all.yaml", *FEW)
    assert (settings["classify"]["label_column"], settings["translate"]["beam"]) == ("label", 2)


def test_settings_file_with_other_names(train, tmp_path: Path):
    (tmp_path / "s.yaml").write_text(yaml.safe_dump({"learning_rate": 1e-4, "epochs": 1}))
    settings, _, _ = train("classify", "--train", "a.tsv", "--config", "s.yaml", "--threads", 1)
    assert (settings["optim"]["lr"], settings["train"]["max_epochs"]) == (1e-4, 1)
