"""Names of devices, as people type them and hand them over."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spanbert.core import habits
from spanbert.core.device import device_name
from spanbert.core.errors import InputError
from spanbert.train.finetune_config import FinetuneConfig
from spanbert.train.pretrain_config import PretrainConfig
from spanbert.train.run import with_device


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (None, "auto"), ("auto", "auto"), ("CPU", "cpu"), (-1, "cpu"), ("-1", "cpu"), ("cuda", "cuda"), ("gpu", "cuda"),
        (0, "cuda:0"), (3, "cuda:3"), ("1", "cuda:1"), ("gpu:1", "cuda:1"), (" cuda:7 ", "cuda:7"), ("mps", "mps"),
        (torch.device("cpu"), "cpu"), (torch.device("cuda", 2), "cuda:2"), (torch.device("cuda"), "cuda"),
        (torch.device("mps"), "mps"), (torch.device("mps", 0), "mps"),
    ],
)  # fmt: skip
def test_names(given: object, name: str):
    assert device_name(given) == name


@pytest.mark.parametrize("given", [True, 1.5, b"cuda", ["cuda"], object(), torch.float32])
def test_what_is_no_device(given: object):
    with pytest.raises(InputError, match="device: not a device; got .*; expected auto, cpu, cuda, cuda:1 or mps"):
        device_name(given)


@pytest.mark.parametrize("given", ["", "tpu", "cuda:", "cuda:x", "cuda:-1", "cuda:0,1", -2, "cpu:1", "cud a", "xpu:0"])
def test_names_that_there_are_not(given: object):
    with pytest.raises(InputError, match=r"--device: no such device; got .*; expected auto, cpu, cuda, cuda:1 or mps"):
        device_name(given, "--device")


@given(st.text() | st.integers() | st.none())
def test_a_name_stays_as_it_is(given: object):
    try:
        name = device_name(given)
    except InputError:
        return
    assert device_name(name) == name


@pytest.mark.parametrize(
    ("flag", "following", "found"),
    [
        ("--cpu", "texts.txt", ("cpu", False)),
        ("--gpu", None, ("cuda", False)),
        ("--gpu", "texts.txt", ("cuda", False)),
        ("--gpu", "1", ("1", True)),
        ("--gpu", "-1", ("cpu", True)),
        ("--use-gpu", "true", ("cuda", True)),
        ("--use-gpu", "false", ("cpu", True)),
        ("--cuda", "cuda:1", ("cuda:1", True)),
        ("--gpus", "1", ("cuda", True)),
        ("--gpus", "0", ("cpu", True)),
        ("--accelerator", "gpu", ("gpu", True)),
        ("--accelerator", None, None),
        ("--data", "a", None),
    ],
)
def test_options_of_other_programs(flag: str, following: str | None, found: tuple[str, bool] | None):
    assert habits.device_meant(flag, following) == found


@pytest.mark.parametrize("config", [PretrainConfig, FinetuneConfig])
def test_settings_take_a_device(config):
    assert config().train.device == "auto"
    assert config.assemble(overrides=["train.device=GPU"]).train.device == "cuda"
    assert config.of({"device": 1}).train.device == "cuda:1"
    assert config.of({"train": {"device": torch.device("cuda", 1)}}).train.device == "cuda:1"
    with pytest.raises(InputError, match=r"bad value for 'train.device'; got 'tpu'; expected no such device; expected"):
        config.assemble(overrides=["train.device=tpu"])
    assert with_device(config(), None) == config()
    assert with_device(config(), -1).train.device == "cpu"
