"""Fine-tuned models in other layouts: every head in Hugging Face's own classes, and bundles that keep all of theirs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers

import spanbert
from spanbert.batches.examples import HeadRows, Window
from spanbert.core.errors import InputError
from spanbert.core.types import Document, Question
from spanbert.tasks.tag.config import TagConfig
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.task_data import TaskData
from tests.conftest import VOCABULARY
from tests.labelled import conll_file, multi_file, nested_file, regression_file, single_file, squad_file

TEXT = "the old king sees a quick fox near the river"
CLASSES = {
    "sent": "ForSequenceClassification", "several": "ForSequenceClassification", "grade": "ForSequenceClassification",
    "ner": "ForTokenClassification", "asks": "ForQuestionAnswering",
}  # fmt: skip


def roberta(directory: Path) -> Path:
    """A tiny random RoBERTa with words for pieces."""
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *(piece for piece in VOCABULARY if not piece.startswith("["))]
    tokenizer = Tokenizer(models.WordLevel({piece: n for n, piece in enumerate(pieces)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    shape = transformers.RobertaConfig(
        vocab_size=len(pieces), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=66, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2, initializer_range=0.2,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.RobertaForMaskedLM(shape).save_pretrained(directory)
    tokenizer.save(str(directory / "tokenizer.json"))
    return directory


def tasks(folder: Path) -> dict[str, TaskData]:
    files: dict[str, tuple[str, Callable[[Path, int, int], Path], str]] = {
        "nested": ("tag", nested_file, ".jsonl"), "ner": ("tag", conll_file, ".conll"), "sent": ("classify", single_file, ".tsv"),
        "several": ("classify", multi_file, ".jsonl"), "grade": ("classify", regression_file, ".tsv"), "asks": ("qa", squad_file, ".json"),
    }  # fmt: skip
    return {
        name: TaskData(kind=kind, train=write(folder / f"{name}{suffix}", 8, 1), options=TagConfig(nested=True) if name == "nested" else None)
        for name, (kind, write, suffix) in files.items()
    }  # fmt: skip


@pytest.fixture(scope="module", params=["bert", "roberta"])
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def bundles(
    family: str, tmp_path_factory: pytest.TempPathFactory, hugging_face_model: Path, trained_bundle: Path
) -> dict[str, Path]:
    """Bundles of a family: `all` with every task, tags named; `sent` with one alone; `kept` with the heads of pre-training."""
    folder = tmp_path_factory.mktemp(f"tuned-{family}")
    model = hugging_face_model if family == "bert" else roberta(folder / "model")
    found = tasks(folder)
    config = FinetuneConfig.assemble(overrides=["train.max_steps=4", "train.precision=float32", "optim.lr=5e-3"])
    made: dict[str, Any] = {"all": found, "sent": {"sent": found["sent"]}, "nested": {"nested": found["nested"]}}
    for name, chosen in made.items():
        spanbert.finetune(chosen, model=model, out=folder / name, config=config)
    if family == "bert":
        keeping = config.model_copy(update={"keep_heads": True})
        spanbert.finetune(
            {"sent": found["sent"], "ner": found["ner"]}, model=trained_bundle, out=folder / "kept", config=keeping
        )
    return {name: folder / name for name in (*made, "kept")}


def our_outputs(bundle: Path, name: str) -> tuple[list[np.ndarray], list[tuple[Window, HeadRows]]]:
    """What the head of a task says of each window of a text, and the ids of the window."""
    nlp = spanbert.load(bundle)
    task, asked = nlp.tasks[name], (Question(id="q", text="who sees it"),)
    document = Document(id="x", text=TEXT, questions=asked if nlp.tasks[name].kind == "qa" else None)
    [windowed] = task.tokenize([document])
    windows, asked = task.windows(windowed), task.rows(windowed)
    outputs = nlp.predictor.backend.run(windows, {name: asked})[name]
    return outputs, list(zip(windows, asked, strict=True))


def their_rows(directory: Path, auto: str, window: Window, asked: HeadRows) -> np.ndarray:
    """What the class in `transformers` says of the same window, on the rows that our head reads."""
    model, report = getattr(transformers, auto).from_pretrained(directory, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    segments = {} if window.token_types is None else {"token_type_ids": torch.tensor([window.token_types.tolist()])}
    with torch.inference_mode():
        said = model.eval()(input_ids=torch.tensor([window.ids.tolist()]), **segments)
    if auto.endswith("QuestionAnswering"):
        return torch.stack([said.start_logits[0], said.end_logits[0]], dim=1).numpy()[asked.rows]
    logits = said.logits[0].numpy()
    return logits if auto.endswith("SequenceClassification") else logits[asked.rows]


@pytest.mark.parametrize("name", list(CLASSES))
def test_each_task_alone_has_equal_logits_in_transformers(
    bundles: dict[str, Path], family: str, name: str, tmp_path: Path
):
    done = spanbert.convert(bundles["all"], tmp_path / "plain", to="hugging-face", task=name)
    assert sorted(path.name for path in done.path.iterdir()) == sorted(
        ["README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
        + (["vocab.txt"] if family == "bert" else [])
    )
    config = json.loads((done.path / "config.json").read_text())
    assert config["architectures"] == [f"{ {'bert': 'Bert', 'roberta': 'Roberta'}[family] }{CLASSES[name]}"]
    outputs, windows = our_outputs(bundles["all"], name)
    assert windows
    for ours, (window, asked) in zip(outputs, windows, strict=True):
        np.testing.assert_allclose(ours, their_rows(done.path, f"AutoModel{CLASSES[name]}", window, asked), atol=1e-5)
    card = (done.path / "README.md").read_text()
    assert f"loads it as `{config['architectures'][0]}`" in card
    assert "heads.safetensors" not in card


def test_labels_and_problem_are_those_of_the_task(bundles: dict[str, Path], tmp_path: Path):
    expected = {
        "sent": ("single_label_classification", {"0": "animal", "1": "person"}),
        "several": ("multi_label_classification", {"0": "animal", "1": "place"}),
        "grade": ("regression", {"0": "value"}),
        "ner": (None, {"0": "O", "1": "B-ANI", "2": "I-ANI", "3": "B-PER", "4": "I-PER"}),
        "asks": (None, None),
    }
    for name, (problem, labels) in expected.items():
        spanbert.convert(bundles["all"], tmp_path / name, to="hugging-face", task=name)
        config = json.loads((tmp_path / name / "config.json").read_text())
        assert (config.get("problem_type"), config.get("id2label")) == (problem, labels)
        if labels is not None:
            assert config["label2id"] == {label: int(number) for number, label in labels.items()}


def test_without_a_task_the_named_one_is_written(bundles: dict[str, Path], tmp_path: Path):
    named = spanbert.convert(bundles["all"], tmp_path / "a", to="hugging-face")
    stated = spanbert.convert(bundles["all"], tmp_path / "b", to="hugging-face", task="ner")
    assert (tmp_path / "a" / "config.json").read_text() == (tmp_path / "b" / "config.json").read_text()
    before, after = load_file(named.path / "model.safetensors"), load_file(stated.path / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert {name.split(".")[1] for name in named.left_out} == {"nested", "sent", "several", "grade", "asks"}


def test_plain_directories_go_back_to_bundles_with_their_task(bundles: dict[str, Path], tmp_path: Path):
    """A Hugging Face directory with a head, ours or not, becomes a bundle whose task answers alike."""
    spanbert.convert(bundles["sent"], tmp_path / "plain", to="hugging-face")
    assert spanbert.info(tmp_path / "plain")["tasks"] == {"classify": {"kind": "classify"}}
    spanbert.convert(tmp_path / "plain", tmp_path / "back", to="bundle")
    assert spanbert.info(tmp_path / "back")["tasks"]["classify"]["labels"] == ["animal", "person"]
    answers = [
        next(iter(spanbert.load(place)(TEXT).classifications.values()))
        for place in (bundles["sent"], tmp_path / "plain", tmp_path / "back")
    ]
    assert answers[0] == answers[1] == answers[2]


def test_a_bundle_keeps_all_its_heads_bit_for_bit(bundles: dict[str, Path], family: str, tmp_path: Path):
    for name in ["all", "sent", "nested", *(["kept"] if family == "bert" else [])]:
        done = spanbert.convert(bundles[name], tmp_path / name, to="bundle")
        assert done.left_out == ()
        for file in ("model.safetensors", "heads.safetensors"):
            assert (bundles[name] / file).is_file() == (done.path / file).is_file()
            if (done.path / file).is_file():
                before, after = load_file(bundles[name] / file), load_file(done.path / file)
                assert before.keys() == after.keys()
                assert all(torch.equal(before[one], after[one]) for one in before)
        configs = [json.loads((place / "config.json").read_text()) for place in (bundles[name], done.path)]
        assert configs[0] == configs[1]
        facts = [spanbert.info(place) for place in (bundles[name], done.path)]
        assert {**facts[0], "path": None} == {**facts[1], "path": None}
        texts = [TEXT, "a fox"]
        if name != "kept":
            said = [
                [one.as_record() for one in spanbert.load(place).pipe(texts)] for place in (bundles[name], done.path)
            ]
            assert said[0] == said[1]


@pytest.mark.parametrize("family", ["bert"], indirect=True)
def test_heads_of_pretraining_beside_tasks(bundles: dict[str, Path], tmp_path: Path):
    done = spanbert.convert(bundles["kept"], tmp_path / "heads", to="head-checkpoint")
    assert {name.split(".")[0] for name in done.left_out} == {"task", "tasks"}
    config = json.loads((done.path / "config.json").read_text())
    assert config["architectures"] == ["BertForMaskedLM"]
    assert "id2label" not in config
    assert spanbert.load(done.path).fill("a quick [MASK] fox")
    plain = spanbert.convert(bundles["kept"], tmp_path / "plain", to="hugging-face")
    assert any(name.startswith("mlm.") for name in plain.left_out)
    assert any(name.startswith("sbo.") for name in plain.left_out)
    _, report = transformers.AutoModelForSequenceClassification.from_pretrained(plain.path, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]


def test_what_has_no_name_elsewhere_is_refused(
    bundles: dict[str, Path], hugging_face_model: Path, cli: Any, tmp_path: Path
):
    out = tmp_path / "out"
    for source, task, message in (
        (bundles["all"], "nested", "no class for nested entities; got task nested"),
        (bundles["nested"], None, "no class for nested entities; got task nested"),
        (bundles["all"], "nre", "no fine-tuned task 'nre'; did you mean 'ner'"),
        (hugging_face_model, "ner", "no fine-tuned task 'ner'; got a model without fine-tuned tasks"),
    ):
        with pytest.raises(InputError, match=message):
            spanbert.convert(source, out, to="hugging-face", task=task)
        assert not out.exists()
    code, _, err = cli("convert", bundles["all"], out, "--to", "bundle", "--task", "ner")
    assert (code, "only hugging-face holds one task alone" in err) == (2, True)
    code, stdout, err = cli("convert", bundles["all"], out, "--to", "hugging-face", "--task", "asks")
    assert code == 0, err
    assert f"wrote {out}: " in stdout
    assert "left out" in stdout
