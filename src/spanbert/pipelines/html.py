"""Results as HTML: one self-contained page for a file, a fragment for a notebook; no script, no network.

What stands in a text, a label or an id is escaped and stays inert; the page also forbids itself to load anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spanbert.core.predictions import Answering, Classification, Coreference, RelationExtraction
from spanbert.core.types import Relation, Span
from spanbert.pipelines.html_style import STYLE, Palette, escaped
from spanbert.pipelines.html_text import captioned_text, marked_text, text_block
from spanbert.pipelines.results import Annotated, AnsweredQuestion, Result
from spanbert.scores.relations import relates

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
        shown = any(not isinstance(one, Classification) for one in result.tasks.values())  # which show the text
        body = "" if shown else text_block(escaped(result.text))
        for name, one in result.tasks.items():
            if len(result.tasks) > 1:
                body += f'<div class="sb-task">{escaped(name)}</div>'
            body += _section(result.text, one, palette)
    return f'<article><div class="sb-id">{escaped(result.id)}</div>{body}</article>'


def _section(text: str, result: Result, palette: Palette) -> str:
    if isinstance(result, Classification):
        return _classification(result)
    if isinstance(result, Coreference):
        return _coreference(text, result, palette)
    if isinstance(result, RelationExtraction):
        return _relations(text, result, palette)
    if result.spans is None:
        return captioned_text(text, result.words)
    return marked_text(text, result.spans, palette)


def _coreference(text: str, result: Coreference, palette: Palette) -> str:
    """The text with the mentions of each cluster in one colour; all of a cluster light up under the pointer."""
    sure = {(link.mention.start, link.mention.end): link for link in result.links}
    marks, groups, titles = [], {}, {}
    for number, (cluster, head) in enumerate(zip(result.clusters, result.heads, strict=True), start=1):
        name = text[head.start : head.end]
        for mention in cluster:
            mark = Span(start=mention.start, end=mention.end, label=str(number))
            marks.append(mark)
            groups[id(mark)] = f"sb-c{number}"
            link = sure.get((mention.start, mention.end))
            said = ""
            if link is not None:
                said = f", refers to {text[link.antecedent.start : link.antecedent.end]} {link.score:.3f}"
            titles[id(mark)] = f"{number}: {name}{said}"
    rules = "".join(
        f".sb-text:has(.sb-c{number}:hover) .sb-c{number}{{outline:.15em solid var(--deep)}}"
        for number in range(1, len(result.clusters) + 1)
    )
    shown = marked_text(text, marks, palette, groups=groups, titles=titles)
    rows = "".join(
        f'<tr><td class="sb-number">{number}</td><td dir="auto">{escaped(text[head.start : head.end])}</td>'
        f'<td class="sb-number">{len(cluster)}</td></tr>'
        for number, (cluster, head) in enumerate(zip(result.clusters, result.heads, strict=True), start=1)
    )
    if not rows:
        return f'{shown}<p class="sb-note">no clusters</p>'
    return (
        f'<style>{rules}</style>{shown}<table class="sb-table"><thead><tr><th scope="col">cluster</th>'
        f'<th scope="col">head</th><th scope="col">mentions</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _relations(text: str, result: RelationExtraction, palette: Palette) -> str:
    """The text with its entities, and a row for each pair that is related."""
    ends = {(end.start, end.end): end for one in result.relations for end in (one.head, one.tail)}
    marks = [Span(start=end.start, end=end.end, label=end.label or "entity") for end in ends.values()]
    related = [one for one in result.relations if relates(one.label)]
    rows = "".join(_relation_row(text, one) for one in related)
    body = marked_text(text, marks, palette)
    if not rows:
        return f'{body}<p class="sb-note">no relations among {len(result.relations)} pairs</p>'
    return (
        f'{body}<table class="sb-table"><thead><tr><th scope="col">head</th><th scope="col">relation</th>'
        f'<th scope="col">tail</th><th scope="col">score</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _relation_row(text: str, relation: Relation) -> str:
    head, tail = (escaped(text[end.start : end.end]) for end in (relation.head, relation.tail))
    score = "" if relation.score is None else f"{relation.score:.3f}"
    return (
        f'<tr><td dir="auto">{head}</td><td>{escaped(relation.label)}</td><td dir="auto">{tail}</td>'
        f'<td class="sb-number">{score}</td></tr>'
    )


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
