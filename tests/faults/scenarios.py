"""Runs of every verb that writes, on files so small that each takes a moment, and what must hold when they are cut."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spanbert.checkpoint.bundle import open_bundle
from spanbert.corpus.formats.registry import family_of, open_data
from spanbert.tokens.store import TokenStore
from tests.conftest import VOCABULARY, make_text, save_hugging_face_bert
from tests.faults.forks import COMMAND_LINE, Done, Forks
from tests.labelled import conll_file, single_file, write_table

_TIMES = {"seconds", "tokens_per_second", "data_wait_share", "memory_bytes", "mfu"}
_NOT_COMPARED = {"tensorboard", "report.html"}  # what they show is compared, and they hold times
TRAIN = ("train.precision=float32", "train.checkpoint_every=2steps", "train.evaluate_every=3steps")
PRETRAIN = (*TRAIN, "batch.segment_length=32", "batch.pack_tokens=128", "train.evaluate_tokens=300")
SETTINGS = {name: [part for one in those for part in ("--set", one)] for name, those in (("pretrain", PRETRAIN), ("finetune", TRAIN))}  # fmt: skip


def make_stage(folder: Path, forks: Forks) -> Path:
    """Everything that the scenarios read."""
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    (folder / "corpus.txt").write_text("\n\n".join(make_text(30)) + "\n", encoding="utf-8")
    (folder / "other.txt").write_text("\n\n".join(make_text(10, seed=1)) + "\n", encoding="utf-8")
    (folder / "texts.txt").write_text("".join(f"{text}\n" for text in make_text(12, seed=2)), encoding="utf-8")
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    save_hugging_face_bert(folder / "model", folder / "vocab.txt", **small)
    single_file(folder / "train.tsv", 48, 1)
    single_file(folder / "dev.tsv", 12, 2)
    conll_file(folder / "tags.conll", 12, 3)
    pairs = [(text, text.upper()) for text in make_text(24, seed=4) if len(text) < 200]
    write_table(folder / "translations.tsv", ("en", "de"), pairs)
    for name, text in (("store", "corpus"), ("other-store", "other")):
        require(
            forks.run(
                folder / f"{text}.txt", folder / "vocab.txt", folder / name, call="tests.faults.python:prepare_shards"
            )
        )
    require(forks.run("pretrain", folder / "store", "--model", folder / "model", "--out", folder / "pretrained",
                      "--budget", "2steps", *SETTINGS["pretrain"]))  # fmt: skip
    require(forks.run("finetune", "classify", "--model", folder / "model", "--train", folder / "train.tsv", "--out",
                      folder / "classifier", "--budget", "2steps", *SETTINGS["finetune"]))  # fmt: skip
    require(forks.run(folder / "model", folder / "fitted.pickle", call="tests.faults.python:fit"))
    return folder


def require(done: Done) -> None:
    """Stops where something is wrong that no fault was put into."""
    if done.code:
        raise RuntimeError(f"exit code {done.code}: {done.err[-2000:]}")


def _accept_store(path: Path) -> None:
    store = TokenStore(path)
    for split in ("train", "held_out"):
        assert sum(1 for _ in store.documents(split)) == store.count(split, "documents")


def _accept_bundle(path: Path) -> None:
    open_bundle(path)


def _accept_data(path: Path) -> None:
    list(open_data(path, among=family_of("jsonl")).documents())


def _accept_lines(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        json.loads(line)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A run that is cut.

    Attributes:
        name: What it does.
        verb: The verb whose counts it adds to.
        arguments: Its arguments; `{stage}` is the folder with what it reads, `{out}` what it makes.
        again: What is added to them to go on after a cut; `overwrite` where the output is whole already.
        earlier: Arguments of what made an earlier output, which is replaced; None: there is none.
        accept: Reads the output as spanbert does, and raises an `InputError` where it is not whole.
        call: What is called.
        overwrite: What is added to the arguments where there is an earlier output.
        intermediate: A signal leaves a whole bundle of its own, which `again` goes on from.
        target: Name of the output.
        replaceable: Whether the output may be replaced.
    """

    name: str
    verb: str
    arguments: tuple[str, ...]
    accept: Callable[[Path], None]
    again: tuple[str, ...] = ()
    earlier: tuple[str, ...] | None = None
    call: str = COMMAND_LINE
    overwrite: tuple[str, ...] = ("--overwrite",)
    intermediate: bool = False
    target: str = "out"
    replaceable: bool = True

    def filled(self, arguments: tuple[str, ...], stage: Path, folder: Path) -> list[str]:
        """The arguments with paths."""
        return [one.format(stage=stage, out=folder / self.target, folder=folder) for one in arguments]


