"""`spanbert.load`: a bundle as an object that predicts."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Self, get_args, overload

from typing_extensions import override

from spanbert.checkpoint.bundle import open_bundle
from spanbert.checkpoint.cached import cached_export
from spanbert.core.device import AUTO, DeviceLike, device_name
from spanbert.core.errors import InputError, nearest
from spanbert.core.model_path import model_name
from spanbert.core.predictions import Answer
from spanbert.core.texts import described, require_count, require_many, require_path, require_text
from spanbert.core.types import Document, Facts, Filling, Question, Relation, Span, outer_first
from spanbert.corpus.text.sentences import split_sentences
from spanbert.encoder.config import EncoderConfig
from spanbert.inference.predictor import Predictor, chunks
from spanbert.inference.routing import Router
from spanbert.inference.work import ChunkProgress
from spanbert.pipelines.documents import checked_documents, is_one, many_documents, one_document
from spanbert.pipelines.explaining import Explaining
from spanbert.pipelines.loaded import Precision
from spanbert.pipelines.pipe import Piping, batches
from spanbert.pipelines.results import AnnotatedText, results_of
from spanbert.tasks.pretrain.fill import fill_templates
from spanbert.tasks.pretrain.template import Template, parse_template
from spanbert.tasks.relating import RelatingTask


class Pipeline(Explaining, Piping):
    """A loaded bundle; weights are read when the first answer is asked for. Threads may share it."""

    def warm_up(self) -> Self:
        """Reads the weights now, and answers once, so that the first answer that is asked for comes as fast as any.

        Returns:
            The pipeline itself: `nlp = spanbert.load(bundle).warm_up()`.

        Raises:
            InputError: A model without any head.
        """
        if not self.tasks:
            _ = self._scorer
            return self
        plain = [name for name, task in self.tasks.items() if task.shares_encoder_pass]
        self.predictor.only(plain).predict_chunk([Document(id="warm up", text="Hello.")])
        return self

    def for_people(self) -> Pipeline:
        """The same model, which also finds what only people look at, such as the alignment of a translation.

        Returns:
            A pipeline that shares the weights of this one, if these have been read.
        """
        tasks = {name: task.for_report() for name, task in self.tasks.items()}
        other = object.__new__(Pipeline)
        with self.lock:
            other.__dict__ |= self.__dict__ | {"tasks": tasks}
            if "predictor" in self.__dict__:
                other.__dict__["predictor"] = Predictor(self.predictor.backend, tasks)
        return other

    @override
    def again(self) -> Callable[[], Pipeline]:
        """Loads the same bundle in the same way."""
        return partial(load, self.files.path, device=self._device_name, precision=self.precision, options=self.options)

    def __repr__(self) -> str:
        """Which bundle, and which tasks."""
        tasks = ", ".join(f"{name} ({task.kind})" for name, task in self.tasks.items())
        return f"<Pipeline {model_name(self.files.path)}: {tasks or 'no task, fills blanks'}>"

    @override
    def names(self, task: str | None = None) -> list[str]:
        """The names of all tasks, or of the one that is named.

        Raises:
            InputError: There is no such task.
        """
        if task is None:
            return list(self.tasks)
        require_text(task, "task")
        if task not in self.tasks:
            where, remedy = str(self.files.path), nearest(task, self.tasks) if self.tasks else None
            raise InputError(f"no task {task!r}", where=where, remedy=remedy)
        return [task]

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a str is an Iterable[str] too
        self, text: str | Document, *more: object, pair: str | None = None
    ) -> AnnotatedText: ...
    @overload
    def __call__(
        self, text: Iterable[str | Document], *more: object, pair: Iterable[str] | None = None
    ) -> list[AnnotatedText]: ...
    def __call__(
        self,
        text: str | Document | Iterable[str | Document],
        *more: object,
        pair: str | Iterable[str] | None = None,
    ) -> AnnotatedText | list[AnnotatedText]:
        """What all tasks on texts predict for a text; the encoder runs once for all that read only this text.

        Args:
            text: A text of any length or a document, which give a result; or many in a list, a Series, a stream and
                so on, which give a list of results.
            more: Nothing; a second text is called `pair=`.
            pair: The second text, for tasks on pairs; of many texts as many.

        Raises:
            InputError: Something else than texts and documents, or no task that reads them.
        """
        if more:
            raise InputError(
                "several texts",
                got=f"{1 + len(more)} of them",
                remedy="Pass a list, nlp([a, b]), or name the second text of a pair, nlp(a, pair=b)",
            )
        if is_one(text):
            return next(self.predict([one_document(text, pair)]))
        return list(self.predict(many_documents(text, pair, or_one="a str or a Document")))

    @override
    def predict(
        self,
        documents: Iterable[Document],
        *,
        task: str | None = None,
        batch_size: int | None = None,
        more_at_hand: Callable[[], bool] | None = None,
        progress: ChunkProgress | None = None,
        say: Callable[[str], None] = warnings.warn,
    ) -> Iterator[AnnotatedText]:
        """What the bundle's tasks predict for documents, in order, in bounded memory; texts and questions may be mixed.

        Each document is read by the tasks that suit its content: see `routing`. The entities that are related are its
        own (`relations` to judge, or `spans`), else those that the bundle's tasks find in it.

        Args:
            documents: With words where their own are to be used; read as they are needed.
            task: One task alone.
            batch_size: See `pipe`.
            more_at_hand: Whether another document can be had without waiting for it; where it cannot, those at hand are
                answered first. None: always.
            progress: Is told how far each chunk of documents is, 0..1, while it is worked on.
            say: Is told of texts of whose pairs of entities some are not judged.

        Yields:
            A result for each text, and for each question of a document with questions.

        Raises:
            InputError: Something else than Documents, no task reads what one carries, or no size of a batch.
        """
        if batch_size is not None:
            require_count(batch_size, "batch_size")
        router = Router(self.tasks, self.names(task), where=str(self.files.path), say=say)
        given = checked_documents(documents)
        for chunk in chunks(given, more_at_hand) if batch_size is None else batches(given, batch_size):
            routes = [router.route(document) for document in chunk]  # refuses before weights are read
            every = router.predict(self.predictor, chunk, routes, progress=progress)
            for document, found in zip(chunk, every, strict=True):
                yield from results_of(document, found)

    def relate(self, text: str, entities: Sequence[Span], *, task: str | None = None) -> tuple[Relation, ...]:
        """How entities of a text are related; pairs that are not are left out, and of very many the farthest.

        Args:
            text: The text.
            entities: Where they are, with their types as labels where the model knows types.
            task: Which task, where the bundle has several on relations.

        Raises:
            InputError: No task on relations, several and none was named, or an entity outside the text.
        """
        require_text(text, "text")
        require_many(entities, "entities", things="Spans")
        for number, entity in enumerate(entities):
            if not isinstance(entity, Span):
                got = described(entity)
                raise InputError("not a place in the text", where=f"entities[{number}]", got=got, expected="a Span")
        names = [name for name in self.names(task) if "entities" in self.tasks[name].spec.needs]
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
        assert isinstance(related, RelatingTask)
        sentences = split_sentences(text, kept_whole=entities)
        pairs = related.pairs(sorted(entities, key=outer_first), [(0, len(text))], sentences)
        remark = pairs.remark("text")
        if remark is not None:
            warnings.warn(remark, stacklevel=2)
        document = Document(id="text", text=text, relations=pairs.judged)
        return next(self.predict([document], task=names[0])).relations

    def answer(self, question: str, context: str) -> Answer | None:
        """The answer to a question from a text, or None if the text is judged not to answer it.

        Args:
            question: The question.
            context: The text, of any length; offsets count its characters.

        Raises:
            InputError: The bundle has no task that answers questions.
        """
        return self.ask(question, context).answering.answer

    def ask(self, question: str, context: str) -> AnnotatedText:
        """As `answer`, with the other candidates and how sure the model is that there is an answer."""
        require_text(question, "question")
        require_text(context, "context")
        names = [name for name in self.tasks if "question" in self.tasks[name].spec.needs]
        if len(names) > 1:
            remedy = "Ask one with predict(documents, task=)"
            raise InputError("several tasks answer questions", got=", ".join(names), remedy=remedy)
        asked = Question(id="question", text=question)
        document = Document(id="context", text=context, questions=(asked,))
        return next(self.predict([document]))

    @overload
    def translate(self, text: str, *, task: str | None = None) -> str: ...  # type: ignore[overload-overlap]
    @overload
    def translate(self, text: Iterable[str], *, task: str | None = None) -> list[str]: ...
    def translate(self, text: str | Iterable[str], *, task: str | None = None) -> str | list[str]:
        """The translation of a text, or those of several, batched; an empty text has an empty one.

        Long texts are translated sentence by sentence. `nlp.predict` gives scores and further candidates too.

        Args:
            text: A text of any length, or many in a list, a Series, a stream and so on.
            task: Which task, where the bundle has several that translate.

        Raises:
            InputError: No such task, several and none was named, or something else than texts.
        """
        names = [name for name in self.names(task) if self.tasks[name].generation is not None]
        if len(names) != 1:
            raise InputError(
                "several tasks translate" if names else "this bundle has no task that translates",
                where=str(self.files.path),
                got=", ".join(names or self.tasks) or None,
                remedy="Name one with task=" if names else None,
            )
        documents = many_documents([text] if isinstance(text, str) else text, or_one="a str")
        found = [result[names[0]].text for result in self.predict(documents, task=names[0])]
        return found[0] if isinstance(text, str) else found

    @cached_property
    def _longest_segment(self) -> int:
        return EncoderConfig.of_bundle(self.files).longest_segment

    def fill(self, text: str, *, top_k: int = 5) -> list[Filling]:
        """Fills the blanks of a text: `[MASK]` one piece, `[MASK:3]` three, `[MASK:1-4]` one to four.

        Args:
            text: With one blank or more.
            top_k: How many fillings, best first.

        Raises:
            InputError: No blank, a text too long for one segment, or a bundle without heads.
        """
        require_text(text, "text")
        require_count(top_k, "top_k")
        [found] = self.fill_templates([self.template(text)], top_k=top_k)
        return found

    def template(self, text: str) -> Template:
        """A text with blanks, cut at these.

        Raises:
            InputError: See `fill`.
        """
        return parse_template(text, self.tokenizer, positions=self._longest_segment)

    def fill_templates(
        self,
        templates: Sequence[Template],
        *,
        top_k: int = 5,
        pieces: Collection[int] | None = None,
        wanted: Callable[[int], bool] | None = None,
    ) -> list[list[Filling]]:
        """Fills the blanks of many texts, which are read together.

        Args:
            templates: Made by `template`.
            top_k: How many fillings of each, best first.
            pieces: The ids of the pieces that may be filled in; None: all.
            wanted: Whether anybody still waits for those of a text, by its number; None: always.

        Returns:
            The fillings of each text; none of one that was not waited for to the end.

        Raises:
            InputError: Too much to try out, or a bundle without heads.
        """
        return fill_templates(templates, self.tokenizer, self._scorer, top_k=top_k, pieces=pieces, wanted=wanted)


def load(
    bundle: str | os.PathLike[str],
    *,
    device: DeviceLike = AUTO,
    precision: Precision = "auto",
    options: Mapping[str, Facts] | None = None,
) -> Pipeline:
    """Opens a bundle, an exported model, a Hugging Face directory or a hub id.

    Args:
        bundle: Its path or id.
        device: What computes: `"auto"` (CUDA where there is one, else the CPU), `"cpu"`, `"cuda"`, `"cuda:1"`, `"mps"`,
            the number of a CUDA card (-1: the CPU) or a `torch.device`; an exported model computes on the CPU.
        precision: Of the encoder's products when texts and questions are read: `bfloat16` is faster on processors that
            multiply it, and moves hidden states by a few hundredths; `auto` is `bfloat16` on a GPU that multiplies it,
            else `float32`, and for an exported model its own; `fill` of a bundle is always float32. `int8` of a bundle
            is an export that was made once, `spanbert export BUNDLE --precision int8`, and is kept in the cache.
        options: By kind of task, settings in place of those that it was trained with, such as
            `{"coref": {"singletons": "keep", "depth": 500}}`.

    Raises:
        InputError: Not a model, or damaged; an unknown precision, or one that an exported model does not have; a device
            that there is not.
    """
    require_path(bundle, "bundle")
    if precision not in get_args(Precision):
        raise InputError(
            "no such precision", where="precision", got=repr(precision), expected=", ".join(get_args(Precision))
        )
    name = device_name(device)
    files = open_bundle(os.fspath(bundle), exported=True)
    if precision == "int8" and not files.is_exported:
        files = open_bundle(cached_export(files, "int8"), exported=True)
    if not files.is_exported and name not in (AUTO, "cpu"):
        from spanbert.encoder.hardware import resolved_device

        resolved_device(name)  # refuses now what cannot be had
    return Pipeline(files, precision, options, name)
