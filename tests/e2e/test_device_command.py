"""`--device` of every verb that computes, and what other programs call it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import spanbert
from spanbert.core.errors import InputError
from spanbert.core.files import read_json
from spanbert.encoder import hardware
from tests.labelled import SETTINGS, single_file

BUNDLE = Path(__file__).parents[1] / "fixtures" / "bundles" / "joint"
VERBS = ("pretrain", "finetune", "evaluate", "predict", "fill", "serve", "doctor", "quickstart", "bench")
FEW = [part for one in (*SETTINGS, "train.max_steps=3") for part in ("--set", one)]


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_that_computes_has_it(cli, verb: str):
    _, out, _ = cli(verb, "--help")
    assert "--device" in out
    assert "auto, cpu, cuda, cuda:1 or mps" in " ".join(out.replace("│", " ").split())


@pytest.mark.usefixtures("no_cuda")
@pytest.mark.parametrize(
    "arguments",
    [
        ["pretrain", "STORE", "--size", "tiny", "--out", "o", "--device", "cuda"],
        ["finetune", "classify", "--model", "MODEL", "--train", "a.tsv", "--out", "o", "--gpu"],
        ["finetune", "classify", "--model", "MODEL", "--train", "a.tsv", "--out", "o", "--gpu", "0"],
        ["finetune", "classify", "--model", "MODEL", "--train", "a.tsv", "--out", "o", "--accelerator=gpu"],
        ["doctor", "classify", "--model", "MODEL", "--data", "a.tsv", "--n-gpu", "1"],
        ["evaluate", BUNDLE, "--data", "a.tsv", "--device=cuda:0"],
        ["predict", BUNDLE, "texts.txt", "--cuda"],
        ["fill", "MODEL", "a [MASK]", "--gpu-id", "0"],
    ],
)
def test_a_card_that_is_not_there(
    cli, store_path: Path, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list
):
    monkeypatch.chdir(tmp_path)
    single_file(tmp_path / "a.tsv", 12, 0)
    (tmp_path / "texts.txt").write_text("the fox\n")
    given = [{"STORE": store_path, "MODEL": hugging_face_model}.get(one, one) for one in arguments]
    code, _, err = cli(*given)
    assert code == 2, err
    errors = [line for line in err.splitlines() if "error" in line]
    assert len(errors) == 1
    assert "device: this PyTorch is built without CUDA; got cuda" in errors[0]
    assert "expected cpu. Install a build with CUDA" in errors[0]
    assert not (tmp_path / "o").exists()
    assert not (tmp_path / "o.run").exists()


def test_what_a_run_computes_on_is_in_its_first_line(
    cli, hugging_face_model: Path, store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    single_file(tmp_path / "a.tsv", 12, 0)
    for verb, typed in (("finetune", "--cpu"), ("finetune", "--gpu=-1")):
        code, _, err = cli(verb, "classify", "--train", "a.tsv", "--model", hugging_face_model, "--out", "o", *FEW, typed,
                           "--overwrite", "--set", "train.precision=float32")  # fmt: skip
        assert code == 0, err
        first = err.splitlines()[0]
        assert first.startswith("computing on the CPU (")
        assert first.endswith(" thread), float32")
        assert read_json(tmp_path / "o.run" / "run.json")["settings"]["train"]["device"] == "cpu"


def test_bfloat16_that_is_emulated_gets_a_warning(
    cli, hugging_face_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hardware, "has_bfloat16", lambda device: False)
    single_file(tmp_path / "a.tsv", 12, 0)
    code, _, err = cli("finetune", "classify", "--train", "a.tsv", "--model", hugging_face_model, "--out", "o", *FEW,
                       "--set", "train.precision=bfloat16")  # fmt: skip
    assert code == 0, err
    assert err.splitlines()[0].endswith("bfloat16")
    assert "emulates it, which is many times slower than float32" in err.splitlines()[1]


def test_answers_on_the_cpu_say_nothing_of_it(cli, tmp_path: Path):
    texts = tmp_path / "texts.txt"
    texts.write_text("the red fox\n")
    plain = cli("predict", BUNDLE, texts)
    assert plain[0] == 0
    for typed in (("--device", "cpu"), ("--device", "-1"), ("--no-cuda",), ("--gpus", "0"), ("--precision", "float32")):
        assert cli("predict", BUNDLE, texts, *typed) == plain
    assert "computing on" not in plain[2]


@pytest.mark.usefixtures("no_cuda")
def test_devices_of_a_loaded_bundle():
    nlp = spanbert.load(BUNDLE)
    assert nlp.device == torch.device("cpu")
    before, predictor = nlp("the red fox").as_record(), nlp.predictor
    assert nlp.to("cpu") is nlp
    assert nlp.to(-1).to(torch.device("cpu")).predictor is predictor, "nothing is read again"
    for refused in ("cuda", 0, torch.device("cuda", 1), "mps"):
        with pytest.raises(InputError):
            nlp.to(refused)
        with pytest.raises(InputError):
            spanbert.load(BUNDLE, device=refused)
    assert nlp.device == torch.device("cpu")
    assert nlp("the red fox").as_record() == before
    with pytest.raises(InputError, match="device: no such device; got 'tpu'"):
        spanbert.load(BUNDLE, device="tpu")


def test_another_device_reads_the_weights_again(monkeypatch: pytest.MonkeyPatch):
    nlp = spanbert.load(BUNDLE, device="cpu")
    first = nlp.predictor
    monkeypatch.setattr(hardware, "resolved_device", lambda name, where="device": torch.device("meta"))
    nlp.to("cuda:1")
    assert nlp.device.type == "meta"
    assert nlp.predictor is not first
    assert nlp.predictor.backend.encoder.device.type == "meta"
    assert nlp.predictor.backend.works_apart
    assert nlp.__getstate__()["device"] == "cuda:1"
