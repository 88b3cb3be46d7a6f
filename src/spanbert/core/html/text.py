"""A text in HTML with spans marked in it, or with a caption below each word; no character of the text is lost.

Spans that nest become nested marks. A span that begins inside a mark and ends after it cannot be an element of its own:
it is drawn as a line below the text, each such span in the first row that is free.

    [Bank of [England]]          nested: a mark within a mark
    [New York] City              crossing: "New York" is a mark,
        -----------              "York City" a line below
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from spanbert.core.html.style import Palette, escaped, step
from spanbert.core.layers import overlap_free_layers
from spanbert.core.types import Span, outer_first

_CUT = '<span class="sb-cut"> … </span>'


def text_block(inner: str, *, rows: int = 0) -> str:
    """A block that keeps line breaks and runs of blanks.

    Args:
        inner: HTML of the text.
        rows: How many rows of marks and lines there are beyond the first, for which lines are set apart.
    """
    extra = f" {step('rows', rows)}" if rows else ""
    return f'<div class="sb-text{extra}" dir="auto" lang="">{inner}</div>'


def marked_text(
    text: str,
    spans: Sequence[Span],
    palette: Palette,
    *,
    cut_before: bool = False,
    cut_after: bool = False,
    names: Mapping[int, str] | None = None,
    badges: Mapping[int, str] | None = None,
    titles: Mapping[int, tuple[str, str]] | None = None,
    second: Span | None = None,
) -> str:
    """A text with its spans marked, each followed by its label, with the score as tooltip.

    Args:
        text: The text.
        spans: Spans of it, in any order; they may nest, cross, coincide or be empty.
        palette: The colours of the page.
        cut_before: The text is part of one that begins earlier, which "…" says.
        cut_after: The text is part of one that continues after it.
        names: What spans are marks of, by the `id` of each: those of one name light up together (`linked`).
        badges: What stands behind spans in place of their labels, as HTML, by the same.
        titles: What their tooltips say, in English and Chinese, by the same; others say label and score.
        second: The span that is only the next best, and is marked less.

    Returns:
        A text block. Cost: spans times the layers that they overlap in, plus the text.
    """

    def attributes(span: Span, look: str) -> str:
        name = (names or {}).get(id(span))
        title, chinese = (titles or {}).get(id(span)) or (_tooltip(span), None)
        classes = f"{palette.css_class(span.label)} {look}{' sb-second' if span is second else ''}"
        belongs = "" if name is None else f' data-sb="{escaped(name)}"'
        translated = "" if chinese is None else f' data-sb-zh-title="{escaped(chinese)}"'
        return f'class="{classes}" title="{escaped(title)}"{translated}{belongs}'

    def badge(span: Span) -> str:
        if not span.label:
            return ""
        said = (badges or {}).get(id(span)) or escaped(span.label)
        return f'<small class="sb-label {palette.css_class(span.label)}">{said}</small>'

    nested, crossing = _split_crossing(spans)
    layers = overlap_free_layers(nested)
    deepest = len(layers) - 1
    levels = {id(span): deepest - depth for depth, layer in enumerate(layers) for span in layer}
    lines = overlap_free_layers(crossing) if crossing else []
    rows = {id(span): row for row, layer in enumerate(lines) for span in layer}
    starting, crossing_from = defaultdict(list), defaultdict(list)
    for span in nested:
        starting[span.start].append(span)
    for span in crossing:
        crossing_from[span.start].append(span)

    pieces: list[str] = []
    open_marks: list[Span] = []
    active: list[Span] = []
    bounds = sorted({0, len(text), *(span.start for span in spans), *(span.end for span in spans)})
    for place, following in pairwise([*bounds, len(text)]):
        while open_marks and open_marks[-1].end == place:
            pieces.append(badge(open_marks.pop()) + "</mark>")
        pieces += [badge(span) for span in active if span.end == place]
        active = [span for span in active if span.end > place] + crossing_from[place]
        for span in starting[place]:
            pieces.append(f"<mark {attributes(span, step('level', levels[id(span)]))}>")
            if span.end == place:
                pieces.append(badge(span) + "</mark>")
            else:
                open_marks.append(span)
        run = escaped(text[place:following])
        for span in sorted(active, key=lambda one: rows[id(one)]) if run else ():
            run = f"<span {attributes(span, 'sb-line ' + step('row', rows[id(span)]))}>{run}</span>"
        pieces.append(run)
    inner = (_CUT if cut_before else "") + "".join(pieces) + (_CUT if cut_after else "")
    return text_block(inner, rows=deepest + len(lines))


def _split_crossing(spans: Sequence[Span]) -> tuple[list[Span], list[Span]]:
    """Spans that nest in one another or lie apart, and those that cross one of them; both outer first."""
    nested: list[Span] = []
    crossing: list[Span] = []
    open_ends: list[int] = []
    for span in sorted(spans, key=outer_first):
        while open_ends and open_ends[-1] <= span.start:
            open_ends.pop()
        if open_ends and open_ends[-1] < span.end:
            crossing.append(span)
        else:
            nested.append(span)
            open_ends.append(span.end)
    return nested, crossing


def _tooltip(span: Span) -> str:
    score = "" if span.score is None else f"{span.score:.3f}"
    return f"{span.label or ''} {score}".strip()


def captioned_text(text: str, tagged: Sequence[Span]) -> str:
    """A text with the tag of each word below it, with the score as tooltip.

    Args:
        text: The text.
        tagged: Its words in order, none overlapping another, each with its tag as label.

    Returns:
        A text block.
    """
    pieces: list[str] = []
    position = 0
    for word in tagged:
        pieces.append(escaped(text[position : word.start]))
        caption = f'<rt title="{escaped(_tooltip(word))}">{escaped(word.label or "")}</rt>'
        pieces.append(f"<ruby>{escaped(text[word.start : word.end])}{caption}</ruby>")
        position = word.end
    pieces.append(escaped(text[position:]))
    return text_block("".join(pieces), rows=2)


def linked(body: str) -> str:
    """A drawing whose marks and rows light up together: see `drawing.js`.

    Args:
        body: HTML with `data-sb` and `data-sb-marks`.
    """
    return f'<div class="sb-linked">{body}</div>'


def link_row(cells: str, marks: Iterable[str], *, arc: str | None = None) -> str:
    """A row of a table that speaks of marks.

    Args:
        cells: Its cells; the first one becomes a button.
        marks: The names of the marks.
        arc: What is written on the arc from the first of them to the second; None: there is no arc.
    """
    drawn = "" if arc is None else f' data-sb-arc="{escaped(arc)}"'
    return f'<tr data-sb-marks="{escaped(" ".join(marks))}"{drawn}>{cells}</tr>'
