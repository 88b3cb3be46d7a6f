"""Questions about texts over HTTP, as Hugging Face's question answering."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import override

from spanbert.core.predictions import Answering
from spanbert.core.types import Document, Question, Record, Span
from spanbert.corpus.text.words import split_words
from spanbert.tasks.qa.render import listed_answers
from spanbert.tasks.qa.spec import QA
from spanbert.tasks.service import Parameters, Place, Said, TaskService, Wire


class Asked(Wire):
    """A question and the text that is to answer it."""

    question: str
    context: str


class QAParameters(Parameters):
    """Parameters of question answering."""

    top_k: int = Field(default=1, ge=1, description="How many answers; with more than one they come in a list.")
    handle_impossible_answer: bool = Field(
        default=True,
        description="Where the model finds that the text does not answer: an empty answer first; false: its best one.",
    )
    max_answer_len: int | None = Field(
        default=None,
        ge=1,
        description="Words of an answer at most, Chinese characters and marks one by one; longer ones are left out.",
    )
    align_to_words: bool | None = Field(default=None, description="Not used.")
    doc_stride: int | None = Field(default=None, description="Not used: texts of any length are read whole.")
    max_seq_len: int | None = Field(default=None, description="Not used, for the same reason.")
    max_question_len: int | None = Field(default=None, description="Not used: the model states how much it reads.")


class AnswerScore(Wire):
    """An answer with its probability; empty, from 0 to 0, where the text does not answer."""

    answer: str
    score: float
    start: int
    end: int


class QAService(TaskService[Answering]):
    """The best answer, or some of the best."""

    assert QA.slug is not None
    slug = QA.slug
    input = Asked
    parameters = QAParameters
    output: ClassVar = AnswerScore | list[AnswerScore]
    example: ClassVar = {"question": "Who left?", "context": "Ann left Rome."}

    @override
    def document(self, given: Asked, *, where: str, place: Place) -> Document:
        asked = Question(id=where, text=given.question)
        return Document(id=where, text=given.context, questions=(asked,), where=where)

    @override
    def answer(self, text: str, result: Answering, parameters: Any) -> Record | list[Record]:
        most = parameters.max_answer_len
        found = [
            {"answer": one.text, "score": one.score, "start": one.start, "end": one.end}
            for one in result.candidates
            if most is None or len(split_words(one.text, joined=False)) <= most
        ]
        nothing = {
            "answer": "",
            "score": max(0.0, 1.0 - sum(one.score for one in result.candidates)),
            "start": 0,
            "end": 0,
        }
        if not found or (result.answer is None and parameters.handle_impossible_answer):
            found.insert(0, nothing)
        return found[0] if parameters.top_k == 1 else found[: parameters.top_k]

    @override
    def said(self, text: str, result: Answering) -> Iterator[Said]:
        """The candidates; first that there is no answer, where that is said."""
        if result.answer is None and result.candidates:
            yield Said(what="no answer", what_zh="没有答案", label="no answer")
        for one in listed_answers(result):
            yield Said(what=one.text, label="answer", of=Span(start=one.start, end=one.end))
