"""SQuAD 1.1 and 2.0 JSON (Rajpurkar et al. 2016, 2018): a paragraph with its questions is one Document.

An answer whose text is not at its stated place is looked for in the whole paragraph and moved to the nearest
occurrence; answers that were moved or not found are listed in `Question.misplaced`, never silently dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.files import read_json, write_json
from spanbert.core.types import Document, MisplacedAnswer, Question, Span
from spanbert.corpus.formats.families import ANNOTATED
from spanbert.corpus.formats.format import Format, WriteSettings
from spanbert.corpus.formats.json_shape import json_shape
from spanbert.corpus.io.files import SourceFile

_EXPECTED = '{"data": [{"title": ..., "paragraphs": [{"context": ..., "qas": [...]}]}]}'


@dataclass(frozen=True, kw_only=True, slots=True)
class SquadOrigin:
    """The title of a paragraph's article, as the file has it."""

    title: Any


def read_squad(file: SourceFile) -> Iterator[Document]:
    """The paragraphs of a SQuAD file.

    Args:
        file: A JSON file.

    Yields:
        A document a paragraph; `text` is the context.

    Raises:
        InputError: Not SQuAD JSON; names the place in it.
    """
    content = read_json(file.path)
    articles = _field(content, "data", list, str(file.path))
    for a, article in enumerate(articles):
        place = f"{file.path}: data[{a}]"
        paragraphs = _field(article, "paragraphs", list, place)
        for p, paragraph in enumerate(paragraphs):
            where = f"{place}.paragraphs[{p}]"
            context = _field(paragraph, "context", str, where)
            questions = tuple(
                question_of(record, context, f"{where}.qas[{q}]")
                for q, record in enumerate(_field(paragraph, "qas", list, where))
            )
            yield Document(
                id=f"{file.name}:{a}.{p}",
                text=context,
                questions=questions,
                origin=SquadOrigin(title=article.get("title", "")),
            )


def question_of(record: Any, context: str, where: str) -> Question:
    """A question of a paragraph; its answers are moved to where their texts are.

    Args:
        record: Its object, as in SQuAD's files.
        context: The paragraph.
        where: The place in the file.

    Raises:
        InputError: A field that is missing or of another type.
    """
    identity = str(_field(record, "id", (str, int), where))
    text = _field(record, "question", str, where)
    answers, misplaced = [], []
    stated_answers = record.get("answers") or []
    if not isinstance(stated_answers, list):
        raise InputError(
            "field 'answers' is of another type", where=where, got=type(stated_answers).__name__, expected="a list"
        )
    for number, answer in enumerate(stated_answers):
        place = f"{where}.answers[{number}]"
        wanted = _field(answer, "text", str, place)
        stated = _field(answer, "answer_start", int, place)
        start = _find(context, wanted, stated)
        if start != stated:
            misplaced.append(MisplacedAnswer(text=wanted, stated=stated, found=start))
        if start is not None:
            answers.append(Span(start=start, end=start + len(wanted)))
    impossible = bool(record.get("is_impossible", False))
    return Question(
        id=identity, text=text, answers=tuple(answers), answerable=not impossible, misplaced=tuple(misplaced)
    )


def _find(context: str, text: str, stated: int) -> int | None:
    """Where the text is: at its stated place, else at the nearest one; None where it is nowhere, or empty."""
    if not text.strip():
        return None
    if stated >= 0 and context.startswith(text, stated):
        return stated
    places = []
    place = context.find(text)
    while place >= 0:
        places.append(place)
        place = context.find(text, place + 1)
    return min(places, key=lambda one: abs(one - stated), default=None)


def _field(record: Any, name: str, kind: type | tuple[type, ...], where: str) -> Any:
    if not isinstance(record, Mapping):
        raise InputError("not SQuAD JSON", where=where, got=type(record).__name__, expected=_EXPECTED)
    if name not in record:
        raise InputError(f"no field {name!r}", where=where, got=", ".join(map(str, record)), expected=_EXPECTED)
    value = record[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InputError(f"field {name!r} is of another type", where=where, got=type(value).__name__)
    return value


def write_squad(documents: Iterable[Document], target: Path) -> None:
    """Writes paragraphs as SQuAD JSON, version 2.0 where a question may have no answer; titles group paragraphs.

    Args:
        documents: With `questions`.
        target: The file to write, whole or not at all.
    """
    listed = list(documents)
    articles = [
        {"title": title, "paragraphs": [_paragraph(document) for document in group]}
        for title, group in groupby(listed, key=_title)
    ]
    two = any(not question.answerable for document in listed for question in document.questions or ())
    write_json(target, {"version": "v2.0" if two else "1.1", "data": articles})


def _title(document: Document) -> Any:
    return document.origin.title if isinstance(document.origin, SquadOrigin) else ""


def _paragraph(document: Document) -> dict[str, Any]:
    return {
        "context": document.text,
        "qas": [
            {
                "id": question.id,
                "question": question.text,
                "answers": [
                    {"text": document.text[span.start : span.end], "answer_start": span.start}
                    for span in question.answers
                ],
                **({} if question.answerable else {"is_impossible": True}),
            }
            for question in document.questions or ()
        ],
    }


def _write(documents: Iterable[Document], target: Path, settings: WriteSettings) -> None:
    write_squad(map(_with_questions, documents), target)


def _with_questions(document: Document) -> Document:
    if document.questions is None:
        raise InputError("no questions to write as SQuAD", where=document.place)
    return document


FORMAT = Format(
    name="squad",
    title="SQuAD JSON",
    family=ANNOTATED,
    holds=frozenset({"questions"}),
    detect=lambda beginning: json_shape(beginning) == "squad",
    read=lambda file, settings, on_broken: read_squad(file),
    describe=lambda file, settings: "SQuAD JSON; file:article.paragraph says where something is",
    write=_write,
    begins=lambda document: document.id.endswith(".0"),  # the first paragraph of an article
    suffixes=(".json",),
)
