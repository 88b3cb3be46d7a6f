"""Lines of texts or questions to results, streaming."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import chain

from spanbert.core.errors import InputError
from spanbert.core.types import Document
from spanbert.pipelines.inputs import read_inputs
from spanbert.pipelines.load import Precision, load
from spanbert.pipelines.results import Annotated, AnsweredQuestion


def predict(
    bundle: str | os.PathLike[str],
    lines: Iterable[str],
    *,
    name: str = "input",
    task: str | None = None,
    precision: Precision = "float32",
) -> Iterator[Annotated | AnsweredQuestion]:
    """What a bundle says of each line, in order, in bounded memory.

    Args:
        bundle: The bundle.
        lines: See `pipelines.inputs`; all of them texts, or all questions with their contexts.
        name: Of the source, for messages.
        task: One task alone.
        precision: See `load`.

    Raises:
        InputError: A line that cannot be read, or that no task of the bundle reads.
    """
    nlp = load(bundle, precision=precision)
    documents = read_inputs(lines, name=name)
    first = next(documents, None)
    if first is None:
        return
    asks = first.questions is not None
    nlp.names(task, reads_questions=asks)
    alike = _all_alike(chain([first], documents), asks, name)
    yield from (nlp.answers(alike, task=task) if asks else nlp.annotate(alike, task=task))


def _all_alike(documents: Iterable[Document], asks: bool, name: str) -> Iterator[Document]:
    for document in documents:
        if (document.questions is not None) != asks:
            raise InputError("texts and questions in one input", where=f"{name}, id {document.id}")
        yield document
