"""Sentence boundaries: ours and sentencex alone on UD English-EWT, OntoGUM, Chinese GSD, as they are and wrapped.

Also how many mentions of OntoGUM's wrapped texts reach over a boundary, and over the end of a line.

python benchmarks/sentences.py
"""

from __future__ import annotations

import textwrap
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from common import real_data, write_result

from spanbert.corpus.formats.registry import open_data
from spanbert.corpus.text.sentences import split_sentences

Splitter = Callable[[str], list[tuple[int, int]]]


class Text(NamedTuple):
    """A text with where its sentences end."""

    text: str
    ends: frozenset[int]


def universal(files: Iterable[Path], *, paragraphs: bool) -> Iterator[Text]:
    """The documents of CoNLL-U files; sentences without marks of documents in groups of twenty."""
    for file in files:
        sentences: list[tuple[str, str]] = []  # what comes before, and the sentence
        between = "\n\n"
        for line in file.read_text("utf-8").splitlines():
            if line.startswith("# newdoc") and sentences:
                yield joined(sentences)
                sentences = []
            elif line.startswith("# newpar"):
                between = "\n\n"
            elif line.startswith("# text = "):
                sentences.append((between, line.removeprefix("# text = ")))
                between = " " if paragraphs else ""
            elif line and not line.startswith("#"):
                last = line.split("\t")[-1]
            elif not line and "SpaceAfter=No" in last:
                between = ""
            if not paragraphs and len(sentences) == 20 and not line:
                yield joined(sentences)
                sentences = []
        if sentences:
            yield joined(sentences)


def joined(sentences: list[tuple[str, str]]) -> Text:
    """Sentences as a text."""
    text, ends = "", set()
    for number, (before, sentence) in enumerate(sentences):
        text += (before if number else "") + sentence
        ends.add(len(text))
    return Text(text, frozenset(ends))


def gum(files: Iterable[Path]) -> Iterator[Text]:
    """The documents of CoNLL-2012 files, words and sentences joined by blanks; our reader puts sentences in lines."""
    for file in files:
        for document in open_data(file, among=["conll2012"]).documents():
            ends = {document.words[after - 1].end for _, after in document.sentences}
            yield Text(document.text.replace("\n", " "), frozenset(ends))


def wrapped(one: Text, columns: int = 72) -> Text:
    """The same text in lines of at most so many characters; every offset stays."""
    out = list(one.text)
    for start, paragraph in _paragraphs(one.text):
        place = start
        lines = textwrap.wrap(paragraph, columns, break_long_words=False, break_on_hyphens=False, drop_whitespace=False)
        for line in lines[:-1]:
            place += len(line)
            if out[place - 1] == " ":
                out[place - 1] = "\n"
    return Text("".join(out), one.ends)


def _paragraphs(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for paragraph in text.split("\n\n"):
        yield start, paragraph
        start += len(paragraph) + 2


def straddling(files: Iterable[Path], columns: int) -> dict[str, float]:
    """Of the mentions of wrapped texts, the share that reaches over a found boundary, and over the end of a line."""
    mentions = over_ends = over_lines = 0
    for file in files:
        for document in open_data(file, among=["conll2012"]).documents():
            text = wrapped(Text(document.text.replace("\n", " "), frozenset()), columns).text
            ends = [end for _, end in split_sentences(text)]
            for mention in (one for cluster in document.clusters or () for one in cluster):
                mentions += 1
                over_ends += bisect_right(ends, mention.start) != bisect_left(ends, mention.end)
                over_lines += "\n" in text[mention.start : mention.end]
    return {"mentions": mentions, "over_ends": over_ends / mentions, "over_lines": over_lines / mentions}


def by_sentencex(language: str) -> Splitter:
    """sentencex's boundaries as stretches."""
    from sentencex import get_sentence_boundaries

    def split(text: str) -> list[tuple[int, int]]:
        found = []
        for one in get_sentence_boundaries(language, text):
            part = text[one["start_index"] : one["end_index"]]
            if part.strip():
                found.append((one["start_index"], one["start_index"] + len(part.rstrip())))
        return found

    return split


def score(split: Splitter, texts: Iterable[Text]) -> dict[str, float]:
    """Precision, recall and F1 of ends of sentences, those of texts not counted."""
    right = found = gold = 0
    for text, ends in texts:
        theirs = {end for _, end in split(text)} - {len(text)}
        wanted = ends - {len(text)}
        right, found, gold = right + len(theirs & wanted), found + len(theirs), gold + len(wanted)
    return {"precision": right / found, "recall": right / gold, "f1": 2 * right / (found + gold), "ends": gold}


if __name__ == "__main__":
    root = real_data()
    ud = root / "pos" / "ud_english_ewt"
    sets = {
        "English-EWT test": ("en", list(universal(sorted(ud.glob("*test*.conllu")), paragraphs=True))),
        "OntoGUM dev": ("en", list(gum(sorted((root / "coref" / "ontogum").glob("*dev*"))))),
        "Chinese GSD test": (
            "zh",
            list(universal(sorted((root / "pos" / "ud_chinese_gsdsimp").glob("*test*.conllu")), paragraphs=False)),
        ),
    }
    result = {}
    for name, (language, texts) in sets.items():
        for layout, shaped in (("", texts), (", wrapped", [wrapped(one) for one in texts])):
            if layout and language == "zh":
                continue
            result[name + layout] = {
                "texts": len(texts),
                "ours": score(split_sentences, shaped),
                "sentencex": score(by_sentencex(language), shaped),
            }
            print(
                name + layout,
                {
                    side: {k: round(v, 4) for k, v in s.items()}
                    for side, s in result[name + layout].items()
                    if isinstance(s, dict)
                },
            )
    ontogum = sorted((root / "coref" / "ontogum").glob("*dev*"))
    mentions = {str(columns): straddling(ontogum, columns) for columns in (80, 40)}
    print(mentions)
    write_result("sentences", {"sets": result, "mentions": mentions})
