"""Extractive question answering as a `TextTask`: SQuAD 1.1 and 2.0, long contexts in windows.

Shapes: n pieces of a context, r rows of a window that may begin or end an answer ([CLS] first, for none).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from typing_extensions import override

from spanbert.batches.examples import Example, HeadRows, Target, Window
from spanbert.batches.windows import cut_windows
from spanbert.core.errors import InputError
from spanbert.core.predictions import Answering
from spanbert.core.types import Document, Facts, IntArray, OutputArray, Question, Record, Scores
from spanbert.corpus.formats.data_file import DataFile
from spanbert.corpus.formats.registry import open_data
from spanbert.scores.qa import Language, best_over_gold, exact_match
from spanbert.tasks.base import TextTaskBase, WindowConfig
from spanbert.tasks.protocol import HeadContext, Mistake, WindowedDocument
from spanbert.tasks.qa.config import QAConfig
from spanbert.tasks.qa.decode import WindowLogits, answer_question
from spanbert.tasks.qa.scoring import AnswerTuner, QADocumentScorer, gold_texts
from spanbert.tasks.qa.spec import QA
from spanbert.tokens.alignment import touched_pieces
from spanbert.tokens.chinese import has_han
from spanbert.tokens.pieces import TokenizedText, read_pieces
from spanbert.tokens.tokenizer import TokenizerAdapter

if TYPE_CHECKING:
    from spanbert.tasks.qa.head import QAHead

_USUAL_WINDOW = 384


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class WindowedQuestions(WindowedDocument):
    """A context with its questions.

    Attributes:
        questions: The pieces of each question that are read.
        owners: Which question each window is for.
    """

    questions: Sequence[IntArray]
    owners: Sequence[int]


class QATask(TextTaskBase):
    """Answers as spans of a context.

    Args:
        name: Its name in the bundle.
        tokenizer: The model's.
        window: Tokens of a window and of the overlap.
        config: Lengths and so on; language and threshold are passed separately.
        language: How answers are compared.
        threshold: When nothing is answered; None: there is always an answer.
    """

    spec = QA
    unit = "window"
    runtime_options = ("longest_question", "longest_answer", "candidates")
    shares_encoder_pass = False

    def __init__(
        self,
        name: str,
        tokenizer: TokenizerAdapter,
        window: tuple[int, int],
        *,
        config: QAConfig,
        language: Language,
        threshold: float | None,
    ) -> None:
        super().__init__(name, tokenizer, window)
        self.config, self.language, self.threshold = config, language, threshold

    @classmethod
    def from_training(
        cls,
        name: str,
        documents: Iterable[Document],
        *,
        config: QAConfig,
        window: WindowConfig,
        tokenizer: TokenizerAdapter,
        positions: int,
    ) -> Self:
        """The task that some training documents pose; with one unanswerable question it may answer nothing.

        Raises:
            InputError: No question that an answer could be learned from.
        """
        contexts = chinese = answered = 0
        may_be_none = False
        for document in documents:
            contexts += 1
            chinese += has_han(document.text)
            answered += sum(bool(question.answers) for question in document.questions or ())
            may_be_none = may_be_none or any(not question.answerable for question in document.questions or ())
        if not answered:
            raise InputError(f"task {name}: no answered question to learn from", got=f"{contexts} paragraphs")
        language: Language = "zh" if config.language == "auto" and 2 * chinese > contexts else "en"
        if config.language != "auto":
            language = config.language
        threshold = config.threshold if config.threshold is not None else (0.0 if may_be_none else None)
        fitted = window.fit(positions, usual=_USUAL_WINDOW)
        return cls(name, tokenizer, fitted, config=config, language=language, threshold=threshold)

    @classmethod
    def from_manifest(cls, name: str, entry: Facts, *, tokenizer: TokenizerAdapter, positions: int) -> Self:
        """The task of a bundle."""
        return cls(
            name,
            tokenizer,
            cls.stored_window(entry, positions),
            config=QAConfig.model_validate(entry["options"]),
            language=entry["language"],
            threshold=entry["threshold"],
        )

    @classmethod
    @override
    def foreign_entry(cls, config: Facts) -> Record:
        """Read as English, and always answered."""
        return {"window": [384, 128], "options": {}, "language": "en", "threshold": None}

    @override
    def manifest(self) -> Record:
        return {
            **super().manifest(),
            "language": self.language,
            "threshold": self.threshold,
        }

    @staticmethod
    def open(config: QAConfig, path: Path) -> DataFile:
        """SQuAD JSON, or a question a line."""
        return open_data(path, among=QA.formats)

    @override
    def is_labelled(self, document: Document) -> bool:
        return any(gold_texts(document, question) is not None for question in document.questions or ())

    @override
    def mistakes(self, document: Document, prediction: Sequence[Answering]) -> Iterator[Mistake]:
        """Answers that match no gold answer exactly."""
        for question, answering in zip(document.questions or (), prediction, strict=True):
            gold = gold_texts(document, question)
            said = answering.answer.text if answering.answer is not None else ""
            if gold is None or best_over_gold(exact_match, said, gold, self.language):
                continue
            yield Mistake(
                severity=answering.answer.score if answering.answer is not None else 0.0,
                where=f"{document.id} {question.id}",
                text=question.text,
                gold=" | ".join(dict.fromkeys(gold)) or "no answer",
                predicted=said or "no answer",
            )

    @override
    def tokenize(self, documents: Sequence[Document]) -> list[WindowedDocument]:
        """A context is tokenised once for all its questions."""
        questions = [question for document in documents for question in document.questions or ()]
        asked = read_pieces(self.tokenizer, [Document(id=one.id, text=one.text) for one in questions])
        found: list[WindowedDocument] = []
        first = 0
        for document, pieces in zip(documents, read_pieces(self.tokenizer, documents), strict=True):
            count = len(document.questions or ())
            own = [one.ids[: self.config.longest_question] for one in asked[first : first + count]]
            first += count
            windows: list[tuple[int, int]] = []
            owners: list[int] = []
            for number, ids in enumerate(own):
                cut = self._cut(pieces, len(ids))
                windows += cut
                owners += [number] * len(cut)
            found.append(
                WindowedQuestions(document=document, pieces=pieces, windows=windows, questions=own, owners=owners)
            )
        return found

    def _cut(self, pieces: TokenizedText, question: int) -> list[tuple[int, int]]:
        limit = self.window[0] - question - self.framer.specials[1]
        if limit < 2:
            raise InputError(
                "the question leaves no room for its text",
                got=f"{question} pieces of question in windows of {self.window[0]}",
                remedy="Use longer windows, or lower qa.longest_question",
            )
        return cut_windows(pieces.word_starts, limit, min(self.window[1], limit // 2))

    @override
    def windows(self, windowed: WindowedDocument) -> list[Window]:
        """A question and a part of the context."""
        assert isinstance(windowed, WindowedQuestions)
        return [
            self.framer.two(windowed.questions[owner], windowed.pieces.ids[start:end])
            for (start, end), owner in zip(windowed.windows, windowed.owners, strict=True)
        ]

    @override
    def rows(self, windowed: WindowedDocument) -> list[HeadRows]:
        """[CLS] and the part of the context."""
        assert isinstance(windowed, WindowedQuestions)
        found = []
        for (start, end), owner in zip(windowed.windows, windowed.owners, strict=True):
            first = self.framer.second_row(len(windowed.questions[owner]))
            found.append(HeadRows(rows=np.concatenate([[0], np.arange(first, first + end - start)])))
        return found

    @override
    def examples(self, windowed: WindowedDocument) -> list[Example]:
        """A question whose answer is nowhere in the context teaches nothing."""
        assert isinstance(windowed, WindowedQuestions)
        questions = windowed.document.questions or ()
        places = [self._place(question, windowed.pieces) for question in questions]
        found = []
        for window, asked, (start, end), owner in zip(
            self.windows(windowed), self.rows(windowed), windowed.windows, windowed.owners, strict=True
        ):
            place = places[owner]
            if place is None and questions[owner].answerable:
                continue
            is_inside = place is not None and start <= place[0] and place[1] < end
            wanted = (place[0] - start + 1, place[1] - start + 1) if place is not None and is_inside else (0, 0)
            target = Target(units=1, gold=wanted)
            found.append(Example(task=self.name, window=window, asked=asked, target=target))
        return found

    def _place(self, question: Question, pieces: TokenizedText) -> tuple[int, int] | None:
        """First and last piece of the first answer."""
        if not question.answers or not question.answerable or not len(pieces.ids):
            return None
        first, end = touched_pieces(pieces.offsets, question.answers[0])
        return (first, end - 1) if first < end else None

    @override
    def build_head(self, context: HeadContext) -> QAHead:
        from spanbert.tasks.qa.head import QAHead

        return QAHead(context.encoder)

    @override
    def decode(self, windowed: WindowedDocument, outputs: Sequence[OutputArray]) -> list[Answering]:
        """An answering a question."""
        assert isinstance(windowed, WindowedQuestions)
        of_question: list[list[WindowLogits]] = [[] for _ in windowed.questions]
        for (start, _), owner, logits_r2 in zip(windowed.windows, windowed.owners, outputs, strict=True):
            of_question[owner].append(WindowLogits(first=start, logits_r2=logits_r2))
        return [
            answer_question(
                question.id,
                windowed.document.text,
                windowed.pieces.offsets,
                windows,
                candidates=self.config.candidates,
                longest=self.config.longest_answer,
                threshold=self.threshold,
            )
            for question, windows in zip(windowed.document.questions or (), of_question, strict=True)
        ]

    @override
    def selection_score(self, scores: Scores) -> float:
        """F1, at the best threshold where there is one to tune later."""
        return float(scores["best_f1" if self.tuner() is not None and "best_f1" in scores else "f1"])

    @override
    def scorer(self, *, seed: int = 0) -> QADocumentScorer:
        return QADocumentScorer(language=self.language, threshold=self.threshold, seed=seed)

    def tuner(self) -> AnswerTuner | None:
        """What tunes the threshold on dev data; None where there is always an answer, or it was given."""
        tunes = self.threshold is not None and self.config.threshold is None
        return AnswerTuner(language=self.language) if tunes else None
