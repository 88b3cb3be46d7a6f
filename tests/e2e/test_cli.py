"""The command line as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from spanbert.apps.cli.main import app
from spanbert.train.run_directory import run_directory

VERBS = [
    "quickstart",
    "prepare",
    "pretrain",
    "fill",
    "finetune",
    "evaluate",
    "predict",
    "explain",
    "doctor",
    "info",
    "convert",
    "export",
    "push",
    "serve",
    "watch",
    "bench",
]
SMALL = ["--set", "batch.segment_length=32", "--set", "batch.pack_tokens=256", "--set", "optim.lr=1e-3"]


def test_import_and_help_need_no_torch():
    code = (
        "import sys; import spanbert; from spanbert.apps.cli.main import main\n"
        "sys.argv = ['spanbert', '--help']\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'transformers', 'pyarrow', 'matplotlib', 'tokenizers', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "quickstart" in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_examples(cli, verb: str):
    code, out, _ = cli(verb, "--help")
    assert code == 0
    assert "Examples" in out
    assert f"spanbert {verb}" in out


def test_the_verbs_are_these():
    assert sorted(command.name for command in app.registered_commands) == sorted(VERBS)


def test_version(cli):
    import spanbert

    assert cli("--version")[:2] == (0, f"spanbert {spanbert.__version__}\n")


def test_from_text_to_filled_blanks(cli, corpus_file: Path, hugging_face_model: Path, tmp_path: Path):
    store, bundle = tmp_path / "store", tmp_path / "bundle"
    code, out, err = cli("prepare", corpus_file, "--tokenizer", hugging_face_model, "--out", store, "--held-out", "10%",
                         "--licence", "our own text", "--json")  # fmt: skip
    assert code == 0, err
    assert json.loads(out.splitlines()[-1])["documents"]["held_out"] > 0

    settings = tmp_path / "settings.yaml"
    settings.write_text(yaml.safe_dump({"optim": {"schedule": "wsd"}}))
    code, out, err = cli("pretrain", store, "--model", hugging_face_model, "--out", bundle, "--config", settings,
                         "--set", "train.max_steps=20", *SMALL, "--json")  # fmt: skip
    assert code == 0, err
    report = json.loads(out.splitlines()[-1])
    assert (report["step"], report["stopped_by"]) == (20, "budget")
    assert report["after"]["mlm_loss"] < report["before"]["mlm_loss"]
    assert len((run_directory(bundle) / "metrics.jsonl").read_text().splitlines()) == 20
    assert "our own text" in (bundle / "README.md").read_text()

    code, out, _ = cli("fill", bundle, "The quick [MASK:1-3] fox", "--top-k", 3)
    assert code == 0
    assert len(out.splitlines()) == 3
    code, out, _ = cli("fill", bundle, "The [MASK] and the [MASK].", "--top-k", 2, "--json")
    fillings = json.loads(out.splitlines()[-1])["fillings"]
    assert [len(filling["fills"]) for filling in fillings] == [2, 2]

    code, out, _ = cli("info", store, "--json")
    assert json.loads(out)["licence"] == "our own text"
    code, out, _ = cli("info", bundle)
    assert code == 0
    assert "sbo head: True" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prepare", "none.txt", "--tokenizer", "{model}", "--out", "{tmp}/s"], "none.txt: no such file"),
        (["prepare", "{corpus}", "--tokenizer", "/none/model", "--out", "{tmp}/s"], "/none/model: no such file"),
        (["prepare", "{corpus}", "--tokenizer", "{model}", "--out", "{tmp}/s", "--held-out", "lots"], "--held-out: not a share"),
        (["prepare", "{corpus}", "--tokenizer", "{model}", "--out", "{tmp}/s", "--documents", "page"], "bad value for 'documents'"),
        (["pretrain", "{tmp}", "--model", "{model}", "--out", "{tmp}-b"], "not a token store"),
        (["pretrain", "{store}", "--out", "{tmp}/b"], "either a model to continue from"),
        (["pretrain", "{store}", "--size", "huge", "--out", "{tmp}/b"], "no such size; got 'huge'"),
        (["pretrain", "{store}", "--size", "tiny", "--out", "{tmp}/b", "--budget", "soon"], "not an amount of training"),
        (["pretrain", "{store}", "--size", "tiny", "--out", "{tmp}/b", "--set", "optim.lrr=1"], "did you mean 'optim.lr'?"),
        (["pretrain", "{store}", "--size", "tiny", "--out", "{store}"], "the output would replace an input"),
        (["pretrain", "{store}", "--size", "tiny", "--out", "{model}"], "the folder exists already"),
        (["prepare", "{corpus}", "--tokenizer", "{model}", "--out", "{model}/inside"], "the output would lie inside an input"),
        (["convert", "{model}", "{corpus}", "--to", "bundle", "--overwrite"], "a file, where a folder is made"),
        (["convert", "{model}", "{model}/plain", "--to", "bundle"], "the output would lie inside an input"),
        (["doctor", "classify", "--data", "{corpus}", "--model", "{model}", "--fix", "{corpus}", "--overwrite"], "the output would replace an input"),
        (["evaluate", "{model}", "--data", "{tmp}"], "no fine-tuned task"),
        (["finetune", "tag", "--train", "{tmp}", "--model", "{model}", "--out", "{tmp}-b"], "a directory, not an annotated file"),
        (["bench", "masking", "--data", "{corpus}", "--out", "{corpus}", "--overwrite"], "the output would replace an input"),
        (["fill", "{minilm}", "a [MASK]"], "no head that could fill a blank"),
        (["fill", "{model}", "no blank"], "no blank in the text"),
        (["fill", "{tmp}", "a [MASK]"], "not a model directory"),
        (["info", "{tmp}"], "neither a token store nor a model"),
        (["quickstart", "--out", "{store}"], "the folder is not empty"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_code_2(
    cli, arguments, message, corpus_file: Path, hugging_face_model: Path, store_path: Path, minilm: Path, tmp_path: Path
):
    places = {
        "corpus": corpus_file,
        "model": hugging_face_model,
        "store": store_path,
        "minilm": minilm,
        "tmp": tmp_path,
    }
    code, _, err = cli(*(part.format(**places) for part in arguments))
    assert code == 2, err
    assert message in err
    assert err.startswith("spanbert: error: ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["nonsense"], ["fill"], ["fill", "a", "b", "--nonsense"]])
def test_bad_usage_is_code_2(cli, arguments):
    assert cli(*arguments)[0] == 2


def test_paths_that_cannot_be(cli, corpus_file: Path, hugging_face_model: Path, store_path: Path, tmp_path: Path):
    for arguments in (
        ["prepare", corpus_file, "--tokenizer", hugging_face_model, "--out", corpus_file / "store"],
        ["pretrain", store_path, "--size", "tiny", "--out", tmp_path / "b", "--config", tmp_path],
        ["quickstart", "--out", corpus_file],
        ["fill", "x" * 300, "a [MASK]"],
    ):
        code, _, err = cli(*arguments)
        assert (code, err.count("\n")) == (2, 1), err


def test_training_into_the_current_folder(cli, store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = cli("pretrain", store_path, "--size", "tiny", "--out", ".", "--set", "train.max_steps=1", *SMALL)
    assert code == 0, err
    assert (tmp_path / "model.safetensors").is_file()
