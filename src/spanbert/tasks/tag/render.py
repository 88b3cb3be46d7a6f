"""Tags and entities, flat and nested, for people and programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from typing_extensions import override

from spanbert.core.html.style import Palette
from spanbert.core.html.text import captioned_text, marked_text
from spanbert.core.layers import overlap_free_layers
from spanbert.core.predictions import Tagging
from spanbert.core.types import Document, Facts, Record, Scores, Span
from spanbert.corpus.formats.columns import format_of, starts_of
from spanbert.corpus.formats.tagged_words import scheme_read
from spanbert.corpus.text.word_tags import tags_of
from spanbert.tasks.render import TaskRender, WordColumns


class TagRender(TaskRender[Tagging]):
    """Spans marked in the text, or a tag below each word."""

    shows_text = True
    in_columns = "tags"
    columns_of = "a tagging task"
    units = ("entities", "words")

    @override
    def record(self, text: str, result: Tagging) -> Record:
        """`entities`, or `tags`."""
        name, spans = ("tags", result.words) if result.spans is None else ("entities", result.spans)
        return {name: [{**asdict(span), "text": text[span.start : span.end]} for span in spans]}

    @override
    def cells(self, text: str, result: Tagging) -> Record:
        """`entities` as `Ann [PER]; Rome [LOC]`, or `tags` as `Ann/PROPN sleeps/VERB`."""
        if result.spans is None:
            return {"tags": " ".join(f"{text[one.start : one.end]}/{one.label}" for one in result.words)}
        return {"entities": "; ".join(f"{text[one.start : one.end]} [{one.label}]" for one in result.spans)}

    @override
    def places(self, result: Tagging) -> Iterator[Span]:
        yield from (*result.words, *(result.spans or ()))

    @override
    def html(self, text: str, result: Tagging, palette: Palette) -> str:
        if result.spans is None:
            return captioned_text(text, result.words)
        return marked_text(text, result.spans, palette)

    @override
    def columns(self, document: Document, result: Tagging) -> WordColumns:
        """The tag of each word, or tags of the spans in a scheme, BIO if the text came without.

        Where spans overlap there are as many columns as the text needs: each span is in the first that is free, outer
        ones first. A text that came with tags of a scheme keeps it. A span that begins or ends inside a word is an
        `InputError`.
        """
        before = starts_of(document)
        if result.spans is None:
            tags = [word.label or "_" for word in result.words]
            return WordColumns(words=result.words, columns=[tags], before=before)
        read = format_of(document)
        scheme = (scheme_read(document) if read is None else read.scheme) or "BIO"
        layers = (
            Document(id=document.id, text=document.text, words=result.words, spans=tuple(layer))
            for layer in overlap_free_layers(result.spans)
        )
        return WordColumns(words=result.words, columns=(tags_of(layer, scheme) for layer in layers), before=before)

    @override
    def in_words(self, entry: Facts) -> str:
        what = "nested entities" if entry["nested"] else "entities" if entry["scheme"] else "a tag a word"
        return f"sequence labelling: {what}"

    @override
    def labels(self, entry: Facts) -> list[str]:
        """Of entities their types, without the letters of the scheme."""
        found = super().labels(entry)
        in_a_scheme = not entry["nested"] and entry["scheme"]
        return sorted({tag.partition("-")[2] for tag in found} - {""}) if in_a_scheme else found

    @override
    def intended(self, entry: Facts) -> str:
        if not _finds_entities(entry):
            return "It gives every word of a text one of the tags below."
        inside = ", also inside of one another" if entry["nested"] else ""
        return f"It finds places of the types below{inside}, by characters, with their probabilities."

    @override
    def limits(self, entry: Facts) -> list[str]:
        return ["Types that its training data had few of are found less often than the figures say."]

    @override
    def elsewhere(self, entry: Facts) -> list[str]:
        whole = "Words: one tag a word, from its first piece, where `transformers` tags pieces."
        if not entry["scheme"]:
            return [whole]
        legal = (
            f"Legal decoding: the best sequence of tags that {entry['scheme']} allows, where `transformers` takes the "
            "best tag of each piece by itself. Where we measured it, that is worth 2 to 9 points of entity F1."
        )
        return [legal, whole]

    @override
    def by_label(self, scores: Scores) -> Mapping[str, Facts]:
        """Of each tag where words have tags of their own."""
        found: Mapping[str, Facts] = scores.get("by_tag") or super().by_label(scores)
        return found

    @override
    def nothing(self, entry: Facts) -> str:
        """No entity; but a dash may be a tag of words."""
        return "nothing there" if _finds_entities(entry) else super().nothing(entry)

    @override
    def python(self, entry: Facts) -> str:
        return f"nlp(text).{'entities' if _finds_entities(entry) else 'tags'}"


def _finds_entities(entry: Facts) -> bool:
    return bool(entry["nested"] or entry["scheme"])
