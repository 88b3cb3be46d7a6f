"""Results as HTML: one self-contained page for a file, a fragment for a notebook; no script, no network.

What stands in a text, a label or an id is escaped and stays inert; the page also forbids itself to load anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spanbert.core.predictions import Answering, Classification, Tagging
from spanbert.core.types import Span
from spanbert.pipelines.html_style import STYLE, Palette, escaped
from spanbert.pipelines.html_text import captioned_text, marked_text, text_block
from spanbert.pipelines.results import Annotated, AnsweredQuestion, Result

BARS = 8
AROUND = 300  # characters of a long context that are shown on either side of the answer
_SNAP = 30  # how far a cut moves inwards to fall on a blank


def page(results: Iterable[Annotated | AnsweredQuestion], *, title: str) -> Iterator[str]:
    """One HTML file with everything in it, piece by piece; results are taken one at a time.

    Args:
        results: What to show, in order.
        title: Title and heading.

    Yields:
        Pieces of the file, to be written one after another as UTF-8.
    """
    palette = Palette()
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(title)}</title>\n<style>{STYLE}html,body{{margin:0}}body{{min-height:100vh}}</style>\n"
        f'</head>\n<body class="spanbert">\n<h1 class="sb-head">{escaped(title)}</h1>\n'
    )
    count = 0
    for count, result in enumerate(results, start=1):  # noqa: B007 (the footer says how many there were)
        yield _article(result, palette) + "\n"
    yield f'<p class="sb-foot">{count} result{"" if count == 1 else "s"}</p>\n</body>\n</html>\n'


def fragment(result: Annotated | AnsweredQuestion) -> str:
    """One result with the style that it needs, to stand within another page.

    Args:
        result: What to show.
    """
    return f'<div class="spanbert"><style>{STYLE}</style>{_article(result, Palette())}</div>'


def _article(result: Annotated | AnsweredQuestion, palette: Palette) -> str:
    if isinstance(result, AnsweredQuestion):
        body = _question(result, palette)
    else:
        shown = any(isinstance(one, Tagging) for one in result.tasks.values())  # which show the text themselves
        body = "" if shown else text_block(escaped(result.text))
        for name, one in result.tasks.items():
            if len(result.tasks) > 1:
                body += f'<div class="sb-task">{escaped(name)}</div>'
            body += _section(result.text, one, palette)
    return f'<article><div class="sb-id">{escaped(result.id)}</div>{body}</article>'


def _section(text: str, result: Result, palette: Palette) -> str:
    if isinstance(result, Classification):
        return _classification(result)
    if result.spans is None:
        return captioned_text(text, result.words)
    return marked_text(text, result.spans, palette)


def _classification(result: Classification) -> str:
    """The most probable labels as bars, those that the text is given in bold wherever they rank."""
    if result.value is not None:
        return f'<p class="sb-note">value <b class="sb-number">{result.value:.4g}</b></p>'
    ranked = sorted(result.scores, key=lambda label: -result.scores[label])
    shown = [label for rank, label in enumerate(ranked) if rank < BARS or label in result.labels]
    bars = "".join(_bar(label, result.scores[label], given=label in result.labels) for label in shown)
    notes = [] if result.labels else ["no label"]
    notes += [f"{len(ranked) - len(shown)} less probable labels not shown"] if len(shown) < len(ranked) else []
    note = f'<p class="sb-note">{"; ".join(notes)}</p>' if notes else ""
    return f'<table class="sb-bars"><tbody>{bars}</tbody></table>{note}'


def _bar(label: str, score: float, *, given: bool) -> str:
    row = '<tr class="sb-given">' if given else "<tr>"
    heading = '<th scope="row" class="sb-given">' if given else '<th scope="row">'
    return (
        f'{row}{heading}{escaped(label)}</th><td><div class="sb-bar" style="width:{100 * score:.1f}%"></div></td>'
        f'<td class="sb-number">{score:.3f}</td></tr>'
    )


def _question(result: AnsweredQuestion, palette: Palette) -> str:
    answering = result.answering
    best = answering.answer
    said = "No answer in this text."
    marks = []
    if best:
        said = f'Answer: <b>{escaped(best.text)}</b> <span class="sb-number sb-note">{best.score:.3f}</span>'
        marks = [Span(start=best.start, end=best.end, label="answer", score=best.score)]
    return (
        f'<div class="sb-question" dir="auto" lang="">{escaped(result.question)}</div><p>{said}</p>'
        f"{_context(result.context, marks, palette)}{_candidates(answering)}"
    )


def _context(context: str, marks: list[Span], palette: Palette) -> str:
    """The context with the answer marked; a long one is cut around it (or after its beginning), the whole folded."""
    focus_start, focus_end = (marks[0].start, marks[0].end) if marks else (0, 0)
    start, end = _cut(context, focus_start, focus_end)
    whole = marked_text(context, marks, palette)
    if (start, end) == (0, len(context)):
        return whole
    moved = [Span(start=mark.start - start, end=mark.end - start, label=mark.label, score=mark.score) for mark in marks]
    excerpt = marked_text(context[start:end], moved, palette, cut_before=start > 0, cut_after=end < len(context))
    return f"{excerpt}<details><summary>whole text, {len(context):,} characters</summary>{whole}</details>"


def _cut(context: str, focus_start: int, focus_end: int) -> tuple[int, int]:
    """Where to cut a context around a stretch of it, at a blank where one is near."""
    start, end = max(0, focus_start - AROUND), min(len(context), focus_end + AROUND)
    if start:
        blank = context.find(" ", start, min(start + _SNAP, focus_start))
        start = blank + 1 if blank >= 0 else start
    if end < len(context):
        blank = context.rfind(" ", max(end - _SNAP, focus_end), end)
        end = blank if blank >= 0 else end
    return start, end


def _candidates(answering: Answering) -> str:
    if not answering.candidates:
        return ""
    rows = "".join(
        f'<tr><td dir="auto">{escaped(one.text)}</td><td class="sb-number">{one.start}–{one.end}</td>'
        f'<td class="sb-number">{one.score:.3f}</td></tr>'
        for one in answering.candidates
    )
    return (
        f'<table class="sb-table"><caption>no answer against the best: {answering.null_score:+.2f} nats</caption>'
        '<thead><tr><th scope="col">candidate</th><th scope="col">characters</th><th scope="col">score</th></tr>'
        f"</thead><tbody>{rows}</tbody></table>"
    )
