"""What people type from habit is read as what it is called here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import spanbert
from spanbert.core import habits
from spanbert.core.config import Config
from spanbert.core.errors import InputError
from spanbert.train.config import budget_overrides
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.pretrain_config import PretrainConfig


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("learning_rate", "optim.lr"),
        ("optim.learning_rate", "optim.lr"),
        ("learning-rate", "optim.lr"),
        ("lr", "optim.lr"),
        ("epochs", "train.max_epochs"),
        ("train.epochs", "train.max_epochs"),
        ("num_train_epochs", "train.max_epochs"),
        ("batch_size", "batch.examples"),
        ("per_device_train_batch_size", "batch.examples"),
        ("threads", "train.threads"),
        ("seed", "train.seed"),
        ("max_length", "window.length"),
        ("warmup_ratio", "optim.warmup"),
    ],
)
def test_settings_by_the_names_of_other_programs(typed: str, key: str):
    section, name = key.split(".")
    settings = FinetuneConfig.assemble(overrides=[f"{typed}=0.5" if "warmup" in key else f"{typed}=64"])
    assert getattr(getattr(settings, section), name) == (0.5 if "warmup" in key else 64)


def test_what_is_typed_last_holds_whatever_it_is_called():
    assert FinetuneConfig.assemble(overrides=["learning_rate=1", "optim.lr=2"]).optim.lr == 2
    assert FinetuneConfig.assemble(overrides=["optim.lr=2", "lr=1"]).optim.lr == 1


def test_other_names_in_a_file(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("learning_rate: 0.5\nbatch_size: 4\nner:\n  column: upos\n")
    settings = FinetuneConfig.assemble(file=file)
    assert (settings.optim.lr, settings.batch.examples, settings.of_kind("tag").column) == (0.5, 4, "upos")
    file.write_text("seed: 1\nlearning_rate: fast\n")
    with pytest.raises(InputError, match=r"settings.yaml:2: bad value for 'optim.lr'; got 'fast'"):
        FinetuneConfig.assemble(file=file)


@pytest.mark.parametrize(
    ("settings", "typed", "message"),
    [
        (FinetuneConfig, "train.learning_rate=1", "did you mean 'optim.lr'?"),
        (FinetuneConfig, "tag.learning_rate=1", "did you mean 'optim.lr'?"),
        (PretrainConfig, "optim.learning_rat=1", "did you mean 'optim."),
        (PretrainConfig, "epochs=3", "unknown key 'epochs'; finetune alone counts epochs; pretrain takes --budget"),
        (PretrainConfig, "train.max_epochs=3", "unknown key 'train.max_epochs'; finetune alone counts epochs"),
        (PretrainConfig, "batch_size=3", "unknown key 'batch_size'; a step reads packs of tokens"),
        (FinetuneConfig, "warmup_steps=100", "unknown key 'warmup_steps'; the warm-up is a share of the budget"),
        (FinetuneConfig, "optim.batch_size=3", "did you mean 'batch.examples'?"),
        (FinetuneConfig, "eval_batch_size=3", "unknown key 'eval_batch_size'; leave it out"),
        (FinetuneConfig, "eval_steps=3", "say it with a unit: --set train.evaluate_every=500steps"),
        (FinetuneConfig, "save_steps=3", "say it with a unit: --set train.checkpoint_every=500steps"),
        (FinetuneConfig, "fp16=true", "--set train.precision=bfloat16"),
        (FinetuneConfig, "n_gpu=2", "unknown key 'n_gpu'; "),
        (FinetuneConfig, "layers=3", "unknown key 'layers'"),  # of the encoder from scratch, or of a decoder
    ],
)
def test_what_is_not_clear_is_refused(settings: type[Config], typed: str, message: str):
    with pytest.raises(InputError) as error:
        settings.assemble(overrides=[typed])
    assert message in str(error.value)


@pytest.mark.parametrize("settings", [FinetuneConfig, PretrainConfig])
def test_every_setting_of_the_table_exists(settings: type[Config]):
    keys = {*FinetuneConfig.dotted_keys(), *PretrainConfig.dotted_keys()}
    assert {one for meant in habits.SETTINGS.values() for one in meant} <= keys
    own = set(settings.dotted_keys())
    assert not own & habits.SETTINGS.keys() or own >= {"hidden_dropout"}, "a name cannot be a key and another's name"


@given(st.sampled_from(FinetuneConfig.dotted_keys()))
def test_a_key_is_never_taken_for_another(key: str):
    assert FinetuneConfig._spelled(key, FinetuneConfig.dotted_keys()) == key


@pytest.mark.parametrize(
    ("typed", "setting"),
    [
        ("5min", "train.max_minutes=5.0"),
        ("5 minutes", "train.max_minutes=5.0"),
        ("1.5hours", "train.max_minutes=90.0"),
        ("90sec", "train.max_minutes=1.5"),
        ("3 Epochs", "train.max_epochs=3.0"),
        ("20Mtokens", "train.max_tokens=20000000"),
        ("20ktok", "train.max_tokens=20000"),
    ],
)
def test_units_as_people_write_them(typed: str, setting: str):
    assert budget_overrides(typed) == [setting]


@pytest.mark.parametrize("typed", ["5M", "5H", "five", "5", "5 fortnights", "0min"])
def test_units_that_say_nothing(typed: str):
    with pytest.raises(InputError, match="not an amount of training"):
        budget_overrides(typed)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optim": {"lr": "fast"}}, "bad value for 'optim.lr'; got 'fast'"),
        ({"optim": {"lrr": 1}}, "unknown key 'optim.lrr'; did you mean 'optim.lr'?"),
        ({"tag": {"colum": 1}}, "unknown key 'tag.colum'; did you mean 'tag.column'?"),
        ({"train": 3}, "bad value for 'train'"),
    ],
)
def test_bad_settings_in_python_are_input_errors(values, message: str):
    for made in (lambda: spanbert.FinetuneConfig(**values), lambda: spanbert.FinetuneConfig.of(values)):
        with pytest.raises(InputError) as error:
            made()
        assert message in str(error.value)


def test_settings_from_dictionaries():
    nested = {"learning_rate": 0.5, "train": {"seed": 3}, "tag": {"nested": True}}
    settings = spanbert.FinetuneConfig.of(nested)
    assert (settings.optim.lr, settings.train.seed, settings.of_kind("tag").nested) == (0.5, 3, True)
    assert spanbert.FinetuneConfig.of(settings) is settings
    assert spanbert.FinetuneConfig.of({"optim.lr": 0.5}).optim.lr == 0.5
    with pytest.raises(InputError, match="not settings; got list"):
        spanbert.FinetuneConfig.of([])
