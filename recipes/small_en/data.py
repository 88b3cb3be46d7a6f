"""Labelled data of small-en: what each task is trained on and chosen by; test files are those of the sets.

entities    PER, ORG, LOC: WikiGold, Broad Twitter Corpus, CrossNER, names of LitBank, nine tenths of UNER-EWT dev
parts       parts of speech: UD English-EWT
clusters    coreference: LitBank, 80 documents
sentiment   rotten_tomatoes
questions   SQuADShifts, its Wikipedia part
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from spanbert.core.types import Document, Span
from spanbert.corpus.formats.clusters import in_first_cluster, repeated_mentions
from spanbert.corpus.formats.format import ReadSettings
from spanbert.corpus.formats.registry import open_data
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


def litbank_split() -> Mapping[str, list[str]]:
    """Names of LitBank's documents by part, for entities and clusters alike."""
    file = Path(__file__).parents[2] / "benchmarks" / "litbank_split.json"
    found: dict[str, list[str]] = json.loads(file.read_text("utf-8"))
    return found


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
            for name in litbank_split()["train"]
            for one in columns(ner / "litbank" / "tsv" / f"{name}.tsv", nested=True)
        ),
        *map(mapped, universal[:cut]),
    ]
    return {
        "train": train,
        "dev": list(map(mapped, universal[cut:])),
        "test-ewt": list(map(mapped, universal_names(ner / "uner_en_ewt" / "test.iob2"))),
        "test-btc": list(map(mapped, columns(ner / "btc" / "btc.test"))),
    }


def questions(root: Path) -> Mapping[str, list[Document]]:
    """Questions about articles of Wikipedia; of the held-out ones some to choose by, the others to score on."""
    folder = root / "qa" / "squadshifts" / "split"

    def about_wikipedia(file: Path) -> Iterator[Any]:
        articles = json.loads(file.read_text("utf-8"))["data"]
        return (one for one in articles if ": " not in one["title"])  # others are called "reddit: ..." and so on

    def documents(articles: Iterable[Any]) -> list[Document]:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "questions.json"
            path.write_text(
                json.dumps({"version": "1.1", "data": list(articles)}, ensure_ascii=False), encoding="utf-8"
            )
            return list(open_data(path, among=["squad"]).documents())

    held_out = list(about_wikipedia(folder / "dev.json"))
    train = (one for file in sorted(folder.glob("train-*.json")) for one in about_wikipedia(file))
    return {"train": documents(train), "dev": documents(held_out[::2]), "test": documents(held_out[1::2])}


def parts_of_speech(root: Path) -> Mapping[str, list[Document]]:
    """UD English-EWT, one tag a word."""
    folder = root / "pos" / "ud_english_ewt"
    settings = ReadSettings(layer="upos")

    def documents(files: Iterable[Path]) -> list[Document]:
        return [one for file in files for one in open_data(file, among=["columns"], settings=settings).documents()]

    return {
        "train": documents(sorted(folder.glob("train-*.conllu"))),
        "dev": documents([folder / "dev.conllu"]),
        "test": documents([folder / "test.conllu"]),
    }


def clusters(root: Path) -> Mapping[str, list[Document]]:
    """LitBank by our split; a mention in two clusters stays in the first."""

    def documents(names: Iterable[str]) -> Iterator[Document]:
        for name in names:
            for one in open_data(root / "coref" / "litbank" / f"{name}.conll", among=["conll2012"]).documents():
                yield replace(one, clusters=in_first_cluster(one)) if repeated_mentions(one) else one

    return {part: list(documents(names)) for part, names in litbank_split().items()}


def sentiment(root: Path) -> Mapping[str, list[Document]]:
    """rotten_tomatoes, in words in place of numbers."""
    names = {"0": "negative", "1": "positive"}

    def documents(file: Path) -> list[Document]:
        found = open_data(file, among=["labelled"]).documents()
        return [replace(one, labels=tuple(names[label] for label in one.labels or ())) for one in found]

    return {part: documents(root / "cls" / "rotten_tomatoes" / f"{part}.tsv") for part in ("train", "dev", "test")}


def brought(root: Path) -> Mapping[str, tuple[str, list[Document]]]:
    """Of each task, a format and the dev texts that the package brings, by which its int8 is set and compared."""
    tweets = map(mapped, columns(root / "ner" / "btc" / "btc.dev"))
    return {
        "entities": ("columns", [*entities(root)["dev"], *islice(tweets, 600)]),
        "parts": ("columns", parts_of_speech(root)["dev"][:600]),
        "clusters": ("coref-jsonl", clusters(root)["dev"]),
        "sentiment": ("labelled", sentiment(root)["dev"]),
        "questions": ("qa-jsonl", questions(root)["dev"][:300]),
    }


def tests(root: Path) -> Mapping[str, tuple[str, list[Document]]]:
    """What is scored: by its name, the task and the test texts."""
    names = entities(root)
    return {
        "entities, UNER-EWT": ("entities", names["test-ewt"]),
        "entities, Broad Twitter Corpus": ("entities", names["test-btc"]),
        "parts of speech, English-EWT": ("parts", parts_of_speech(root)["test"]),
        "clusters, LitBank": ("clusters", clusters(root)["test"]),
        "sentiment, rotten_tomatoes": ("sentiment", sentiment(root)["test"]),
        "questions, SQuADShifts": ("questions", questions(root)["test"]),
    }
