"""Layouts of a model: there and back without a change of a bit, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForMaskedLM

import spanbert
from spanbert.checkpoint import tensors
from spanbert.core.errors import InputError


def test_to_a_head_checkpoint_and_back(trained_bundle: Path, tmp_path: Path):
    there = spanbert.convert(trained_bundle, tmp_path / "heads", to="head-checkpoint")
    state = torch.load(tmp_path / "heads" / "pytorch_model.bin", weights_only=True)
    prefix = "cls.pair_target_predictions."
    assert {name.removeprefix(prefix) for name in state if name.startswith(prefix)} == {
        "position_embeddings.weight", "decoder.weight", "bias",
        *(f"mlp_layer_norm.{layer}.{kind}" for layer in ("linear1", "linear2", "layer_norm1", "layer_norm2")
          for kind in ("weight", "bias")),
    }  # fmt: skip
    assert torch.equal(state[f"{prefix}decoder.weight"], state["bert.embeddings.word_embeddings.weight"])
    assert state[f"{prefix}mlp_layer_norm.linear1.weight"].shape == (32, 2 * 32 + 200)
    assert there.left_out == ()

    spanbert.convert(tmp_path / "heads", tmp_path / "back", to="bundle")
    for file in ("model.safetensors", "heads.safetensors"):
        before, after = (tensors.read_tensors(place / file) for place in (trained_bundle, tmp_path / "back"))
        assert before.keys() == after.keys()
        assert all(torch.equal(before[name], after[name]) for name in before)
    text = "The quick [MASK:1-3] fox"
    fillings = [
        [(one.text, round(one.score, 5)) for one in spanbert.load(place).fill(text)]
        for place in (trained_bundle, tmp_path / "heads", tmp_path / "back")
    ]
    assert fillings[0] == fillings[1] == fillings[2]
    assert spanbert.info(tmp_path / "back")["tasks"]["pretrain"]["kind"] == "pretrain"


def test_old_norm_names_of_a_head_checkpoint(trained_bundle: Path, tmp_path: Path):
    spanbert.convert(trained_bundle, tmp_path / "heads", to="head-checkpoint")
    file = tmp_path / "heads" / "pytorch_model.bin"
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in torch.load(file, weights_only=True).items()
    }
    torch.save(old, file)
    spanbert.convert(tmp_path / "heads", tmp_path / "back", to="bundle")
    before, after = (tensors.read_tensors(place / "heads.safetensors") for place in (trained_bundle, tmp_path / "back"))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_training_goes_on_from_a_head_checkpoint(trained_bundle: Path, store_path: Path, tmp_path: Path):
    from spanbert.train.pretrain_config import PretrainConfig

    spanbert.convert(trained_bundle, tmp_path / "heads", to="head-checkpoint")
    overrides = ["train.max_steps=1", "batch.segment_length=32", "batch.pack_tokens=256", "train.precision=float32"]
    config = PretrainConfig.assemble(overrides=overrides)
    results = [
        spanbert.pretrain(store_path, out=tmp_path / name, model=model, config=config)
        for name, model in (("a", trained_bundle), ("b", tmp_path / "heads"))
    ]
    assert results[0].before == results[1].before


def test_to_a_plain_hugging_face_directory(trained_bundle: Path, tmp_path: Path):
    result = spanbert.convert(trained_bundle, tmp_path / "plain", to="hugging-face")
    assert sorted(path.name for path in (tmp_path / "plain").iterdir()) == [
        "README.md",
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt",
    ]  # fmt: skip
    assert "licence of the text" in (tmp_path / "plain" / "README.md").read_text()
    assert len(result.left_out) == 10
    assert all(name.startswith("sbo.") for name in result.left_out)
    _, report = AutoModelForMaskedLM.from_pretrained(tmp_path / "plain", output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]


def test_what_cannot_be_converted(hugging_face_model: Path, trained_bundle: Path, tmp_path: Path):
    with pytest.raises(InputError, match="did you mean 'bundle'"):
        spanbert.convert(trained_bundle, tmp_path / "out", to="bundel")
    with pytest.raises(InputError, match="no SBO head"):
        spanbert.convert(hugging_face_model, tmp_path / "out", to="head-checkpoint")
    with pytest.raises(InputError, match="the output would replace an input"):
        spanbert.convert(trained_bundle, trained_bundle, to="bundle")
    baseline = tmp_path / "baseline"
    shutil.copytree(hugging_face_model, baseline)
    config = json.loads((baseline / "config.json").read_text())
    (baseline / "config.json").write_text(json.dumps({**config, "model_type": "spanbert-cnn"}))
    with pytest.raises(InputError, match="only Transformers have names elsewhere"):
        spanbert.convert(baseline, tmp_path / "out", to="hugging-face")
    (baseline / "config.json").write_text(json.dumps({**config, "attention_span": 16}))
    with pytest.raises(InputError, match="would be another one there"):
        spanbert.convert(baseline, tmp_path / "out", to="hugging-face")
    assert not (tmp_path / "out").exists()


def test_a_decoder_of_its_own_is_refused(trained_bundle: Path, tmp_path: Path):
    spanbert.convert(trained_bundle, tmp_path / "heads", to="head-checkpoint")
    file = tmp_path / "heads" / "pytorch_model.bin"
    for name in ("cls.predictions.decoder.weight", "cls.pair_target_predictions.decoder.weight"):
        state = torch.load(file, weights_only=True)
        torch.save({**state, name: state[name] + 1}, tmp_path / "heads" / "pytorch_model.bin")
        with pytest.raises(InputError, match=f"a decoder of its own is not supported.*{name}"):
            spanbert.load(tmp_path / "heads").fill("a [MASK] fox")
        torch.save(state, file)


def test_a_decoder_without_word_embeddings_is_a_clear_error(trained_bundle: Path, tmp_path: Path):
    spanbert.convert(trained_bundle, tmp_path / "heads", to="head-checkpoint")
    file = tmp_path / "heads" / "pytorch_model.bin"
    state = torch.load(file, weights_only=True)
    del state["bert.embeddings.word_embeddings.weight"]
    torch.save(state, file)
    with pytest.raises(InputError, match="the weights lack 'embeddings.word_embeddings.weight'"):
        spanbert.load(tmp_path / "heads").fill("a [MASK] fox")


def test_info_knows_the_heads_of_a_head_checkpoint(trained_bundle: Path, tmp_path: Path):
    spanbert.convert(trained_bundle, tmp_path / "heads", to="head-checkpoint")
    facts, before = spanbert.info(tmp_path / "heads"), spanbert.info(trained_bundle)
    assert (facts["mlm_head"], facts["sbo_head"]) == (True, True)
    assert facts["parameters"] == before["parameters"]


def test_on_the_command_line(cli, trained_bundle: Path, tmp_path: Path):
    code, out, err = cli("convert", trained_bundle, tmp_path / "plain", "--to", "hugging-face", "--json")
    assert code == 0, err
    assert json.loads(out)["left_out"]
    code, _, err = cli("convert", trained_bundle, tmp_path / "plain", "--to", "hugging-face")
    assert code == 2
    assert "exists already" in err


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_half_the_bytes(trained_bundle: Path, tmp_path: Path, precision: str):
    spanbert.convert(trained_bundle, tmp_path / "half", to="bundle", precision=precision)
    for file in ("model.safetensors", "heads.safetensors"):
        before, after = (tensors.read_tensors(place / file) for place in (trained_bundle, tmp_path / "half"))
        assert before.keys() == after.keys()
        for name, tensor in after.items():
            assert tensor.dtype == getattr(torch, precision)
            assert torch.equal(tensor, before[name].to(tensor.dtype))
    text = "The quick [MASK:1-3] fox"
    one, other = (spanbert.load(place).fill(text, top_k=1)[0] for place in (trained_bundle, tmp_path / "half"))
    assert other.score == pytest.approx(one.score, abs=0.1)
    assert AutoModelForMaskedLM.from_pretrained(tmp_path / "half").dtype == torch.float32


def test_a_precision_that_cannot_be_had(trained_bundle: Path, hugging_face_model: Path, tmp_path: Path):
    with pytest.raises(InputError, match="no such precision"):
        spanbert.convert(trained_bundle, tmp_path / "out", to="bundle", precision="int8")
    large = tmp_path / "large"
    shutil.copytree(hugging_face_model, large)
    state = tensors.read_tensors(large / "model.safetensors")
    tensors.write_tensors(large / "model.safetensors", {name: one * 1e7 for name, one in state.items()})
    with pytest.raises(InputError, match="a weight that the precision cannot hold"):
        spanbert.convert(large, tmp_path / "out", to="hugging-face", precision="float16")
    assert not (tmp_path / "out").exists()
