"""Attributions and attention in HTML: words shaded by what they moved, and small pictures of where each head looks.

What speaks for the answer is blue, what speaks against it orange and underlined; the darker, the more. There is no
script and no `style` attribute: a shade is a class. What a pointer rests on says its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from spanbert.core.attributions import Attention
from spanbert.core.html.style import STEPS, escaped, words
from spanbert.core.html.text import text_block
from spanbert.core.types import IntArray, OutputArray, Span

_LEVELS = 8  # shades of a picture
_LEAST = 0.03  # weights of attention below it are not drawn
_LOOKS = 4  # tokens that a row of a picture names
_STRONGEST = 8  # words in a table


def shaded_text(text: str, parts: Sequence[Span], *, most: float | None = None) -> str:
    """A text whose parts are shaded by how much they speak for something, or against it, and a table of the strongest.

    Args:
        text: The text.
        parts: Stretches of it in order, none overlapping another, with what they count for as score: above 0 for it,
            below 0 against it.
        most: The score with the darkest shade; None: the largest here.

    Returns:
        A text block, and a table where something counts.
    """
    weighed = [part for part in parts if part.score]
    most = most or max((abs(part.score or 0.0) for part in weighed), default=1.0)
    pieces: list[str] = []
    position = 0
    for part in weighed:
        score = part.score or 0.0
        side = "sb-for" if score > 0 else "sb-against"
        shade = min(STEPS, max(1, round(STEPS * abs(score) / most)))
        inner = escaped(text[part.start : part.end])
        pieces += [
            escaped(text[position : part.start]),
            f'<span class="{side} sb-shade-{shade}" title="{score:+.3f}">{inner}</span>',
        ]
        position = part.end
    pieces.append(escaped(text[position:]))
    strongest = sorted(weighed, key=lambda part: -abs(part.score or 0.0))[:_STRONGEST]
    rows = "".join(_weight(text, part, most) for part in strongest)
    table = f'<table class="sb-bars">{_heading()}<tbody>{rows}</tbody></table>' if rows else ""
    return text_block("".join(pieces)) + table


def _heading() -> str:
    return (
        f'<thead><tr><th scope="col">{words("word", "词")}</th>'
        f'<th scope="col" colspan="2">{words("adds to it, or takes away", "增减多少")}</th></tr></thead>'
    )


def _weight(text: str, part: Span, most: float) -> str:
    """A row: the word, a bar, the number."""
    score = part.score or 0.0
    return (
        f'<tr><th scope="row" dir="auto">{escaped(text[part.start : part.end])}</th>'
        f'<td><svg class="sb-weight{"" if score > 0 else " sb-less"}" viewBox="0 0 100 1" '
        'preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{100 * min(abs(score) / most, 1.0):.1f}" height="1"/></svg></td>'
        f'<td class="sb-number">{score:+.3f}</td></tr>'
    )


def attention_html(attention: Attention) -> str:
    """A picture for each head of each layer: rows are the tokens that look, columns those that are looked at."""
    names = [piece.text for piece in attention.pieces]
    listed = " ".join(f"{number}:{name}" for number, name in enumerate(names, start=1))
    layers = "".join(
        f"<details{'' if layer else ' open'}><summary>layer {layer + 1}</summary>"
        f'<div class="sb-heads">{_heads(weights_HTT, names, layer + 1)}</div></details>'
        for layer, weights_HTT in enumerate(attention.weights_NHTT)
    )
    note = f"Rows look at columns; weights below {_LEAST:.0%} are not drawn. Rest the pointer on a row to read it."
    return f'<p class="sb-note">{escaped(note)}</p><p class="sb-note" dir="auto">{escaped(listed)}</p>{layers}'


def _heads(weights_HTT: OutputArray, names: Sequence[str], layer: int) -> str:
    return "".join(
        f"<figure>{_picture(weights_TT, names, f'layer {layer}, head {head}')}"
        f'<figcaption class="sb-note">head {head}</figcaption></figure>'
        for head, weights_TT in enumerate(weights_HTT, start=1)
    )


def _picture(weights_TT: OutputArray, names: Sequence[str], title: str) -> str:
    """One head as SVG: cells of about the same weight are one path."""
    size = len(names)
    levels_TT = np.ceil(weights_TT * _LEVELS).astype(int).clip(0, _LEVELS)
    levels_TT[weights_TT < _LEAST] = 0
    paths = []
    for level in np.unique(levels_TT[levels_TT > 0]).tolist():
        cells = "".join(
            f"M{start} {row}.5h{end - start}"
            for row in range(size)
            for start, end in _runs(np.flatnonzero(levels_TT[row] == level))
        )
        paths.append(f'<path d="{cells}" opacity="{level / _LEVELS:.2f}"/>')
    said = (escaped(_looks(weights_TT[row], names, row)) for row in range(size))
    rows = "".join(
        f'<rect y="{row}" width="{size}" height="1"><title>{one}</title></rect>' for row, one in enumerate(said)
    )
    return (
        f'<svg viewBox="0 0 {size} {size}" role="img" aria-label="{escaped(title)}">'
        f"<title>{escaped(title)}</title>{''.join(paths)}{rows}</svg>"
    )


def _runs(places: IntArray) -> list[tuple[int, int]]:
    """Neighbouring numbers as half-open runs."""
    breaks = np.flatnonzero(np.diff(places) > 1) + 1
    bounds = [0, *breaks.tolist(), len(places)]
    return [(int(places[low]), int(places[high - 1]) + 1) for low, high in pairwise(bounds) if low < high]


def _looks(weights_T: OutputArray, names: Sequence[str], row: int) -> str:
    best = np.argsort(-weights_T, kind="stable")[:_LOOKS].tolist()
    return f"{names[row]} looks at {', '.join(f'{names[one]} {weights_T[one]:.2f}' for one in best)}"
