"""`spanbert.load`: a bundle as an object that answers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, get_args

from spanbert.checkpoint.bundle import BundleFiles, open_bundle
from spanbert.core.errors import InputError, nearest
from spanbert.core.predictions import Answer
from spanbert.core.types import Document, Filling, Question, Relation, Span, outer_first
from spanbert.encoder.config import EncoderConfig
from spanbert.inference.loading import stored_tasks
from spanbert.pipelines.relating import Relating, has_entities, no_entities, without_entities
from spanbert.pipelines.results import Annotated, AnsweredQuestion
from spanbert.tasks.pretrain.fill import PieceScorer, fill_template
from spanbert.tasks.pretrain.template import parse_template
from spanbert.tasks.protocol import TextTask
from spanbert.tasks.relation.task import RelationTask
from spanbert.tokens.tokenizer import TokenizerAdapter, load_tokenizer

if TYPE_CHECKING:
    from spanbert.inference.predictor import Predictor

Precision = Literal["float32", "bfloat16"]


class Pipeline:
    """A loaded bundle; weights are read when the first answer is asked for.

    Args:
        files: The opened bundle.
        precision: See `load`.
        options: See `load`.
    """

    def __init__(
        self,
        files: BundleFiles,
        precision: Precision = "float32",
        options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.files, self.precision, self.options = files, precision, options
        self.tokenizer: TokenizerAdapter = load_tokenizer(files.path)

    @cached_property
    def tasks(self) -> dict[str, TextTask]:
        """The bundle's tasks on labelled texts, by name."""
        return stored_tasks(self.files, self.tokenizer, self.options)

    @cached_property
    def predictor(self) -> Predictor:
        """Encoder and heads of all tasks."""
        import torch

        from spanbert.encoder.hardware import compute_device, has_bfloat16, tune_process
        from spanbert.encoder.linear import can_pack
        from spanbert.inference.heads import load_predictor

        if self.precision == "bfloat16" and not (can_pack() and has_bfloat16(compute_device())):
            raise InputError(
                "this processor does not multiply bfloat16",
                where="precision",
                got=self.precision,
                expected="float32",
            )
        tune_process()
        return load_predictor(self.files, self.tasks, dtype=getattr(torch, self.precision))

    def warm_up(self) -> None:
        """Reads the weights now, and not when the first answer is asked for."""
        if self.tasks:
            _ = self.predictor

    def names(self, task: str | None = None, *, reads_questions: bool = False) -> list[str]:
        """The names of the tasks that read questions with a context, or of those that read texts.

        Args:
            task: One of them alone.
            reads_questions: Which of the two.

        Raises:
            InputError: There is no such task.
        """
        where = str(self.files.path)
        if task is not None and task not in self.tasks:
            raise InputError(f"no task {task!r}", where=where, remedy=nearest(task, self.tasks) if self.tasks else None)
        wanted = [task] if task is not None else list(self.tasks)
        found = [name for name in wanted if (self.tasks[name].kind == "qa") == reads_questions]
        if not found:
            raise InputError(
                f"this bundle has no task that reads {'questions' if reads_questions else 'texts'}",
                where=where,
                got=", ".join(f"{name} ({one.kind})" for name, one in self.tasks.items()) or "no fine-tuned task",
                remedy=_remedy(reads_questions) if self.tasks else "Train one with spanbert finetune",
            )
        return found

    def __call__(self, text: str, pair: str | None = None) -> Annotated:
        """What all tasks on texts say of one text; the encoder runs once for all that read it alone.

        Args:
            text: Any length.
            pair: The second text, for tasks on pairs.

        Raises:
            InputError: No task on texts.
        """
        return next(self.annotate([Document(id="text", text=text, pair=pair)]))

    def pipe(self, texts: Iterable[str], *, task: str | None = None) -> Iterator[Annotated]:
        """What `__call__` says of many texts, batched by length, in order, in bounded memory.

        Args:
            texts: Read as they are needed.
            task: One task alone.

        Raises:
            InputError: One text in place of many, or no task on texts.
        """
        if isinstance(texts, str):
            raise InputError("one text in place of many", got=repr(texts[:40]), remedy="Pass a list, or call nlp(text)")
        documents = (Document(id=str(number), text=text) for number, text in enumerate(texts, start=1))
        return self.annotate(documents, task=task)

    def annotate(self, documents: Iterable[Document], *, task: str | None = None) -> Iterator[Annotated]:
        """What the tasks on texts say of documents, in order.

        Where the first document has no second text, tasks on pairs are left out, unless there are no others. Entities
        are related that documents bring (`relations` to judge, or `spans`), else those that the bundle's tasks find.
        Where the first document brings none and no task finds any, relations are left out, unless there is nothing
        else.

        Args:
            documents: With their words, where they are to be taken as they are; `pair` is the second text.
            task: One task alone.

        Raises:
            InputError: No task on texts, a second text that none reads, or one text where a task reads two.
        """
        names = self.names(task)
        documents = iter(documents)
        first = next(documents, None)
        if first is None:
            return
        documents = chain([first], documents)
        related = [name for name in names if self.tasks[name].kind == "relation"]
        names = [name for name in names if name not in related]
        if first.pair is None:
            names = [name for name in names if self.tasks[name].reads_pairs is not True] or names
        if all(self.tasks[name].reads_pairs is False for name in names):
            documents = map(_single, documents)
        entities = self._entity_tasks()
        if related and not entities and not has_entities(first):
            if not names:
                raise no_entities(first)
            related, documents = [], map(without_entities, documents)  # the other tasks have something to say
        if related:
            yield from Relating(self.predictor, related, entities).annotate(documents, names)
            return
        for document, found in self.predictor.only(names).predict(documents):
            yield Annotated(id=document.id, text=document.text, tasks=found, source=document)

    def _entity_tasks(self) -> list[str]:
        """The tasks that find entities."""
        return [name for name, one in self.tasks.items() if one.kind == "tag" and one.main == "f1"]

    def relate(self, text: str, entities: Sequence[Span], *, task: str | None = None) -> tuple[Relation, ...]:
        """How entities of a text are related, all pairs in one batch; pairs that are not are left out.

        Args:
            text: The text.
            entities: Where they are, with their types as labels where the model knows types.
            task: Which task, where the bundle has several on relations.

        Raises:
            InputError: No task on relations, several and none was named, or an entity outside the text.
        """
        names = [name for name in self.names(task) if self.tasks[name].kind == "relation"]
        if len(names) != 1:
            raise InputError(
                "several tasks on relations" if names else "this bundle has no task on relations",
                where=str(self.files.path),
                got=", ".join(names) or None,
                remedy="Name one with task=" if names else None,
            )
        if any(entity.end > len(text) for entity in entities):
            raise InputError("an entity past the end of the text", expected=f"within {len(text)} characters")
        related = self.tasks[names[0]]
        assert isinstance(related, RelationTask)
        pairs = related.pairs(sorted(entities, key=outer_first), [(0, len(text))])
        document = Document(id="text", text=text, relations=tuple(pairs))
        return next(Relating(self.predictor, names).pairs([document])).relations

    def answer(self, question: str, context: str) -> Answer | None:
        """The answer to a question from a text, or None where the text is taken not to answer it.

        Args:
            question: The question.
            context: The text, of any length; offsets count its characters.

        Raises:
            InputError: The bundle has no task that answers questions.
        """
        return self.ask(question, context).answering.answer

    def ask(self, question: str, context: str) -> AnsweredQuestion:
        """As `answer`, with the other candidates and how sure the model is that there is an answer."""
        asked = Question(id="question", text=question)
        return next(self.answers([Document(id="context", text=context, questions=(asked,))]))

    def answers(self, documents: Iterable[Document], *, task: str | None = None) -> Iterator[AnsweredQuestion]:
        """The answers to the questions of documents, in order.

        Raises:
            InputError: The bundle has no task that answers questions, or several and none was named.
        """
        names = self.names(task, reads_questions=True)
        if len(names) > 1:
            raise InputError("several tasks answer questions", got=", ".join(names), remedy="Name one with task=")
        for document, found in self.predictor.only(names).predict(documents):
            for question, answering in zip(document.questions or (), found[names[0]], strict=True):
                yield AnsweredQuestion(
                    id=question.id, question=question.text, context=document.text, answering=answering
                )

    @cached_property
    def _longest_segment(self) -> int:
        where = str(self.files.path / "config.json")
        return EncoderConfig.from_hugging_face(self.files.config, where=where).longest_segment

    @cached_property
    def _scorer(self) -> PieceScorer:
        from spanbert.tasks.pretrain.scorer import TorchPieceScorer

        return TorchPieceScorer.of_bundle(self.files)

    def fill(self, text: str, *, top_k: int = 5) -> list[Filling]:
        """Fills the blanks of a text: `[MASK]` one piece, `[MASK:3]` three, `[MASK:1-4]` one to four.

        Args:
            text: With one blank or more.
            top_k: How many fillings, best first.

        Raises:
            InputError: No blank, a text too long for one segment, or a bundle without heads.
        """
        if top_k < 1:
            raise InputError("nothing asked for", where="top_k", got=str(top_k), expected="at least 1")
        template = parse_template(text, self.tokenizer, positions=self._longest_segment)
        return fill_template(template, self.tokenizer, self._scorer, top_k=top_k)


def _single(document: Document) -> Document:
    if document.pair is not None:
        raise InputError("a second text, which no task of this bundle reads", where=document.place)
    return document


def _remedy(reads_questions: bool) -> str:
    asked = '{"question": ..., "context": ...}'
    return f"Without {asked} it reads texts alone" if reads_questions else f"Ask it: {asked}, one a line"


def load(
    bundle: str | os.PathLike[str],
    *,
    precision: Precision = "float32",
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Pipeline:
    """Opens a bundle, a Hugging Face directory or a hub id.

    Args:
        bundle: Its path or id.
        precision: Of the encoder's products when texts and questions are read: `bfloat16` is faster on processors that
            multiply it, and moves hidden states by a few hundredths; `fill` is always float32.
        options: By kind of task, settings in place of those that it was trained with, such as
            `{"coref": {"max_mentions": 2000, "depth": 500}}`.

    Raises:
        InputError: Not a model, or damaged; an unknown precision.
    """
    if precision not in get_args(Precision):
        raise InputError("no such precision", where="precision", got=precision, expected=", ".join(get_args(Precision)))
    return Pipeline(open_bundle(os.fspath(bundle)), precision, options)
