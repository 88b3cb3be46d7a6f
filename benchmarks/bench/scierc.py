"""SciERC as it is annotated: each sentence with its words, entities and relations."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from spanbert.core.types import Document, Relation, Span
from spanbert.corpus.text.words import text_of_words

FOLDER = Path("re", "scierc")  # of the folder of data sets


def sentences(data: Path, part: str) -> Iterator[Document]:
    """Each sentence of a part with its words, entities and relations.

    Args:
        data: The folder of data sets.
        part: train, dev or test.
    """
    with (data / FOLDER / f"{part}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            record, first = json.loads(line), 0
            layers = zip(record["sentences"], record["ner"], record["relations"], strict=True)
            for number, (tokens, entities, relations) in enumerate(layers):
                text, words = text_of_words(tokens)

                span = partial(_span, words, first)
                labels = {(start, end): label for start, end, label in entities}
                yield Document(
                    id=f"{record['doc_key']}-{number}",
                    text=text,
                    words=tuple(words),
                    spans=tuple(span(start, end, label) for start, end, label in entities),
                    relations=tuple(
                        Relation(head=span(*one, labels[one]), tail=span(*other, labels[other]), label=label)
                        for one, other, label in (((a, b), (c, d), label) for a, b, c, d, label in relations)
                    ),
                )
                first += len(tokens)


def _span(words: Sequence[Span], first: int, start: int, end: int, label: str | None = None) -> Span:
    """From one word of the document to another; the first of the sentence has the number `first`."""
    return Span(start=words[start - first].start, end=words[end - first].end, label=label)


def without_overlaps(document: Document) -> Document:
    """The sentence with the outer entities alone, which a flat tagger can learn; one in seventy lies in another."""
    kept: list[Span] = []
    for entity in sorted(document.spans or (), key=lambda one: (one.start, -one.end)):
        if not kept or kept[-1].end <= entity.start:
            kept.append(entity)
    return Document(id=document.id, text=document.text, words=document.words, spans=tuple(kept))
