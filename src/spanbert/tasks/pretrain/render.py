"""Filled blanks for people."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

from spanbert.core.html.style import Palette, bar, words
from spanbert.core.html.text import marked_text
from spanbert.core.types import Filling, Span
from spanbert.tasks.pretrain.template import texts_around


def fillings_html(template: str, fillings: Sequence[Filling], palette: Palette) -> str:
    """The text with each filling marked in it, the best first, and the probability of a piece of it as a bar.

    Args:
        template: The text with its blanks.
        fillings: What may stand in them.
        palette: The colours of the page.
    """
    around = texts_around(template)
    rows = "".join(_row(around, filling, palette) for filling in fillings)
    return (
        f'<table class="sb-bars"><thead><tr><th scope="col" class="sb-wide">{words("filled", "填空结果")}</th>'
        f'<th scope="col">{words("probability of a piece", "每个词元的概率")}</th>'
        f'<td class="sb-number"></td></tr></thead><tbody>{rows}</tbody></table>'
    )


def _row(around: Sequence[str], filling: Filling, palette: Palette) -> str:
    marks, position = [], 0
    for before, fill, scores in zip(around, filling.fills, filling.piece_scores, strict=False):
        start = position + len(before)
        position = start + len(fill)
        marks.append(Span(start=start, end=position, score=exp(sum(scores) / len(scores))))
    probability = exp(filling.score)
    return (
        f'<tr><th scope="row" class="sb-wide">{marked_text(filling.text, marks, palette)}</th>'
        f'<td>{bar(probability)}</td><td class="sb-number">{probability:.3f}</td></tr>'
    )
