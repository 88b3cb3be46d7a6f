"""What people are used to typing, from other programs, and what it is called here: the one table of it.

What has one clear meaning is accepted (`--epochs 3`, `optim.learning_rate`, `5min`); for the rest the message names
what to type instead. Names that people give to kinds of tasks are with their kinds (`TaskSpec.aliases`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping

SETTINGS: Mapping[str, tuple[str, ...]] = {
    "learning_rate": ("optim.lr",),
    "lr": ("optim.lr",),
    "encoder_lr": ("optim.lr",),
    "head_learning_rate": ("optim.head_lr",),
    "epochs": ("train.max_epochs",),
    "num_epochs": ("train.max_epochs",),
    "n_epochs": ("train.max_epochs",),
    "num_train_epochs": ("train.max_epochs",),
    "steps": ("train.max_steps",),
    "num_steps": ("train.max_steps",),
    "minutes": ("train.max_minutes",),
    "batch_size": ("batch.examples",),
    "train_batch_size": ("batch.examples",),
    "per_device_train_batch_size": ("batch.examples",),
    "max_length": ("window.length", "batch.segment_length"),
    "max_seq_length": ("window.length", "batch.segment_length"),
    "max_len": ("window.length", "batch.segment_length"),
    "seq_length": ("window.length", "batch.segment_length"),
    "doc_stride": ("window.overlap",),
    "stride": ("window.overlap",),
    "gradient_accumulation_steps": ("train.accumulation",),
    "gradient_accumulation": ("train.accumulation",),
    "warmup_ratio": ("optim.warmup",),
    "warmup_proportion": ("optim.warmup",),
    "lr_scheduler_type": ("optim.schedule",),
    "scheduler": ("optim.schedule",),
    "max_grad_norm": ("optim.clip",),
    "grad_clip": ("optim.clip",),
    "wd": ("optim.weight_decay",),
    "adam_beta1": ("optim.beta1",),
    "adam_beta2": ("optim.beta2",),
    "adam_epsilon": ("optim.eps",),
    "num_threads": ("train.threads",),
    "n_threads": ("train.threads",),
    "cpu_threads": ("train.threads",),
    "random_state": ("train.seed",),
    "random_seed": ("train.seed",),
    "early_stopping_patience": ("train.patience",),
    "dropout": ("hidden_dropout", "encoder.hidden_dropout"),
    "mask_prob": ("masking.budget",),
    "mlm_probability": ("masking.budget",),
}
"""By what people type, the settings that it may mean; the first that a command has is meant."""

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "--output": ("--out",),
    "--output-dir": ("--out",),
    "--output-file": ("--out",),
    "--save-to": ("--out",),
    "--train-file": ("--train",),
    "--train-data": ("--train",),
    "--training-data": ("--train",),
    "--dev-file": ("--dev",),
    "--dev-data": ("--dev",),
    "--valid": ("--dev",),
    "--validation": ("--dev",),
    "--validation-file": ("--dev",),
    "--val": ("--dev",),
    "--eval-file": ("--dev",),
    "--test": ("--data",),
    "--test-file": ("--data",),
    "--input": ("--data",),
    "--model-name": ("--model",),
    "--model-name-or-path": ("--model",),
    "--pretrained": ("--model",),
    "--base-model": ("--model",),
    "--license": ("--licence",),
    "--early-stopping": ("--patience",),
    "--num-threads": ("--threads",),
    "--n-threads": ("--threads",),
    "--top": ("--top-k",),
    "--topk": ("--top-k",),
    "--validation-split": ("--dev", "--held-out"),
    "--dev-split": ("--dev",),
    "--test-size": ("--dev", "--held-out"),
    "-o": ("--out",),
    "--overwrite-output-dir": ("--overwrite",),
    "--force": ("--overwrite",),
}
"""By what people type, the options that it may mean; the first that a command has is meant."""

DEVICE = "--device"
CPU = frozenset({"--cpu", "--no-cuda", "--use-cpu", "--no-gpu"})
CARDS = frozenset({"--gpu", "--cuda", "--use-gpu", "--use-cuda", "--gpu-id", "--cuda-device"})
"""Ask for CUDA, and perhaps for a card by its number."""
COUNTS = frozenset({"--gpus", "--n-gpu", "--num-gpus"})
"""Ask for so many cards."""
ACCELERATOR = "--accelerator"
_ON_CPU = "this command needs no GPU: leave the option out"
_BATCHED = "leave it out: texts are batched by their lengths"
_EPOCHS = "finetune alone counts epochs; pretrain takes --budget 500steps, 20Mtok or 2h"

HINTS: Mapping[str, str] = {
    **dict.fromkeys((DEVICE, ACCELERATOR, *sorted(CARDS | COUNTS)), _ON_CPU),
    **dict.fromkeys(("--fp16", "--half"), "for products in bfloat16 there is --set train.precision=bfloat16"),
    **dict.fromkeys(("--bf16",), "say --set train.precision=bfloat16"),
    "--batch-size": "a step reads packs of tokens: --set batch.packs=4 --set batch.pack_tokens=2048",
    "--warmup-steps": "the warm-up is a share of the budget: --set optim.warmup=0.1",
    **dict.fromkeys(("--epochs", "--num-epochs", "--n-epochs", "--num-train-epochs", "--max-epochs"), _EPOCHS),
    **dict.fromkeys(("--eval-batch-size", "--per-device-eval-batch-size"), _BATCHED),
    "--eval-steps": "say it with a unit: --set train.evaluate_every=500steps",
    "--save-steps": "say it with a unit: --set train.checkpoint_every=500steps",
    "--train": "the data that is looked at or scored is named by --data",
    "--do-train": "leave it out: finetune trains, evaluate scores, predict predicts",
    "--do-eval": "leave it out: finetune scores on --dev, and evaluate scores any file",
    "--do-lower-case": "leave it out: the tokenizer of --model knows",
    "--resume-from-checkpoint": "say --resume: it continues the run in --out",
}
"""What to say to options that have no counterpart, or more than one; settings are looked up as options are called."""

UNREAD_HINTS: Mapping[str, str] = {
    "--batch-size": _BATCHED,
    "--max-length": "leave it out: long texts are read in windows, never cut off",
}
"""The same where a model is asked and not trained."""

UNITS: Mapping[str, str] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("epoch", "epochs", "ep"), "epochs"),
    **dict.fromkeys(("step", "steps"), "steps"),
    **{
        f"{letter}{word}": f"{scale}tok"
        for letters, scale in (("", ""), ("kK", "k"), ("M", "M"), ("GB", "G"))
        for letter in letters or ("",)
        for word in ("tok", "token", "tokens", "toks")
    },
    "%": "%",
}
"""Units of an amount of training, as they are written, by what they mean."""


def unit_meant(unit: str) -> str | None:
    """The unit of training that is meant; None: none. One letter is what it is: `5M` may be tokens or minutes."""
    return UNITS.get(unit) or (UNITS.get(unit.lower()) if len(unit) > 1 else None)


def device_meant(flag: str, following: str | None) -> tuple[str, bool] | None:
    """The device that an option of another program asks for; None: it is no such option.

    Args:
        flag: The option, such as `--gpu`.
        following: What stands behind it; None: nothing.

    Returns:
        What `--device` is told, and whether what stands behind the option is its value.
    """
    value = "" if following is None else following.lower()
    if flag in CPU:
        return "cpu", False
    if flag == ACCELERATOR:
        return (value, True) if value else None
    if flag in COUNTS:
        return ("cpu" if value == "0" else "cuda" if value in ("1", "") else f"{value} cards", True)
    if flag not in CARDS:
        return None
    if value in ("-1", "none", "false"):
        return "cpu", True
    if value == "true":
        return "cuda", True
    if value.isdecimal() or re.fullmatch(r"(cuda|gpu)(:\d+)?|cpu|auto", value):
        return value, True
    return "cuda", False


def setting_meant(key: str, known: Collection[str]) -> str | None:
    """The setting that a key means which is none itself; None where it is not clear.

    It is one that people call so (`learning_rate`, `optim.learning_rate`), or the only one whose key ends so (`seed`).

    Args:
        key: What was typed, with or without its section.
        known: The dotted keys that there are.
    """
    section, _, name = key.lower().replace("-", "_").rpartition(".")
    called = [one for one in SETTINGS.get(name, ()) if one in known]
    ending = [one for one in known if one.rpartition(".")[2] == name]
    meant = called[0] if called else ending[0] if len(ending) == 1 else None
    if meant is None or section not in ("", meant.rpartition(".")[0]):
        return None
    return meant


def setting_hint(key: str, known: Collection[str]) -> str | None:
    """What to say to a key that is no setting: what to do instead, or the setting that it may mean; None: nothing.

    The key may name a wrong section, and be misspelled.

    Args:
        key: What was typed, with or without its section.
        known: The dotted keys that there are.
    """
    name = key.rpartition(".")[2].lower()
    meant = setting_meant(name, known)
    flag = f"--{name.replace('_', '-')}"
    if meant is None and HINTS.get(flag, _ON_CPU) != _ON_CPU:
        return HINTS[flag]
    close = difflib.get_close_matches(name, SETTINGS, n=1, cutoff=0.85) if meant is None else ()
    meant = setting_meant(close[0], known) if close else meant
    return None if meant is None else f"did you mean {meant!r}?"
