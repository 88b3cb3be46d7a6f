"""Tasks in bundles and in plain Hugging Face directories (parity with `transformers`: tests/parity)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import spanbert
from spanbert.checkpoint.bundle import open_bundle
from spanbert.core.errors import InputError
from spanbert.encoder.config import EncoderConfig
from spanbert.encoder.model import Encoder
from spanbert.inference.heads import head_weights, load_predictor, start_from_pooler
from spanbert.inference.loading import stored_tasks, task_entries
from spanbert.tasks.classify.head import ClassifyHead
from spanbert.tokens.tokenizer import load_tokenizer
from tests.labelled import tiny

TEXT = "The quick fox jumps over an old stone, near the river!"


@pytest.fixture
def joint(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny("joint", hugging_face_model, tmp_path_factory.getbasetemp())[0].path


def test_what_a_bundle_says_of_its_tasks(joint: Path, trained_bundle: Path, hugging_face_model: Path):
    files = open_bundle(joint)
    entries = task_entries(files)
    assert {name: (entry["kind"], entry["named"]) for name, entry in entries.items()} == {
        "kind": ("classify", True), "ner": ("tag", False), "pos": ("tag", False), "who": ("qa", False),
    }  # fmt: skip
    tasks = stored_tasks(files, load_tokenizer(joint))
    assert {name: task.name for name, task in tasks.items()} == {name: name for name in entries}
    assert task_entries(open_bundle(trained_bundle)) == {}, "pre-training is no task on labelled texts"
    assert task_entries(open_bundle(hugging_face_model)) == {}
    assert list(load_predictor(files, {"pos": tasks["pos"]}).backend.heads) == ["pos"]
    for name, task in tasks.items():
        kept = {key: value for key, value in entries[name].items() if key not in ("named", "scores")}
        assert task.manifest() == kept
    assert tasks["kind"].hugging_face_config() == {
        "id2label": {"0": "animal", "1": "person"}, "label2id": {"animal": 0, "person": 1},
        "problem_type": "single_label_classification",
    }  # fmt: skip
    assert tasks["who"].hugging_face_config() == {}
    assert list(tasks["ner"].hugging_face_config()["label2id"]) == ["O", "B-ANI", "I-ANI", "B-PER", "I-PER"]


def hugging_face_directory(
    base: Path, target: Path, architecture: str, weights: dict[str, torch.Tensor], **more: object
) -> Path:
    """A directory as `transformers` writes it, with a head among its weights."""
    shutil.copytree(base, target)
    config = json.loads((base / "config.json").read_text())
    (target / "config.json").write_text(json.dumps({**config, "architectures": [architecture], **more}))
    save_file({**load_file(base / "model.safetensors"), **weights}, target / "model.safetensors")
    return target


def test_a_tagger_that_has_no_begin_tags_finds_its_entities(hugging_face_model: Path, tmp_path: Path):
    """As the CoNLL-2003 models that are tagged IOB1: `O`, `I-PER`, `I-LOC`."""
    bias = torch.tensor([0.0, 1.0, 0.0])
    weights = {"classifier.weight": torch.zeros(3, 32), "classifier.bias": bias}
    labels = {"0": "O", "1": "I-PER", "2": "I-LOC"}
    path = hugging_face_directory(
        hugging_face_model, tmp_path / "m", "BertForTokenClassification", weights, id2label=labels
    )
    found = spanbert.load(path)("the king runs")
    assert [(one.start, one.end, one.label) for one in found.entities] == [(0, 13, "PER")]
    assert found.entities[0].score == pytest.approx(float(bias.softmax(0)[1]))


def test_a_head_that_is_missing_or_does_not_fit(joint: Path, hugging_face_model: Path, tmp_path: Path):
    shutil.copytree(joint, tmp_path / "copy")
    heads = tmp_path / "copy" / "heads.safetensors"
    stored = load_file(heads)
    del stored["tasks.ner.output.bias"]
    save_file(stored, heads)
    with pytest.raises(InputError, match=r"heads\.safetensors"):  # the manifest's checksum tells
        spanbert.load(tmp_path / "copy")(TEXT)
    architecture = "BertForTokenClassification"
    bare = hugging_face_directory(hugging_face_model, tmp_path / "bare", architecture, {})
    with pytest.raises(InputError, match=r"the weights lack 'classifier\.weight'"):
        spanbert.load(bare)(TEXT)
    weights = {"classifier.weight": torch.zeros(3, 32), "classifier.bias": torch.zeros(3)}
    wrong = hugging_face_directory(
        hugging_face_model, tmp_path / "wrong", architecture, weights, id2label={"0": "A", "1": "B"}
    )
    with pytest.raises(InputError, match=r"tensor 'output\.\w+' has another shape"):
        spanbert.load(wrong)(TEXT)
    unnumbered = hugging_face_directory(
        hugging_face_model, tmp_path / "unnumbered", architecture, weights, id2label={"first": "a"}
    )
    with pytest.raises(InputError, match=r"labels that are not numbered from 0 on; got \{'first'"):
        spanbert.load(unnumbered)(TEXT)


def test_names_of_heads_and_the_pooler_they_begin_with(hugging_face_model: Path):
    encoder = Encoder.from_pretrained(hugging_face_model)
    config = encoder.config
    head = ClassifyHead(config, 2, "single")
    assert sorted(head_weights("a", head, named=False, family="bert")) == [
        "tasks.a.output.bias", "tasks.a.output.weight", "tasks.a.pooler.bias", "tasks.a.pooler.weight",
    ]  # fmt: skip
    assert sorted(head_weights("a", head, named=True, family="bert")) == [
        "pooler.bias", "pooler.weight", "task.output.bias", "task.output.weight",
    ]  # fmt: skip
    assert "task.pooler.weight" in head_weights("a", head, named=True, family="roberta")
    before = head.pooler.weight.clone()
    start_from_pooler(head, encoder)  # the checkpoint of a masked language model has none
    assert not config.has_pooler
    assert torch.equal(head.pooler.weight, before)
    with_pooler = Encoder(EncoderConfig.model_validate({**config.model_dump(), "has_pooler": True}))
    start_from_pooler(head, with_pooler)
    assert torch.equal(head.pooler.weight, with_pooler.pooler.weight)
