"""What the fine-tuning benchmark trains on, is scored on and predicts: public data sets, cut to size.

Both sides read the same files through our readers, so that texts, words and questions are the same. Without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

from spanbert.core.errors import InputError
from spanbert.core.types import Document
from spanbert.corpus.formats.columns import write_columns
from spanbert.corpus.formats.squad import write_squad
from spanbert.tasks.registry import spec_of

Kind = Literal["classify", "tag", "qa"]


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """How much of a data set is used, and how often; examples are sentences or questions.

    Attributes:
        train: Examples to train on; None: all.
        held_out: Examples to score; None: all.
        predict: Examples whose prediction is timed.
        epochs: Passes over the training examples.
        seeds: Trainings of each side.
    """

    train: int | None = None
    held_out: int | None = None
    predict: int
    epochs: int
    seeds: int


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """Where a data set lies, relative to the data folder.

    Attributes:
        kind: The kind of task.
        train: The file to train on.
        held_out: The file to score.
        predict: The file whose raw texts are predicted against the clock.
    """

    kind: Kind
    train: str
    held_out: str
    predict: str


@dataclass(frozen=True, kw_only=True)
class Contest:
    """One task of the benchmark, its files cut to size.

    Attributes:
        name: The data set's.
        kind: The kind of task.
        train: The file to train on.
        held_out: The file to score.
        predict: The file whose raw texts are predicted against the clock.
        amounts: How much of the data set that is, and how often it is used.
    """

    name: str
    kind: Kind
    train: Path
    held_out: Path
    predict: Path
    amounts: Amounts


DATA_SETS: Mapping[str, DataSet] = {
    "sst2": DataSet(
        kind="classify", train="cls/sst2/train.tsv", held_out="cls/sst2/dev.tsv", predict="cls/sst2/test.tsv"
    ),
    "wnut17": DataSet(
        kind="tag",
        train="ner/wnut17/train.conll",
        held_out="ner/wnut17/test.conll",
        predict="ner/wnut17/test.conll",
    ),
    "squadshifts": DataSet(
        kind="qa",
        train="qa/squadshifts/split/train-0.json",
        held_out="qa/squadshifts/split/dev.json",
        predict="qa/squadshifts/split/dev.json",
    ),
}


def make_contest(name: str, amounts: Amounts, *, data: Path, folder: Path) -> Contest:
    """The files of a data set, cut to size.

    Args:
        name: Of `DATA_SETS`.
        amounts: How much of it.
        data: The data folder.
        folder: Where cut files are written.

    Raises:
        InputError: A file is missing.
    """
    found = DATA_SETS[name]
    wanted = (("train", amounts.train), ("held_out", amounts.held_out), ("predict", amounts.predict))
    files = {}
    for part, count in wanted:
        source = data / str(getattr(found, part))
        if not source.is_file():
            raise InputError(
                "no such file", where=str(source), remedy="docs/DATA.md says where the data sets come from"
            )
        target = folder / f"{name}-{part}{source.suffix}"
        files[part] = source if count is None else cut(found.kind, source, target, count)
    return Contest(name=name, kind=found.kind, amounts=amounts, **files)


def cut(kind: Kind, source: Path, target: Path, count: int) -> Path:
    """Writes the first examples of a file as a file of the same format.

    Args:
        kind: The kind of task.
        source: A table with a header, columns of words and tags, or SQuAD JSON.
        target: The file to write.
        count: How many.

    Returns:
        `target`.
    """
    if kind == "classify":
        with source.open(encoding="utf-8") as lines:
            target.write_text("".join(islice(lines, 1 + count)), encoding="utf-8")
    elif kind == "tag":
        write_columns(_documents(kind, source)[:count], target)
    else:
        paragraphs = []
        left = count
        for document in _documents(kind, source):
            questions = (document.questions or ())[:left]
            left -= len(questions)
            paragraphs.append(replace(document, questions=questions))
            if not left:
                break
        write_squad(paragraphs, target)
    return target


def read(kind: Kind, file: Path) -> list[Document]:
    """The examples of a file, a document each: labelled texts, sentences of tagged words, or answered questions.

    Args:
        kind: The kind of task.
        file: Its data.
    """
    documents = _documents(kind, file)
    if kind != "qa":
        return documents
    return [
        replace(document, id=question.id, questions=(question,))
        for document in documents
        for question in document.questions or ()
        if question.answers
    ]


def words_of(document: Document) -> list[str]:
    """The words of a sentence."""
    return [document.text[word.start : word.end] for word in document.words or ()]


def gold_tags(document: Document) -> list[str]:
    """The tag of each word of a sentence."""
    return list(document.columns["tag"])


def _documents(kind: Kind, file: Path) -> list[Document]:
    spec = spec_of(kind)
    return list(spec.task_class().open(spec.config(), file).documents())
