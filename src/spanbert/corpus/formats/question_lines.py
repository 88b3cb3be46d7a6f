"""Questions with their texts and answers as JSON, a question a line.

    {"id": "1", "question": "Who left?", "context": "Ann left.", "answers": [{"text": "Ann", "start": 0}]}

Read are also the Hugging Face hub's form of SQuAD (`{"text": [...], "answer_start": [...]}`), and what `spanbert
predict` writes. An answer that is elsewhere is moved, as in SQuAD's files. `"is_impossible": true` says that the text
has none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Record
from spanbert.corpus.formats.families import ANNOTATED
from spanbert.corpus.formats.format import Format
from spanbert.corpus.formats.predicted import result_with
from spanbert.corpus.formats.squad import question_of
from spanbert.corpus.io.files import OnBroken, SourceFile, json_lines, write_lines

_EXPECTED = '{"question": ..., "context": ..., "answers": [{"text": "Ann", "start": 0}]}'


def read_question_lines(file: SourceFile, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """A document for each question.

    Args:
        file: Plain or compressed.
        on_broken: Called with the error of each unreadable question, which is left out; None: the error is raised.

    Raises:
        InputError: Not JSON, no question or context, or answers in another form; names file and line.
    """
    yield from json_lines(file, _document, _EXPECTED, on_broken)


def _document(record: Any, name: str, where: str) -> Document:
    if not isinstance(record, Mapping) or not all(isinstance(record.get(key), str) for key in ("question", "context")):
        got = ", ".join(map(str, record)) if isinstance(record, Mapping) else type(record).__name__
        raise InputError("no question with its context", where=where, got=got or "an empty object", expected=_EXPECTED)
    stated = record.get("id")
    answers = _answers(record, where)
    impossible = record.get("is_impossible", False) or (answers == [] and "answers" not in record)
    squad = {
        "id": name if not isinstance(stated, str | int) else stated,
        "question": record["question"],
        "answers": answers or [],
        "is_impossible": impossible and answers is not None,
    }
    question = question_of(squad, record["context"], where)
    return Document(id=question.id, text=record["context"], questions=(question,), where=where)


def _answers(record: Mapping[str, Any], where: str) -> list[Record] | None:
    """The answers in SQuAD's form; None where nothing is said of any."""
    predicted = result_with(record, "answer")
    stated = record.get("answers")
    if stated is None and predicted is not None:
        stated = [] if predicted["answer"] is None else [{"text": predicted["answer"], "start": predicted.get("start")}]
    if stated is None:
        return None
    if isinstance(stated, Mapping):
        texts, starts = stated.get("text"), stated.get("answer_start")
        if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
            raise InputError("answers that are not as many texts as places", where=where, expected=_EXPECTED)
        stated = [{"text": text, "start": start} for text, start in zip(texts, starts, strict=True)]
    if not isinstance(stated, list) or not all(isinstance(one, Mapping) for one in stated):
        raise InputError("answers in another form", where=where, got=json.dumps(stated)[:80], expected=_EXPECTED)
    return [{"text": one.get("text"), "answer_start": one.get("start", one.get("answer_start", 0))} for one in stated]


def question_lines(documents: Iterable[Document]) -> Iterator[str]:
    """A line for each question.

    Raises:
        InputError: A text without questions.
    """
    for document in documents:
        if document.questions is None:
            raise InputError("no questions to write", where=document.place)
        for question in document.questions:
            answers = [{"text": document.text[span.start : span.end], "start": span.start} for span in question.answers]
            made = {"id": question.id, "question": question.text, "context": document.text, "answers": answers}
            yield json.dumps(made | ({} if question.answerable else {"is_impossible": True}), ensure_ascii=False)


FORMAT = Format(
    name="qa-jsonl",
    title="JSON lines with questions and answers",
    family=ANNOTATED,
    holds=frozenset({"questions"}),
    detect=lambda beginning: beginning.has_key("question"),
    read=lambda file, settings, on_broken: read_question_lines(file, on_broken),
    write=lambda documents, target, settings: write_lines(target, question_lines(documents)),
)
