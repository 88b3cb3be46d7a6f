"""What a loaded bundle predicts for a text, or for a question about one: the results of its tasks.

    doc = nlp("Ann left Rome.")
    doc.entities            the spans of all tagging tasks, in text order
    doc["sentiment"]        the result of one task
    doc.clusters            mentions of the same thing; doc.resolve() puts names in place of pronouns
    doc.relations           how entities are related
    doc.as_record()         for JSON

A notebook shows it as HTML.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from spanbert.core import mentions
from spanbert.core.errors import InputError, nearest
from spanbert.core.excerpts import shortened
from spanbert.core.html.style import Palette, escaped
from spanbert.core.html.text import text_block
from spanbert.core.located import located
from spanbert.core.predictions import (
    Answering,
    Classification,
    Cluster,
    Coreference,
    RelationExtraction,
    Tagging,
    Translation,
)
from spanbert.core.types import Document, Facts, Record, Relation, Span, outer_first
from spanbert.pipelines.html import article, fragment
from spanbert.scores.relations import relates
from spanbert.tasks.registry import spec_of_result
from spanbert.tasks.render import TaskRender

ResultT = TypeVar("ResultT")
_OWN = ("id", "text", "question", "tasks")  # keys of a record


def render_of(result: object) -> TaskRender[Any]:
    """What shows a result."""
    return spec_of_result(result).renderer()


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class AnnotatedText:
    """A text, or a question about one, with the result of each task of a bundle.

    Iterating gives the names of the tasks, so that `name in doc` works.

    Attributes:
        id: Name of the text, or of the question.
        text: The text, unmodified; every span counts code points of it.
        question: What is asked about it; None: it is read as it is.
        tasks: The result of each task, by the task's name, in the bundle's order.
        source: The document that was read, for what its format carries in addition to the text.

    Raises:
        ValueError: A span reaches past the end of the text.
    """

    id: str
    text: str
    question: str | None = None
    tasks: Mapping[str, object]
    source: Document | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tasks", {name: located(result, self.text) for name, result in self.tasks.items()})
        for name, result in self.tasks.items():
            for span in render_of(result).places(result):
                if span.end > len(self.text):
                    raise ValueError(
                        f"{self.id!r}, task {name!r}: span {span.start}..{span.end} reaches past the end of the "
                        f"{len(self.text)} characters"
                    )

    def __repr__(self) -> str:
        """The text, and what each task says in short."""
        about = shortened(self.text if self.question is None else self.question, 60)
        said = {name: render_of(result).cells(self.text, result) for name, result in self.tasks.items()}
        lines = [f"{name}: {', '.join(map(_short, cells.values()))}" for name, cells in said.items()]
        return f"<{' | '.join([repr(about), *lines])}>"

    def __getitem__(self, name: str) -> Any:
        """The result of one task.

        Raises:
            InputError: No such task.
        """
        if name not in self.tasks:
            raise InputError(f"no task {name!r}; {nearest(name, self.tasks)}", where=self.id)
        return self.tasks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tasks)

    @property
    def answering(self) -> Answering:
        """The answer to the question, with the other candidates.

        Raises:
            InputError: No task answered it, or several did.
        """
        return self._only(Answering, "no question was answered", "several tasks answered")

    @property
    def taggings(self) -> dict[str, Tagging]:
        """The results of tagging tasks, by name."""
        return _of_type(self.tasks, Tagging)

    @property
    def classifications(self) -> dict[str, Classification]:
        """The results of classification and regression tasks, by name."""
        return _of_type(self.tasks, Classification)

    @property
    def entities(self) -> tuple[Span, ...]:
        """The spans of all tagging tasks in text order, an outer one before those within it."""
        found = (span for tagging in self.taggings.values() for span in tagging.spans or ())
        return tuple(sorted(found, key=outer_first))

    @property
    def tags(self) -> tuple[Span, ...]:
        """The words of tasks with a tag a word (parts of speech), each with its tag as label."""
        return tuple(word for tagging in self.taggings.values() if tagging.spans is None for word in tagging.words)

    @property
    def coreferences(self) -> dict[str, Coreference]:
        """The results of coreference tasks, by name."""
        return _of_type(self.tasks, Coreference)

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """Mentions of the same thing, by all coreference tasks; `doc[name].heads` and `.links` have details."""
        return tuple(
            Cluster(cluster, head)
            for result in self.coreferences.values()
            for cluster, head in zip(result.clusters, result.heads, strict=True)
        )

    @property
    def relation_extractions(self) -> dict[str, RelationExtraction]:
        """The results of relation tasks, by name."""
        return _of_type(self.tasks, RelationExtraction)

    @property
    def relations(self) -> tuple[Relation, ...]:
        """How entities are related, by all relation tasks; pairs that are not related are left out."""
        found = self.relation_extractions.values()
        return tuple(one for result in found for one in result.relations if relates(one.label))

    @property
    def translation(self) -> str:
        """The translation of the text.

        Raises:
            InputError: No task translated it, or several did.
        """
        return self._only(Translation, "nothing was translated", "several tasks translated").text

    def resolve(self) -> str:
        """The text with every pronoun replaced by what it stands for: see `core.mentions.resolve`.

        Raises:
            InputError: No coreference task.
        """
        if not self.coreferences:
            raise InputError("no coreference task to resolve pronouns by", where=self.id, got=", ".join(self.tasks))
        return mentions.resolve(self.text, self.clusters)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the text is given, by all classification tasks."""
        return tuple(label for result in self.classifications.values() for label in result.labels)

    @property
    def scores(self) -> Mapping[str, float]:
        """The probability of every label of all classification tasks.

        Raises:
            InputError: Two tasks have a label in common.
        """
        merged: dict[str, float] = {}
        for name, result in self.classifications.items():
            shared = merged.keys() & result.scores.keys()
            if shared:
                raise InputError(
                    "several tasks score the same label",
                    where=self.id,
                    got=repr(min(shared)),
                    remedy=f"Ask for one task: doc[{name!r}].scores",
                )
            merged |= result.scores
        return merged

    @property
    def value(self) -> float | None:
        """The number of the regression task, or None without one.

        Raises:
            InputError: Several tasks predict one.
        """
        values = {name: result.value for name, result in self.classifications.items() if result.value is not None}
        if len(values) > 1:
            raise InputError(
                "several tasks predict a number",
                where=self.id,
                got=", ".join(values),
                remedy=f"Ask for one task: doc[{next(iter(values))!r}].value",
            )
        return next(iter(values.values()), None)

    def as_record(self) -> Record:
        """The results as JSON.

        Returns:
            `id`, the `question` with its `context` or else the `text`, what else its row or line of JSON held, and
            under `tasks` by name what the kind of each task has in its records: `entities` or `tags` (start, end,
            label, score, text), `labels` and `scores`, `answer` and so on. Beside clusters there are the `sentences`,
            lists of words, and the `speakers` of the words, where the text came with its words.
        """
        records = {name: render_of(result).record(self.text, result) for name, result in self.tasks.items()}
        about = {"text": self.text}
        if self.question is not None:
            about = {"question": self.question, "context": self.text}
        kept = {name: value for name, value in self.fields.items() if name not in (*_OWN, self._read_as_text)}
        earlier = self.fields.get("tasks")  # by another bundle, whose records were read
        kept = {**self._words_and_speakers(), **kept}
        return {"id": self.id, **about, **kept, "tasks": {**(earlier if isinstance(earlier, dict) else {}), **records}}

    def _words_and_speakers(self) -> Record:
        """The words of a text with clusters, sentence by sentence, and who says each, where it came with its words."""
        source = self.source
        if source is None or source.words is None or not self.coreferences or "tokens" in self.fields:
            return {}
        bounds = source.sentences or [(0, len(source.words))]
        words = [self.text[word.start : word.end] for word in source.words]
        speakers = source.columns.get("speaker", ())
        made: Record = {"sentences": [words[start:end] for start, end in bounds]}
        return made | ({"speakers": [list(speakers[start:end]) for start, end in bounds]} if speakers else {})

    @property
    def _read_as_text(self) -> str | None:
        """The field that the text was read from, where it has another name."""
        if "text" in self.fields:
            return None
        return next((name for name, value in self.fields.items() if value == self.text), None)

    @property
    def fields(self) -> Facts:
        """What its row of a table or line of JSON held, where it came from one."""
        return {} if self.source is None else self.source.fields

    def html(self, palette: Palette) -> str:
        """The text and its results as an article of a page with these colours."""
        return article(self.id, self.drawing(palette))

    def drawing(self, palette: Palette) -> str:
        """The text and its results in these colours, without its id."""
        renders = {name: render_of(result) for name, result in self.tasks.items()}
        body = "" if any(render.shows_text for render in renders.values()) else text_block(escaped(self.text))
        if self.question is not None:
            body = f'<div class="sb-question" dir="auto" lang="">{escaped(self.question)}</div>{body}'
        for name, render in renders.items():
            if len(renders) > 1:
                body += f'<div class="sb-task">{escaped(name)}</div>'
            body += render.html(self.text, self.tasks[name], palette)
        return body

    def _only(self, wanted: type[ResultT], none: str, several: str) -> ResultT:
        """The one result of a type; `none` and `several` say what is wrong where there is not exactly one."""
        found = list(_of_type(self.tasks, wanted).values())
        if len(found) != 1:
            what = several if found else none
            raise InputError(what, where=self.id, got=", ".join(self.tasks), remedy="Ask for one task: doc[NAME]")
        return found[0]

    def _repr_html_(self) -> str:
        return fragment(self)


def _short(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else shortened(str(value), 100) or "-"


def _of_type(results: Mapping[str, object], wanted: type[ResultT]) -> dict[str, ResultT]:
    return {name: result for name, result in results.items() if isinstance(result, wanted)}


def results_of(document: Document, found: Record) -> Iterator[AnnotatedText]:
    """The result of a text, or one for each of its questions."""
    if document.questions is None:
        yield AnnotatedText(id=document.id, text=document.text, tasks=found, source=document)
        return
    for number, question in enumerate(document.questions):
        answers = {name: answered[number] for name, answered in found.items()}
        yield AnnotatedText(id=question.id, text=document.text, question=question.text, tasks=answers, source=document)
