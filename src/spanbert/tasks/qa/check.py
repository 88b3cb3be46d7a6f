"""Questions on texts: answers that are elsewhere or nowhere, questions that are cut, answers too long to be given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from typing_extensions import override

from spanbert.core.characters import UNSPACED
from spanbert.core.findings import Rule, excerpt
from spanbert.core.hashes import Repeats, TextHashes
from spanbert.core.types import Document, Question, Span
from spanbert.corpus.formats.data_file import DataFile
from spanbert.tasks.protocol import WindowedDocument
from spanbert.tasks.qa.config import QAConfig
from spanbert.tasks.qa.repair import repair_questions
from spanbert.tasks.qa.task import QATask, WindowedQuestions
from spanbert.tasks.survey import Item, Survey
from spanbert.tokens.pieces import read_pieces
from spanbert.tokens.tokenizer import TokenizerAdapter

_LETTER = re.compile(rf"[^\W_{UNSPACED}]")
_EMPTY = Rule(severity="warning", name="empty", what="empty texts or questions", remedy="They teach nothing")
NOWHERE = Rule(
    severity="error",
    name="answers_nowhere",
    what="answers that are not in their text",
    remedy="They teach nothing; --fix leaves them out",
)
UNANSWERED = Rule(
    severity="error",
    name="unanswered",
    what="questions with no answer in their text, which are not marked unanswerable either",
    remedy="They teach nothing; --fix leaves them out",
)
MOVED = Rule(
    severity="warning",
    name="answers_moved",
    what="answers that are elsewhere in their text than stated",
    remedy="The nearest place is used; --fix writes it to the copy",
)
_NO_ROOM = Rule(
    severity="error",
    name="no_room",
    what="questions that leave no room for a text in a window",
    remedy="Use longer windows (window.length), or lower qa.longest_question",
)
_CONTRADICTED = Rule(
    severity="warning",
    name="contradicted",
    what="questions with answers that are marked unanswerable",
    remedy="The answers are not used; decide which is right",
)
_INSIDE = Rule(
    severity="warning",
    name="inside_word",
    what="answers that begin or end inside a word",
    remedy="Whole pieces are learned, so that the answer may get longer",
)
_SAME_ID = Rule(
    severity="warning", name="same_id", what="questions with the id of another", remedy="Scores by id mix them up"
)
_CONFLICTS = Rule(
    severity="warning",
    name="conflicts",
    what="questions that are asked again of the same text, with other answers",
    remedy="Give one question all its answers",
)
_REPEATED = Rule(
    severity="warning",
    name="duplicates",
    what="questions that are asked again of the same text, with the same answers",
    remedy="They weigh more in training, and in dev data in the scores",
)


class QASurvey(Survey[QATask]):
    """A file of paragraphs with questions."""

    conflicts = _CONFLICTS
    duplicates = _REPEATED

    def __init__(
        self, data: DataFile, config: QAConfig, tokenizer: TokenizerAdapter, task: QATask | None, *, name: str
    ) -> None:
        super().__init__(data, config, tokenizer, task, name=name)
        self.ids = TextHashes()
        self.questions = self.cut_questions = 0

    @override
    def items_of(self, document: Document) -> Iterator[Item]:
        """The questions."""
        for question in document.questions or ():
            answers = sorted({excerpt(document.text[span.start : span.end]) for span in question.answers})
            label = " | ".join(answers) if question.answerable else "unanswerable"
            yield Item(self._shown(document, question), f"{question.text}\n{document.text}", label)

    @override
    def texts_of(self, document: Document) -> Iterator[Item]:
        """The paragraph."""
        yield Item(self.place(document), document.text, "")

    @override
    def look(self, document: Document) -> Document:
        """Leaves out the questions that no window could hold."""
        if not document.text.strip():
            self.ledger.add(_EMPTY, self.place(document))
        for question in document.questions or ():
            for one in question.misplaced:
                found = "" if one.found is None else f", found at {one.found:,}"
                example = f"{self._shown(document, question)} {excerpt(one.text)} at {one.stated:,}{found}"
                self.ledger.add(NOWHERE if one.found is None else MOVED, example)
            self._look_at(document, question)
        return self._with_room(document)

    def _look_at(self, document: Document, question: Question) -> None:
        where = self._shown(document, question)
        self.ids.add(question.id)
        self.questions += 1
        if question.answers or not question.answerable:
            self.labels["answered" if question.answerable else "unanswerable"] += 1
        if not question.text.strip():
            self.ledger.add(_EMPTY, where)
        if question.answerable and not question.answers:
            self.ledger.add(UNANSWERED, f"{where} {excerpt(question.text)}")
        if not question.answerable and question.answers:
            self.ledger.add(_CONTRADICTED, f"{where} {excerpt(question.text)}")
        for answer in dict.fromkeys(question.answers):
            if _is_inside_word(document.text, answer):
                around = document.text[max(answer.start - 10, 0) : answer.end + 10]
                shown = f"{excerpt(document.text[answer.start : answer.end])} of {excerpt(around)}"
                self.ledger.add(_INSIDE, f"{where} {shown}")

    def _with_room(self, document: Document) -> Document:
        asked = [Document(id=question.id, text=question.text) for question in document.questions or ()]
        most, kept = self.config.longest_question, []
        for question, pieces in zip(document.questions or (), read_pieces(self.tokenizer, asked), strict=True):
            self.cut_questions += len(pieces.ids) > most
            used = min(len(pieces.ids), most)
            if self.task is not None and self.task.window[0] - used - self.task.framer.specials[1] < 2:
                self.ledger.add(_NO_ROOM, f"{self._shown(document, question)} {excerpt(question.text)}")
            else:
                kept.append(question)
        return replace(document, questions=tuple(kept))

    @override
    def counts(self) -> dict[str, int]:
        return {"questions": self.questions, "questions_cut": self.cut_questions}

    @override
    def fact_lines(self) -> list[tuple[str, str]]:
        return [("questions", f"{self.questions:,}, of which cut to the longest read: {self.cut_questions:,}")]

    @override
    def is_cut(self, windowed: WindowedDocument) -> bool:
        """For any of its questions."""
        return isinstance(windowed, WindowedQuestions) and len(windowed.windows) > len(windowed.questions)

    @override
    def examine(self, windowed: WindowedDocument, task: QATask) -> None:
        offsets = windowed.pieces.offsets
        rule = Rule(
            severity="warning",
            name="too_long",
            what=f"answers of more than {task.config.longest_answer} pieces, which are never given",
            remedy="Raise qa.longest_answer, or shorten them",
        )
        for question in windowed.document.questions or ():
            for answer in dict.fromkeys(question.answers):
                first = int(np.searchsorted(offsets[:, 1], answer.start, side="right"))
                pieces = int(np.searchsorted(offsets[:, 0], answer.end, side="left")) - first
                if pieces > task.config.longest_answer:
                    shown = excerpt(windowed.document.text[answer.start : answer.end])
                    self.ledger.add(rule, f"{self._shown(windowed.document, question)} {shown}, {pieces} pieces")

    @override
    def finish(self) -> None:
        """How many questions have the id of another."""
        again = int(self.ids.repeats().again_N.sum())
        if again:
            self.ledger.add(_SAME_ID, times=again)

    @override
    def repair(self, repeats: Repeats, target: Path) -> Mapping[str, int]:
        """Answers get the place where they were found; answers and questions without one are left out."""
        return repair_questions(self, target)

    def _shown(self, document: Document, question: Question) -> str:
        return f"{self.place(document)} {question.id}"


def _is_inside_word(text: str, answer: Span) -> bool:
    """Whether an answer ends between two letters or digits; not checked in Han script."""
    words = range(answer.start, answer.end)
    ends = [(end - 1, end) for end in (answer.start, answer.end) if words and 0 < end < len(text)]
    return any(_LETTER.match(text, before) and _LETTER.match(text, after) for before, after in ends)
