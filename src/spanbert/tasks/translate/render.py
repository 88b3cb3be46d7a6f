"""Translations for people and programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import ClassVar

from typing_extensions import override

from spanbert.core.html.style import Palette, escaped, words
from spanbert.core.html.text import linked, text_block
from spanbert.core.predictions import Alignment, Translation
from spanbert.core.types import Facts, Record, Scores
from spanbert.tasks.render import Figure, TaskRender


class TranslateRender(TaskRender[Translation]):
    """A translation, its score, and others that were asked for."""

    figures: ClassVar = {
        "bleu": Figure("BLEU", "n-grams shared with the reference translation, 0 to 100 (sacreBLEU)", "bleu"),
        "chrf": Figure("chrF++", "character and word n-grams shared with the reference, 0 to 100", "chrf"),
        "ter": Figure("TER", "edits a reference word to make the translation right, percent; lower is better", "ter"),
        "ppl": Figure(
            "perplexity", "among how many pieces the model hesitates at each of the reference; lower is better"
        ),
    }
    units: ClassVar = ("sentences",)
    falling: ClassVar = frozenset({"ppl", "ter"})
    as_text: ClassVar = True

    @override
    def record(self, text: str, result: Translation) -> Record:
        """`translation` and `score`; `candidates` where several were asked for, `alignments` where these were."""
        found: Record = {"translation": result.text, "score": result.score}
        if len(result.candidates) > 1:
            found["candidates"] = [asdict(one) for one in result.candidates]
        if result.alignments:
            found["alignments"] = [asdict(one) for one in result.alignments]
        return found

    @override
    def cells(self, text: str, result: Translation) -> Record:
        """`translation` and `score`."""
        return {"translation": result.text, "score": result.score}

    @override
    def text(self, result: Translation) -> Iterator[str]:
        """The translations, best first; line breaks become blanks, since each is a line."""
        return (" ".join(one.text.splitlines()) for one in result.candidates)

    @override
    def html(self, text: str, result: Translation, palette: Palette) -> str:
        """The best translation, with its alignment where it has one, then the others with their scores."""
        best = text_block(escaped(result.text)) + "".join(map(_aligned, result.alignments))
        others = "".join(
            f'<li dir="auto" lang="">{escaped(one.text)} <span class="sb-number">{one.score:.3f}</span></li>'
            for one in result.candidates[1:]
        )
        return best + (f'<ol class="sb-note" start="2">{others}</ol>' if others else "")

    @override
    def in_words(self, entry: Facts) -> str:
        decoder = entry["decoder"]
        shape = f"{decoder['layers']} layers, {decoder['width']} wide"
        return f"translation: a decoder of {shape}, {entry['vocabulary_size']:,} pieces"

    @override
    def remarks(self, entry: Facts, scores: Scores) -> list[str]:
        """How words are divided."""
        return [f"BLEU divides words by sacreBLEU's tokenizer {entry['tokenizer']!r}."] if scores else []

    @override
    def sureness(self, entry: Facts) -> str:
        return "100 - chrF++"

    @override
    def intended(self, entry: Facts) -> str:
        return "It translates texts, sentence by sentence, from the language of its training data into the other one."

    @override
    def limits(self, entry: Facts) -> list[str]:
        return ["A translation may leave out or make up things, and reads well all the same: check what matters."]

    @override
    def python(self, entry: Facts) -> str:
        return "nlp.translate(text)"


def _aligned(alignment: Alignment) -> str:
    """The words of a sentence, then those of its translation, each with its counterparts below it."""
    source = " ".join(f'<span data-sb="s{place}">{escaped(word)}</span>' for place, word in enumerate(alignment.source))
    target = " ".join(
        _written(word, weights, alignment.source)
        for word, weights in zip(alignment.target, alignment.weights, strict=True)
    )
    title = f'<div class="sb-task">{words("alignment", "对齐")}</div>'
    return linked(title + text_block(source) + text_block(target, rows=2))


def _written(word: str, weights: Sequence[float], source: Sequence[str]) -> str:
    places = _counterparts(weights)
    looks = escaped(", ".join(f"{source[place]} {weights[place]:.2f}" for place in places))
    below = f'<rt title="{looks}">{escaped(" ".join(source[place] for place in sorted(places)))}</rt>'
    return f'<ruby data-sb-marks="{" ".join(f"s{place}" for place in places)}">{escaped(word)}{below}</ruby>'


def _counterparts(weights: Sequence[float]) -> list[int]:
    """The words that another word looks at most, the most first: those with half as much as the first."""
    most = max(weights, default=0.0)
    ranked = sorted(range(len(weights)), key=lambda place: -weights[place])
    return [place for place in ranked if most and weights[place] >= most / 2]
