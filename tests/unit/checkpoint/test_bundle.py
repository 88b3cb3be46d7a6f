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
    rules = names.encoder_rules(layers) + (names.mlm_rules(kind) + names.sbo_rules() if mlm else [])
    ours = {
        rule.ours: torch.rand(3 * len(rule.theirs), 2)
        for rule in rules
        if pooler or not rule.ours.startswith("pooler.")
    }
    theirs = names.to_hugging_face(ours, layers, tensors.split, family=kind)
    back, others = names.from_hugging_face(theirs, layers, tensors.stack, family=kind, where="test", same=tensors.same)
    assert others == []
    assert back.keys() == ours.keys()
    assert all(torch.equal(back[name], ours[name]) for name in ours)


def test_other_heads_are_named():
    rules, kind = names.encoder_rules(1), names.FAMILIES["bert"]
    theirs = names.to_hugging_face({rule.ours: torch.rand(3, 2) for rule in rules}, 1, tensors.split, family=kind)
    more = {**theirs, "classifier.weight": torch.rand(1)}
    _, others = names.from_hugging_face(more, 1, tensors.stack, family=kind, where="test", same=tensors.same)
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
        (lambda b: (b / "spanbert.json").write_text("[1]"), "not a JSON object"),
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


@pytest.mark.parametrize("kind", ["pytorch_model.bin", "shards", "shards of pytorch_model.bin"])
def test_other_weight_files_load(hugging_face_model: Path, tmp_path: Path, kind: str):
    """The published SpanBERT checkpoints are pickled, and say no model_type."""
    copy = tmp_path / "model"
    shutil.copytree(hugging_face_model, copy)
    state = tensors.read_tensors(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    if "shards" in kind:
        stem, suffix = ("model", "safetensors") if kind == "shards" else ("pytorch_model", "bin")
        names_of = sorted(state)
        for number, part in enumerate((names_of[:10], names_of[10:])):
            write = tensors.write_tensors if kind == "shards" else tensors.write_pickled
            write(copy / f"{number}.{suffix}", {name: state[name] for name in part})
        weight_map = {name: f"{int(place >= 10)}.{suffix}" for place, name in enumerate(names_of)}
        (copy / f"{stem}.{suffix}.index.json").write_text(json.dumps({"weight_map": weight_map}))
    else:
        torch.save(state, copy / "pytorch_model.bin")
        config = json.loads((copy / "config.json").read_text())
        del config["model_type"]
        (copy / "config.json").write_text(json.dumps(config))
    batch = spanbert.pack([[5, 6, 7]])
    expected = spanbert.Encoder.from_pretrained(hugging_face_model)(batch)
    assert torch.equal(spanbert.Encoder.from_pretrained(copy)(batch), expected)
    assert spanbert.info(copy)["layers"] == 2


def test_pickled_code_is_not_run(hugging_face_model: Path, tmp_path: Path):
    import pickle

    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "touched",))

    copy = tmp_path / "model"
    shutil.copytree(hugging_face_model, copy)
    (copy / "model.safetensors").unlink()
    with (copy / "pytorch_model.bin").open("wb") as stream:
        pickle.dump({"a": Evil()}, stream)
    with pytest.raises(InputError, match="not weights that can be loaded safely"):
        spanbert.Encoder.from_pretrained(copy)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("[]", "not a JSON object; got list"),
        ({"num_attention_heads": 5}, "is not a multiple of heads"),
        ({"hidden_size": "abc"}, "bad value for 'hidden_size'"),
    ],
)
def test_bad_configs(hugging_face_model: Path, tmp_path: Path, config, message: str):
    copy = tmp_path / "model"
    shutil.copytree(hugging_face_model, copy)
    file = copy / "config.json"
    file.write_text(config if isinstance(config, str) else json.dumps({**json.loads(file.read_text()), **config}))
    with pytest.raises(InputError, match=message):
        spanbert.load(copy).fill("the [MASK]")


def test_attention_dropout_of_the_source_is_kept(trained_bundle: Path):
    assert json.loads((trained_bundle / "config.json").read_text())["attention_probs_dropout_prob"] == 0.1
