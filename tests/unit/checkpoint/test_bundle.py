from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import spanbert
from spanbert.checkpoint import names, tensors
from spanbert.checkpoint.bundle import open_bundle
from spanbert.core.errors import InputError


@given(
    layers=st.integers(1, 4), pooler=st.booleans(), mlm=st.booleans(), family=st.sampled_from(sorted(names.FAMILIES))
)
def test_names_map_there_and_back(layers: int, pooler: bool, mlm: bool, family: str):
    kind = names.FAMILIES[family]
    rules = names.encoder_rules(layers) + (names.mlm_rules(kind) if mlm else [])
    ours = {
        rule.ours: torch.rand(3 * len(rule.theirs), 2)
        for rule in rules
        if pooler or not rule.ours.startswith("pooler.")
    }
    theirs = names.to_hugging_face(ours, layers, tensors.split, family=kind)
    back, others = names.from_hugging_face(theirs, layers, tensors.stack, family=kind, where="test")
    assert others == []
    assert back.keys() == ours.keys()
    assert all(torch.equal(back[name], ours[name]) for name in ours)


def test_other_heads_are_named():
    rules, kind = names.encoder_rules(1), names.FAMILIES["bert"]
    theirs = names.to_hugging_face({rule.ours: torch.rand(3, 2) for rule in rules}, 1, tensors.split, family=kind)
    more = {**theirs, "classifier.weight": torch.rand(1)}
    _, others = names.from_hugging_face(more, 1, tensors.stack, family=kind, where="test")
    assert others == ["classifier.weight"]


def test_bundle_says_what_it_is(trained_bundle: Path):
    manifest = json.loads((trained_bundle / "spanbert.json").read_text())
    assert manifest["tasks"]["pretrain"]["kind"] == "pretrain"
    assert manifest["training"]["step"] == 6
    assert set(manifest["files"]) == {
        "config.json", "model.safetensors", "heads.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt",
    }  # fmt: skip
    card = (trained_bundle / "README.md").read_text()
    assert "corpus.txt" in card
    assert "spanbert fill" in card
    facts = spanbert.info(trained_bundle)
    assert (facts["kind"], facts["mlm_head"], facts["sbo_head"]) == ("bundle", True, True)


def test_hugging_face_weights_hold_no_decoder_copy(trained_bundle: Path):
    stored = tensors.read_tensors(trained_bundle / "model.safetensors")
    assert "cls.predictions.bias" in stored
    assert not any("decoder" in name for name in stored)
    assert all(name.startswith(("bert.", "cls.predictions.")) for name in stored)


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda b: _flip(b / "model.safetensors"), "does not match its checksum"),
        (lambda b: (b / "heads.safetensors").unlink(), "a file of the bundle is missing"),
        (lambda b: (b / "model.safetensors").unlink(), "no weights here"),
        (lambda b: (b / "config.json").unlink(), "not a model directory"),
        (lambda b: (b / "config.json").write_text("{"), r"config\.json:1: not valid JSON"),
        (lambda b: (b / "spanbert.json").write_text('{"format": 99}'), "another format"),
    ],
)
def test_damage_is_seen(trained_bundle: Path, tmp_path: Path, damage, message: str):
    copy = tmp_path / "bundle"
    shutil.copytree(trained_bundle, copy)
    open_bundle(copy)
    damage(copy)
    with pytest.raises(InputError, match=message):
        spanbert.load(copy).fill("the [MASK]")


def test_truncated_weights_of_a_hugging_face_directory(hugging_face_model: Path, tmp_path: Path):
    copy = tmp_path / "model"
    shutil.copytree(hugging_face_model, copy)
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match="not a whole safetensors file"):
        spanbert.Encoder.from_pretrained(copy)


def test_a_card_may_be_edited(trained_bundle: Path, tmp_path: Path):
    copy = tmp_path / "bundle"
    shutil.copytree(trained_bundle, copy)
    (copy / "README.md").write_text("mine")
    assert open_bundle(copy).tasks
