"""Attributions and attention in HTML: words shaded by what they moved, and small pictures of where each head looks.

What speaks for the answer is blue, what speaks against it orange; the darker, the more. No script: details open and
shut by themselves, and what a pointer rests on says its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from spanbert.core.attributions import Attention, Attribution, WordAttribution
from spanbert.core.html.style import escaped
from spanbert.core.html.text import text_block
from spanbert.core.types import IntArray, OutputArray, Span

STYLE = """
.spanbert{--for:119 170 221;--against:238 136 102}
@media (prefers-color-scheme:dark){.spanbert{--for:31 94 150;--against:150 70 35}}
.sb-for{background:rgb(var(--for)/var(--w))}.sb-against{background:rgb(var(--against)/var(--w))}
.sb-word{border-radius:.2em;padding:.1em .05em}.sb-about{border-bottom:.15em solid currentColor;font-weight:600}
.sb-bar.sb-for,.sb-bar.sb-against{--w:1}
.sb-heads{display:flex;flex-wrap:wrap;gap:.6rem;margin:.4rem 0}
.sb-heads figure{margin:0;width:11rem}.sb-heads svg{width:100%;border:1px solid var(--rule);display:block}
.sb-heads path{stroke:var(--bar);stroke-width:1;fill:none}.sb-heads rect{fill:transparent}
.sb-heads rect:hover{fill:rgb(var(--against)/.35)}
"""
_LEAST = 0.03  # weights of attention below it are not drawn
_LEVELS = 8  # shades of a picture
_LOOKS = 4  # tokens that a row of a picture names


def attribution_html(one: Attribution, text: str, second: str | None, *, score_is: str, shown: int = 8) -> str:
    """An attribution: its texts shaded, the words that count most as bars, and how exact the sum is.

    Args:
        one: The attribution.
        text: The text.
        second: The question, or the second text of a pair.
        score_is: What the score is, in words.
        shown: How many words have a bar.
    """
    about = ", ".join(f"<b>{escaped(text[place.start : place.end])}</b>" for place in one.places)
    head = (
        f"<p>Why <b>{escaped(one.label)}</b>{': ' + about if about else ''} "
        f'<span class="sb-note">{escaped(score_is)}: <span class="sb-number">{one.score:.2f}</span>, '
        f'without words <span class="sb-number">{one.baseline_score:.2f}</span></span></p>'
    )
    most = max((abs(word.score) for word in (*one.words, *one.second)), default=0.0)
    body = "" if second is None else shaded_text(second, one.second, most=most)
    body += shaded_text(text, one.words, most=most, about=one.places)
    rows = "".join(_bar(word, most) for word in one.top(shown))
    bars = f'<table class="sb-bars"><tbody>{rows}</tbody></table>' if rows else ""
    return f'{head}{body}{bars}<p class="sb-note">{escaped(exactness(one))}</p>'


def exactness(one: Attribution) -> str:
    """How far the sum of the words is from the score, in words."""
    said = f"{one.steps} steps; the words add up to the score within {abs(one.delta):.2g}"
    return said if one.converged else f"{said}, which is much: take more steps before you believe small differences"


def shaded_text(text: str, words: Sequence[WordAttribution], *, most: float, about: Sequence[Span] = ()) -> str:
    """A text whose words are shaded by their attributions; no character of it is lost.

    Args:
        text: The text.
        words: Its words in order.
        most: The attribution with the darkest shade.
        about: Places that are underlined.
    """
    pieces = []
    position = 0
    for word in words:
        pieces.append(escaped(text[position : word.start]))
        share = abs(word.score) / most if most else 0.0
        side = "sb-for" if word.score > 0 else "sb-against"
        marked = " sb-about" if any(one.start < word.end and word.start < one.end for one in about) else ""
        pieces.append(
            f'<span class="sb-word {side}{marked}" style="--w:{0.85 * share:.2f}" title="{word.score:+.3f}">'
            f"{escaped(text[word.start : word.end])}</span>"
        )
        position = word.end
    pieces.append(escaped(text[position:]))
    return text_block("".join(pieces))


def _bar(word: WordAttribution, most: float) -> str:
    side = "sb-for" if word.score > 0 else "sb-against"
    return (
        f'<tr><th scope="row" dir="auto">{escaped(word.text)}</th><td><div class="sb-bar {side}" '
        f'style="width:{100 * abs(word.score) / most:.1f}%"></div></td>'
        f'<td class="sb-number">{word.score:+.3f}</td></tr>'
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
