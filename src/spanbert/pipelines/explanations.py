"""Why a bundle said what it said of a text, and where its heads look: results that are JSON, lines and HTML.

    why = nlp.explain("A fine film.")
    why[0].words            what each word of the text moved the first thing that was said
    why.as_record()         for JSON

A notebook shows them as HTML.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from spanbert.core.attributions import Attention, Attribution, Baseline, WordAttribution
from spanbert.core.excerpts import shortened
from spanbert.core.html.shading import attention_html, shaded_text
from spanbert.core.html.style import Palette, escaped, words
from spanbert.core.types import Record, Span
from spanbert.pipelines.html import article, fragment
from spanbert.tasks.render import span_record

_TOP = 8


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Explanation:
    """What a task said of a text, each thing with what every word has to do with it.

    Attributes:
        id: Name of the text.
        text: The text.
        second: The question that was asked about it, or the second text of a pair.
        task: The task's name.
        score_is: What the scores are, in words.
        score_is_zh: The same in Chinese.
        baseline: What stood for a word that is not there.
        attributions: One for each thing that is explained, in text order.
        left_out: How many more there are.
    """

    id: str
    text: str
    second: str | None
    task: str
    score_is: str
    score_is_zh: str
    baseline: Baseline
    attributions: tuple[Attribution, ...]
    left_out: int = 0

    def __iter__(self) -> Iterator[Attribution]:
        return iter(self.attributions)

    def __len__(self) -> int:
        return len(self.attributions)

    def __getitem__(self, number: int) -> Attribution:
        """The attribution of this number, from 0."""
        return self.attributions[number]

    def __repr__(self) -> str:
        """The text, and for each thing the words that count most."""
        said = [
            f"{self.about(one)} because of {', '.join(word.text for word in one.top(3)) or 'nothing'}"
            for one in self.attributions
        ]
        return f"<{' | '.join([repr(shortened(self.text, 60)), *said])}>"

    def about(self, one: Attribution) -> str:
        """What an attribution is about, in a few words: `PER Barack Obama`."""
        places = ", ".join(self.text[place.start : place.end] for place in one.places)
        return f"{one.label} {places}".strip()

    def lines(self) -> list[str]:
        """For people."""
        lines = [] if self.second is None else [self.second]
        lines.append(self.text)
        for one in self.attributions:
            lines.append("")
            lines.append(f"{self.task}: {self.about(one)}")
            lines.append(f"  {self.score_is}: {one.score:.3f}; without words {one.baseline_score:.3f}")
            lines += [f"  {word.score:+8.3f}  {word.text}" for word in one.top(_TOP)]
            lines.append(f"  {_exactness(one)}")
        if self.left_out:
            lines += ["", f"{self.left_out:,} more are not explained; most (--most) sets how many are"]
        return lines

    def as_record(self) -> Record:
        """As JSON: `words` and `second_words` with start, end, text and score; all of a text's words are there."""
        return {
            "id": self.id,
            "text": self.text,
            **({} if self.second is None else {"second": self.second}),
            "task": self.task,
            "score_is": self.score_is,
            "baseline": self.baseline,
            "explanations": [self._record(one) for one in self.attributions],
            "left_out": self.left_out,
        }

    def _record(self, one: Attribution) -> Record:
        return {
            "label": one.label,
            "places": [span_record(self.text, place) for place in one.places],
            "score": one.score,
            "baseline_score": one.baseline_score,
            "words": _words(one.words),
            **({} if self.second is None else {"second_words": _words(one.second)}),
            "delta": one.delta,
            "steps": one.steps,
            "converged": one.converged,
        }

    def html(self, palette: Palette) -> str:
        """The text, shaded, as an article of a page."""
        return article(self.id, self.drawing(palette))

    def drawing(self, palette: Palette) -> str:
        """The text, shaded, without its id; the palette is not used: shades have colours of their own."""
        drawn = "".join(self._drawn(one) for one in self.attributions)
        more = ""
        if self.left_out:
            more = f'<p class="sb-note">{self.left_out:,} {words("more are not explained", "项未解释")}</p>'
        return f'<div class="sb-task">{escaped(self.task)}</div>{drawn}{more}'

    def _drawn(self, one: Attribution) -> str:
        """What it is about, the texts shaded in one scale, and how exact the sum is."""
        about = ", ".join(
            f'<b dir="auto" lang="">{escaped(self.text[place.start : place.end])}</b>' for place in one.places
        )
        score, nothing = (f'<span class="sb-number">{number:.2f}</span>' for number in (one.score, one.baseline_score))
        said = f"{words(self.score_is, self.score_is_zh)}: {score}, {words('without words', '没有词的文本')} {nothing}"
        most = max((abs(word.score) for word in one.top(1)), default=1.0)
        second = "" if self.second is None else shaded_text(self.second, _parts(one.second), most=most)
        first = shaded_text(self.text, _parts(one.words), most=most)
        return (
            f'<p>{words("Why", "为什么是")} <b dir="auto" lang="">{escaped(one.label)}</b> {about} '
            f'<span class="sb-note">{said}</span></p>{second}{first}<p class="sb-note">{_drawn_exactness(one)}</p>'
        )

    def _repr_html_(self) -> str:
        return fragment(self)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class AttentionView:
    """Where the heads of a bundle's encoder look in a text.

    Attributes:
        id: Name of the text.
        attention: The tokens, and the weights by layer and head.
    """

    id: str
    attention: Attention

    def __repr__(self) -> str:
        """How much there is."""
        layers, heads, tokens, _ = self.attention.weights_NHTT.shape
        return f"<AttentionView: {layers} layers, {heads} heads, {tokens} tokens>"

    def lines(self) -> list[str]:
        """For people: how much there is; the rest is pictures."""
        return [repr(self)]

    def as_record(self) -> Record:
        """As JSON: `tokens`, and `weights` by layer, head, the token that looks and the one that is looked at."""
        weights = self.attention.weights_NHTT.astype(float).round(4).tolist()
        return {"id": self.id, "tokens": [asdict(one) for one in self.attention.pieces], "weights": weights}

    def html(self, palette: Palette) -> str:
        """A picture for each head, as an article of a page."""
        return article(self.id, attention_html(self.attention))

    def _repr_html_(self) -> str:
        return fragment(self)


def _words(words: Sequence[WordAttribution]) -> list[Record]:
    return [asdict(word) for word in words]


def _parts(words: Sequence[WordAttribution]) -> list[Span]:
    return [Span(start=word.start, end=word.end, score=word.score) for word in words]


_MUCH = ", which is much: take more steps before you believe small differences"
_MUCH_ZH = "，误差较大，小的差别还不可信"


def _exactness(one: Attribution) -> str:
    """How far the sum of the words is from the score, in words."""
    said = f"{one.steps} steps; the words add up to the score within {abs(one.delta):.2g}"
    return said if one.converged else said + _MUCH


def _drawn_exactness(one: Attribution) -> str:
    """The same as HTML, and what the colours mean."""
    steps = f"{one.steps} {words('steps; the words add up to the score within', '步；各词之和与得分相差')}"
    much = "" if one.converged else words(_MUCH, _MUCH_ZH)
    colours = words("Blue speaks for it, orange with dots below against it.", "蓝色表示支持，橙色加点线表示反对。")
    return f"{colours} {steps} {abs(one.delta):.2g}{much}"
