"""Translations for people and programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import ClassVar

from typing_extensions import override

from spanbert.core.html.style import Palette, escaped
from spanbert.core.predictions import Translation
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
        """The best translation, then the others with their scores."""
        best = f'<div class="sb-text" dir="auto" lang="">{escaped(result.text)}</div>'
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
