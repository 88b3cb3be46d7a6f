"""Documents in memory train a task as their file does, and are told apart by what they hold."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import spanbert
from spanbert.core.errors import InputError
from spanbert.core.reporter import SilentReporter
from spanbert.core.types import Document, Span
from spanbert.corpus.data import name_of, opened, source_facts
from spanbert.corpus.io.files import SourceFile
from spanbert.tasks.classify.config import ClassifyConfig
from spanbert.tasks.classify.task import ClassifyTask
from spanbert.tasks.coref.config import CorefConfig
from spanbert.tasks.tag.config import TagConfig
from spanbert.tasks.tag.read import open_tagged
from spanbert.train.task_data import TaskData
from tests.labelled import conll_file, coref_file, data, single_file, tune


@pytest.mark.parametrize("kind", ["classify", "tag"])
def test_documents_train_as_their_file_does(kind: str, hugging_face_model: Path, tmp_path: Path):
    writer, suffix = (single_file, ".tsv") if kind == "classify" else (conll_file, ".conll")
    files = data(kind, writer, tmp_path, suffix=suffix)
    assert isinstance(files.train, Path)
    assert isinstance(files.dev, Path)
    train, dev = (
        list(
            (
                ClassifyTask.open(ClassifyConfig(), one) if kind == "classify" else open_tagged(TagConfig(), one)
            ).documents()
        )
        for one in (files.train, files.dev)
    )
    of_files = tune({kind: files}, hugging_face_model, tmp_path / "a", "train.max_steps=6")
    in_memory = TaskData(kind=kind, train=train, dev=dev)
    of_documents = tune({kind: in_memory}, hugging_face_model, tmp_path / "b", "train.max_steps=6")
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("a", "b"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert of_files.scores == of_documents.scores
    facts = json.loads((tmp_path / "b.run" / "run.json").read_text())["tasks"][kind]
    assert facts["train"] == source_facts(train)
    assert (facts["train"]["name"], facts["dev"]["name"]) == ("96 documents", "24 documents")
    manifest = json.loads((tmp_path / "b" / "spanbert.json").read_text())
    assert manifest["data"]["fingerprint"] == {kind: facts["train"]["sha256"]}


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, str]]:
    """How often each file's format was looked for, and its columns."""
    counts: Counter[tuple[str, str]] = Counter()
    for place in ("registry.Beginning", "columns.guess_format", "labelled.guess_labelled"):
        module, name = f"spanbert.corpus.formats.{place}".rsplit(".", 1)
        looked = getattr(import_module(module), name)

        def look(file: SourceFile, *args: Any, looked: Any = looked, name: str = name, **more: Any) -> Any:
            counts[name, file.name] += 1
            return looked(file, *args, **more)

        monkeypatch.setattr(f"{module}.{name}", look)
    return counts


@pytest.mark.parametrize(
    ("kind", "writer", "suffix", "found_out"),
    [
        ("tag", conll_file, ".conll", ("Beginning", "guess_format")),
        ("classify", single_file, ".tsv", ("Beginning", "guess_labelled")),
        ("coref", coref_file, ".jsonl", ("Beginning",)),
    ],
)
def test_a_file_is_looked_at_once(looks, hugging_face_model: Path, tmp_path: Path, kind, writer, suffix, found_out):
    options = CorefConfig(size=8) if kind == "coref" else None
    files = data(kind, writer, tmp_path, options, suffix=suffix)
    of_dev = {(what, f"dev{suffix}"): 1 for what in found_out}
    tune({kind: files}, hugging_face_model, tmp_path / "a", "train.max_steps=4")
    assert looks == {**of_dev, **{(what, f"train{suffix}"): 1 for what in found_out}}
    looks.clear()
    spanbert.evaluate(tmp_path / "a", files.dev, reporter=SilentReporter())
    assert looks == of_dev
    looks.clear()
    spanbert.evaluate(tmp_path / "a", files.dev, other=tmp_path / "a")
    assert looks == dict.fromkeys(of_dev, 2)  # once a bundle, since each may read it in its way
    looks.clear()
    spanbert.doctor(
        kind, files.train, dev=files.dev, model=hugging_face_model, fix=tmp_path / f"b{suffix}", estimate=False
    )
    assert looks == {**of_dev, **{(what, f"train{suffix}"): 1 for what in found_out}}


def test_a_fingerprint_hangs_on_everything_that_documents_hold():
    document = Document(id="1", text="a fox", labels=("x",), spans=(Span(start=0, end=1, label="D"),), pair="b")
    changes = [{"id": "2"}, {"text": "a dog"}, {"labels": ("y",)}, {"spans": ()}, {"pair": "c"}, {"pair": None}]
    several = [[document], [document, document], [], *([replace(document, **change)] for change in changes)]
    assert len({source_facts(one)["sha256"] for one in several}) == len(several)
    assert source_facts([document]) == source_facts([replace(document)])
    assert name_of([document] * 1234) == "1,234 documents"


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(InputError, match="no such file"):
        opened(tmp_path / "nothing.tsv", lambda path: pytest.fail(f"{path} was opened"))
