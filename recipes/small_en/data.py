"""Labelled data of small-en: what each task is trained on and chosen by; test files are those of the sets.

entities    PER, ORG, LOC: WikiGold, Broad Twitter Corpus, CrossNER, names of LitBank, nine tenths of UNER-EWT dev
parts       parts of speech: UD English-EWT
clusters    coreference: LitBank, 80 documents
sentiment   rotten_tomatoes
questions   SQuADShifts, its Wikipedia part
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from spanbert.core.types import Document, Span
from spanbert.corpus.formats.format import ReadSettings
from spanbert.corpus.formats.registry import open_data, write_data
from spanbert.corpus.text.words import text_of_words

KEPT = {"PER": "PER", "person": "PER", "politician": "PER", "scientist": "PER",
        "ORG": "ORG", "organisation": "ORG", "politicalparty": "ORG", "university": "ORG",
        "LOC": "LOC", "location": "LOC", "country": "LOC", "GPE": "LOC"}  # fmt: skip
_SMALL = frozenset({"of", "the", "and", "de", "du", "la", "van", "von", "der"})


def mapped(document: Document, *, names_alone: bool = False) -> Document:
    """A sentence with the entities of the three types, and no others.

    Args:
        document: With spans of a set's own types.
        names_alone: Leave out what is not a name: LitBank marks "the old man" as a person too.
    """
    spans = [replace(span, label=KEPT[span.label]) for span in document.spans or () if span.label in KEPT]
    if names_alone:
        spans = [span for span in spans if _is_name(document.text[span.start : span.end])]
    outer: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        if not outer or span.start >= outer[-1].end:
            outer.append(span)
    return Document(id=document.id, text=document.text, words=document.words, spans=tuple(outer), where=document.where)


def _is_name(text: str) -> bool:
    """Whether every word but small ones begins with a capital, the first one among them."""
    words = text.split()
    return (
        bool(words)
        and words[0][:1].isupper()
        and words[0] != "The"
        and all(word[:1].isupper() or word in _SMALL or not word[:1].isalpha() for word in words)
    )


def columns(path: Path, *, nested: bool = False) -> Iterator[Document]:
    """The sentences of a file of columns."""
    settings = ReadSettings(layer="nested" if nested else "ner")
    yield from open_data(path, among=["columns"], settings=settings).documents()


def universal_names(path: Path) -> Iterator[Document]:
    """The sentences of Universal NER: number, word, tag."""
    for number, block in enumerate(path.read_text("utf-8").split("\n\n")):
        rows = [line.split("\t") for line in block.splitlines() if line and not line.startswith("#")]
        if not rows:
            continue
        text, words = text_of_words([row[1] for row in rows])
        spans: list[Span] = []
        for word, row in zip(words, rows, strict=True):
            mark, _, label = row[2].partition("-")
            if mark == "I" and spans and spans[-1].label == label:
                spans[-1] = replace(spans[-1], end=word.end)
            elif label:
                spans.append(Span(start=word.start, end=word.end, label=label))
        yield Document(id=f"{path.name}:{number}", text=text, words=tuple(words), spans=tuple(spans))


def entities(root: Path) -> Mapping[str, list[Document]]:
    """Training and dev sentences, and the two test sets."""
    ner = root / "ner"
    universal = list(universal_names(ner / "uner_en_ewt" / "dev.iob2"))
    cut = len(universal) * 9 // 10
    train: list[Document] = [
        *map(mapped, columns(ner / "wikigold" / "wikigold.conll")),
        *map(mapped, columns(ner / "btc" / "btc.train")),
        *(
            mapped(one)
            for domain in ("politics", "science")
            for one in columns(ner / "crossner" / domain / "train.txt")
        ),
        *(
            mapped(one, names_alone=True)
            for file in sorted((ner / "litbank" / "tsv").glob("*.tsv"))
            for one in columns(file, nested=True)
        ),
        *map(mapped, universal[:cut]),
    ]
    return {
        "train": train,
        "dev": list(map(mapped, universal[cut:])),
        "test-ewt": list(map(mapped, universal_names(ner / "uner_en_ewt" / "test.iob2"))),
        "test-btc": list(map(mapped, columns(ner / "btc" / "btc.test"))),
    }


def write(documents: Iterable[Document], target: Path, to: str) -> None:
    """Writes a file where it is not there yet."""
    if not target.is_file():
        write_data(documents, target, to=to)


def joined_text(files: Iterable[Path], target: Path) -> None:
    """Files one after the other."""
    if not target.is_file():
        target.write_text("".join(file.read_text("utf-8") for file in files), encoding="utf-8")


def questions(files: Iterable[Path], target: Path, wanted: frozenset[str]) -> None:
    """The articles with some titles, of several files of questions."""
    if not target.is_file():
        articles: list[Any] = [one for file in files for one in json.loads(file.read_text("utf-8"))["data"]]
        kept = [one for one in articles if one["title"] in wanted]
        target.write_text(json.dumps({"version": "1.1", "data": kept}, ensure_ascii=False), encoding="utf-8")
