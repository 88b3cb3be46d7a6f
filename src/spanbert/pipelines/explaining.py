"""Why a loaded bundle said what it said, and where its heads look."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import replace

from spanbert.core.attributions import BASELINES, Baseline, OnStep, no_step
from spanbert.core.errors import InputError
from spanbert.core.texts import described, require_count, require_text
from spanbert.core.types import Document, Question, Span
from spanbert.inference.routing import Router
from spanbert.pipelines.documents import one_document
from spanbert.pipelines.explanations import AttentionView, Explanation
from spanbert.pipelines.loaded import LoadedBundle
from spanbert.tasks.explain import Wish

Place = str | tuple[int, int] | Span  # the words themselves, or the first character and the one after the last


class Explaining(LoadedBundle):
    """A loaded bundle that says why."""

    @abstractmethod
    def names(self, task: str | None = None) -> list[str]:
        """The names of all tasks, or of the one that is named; refuses others."""

    def explain(
        self,
        text: str | Document,
        *,
        task: str | None = None,
        pair: str | None = None,
        question: str | None = None,
        label: str | None = None,
        of: Place | None = None,
        other: Place | None = None,
        baseline: Baseline = "mask",
        steps: int = 512,
        most: int = 10,
        on_step: OnStep = no_step,
    ) -> Explanation:
        """Why a task says what it says of a text: how much each word moves the score, by integrated gradients.

        Explained is what the task said: the label of a text, each entity, the answer, each link between mentions, each
        relation. `label`, `of` and `other` choose among that, or ask for what was not said: `label="negative"`,
        `of="Paris", label="LOC"`, `of="she", other="Ann"`. What the scores are says `score_is` of the result; the
        words add up to the score less that of a text without words, but for `delta`.

        Args:
            text: A text or a document.
            task: Which task, where the bundle has several that read it.
            pair: The second text, for tasks on pairs.
            question: What is asked about the text, for tasks that answer questions.
            label: Only, or also if it was not said: this label.
            of: Only, or also if it was not said: at this place, such as an entity, an answer, a mention or the head of
                a relation. The words themselves (where they stand first), or the first character and the one after the
                last.
            other: The antecedent of a mention, or the tail of a relation.
            baseline: What stands for a word that is not there: the embedding of `[MASK]` (`mask`), of `[PAD]` (`pad`),
                or zeros (`zero`).
            steps: Steps of the integral at most; from 16 on they are doubled until the words add up.
            most: Things explained at most, in text order.
            on_step: Is called before each pass of the encoder; what it raises ends the explanation.

        Raises:
            InputError: No such task, label or place; several tasks and none was named; a kind of task that cannot be
                explained; a text too long; or the library captum is not installed.
        """
        if baseline not in BASELINES:
            raise InputError("no such baseline", where="baseline", got=repr(baseline), expected=", ".join(BASELINES))
        require_count(steps, "steps")
        require_count(most, "most")
        document = one_document(text, pair)
        if question is not None:
            require_text(question, "question")
            document = replace(document, questions=(Question(id="question", text=question),))
        wish = Wish(
            label=_text_or_none(label, "label"), of=_place(of, document, "of"), other=_place(other, document, "other")
        )
        name = self._explained(document, task)
        explainer = self._explainer
        router = Router(self.tasks, [name], where=str(self.files.path), say=warnings.warn)
        [found] = router.predict(explainer.predictor, [document], [router.route(document)])
        attributions, left_out = explainer.explain(
            name, document, found[name], wish, baseline=baseline, most_steps=steps, most=most, on_step=on_step
        )
        own = self.tasks[name].spec.explainer(self.tasks[name])
        return Explanation(
            id=document.id,
            text=document.text,
            second=own.second(document),
            task=name,
            score_is=own.score_is,
            score_is_zh=own.score_is_zh,
            baseline=baseline,
            attributions=attributions,
            left_out=left_out,
        )

    def _explained(self, document: Document, task: str | None) -> str:
        """The task that is explained: the one that is named, or the only one that reads the document.

        Raises:
            InputError: There is none, or several.
        """
        names, where = self.names(task), str(self.files.path)
        route = Router(self.tasks, names, where=where).route(document)
        readers = [*route.names, *route.related]
        chosen = [name for name in readers if self.tasks[name].spec.explain is not None]
        if task is not None and task not in readers:
            needs = ", ".join(sorted(self.tasks[task].spec.needs)) or "a text alone"
            raise InputError(f"task {task} does not read this text", where=where, expected=f"one with: {needs}")
        if not chosen:
            kinds = ", ".join(f"{name} ({self.tasks[name].kind})" for name in readers)
            raise InputError("no task that can be explained", where=where, got=kinds)
        if len(chosen) > 1:
            remedy = f"Name one: task={chosen[0]!r} (--task {chosen[0]})"
            raise InputError("several tasks read this text", where=where, got=", ".join(chosen), remedy=remedy)
        return chosen[0]

    def attention(self, text: str, *, pair: str | None = None) -> AttentionView:
        """How much every token of a text looks at every other, by layer and head of the encoder.

        Attention shows what information is mixed, not what the answer hangs on: for that there is `explain`.

        Args:
            text: A short text.
            pair: A second one that is read after it; where a question is asked, it comes first.

        Raises:
            InputError: A text too long to show, or an encoder without attention.
        """
        require_text(text, "text")
        encoder = self._explainer.encoder
        from spanbert.explain.attention import attention_of

        return AttentionView(
            id="text", attention=attention_of(encoder, self.tokenizer, text, _text_or_none(pair, "pair"))
        )


def _text_or_none(value: str | None, where: str) -> str | None:
    if value is not None:
        require_text(value, where)
    return value


def _place(value: Place | None, document: Document, where: str) -> Span | None:
    """A place of a text.

    Raises:
        InputError: It is not there.
    """
    text = document.text
    if value is None or isinstance(value, Span):
        span = value
    elif isinstance(value, str):
        span = _first_place(value, text)
        if span is None:
            raise InputError("words that are not in the text", where=where, got=repr(value))
    elif isinstance(value, tuple) and len(value) == 2:
        span = Span(start=value[0], end=value[1])
    else:
        expected = "the words, or the first character and the one after the last"
        raise InputError("not a place in the text", where=where, got=described(value), expected=expected)
    if span is not None and not span.start < span.end <= len(text):
        raise InputError(
            "not a place in the text", where=where, got=f"{span.start}:{span.end}", expected=f"within 0:{len(text)}"
        )
    return span


def _first_place(words: str, text: str) -> Span | None:
    """Where words stand first in a text, whole words before parts of others; None: nowhere."""
    places = []
    start = text.find(words) if words else -1
    while start >= 0:
        end = start + len(words)
        places.append(Span(start=start, end=end))
        if not text[start - 1 : start].isalnum() and not text[end : end + 1].isalnum():
            return places[-1]
        start = text.find(words, start + 1)
    return next(iter(places), None)
