"""What doctor, prepare, evaluate and pre-training return is shown as lines for people, at a prompt and in a notebook."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from IPython.lib.pretty import pretty

import spanbert
from spanbert.core.in_lines import InLines
from spanbert.core.model_path import model_name
from spanbert.pipelines.evaluation import Evaluation
from spanbert.train.budget import Progress
from spanbert.train.outcome import Best, Outcome
from spanbert.train.pretrain import PretrainResult
from tests.labelled import conll_file, tiny


class Told(InLines):
    lines = ("first", "name \x1b[2J of somebody")


def test_lines_can_be_shown_whatever_they_hold():
    assert repr(Told()) == str(Told()) == pretty(Told()) == "first\nname \\x1b[2J of somebody"


@pytest.fixture(scope="module")
def bundle(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny("bio", hugging_face_model, tmp_path_factory.getbasetemp())[0].path


def test_scores_are_a_dictionary_that_reads_well(bundle: Path, tmp_path: Path, cli):
    file = conll_file(tmp_path / "test.conll", 20, 1)
    found = spanbert.evaluate(bundle, file, other=bundle)
    assert repr(found).splitlines()[0] == "tag (tag) on test.conll"
    assert f"  f1                       {found['f1']:.4f}   95% interval" in str(found)
    assert "f1 minus that of" in found.lines[-1]
    assert pretty(found) == repr(found)
    assert json.loads(json.dumps(found)) == found == dict(found)
    _, shown, _ = cli("evaluate", bundle, bundle, "--compare", "--data", file)
    assert shown.splitlines() == found.lines


def test_of_many_labels_the_first_are_shown():
    figures = {"f1": 0.5, "precision": 0.5, "recall": 0.5, "gold": 1}
    many = {f"label {number}": figures for number in range(43)}
    shown = Evaluation(task="a", kind="tag", data="d", by_label=many, signature="s")
    assert sum(line.startswith("    label ") for line in shown.lines) == 40
    assert "    and 3 more labels; by_label has all (--json)" in shown.lines


def test_the_doctor_says_what_the_command_line_says(hugging_face_model: Path, tmp_path: Path, cli):
    file = conll_file(tmp_path / "train.conll", 20, 1)
    report = spanbert.doctor("tag", file, model=hugging_face_model, estimate=False)
    assert report.lines[0] == f"spanbert doctor tag: train.conll; model {model_name(hugging_face_model)}"
    assert pretty(report) == repr(report) == "\n".join(report.lines)
    _, shown, _ = cli("doctor", "tag", "--data", file, "--model", hugging_face_model, "--no-estimate")
    assert shown.splitlines() == report.lines


def test_prepare_says_how_much_it_is(corpus_file: Path, vocabulary_file: Path, tmp_path: Path):
    made = spanbert.prepare(corpus_file, tokenizer=vocabulary_file, out=tmp_path / "store", held_out=0.1)
    assert repr(made).startswith(f"{tmp_path / 'store'}: {made.documents['train']} documents, ")
    assert pretty(made) == repr(made)


def test_pretraining_says_what_it_came_to():
    best = Best(step=6, selection_score=-5.0, scores={"mlm_loss": 5.25, "sbo_loss": 6.5, "mlm_accuracy": 0.1})
    outcome = Outcome(progress=Progress(step=1200), stopped_by="budget", best=best)
    before = {"mlm_loss": 7.0, "unigram_loss": 6.0}
    result = PretrainResult(path=Path("a"), outcome=outcome, before=before)
    assert repr(result) == "<PretrainResult a: 1,200 steps; mlm_loss 5.2500 (7.0000 before); sbo_loss 6.5000>"
    nothing = Outcome(progress=Progress(step=3), stopped_by="budget", best=None)
    assert repr(PretrainResult(path=Path("a"), outcome=nothing)) == "<PretrainResult a: 3 steps>"
