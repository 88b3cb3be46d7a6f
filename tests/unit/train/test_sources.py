"""Documents in memory train a task as their file does, and are told apart by what they hold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Span
from spanbert.tasks.classify.options import ClassifyOptions
from spanbert.tasks.classify.task import read_texts
from spanbert.tasks.tag.options import TagOptions
from spanbert.tasks.tag.read import read_tagged
from spanbert.train.finetune import TaskData
from spanbert.train.sources import documents_of, name_of, source_facts
from tests.labelled import conll_file, data, single_file, tune


@pytest.mark.parametrize("kind", ["classify", "tag"])
def test_documents_train_as_their_file_does(kind: str, hugging_face_model: Path, tmp_path: Path):
    writer, suffix = (single_file, ".tsv") if kind == "classify" else (conll_file, ".conll")
    files = data(kind, writer, tmp_path, suffix=suffix)
    assert isinstance(files.train, Path)
    assert isinstance(files.dev, Path)
    train, dev = (
        list(read_texts(one, ClassifyOptions()) if kind == "classify" else read_tagged(one, TagOptions()))
        for one in (files.train, files.dev)
    )
    of_files = tune({kind: files}, hugging_face_model, tmp_path / "a", "train.max_steps=6")
    in_memory = TaskData(kind=kind, train=train, dev=dev)
    of_documents = tune({kind: in_memory}, hugging_face_model, tmp_path / "b", "train.max_steps=6")
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("a", "b"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert of_files.scores == of_documents.scores
    facts = json.loads((tmp_path / "b" / "run.json").read_text())["tasks"][kind]
    assert facts["train"] == source_facts(train)
    assert (facts["train"]["name"], facts["dev"]["name"]) == ("96 documents", "24 documents")
    manifest = json.loads((tmp_path / "b" / "spanbert.json").read_text())
    assert manifest["data"]["fingerprint"] == {kind: facts["train"]["sha256"]}


def test_a_fingerprint_hangs_on_everything_that_documents_hold():
    document = Document(id="1", text="a fox", labels=("x",), spans=(Span(start=0, end=1, label="D"),), pair="b")
    changes = [{"id": "2"}, {"text": "a dog"}, {"labels": ("y",)}, {"spans": ()}, {"pair": "c"}, {"pair": None}]
    several = [[document], [document, document], [], *([replace(document, **change)] for change in changes)]
    assert len({source_facts(one)["sha256"] for one in several}) == len(several)
    assert source_facts([document]) == source_facts([replace(document)])
    assert name_of([document] * 1234) == "1,234 documents"


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(InputError, match="no such file"):
        documents_of(tmp_path / "nothing.tsv", lambda _: [])
