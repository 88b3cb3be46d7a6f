"""RoBERTa and XLM-R: offset positions, byte-level BPE, other names; equal to `transformers` there and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    RobertaConfig,
    RobertaForMaskedLM,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

import spanbert
from spanbert.tokens.prepare import prepare
from spanbert.train.pretrain import pretrain
from spanbert.train.pretrain_config import PretrainConfig
from tests.conftest import make_text
from tests.parity.test_encoder import largest_difference, sequences_of

FAMILIES = {"roberta": (RobertaConfig, RobertaForMaskedLM), "xlm-roberta": (XLMRobertaConfig, XLMRobertaForMaskedLM)}


@pytest.fixture(scope="module")
def byte_level_bpe() -> Tokenizer:
    bpe = Tokenizer(models.BPE(unk_token="<unk>"))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    bpe.train_from_iterator(make_text(60), trainer)
    return bpe


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def model(request, tmp_path_factory: pytest.TempPathFactory, byte_level_bpe: Tokenizer) -> Path:
    directory = tmp_path_factory.mktemp(request.param) / "model"
    config, masked_lm = FAMILIES[request.param]
    torch.manual_seed(0)
    masked_lm(
        config(
            vocab_size=byte_level_bpe.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
            intermediate_size=64, max_position_embeddings=66, type_vocab_size=1, layer_norm_eps=1e-5,
            initializer_range=0.2, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        )
    ).save_pretrained(directory)  # fmt: skip
    byte_level_bpe.save(str(directory / "tokenizer.json"))
    return directory


def test_hidden_states_equal_transformers(model: Path):
    ours, theirs = spanbert.Encoder.from_pretrained(model), AutoModel.from_pretrained(model).eval()
    assert (ours.config.position_offset, ours.config.longest_segment) == (2, 64)
    sequences = [np.where(ids == 1, 9, ids) for ids in sequences_of((5, 64, 17, 17), ours.config.vocab_size)]
    assert largest_difference(ours, theirs, sequences) < 1e-5


def test_pre_training_leaves_a_bundle_that_transformers_loads(model: Path, corpus_file: Path, tmp_path: Path):
    store = tmp_path / "store"
    prepare([corpus_file], tokenizer=model, out=store, held_out=0.1)
    overrides = ["train.max_steps=8", "batch.segment_length=64", "batch.pack_tokens=256", "optim.lr=2e-3"]
    result = pretrain(store, out=tmp_path / "out", model=model, config=PretrainConfig.assemble(overrides=overrides))
    assert result.outcome.best.scores["mlm_loss"] < result.before["mlm_loss"]
    theirs, report = AutoModelForMaskedLM.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not report["missing_keys"]
    assert type(theirs) is type(AutoModelForMaskedLM.from_pretrained(model))
    ours = spanbert.Encoder.from_pretrained(tmp_path / "out")
    sequence = np.arange(20, 50)
    with torch.no_grad():
        expected = theirs.eval().base_model(torch.from_numpy(sequence)[None]).last_hidden_state[0]
        torch.testing.assert_close(ours(spanbert.pack([sequence])), expected, rtol=1e-4, atol=1e-5)
    for filling in spanbert.load(tmp_path / "out").fill("the quick [MASK:1-2] sees play[MASK]."):
        assert filling.text.startswith("the quick ")
        assert filling.pieces[0][0].startswith("Ġ")
        assert "Ġ" not in filling.text