_PREPARE = ("{stage}/corpus.txt", "{stage}/vocab.txt", "{out}")
_PREPARED_BEFORE = ("{stage}/other.txt", "{stage}/vocab.txt", "{out}")
_PRETRAIN = (
    "pretrain",
    "{stage}/store",
    "--model",
    "{stage}/model",
    "--out",
    "{out}",
    "--budget",
    "5steps",
    *SETTINGS["pretrain"],
)
_FINETUNE = ("finetune", "classify", "--model", "{stage}/model", "--train", "{stage}/train.tsv", "--dev", "{stage}/dev.tsv",
             "--out", "{out}", "--budget", "5steps", *SETTINGS["finetune"])  # fmt: skip
_TRANSLATE = ("finetune", "translate", "--size", "tiny", "--train", "{stage}/translations.tsv", "--out", "{out}", "--budget", "3steps",
              "--set", "translate.vocabulary=300", "--set", "translate.layers=1", "--set", "scratch.vocabulary={stage}/vocab.txt",
              "--set", "translate.text_column=en", "--set", "translate.target_column=de",
              *SETTINGS["finetune"])  # fmt: skip
_HUB = ("convert", "{stage}/classifier", "{out}", "--to", "hugging-face")
_DATA = ("convert", "{stage}/tags.conll", "{out}", "--to")
_PREDICT = ("predict", "{stage}/classifier", "{stage}/texts.txt", "--out", "{out}")

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(name="prepare", verb="prepare", call="tests.faults.python:prepare_shards", arguments=_PREPARE,
             overwrite=("overwrite",), accept=_accept_store),
    Scenario(name="prepare over a store", verb="prepare", call="tests.faults.python:prepare_shards", arguments=_PREPARE,
             earlier=_PREPARED_BEFORE, overwrite=("overwrite",), accept=_accept_store),
    Scenario(name="pretrain", verb="pretrain", arguments=_PRETRAIN, again=("--resume",), intermediate=True, accept=_accept_bundle),
    Scenario(name="finetune", verb="finetune", arguments=_FINETUNE, again=("--resume",), intermediate=True, accept=_accept_bundle),
    Scenario(name="finetune from scratch", verb="finetune", arguments=_TRANSLATE, again=("--resume",), intermediate=True,
             accept=_accept_bundle),
    Scenario(name="finetune with two seeds", verb="finetune", arguments=(*_FINETUNE, "--seeds", "2"), again=("--resume",),
             accept=_accept_bundle),
    Scenario(name="convert a model", verb="convert", arguments=_HUB, accept=_accept_bundle),
    Scenario(name="convert over a model", verb="convert", arguments=("convert", "{stage}/classifier", "{out}", "--to", "bundle"),
             earlier=("convert", "{stage}/pretrained", "{out}", "--to", "bundle"), accept=_accept_bundle),
    Scenario(name="convert data over data", verb="convert", arguments=(*_DATA, "jsonl"), target="out.jsonl",
             earlier=(*_DATA, "jsonl"), accept=_accept_data),
    Scenario(name="convert data to a folder", verb="convert", arguments=(*_DATA, "brat"), accept=_accept_data, replaceable=False),
    Scenario(name="predict", verb="predict", arguments=_PREDICT, target="out.jsonl", accept=_accept_lines),
    Scenario(name="predict over predictions", verb="predict", arguments=_PREDICT, target="out.jsonl",
             earlier=("predict", "{stage}/classifier", "{stage}/other.txt", "--out", "{out}"), accept=_accept_lines),
    Scenario(name="save", verb="save", call="tests.faults.python:save", arguments=("{stage}/fitted.pickle", "{out}"),
             overwrite=("overwrite",), accept=_accept_bundle),
    Scenario(name="save over a model", verb="save", call="tests.faults.python:save", arguments=("{stage}/fitted.pickle", "{out}"),
             earlier=("convert", "{stage}/pretrained", "{out}", "--to", "bundle"), overwrite=("overwrite",), accept=_accept_bundle),
)  # fmt: skip


def contents(folder: Path) -> dict[str, Any]:
    """What lies in a folder, without the times that runs note: the values of JSON, the bytes of other files."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if not _NOT_COMPARED & set(name.parts):
            found[str(name)] = _content(path) if path.is_file() else "a folder"
    return found


def _content(path: Path) -> Any:
    data = path.read_bytes()
    try:
        if path.suffix == ".json":
            return without_times(json.loads(data))
        if path.suffix == ".jsonl":
            return [without_times(json.loads(line)) for line in data.splitlines()]
    except ValueError:
        pass
    return data


def without_times(value: Any) -> Any:
    """A JSON value without what differs from run to run."""
    if isinstance(value, Mapping):
        return {key: without_times(inner) for key, inner in value.items() if key not in _TIMES}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value
