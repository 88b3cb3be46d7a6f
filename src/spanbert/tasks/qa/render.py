"""Answers for people and programs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import ClassVar

from typing_extensions import override

from spanbert.core.html.style import Palette, escaped, words
from spanbert.core.html.text import marked_text
from spanbert.core.predictions import Answer, Answering
from spanbert.core.types import Facts, Record, Scores, Span
from spanbert.tasks.render import Figure, TaskRender, threshold_remark

_AROUND = 300  # characters of a long context that are shown on either side of the answer
_LISTED = 5  # candidates
_SNAP = 30  # how far a cut moves inwards to fall on a blank
_BADGES = {"answer": "答案", "runner-up": "次优答案"}


class QARender(TaskRender[Answering]):
    """An answer marked in its context, and the other candidates; the text is the context."""

    shows_text = True
    units = ("questions",)
    figures: ClassVar = {
        "f1": Figure("F1", "mean overlap of the answers with the right ones", "f1"),
        "em": Figure("exact match", "share of the questions whose answer is exactly a right one", "exact_match"),
        "has_answer_em": Figure("exact match, answerable", "over the questions that have an answer"),
        "has_answer_f1": Figure("F1, answerable", "over the questions that have an answer"),
        "no_answer_accuracy": Figure(
            "accuracy, unanswerable", "share of the questions without answer that were left unanswered"
        ),
        "best_em": Figure("best exact match", "with the best threshold for exact match"),
        "best_f1": Figure("best F1", "with the best threshold for F1"),
        "best_em_threshold": Figure("its threshold", "nats in favour of no answer"),
        "best_f1_threshold": Figure("its threshold", "nats in favour of no answer"),
    }

    @override
    def record(self, text: str, result: Answering) -> Record:
        """Answer (None where there is none), place, scores and candidates."""
        best, null = result.answer, result.null_score  # infinite where there is no candidate
        return {
            "answer": best.text if best else None,
            "start": best.start if best else None,
            "end": best.end if best else None,
            "score": best.score if best else None,
            "null_score": null if math.isfinite(null) else None,
            "candidates": [asdict(candidate) for candidate in result.candidates],
        }

    @override
    def cells(self, text: str, result: Answering) -> Record:
        """`answer` and `score`, empty where there is none."""
        best = result.answer
        return {"answer": best.text if best else None, "score": best.score if best else None}

    @override
    def places(self, result: Answering) -> Iterator[Span]:
        for answer in (*result.candidates, *([result.answer] if result.answer else [])):
            yield Span(start=answer.start, end=answer.end)

    @override
    def html(self, text: str, result: Answering, palette: Palette) -> str:
        """The answer, then the text with it and the runner-up marked, then the best candidates."""
        best = result.answer
        said = words("No answer in this text.", "文中没有答案。")
        marks = []
        if best:
            score = f'<span class="sb-number sb-note">{best.score:.3f}</span>'
            said = f'{words("Answer", "答案")}: <b dir="auto" lang="">{escaped(best.text)}</b> {score}'
            marks = [Span(start=best.start, end=best.end, label="answer", score=best.score)]
        second = next((one for one in result.candidates if best is None or _apart(one, best)), None)
        if second:
            marks.append(Span(start=second.start, end=second.end, label="runner-up", score=second.score))
        return f"<p>{said}</p>{_context(text, marks, palette, second=bool(second))}{_candidates(result)}"

    @override
    def in_words(self, entry: Facts) -> str:
        return f"question answering: answers in a text{'' if entry['threshold'] is None else ', or none'}"

    @override
    def remarks(self, entry: Facts, scores: Scores) -> list[str]:
        """Where the threshold comes from."""
        if not scores or entry["threshold"] is None:
            return []
        value = f"{entry['threshold']:.4g}"
        return [threshold_remark(entry, f"nothing is answered above {value} nats in favour of no answer")]

    @override
    def intended(self, entry: Facts) -> str:
        return "It answers a question with a stretch of a text that you give it, or says that the text holds no answer."

    @override
    def limits(self, entry: Facts) -> list[str]:
        return ["It knows the text and nothing else, and can only quote it: it neither counts nor concludes."]

    @override
    def elsewhere(self, entry: Facts) -> list[str]:
        if entry["threshold"] is None:
            return []
        return [
            f"The threshold: no answer is given where that is better by {entry['threshold']:.4g} nats.",
            "One answer for a long text: the windows of a text are weighed against each other.",
        ]

    @override
    def python_input(self, entry: Facts) -> list[str]:
        return ['question, context = "Who wrote it?", "It was written by Ann, as long as you like."']

    @override
    def python(self, entry: Facts) -> str:
        return "nlp.answer(question, context)"


def _apart(one: Answer, other: Answer) -> bool:
    """Whether two answers share no character: one that only goes on from the best is no other answer."""
    return one.end <= other.start or other.end <= one.start


def _context(context: str, marks: list[Span], palette: Palette, *, second: bool) -> str:
    """The context with its marks, the last of which may be the runner-up; a long one is cut, the whole folded.

    It is cut around the answer, or after its beginning where there is none; the runner-up may be in the whole alone.
    """
    answers = marks[:-1] if second else marks
    focus_start, focus_end = (answers[0].start, answers[0].end) if answers else (0, 0)
    start, end = _cut(context, focus_start, focus_end)
    whole = _marked(context, marks, palette, second=marks[-1] if second else None)
    if (start, end) == (0, len(context)):
        return whole
    moved = [
        Span(start=mark.start - start, end=mark.end - start, label=mark.label, score=mark.score)
        for mark in marks
        if start <= mark.start and mark.end <= end
    ]
    runner_up = moved[-1] if second and len(moved) == len(marks) else None
    excerpt = _marked(
        context[start:end], moved, palette, cut_before=start > 0, cut_after=end < len(context), second=runner_up
    )
    folded = f"{words('whole text', '全文')}, {len(context):,} {words('characters', '个字符')}"
    return f"{excerpt}<details><summary>{folded}</summary>{whole}</details>"


def _marked(
    text: str,
    marks: list[Span],
    palette: Palette,
    *,
    second: Span | None,
    cut_before: bool = False,
    cut_after: bool = False,
) -> str:
    """A text with its answers marked, which say what they are in both languages."""
    badges, titles = {}, {}
    for mark in marks:
        assert mark.label is not None
        assert mark.score is not None
        chinese = _BADGES[mark.label]
        badges[id(mark)] = words(mark.label, chinese)
        titles[id(mark)] = f"{mark.label} {mark.score:.3f}", f"{chinese} {mark.score:.3f}"
    return marked_text(
        text, marks, palette, cut_before=cut_before, cut_after=cut_after, badges=badges, titles=titles, second=second
    )


def _cut(context: str, focus_start: int, focus_end: int) -> tuple[int, int]:
    """Where to cut a context around a stretch of it, at a blank where one is near."""
    start, end = max(0, focus_start - _AROUND), min(len(context), focus_end + _AROUND)
    if start:
        blank = context.find(" ", start, min(start + _SNAP, focus_start))
        start = blank + 1 if blank >= 0 else start
    if end < len(context):
        blank = context.rfind(" ", max(end - _SNAP, focus_end), end)
        end = blank if blank >= 0 else end
    return start, end


def listed_answers(answering: Answering) -> tuple[Answer, ...]:
    """The candidates of a drawing, the best first."""
    return answering.candidates[:_LISTED]


def _candidates(answering: Answering) -> str:
    if not answering.candidates:
        return ""
    rows = "".join(
        f'<tr><td dir="auto" lang="">{escaped(one.text)}</td><td class="sb-number">{one.start}–{one.end}</td>'
        f'<td class="sb-number">{one.score:.3f}</td></tr>'
        for one in listed_answers(answering)
    )
    return (
        f'<table class="sb-table"><caption>{words("no answer against the best", "无答案相对最佳答案")}: '
        f"{answering.null_score:+.2f} {words('nats', '奈特')}</caption>"
        f'<thead><tr><th scope="col">{words("candidate", "候选答案")}</th>'
        f'<th scope="col" class="sb-number">{words("characters", "字符位置")}</th>'
        f'<th scope="col" class="sb-number">{words("score", "得分")}</th></tr>'
        f"</thead><tbody>{rows}</tbody></table>"
    )
