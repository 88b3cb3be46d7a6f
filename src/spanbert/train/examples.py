"""Labelled data read to its end before a run begins: what is learned from, and what it is scored on."""

from __future__ import annotations

from collections.abc import Mapping

from spanbert.batches.examples import Example
from spanbert.core.errors import InputError
from spanbert.core.reporter import Reporter
from spanbert.core.types import Document
from spanbert.corpus.data import Source, documents_of, name_of
from spanbert.corpus.formats.data_file import DataFile
from spanbert.inference.end_to_end import finding_tasks, relating_tasks
from spanbert.tasks.protocol import TextTask
from spanbert.train.timetable import Scoring

_DOCUMENTS_AT_ONCE = 512


def check_dev(task: TextTask, source: Source, reporter: Reporter) -> int:
    """Reads dev data to its end before time is spent on training.

    Returns:
        How many texts it has.

    Raises:
        InputError: A document that cannot be scored, or none that is labelled.
    """
    _say_how_read(task, source, reporter)
    task.scorer()  # refuses now if something that scoring needs is missing
    texts = labelled = 0
    for document in documents_of(source):
        task.check(document)
        texts += 1
        labelled += task.is_labelled(document)
    if not labelled:
        raise InputError(f"task {task.name}: dev data without labels", where=name_of(source))
    return texts


def scoring_of(
    tasks: Mapping[str, TextTask], dev_texts: Mapping[str, int], sizes: Mapping[str, Mapping[str, int]]
) -> Scoring:
    """What scoring on dev data takes, whose texts are taken to be as long as those of the training data.

    Args:
        tasks: All tasks, by name.
        dev_texts: How many dev texts those that have some have.
        sizes: Of the training data of each: see `training_examples`.
    """
    scored = [tasks[name] for name in dev_texts]
    tuned = any(task.tuner() is not None for task in scored)
    together = bool(finding_tasks(tasks)) and any(name in dev_texts for name in relating_tasks(tasks))
    return Scoring(
        tokens=sum(count * sizes[name]["tokens"] // sizes[name]["texts"] for name, count in dev_texts.items()),
        writes=any(task.generation is not None for task in scored),
        after=1 + tuned + together,
    )


def _say_how_read(task: TextTask, source: Source, reporter: Reporter) -> None:
    if isinstance(source, DataFile):
        reporter.say(f"{task.name}: {source.name} is read as {source.description}")


def training_examples(task: TextTask, source: Source, reporter: Reporter) -> tuple[list[Example], dict[str, int]]:
    """All training examples of a source, and how much that is: texts, windows, tokens.

    Raises:
        InputError: Nothing can be learned from it.
    """
    _say_how_read(task, source, reporter)
    found: list[Example] = []
    documents = learned = 0
    chunk: list[Document] = []

    def take() -> None:
        nonlocal learned
        for windowed in task.tokenize(chunk):
            own = task.examples(windowed)
            learned += bool(own)
            found.extend(own)
        chunk.clear()

    for document in documents_of(source):
        chunk.append(document)
        documents += 1
        if len(chunk) == _DOCUMENTS_AT_ONCE:
            take()
    take()
    if not found:
        raise InputError(f"task {task.name}: nothing to learn from", where=name_of(source), got=f"{documents} texts")
    left_out = documents - learned
    if left_out:
        reporter.say(
            f"{task.name}: {left_out:,} texts left out, as nothing can be learned from them; doctor says which"
        )
    tokens = sum(example.tokens for example in found)
    reporter.say(f"{task.name}: {documents:,} texts, {len(found):,} windows, {tokens:,} tokens from {name_of(source)}")
    return found, {"texts": documents, "windows": len(found), "tokens": tokens}
