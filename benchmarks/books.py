"""Coreference of a whole novel: seconds and memory against its length, and whether looking at less costs anything.

python benchmarks/books.py curve BUNDLE     a novel and beginnings of it, each in a process of its own
python benchmarks/books.py scores BUNDLE    CoNLL F1 with the usual depth, with others, and with all mentions compared

Each row is written as soon as it is there; a run that was broken off goes on where it was.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from common import RESULTS, real_data, write_result
from coref import litbank_files

import spanbert
from benchmarks.bench.common import in_fresh_process
from spanbert.core.predictions import Coreference
from spanbert.core.pronouns import is_pronoun
from spanbert.core.types import Document, OutputArray, Span
from spanbert.corpus.formats.clusters import in_first_cluster
from spanbert.corpus.formats.registry import open_data
from spanbert.scores.coreference import CoreferenceScorer, Singletons
from spanbert.tasks.coref.spec import COREF
from spanbert.tasks.coref.task import CorefTask
from spanbert.tasks.protocol import WindowedDocument

NAME = "coref_books"
NOVEL = Path("pretrain") / "eltec_eng" / "ENG18410_Sinclair.txt"
LENGTHS = (5_000, 20_000, 50_000, 100_000, 187_164)
EVERYTHING = 10**9
DEPTHS = (EVERYTHING, 1000, 300, 100)
FIGURES = ("conll_f1", "muc_f1", "b_cubed_f1", "ceaf_f1", "mention_f1")


def of_length(bundle: Path, file: Path, words: int) -> dict[str, Any]:
    """What so much of a novel takes, from text to clusters; run in a process of its own."""
    nlp = spanbert.load(bundle, options={"coref": {"singletons": "keep"}})
    text = file.read_text(encoding="utf-8")
    ends = [found.end() for found in islice(re.finditer(r"\S+", text), words)]
    text = text[: ends[-1]]
    list(nlp.predict([Document(id="warm-up", text=text[:2000])]))
    begun, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
    [result] = nlp.predict([Document(id="novel", text=text)])
    seconds, user = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_utime - used
    clusters = sorted(result.clusters, key=len, reverse=True)
    said = [[text[one.start : one.end] for one in cluster] for cluster in clusters]
    return {
        "words": len(text.split()),
        "seconds": round(seconds, 1),
        "user_seconds": round(user, 1),
        "mentions": sum(map(len, clusters)),
        "pronouns": sum(is_pronoun(one) for cluster in said for one in cluster),
        "clusters": len(clusters),
        "largest": [_named(cluster) for cluster in said[:5]],
    }


def _named(mentions: Sequence[str]) -> str:
    """A cluster by the name that it is given most often."""
    names = Counter(one for one in mentions if not is_pronoun(one)) or Counter(mentions)
    return f"{names.most_common(1)[0][0]} ({len(mentions):,})"


def curve(bundle: Path) -> None:
    """All lengths that have not been measured yet, the whole novel first: what fails fails early."""
    result = _so_far()
    rows = result.setdefault("rows", [])
    for words in (LENGTHS[-1], *LENGTHS[:-1]):
        if any(row["asked"] == words for row in rows):
            continue
        load = os.getloadavg()[0]
        taken, grown = in_fresh_process(of_length, bundle, real_data() / NOVEL, words)
        rows.append({"asked": words, **taken, "megabytes": round(grown / 2**20), "load": round(load, 1)})
        _write(result, bundle)


class EveryDepth:
    """Decodes the same outputs of the head by each depth.

    Args:
        task: The task on coreference.
        windowed: What is read.
    """

    def __init__(self, task: CorefTask, windowed: WindowedDocument) -> None:
        self._decoders = {}
        for depth in DEPTHS:
            task.config = task.config.model_copy(update={"depth": depth})
            self._decoders[depth] = CorefTask.decoder(task, windowed)

    def add(self, output: OutputArray) -> None:
        """Takes in a window."""
        for decoder in self._decoders.values():
            decoder.add(output)

    def finish(self) -> dict[int, Coreference]:
        """The clusters by depth."""
        return {depth: decoder.finish() for depth, decoder in self._decoders.items()}


def scores(bundle: Path) -> None:
    """F1 on held-out documents alone, and as one long document, by how far back is looked."""
    result = _so_far()
    rows = result.setdefault("scores", [])
    for data, documents in _held_out().items():
        if not any(row["data"] == data for row in rows):
            words = sum(len(document.words or ()) for document in documents)
            found = _scored(bundle, documents, keep="OntoGUM" not in data)
            rows += [{"data": data, "words": words, "depth": depth, **figures} for depth, figures in found.items()]
            _write(result, bundle)


def _held_out() -> dict[str, list[Document]]:
    litbank = [one for path in litbank_files()["dev"] for one in _documents(path)]
    ontogum = list(_documents(real_data() / "coref" / "ontogum" / "dev-00.conll"))
    return {
        "LitBank": litbank,
        "LitBank as one text": [_as_one(litbank)],
        "OntoGUM": ontogum,
        "OntoGUM as one text": [_as_one(ontogum)],
    }


def _documents(path: Path) -> Iterator[Document]:
    for document in open_data(path, among=COREF.formats).documents():
        yield replace(document, clusters=in_first_cluster(document), origin=None, columns={})


def _as_one(documents: Sequence[Document]) -> Document:
    """Documents end to end; no mention of one is the same thing as one of another."""
    text = ""
    words: list[Span] = []
    sentences: list[tuple[int, int]] = []
    clusters: list[tuple[Span, ...]] = []
    for document in documents:
        at, first = len(text), len(words)
        words += [_moved(one, at) for one in document.words or ()]
        sentences += [(start + first, end + first) for start, end in document.sentences or ()]
        clusters += [tuple(_moved(one, at) for one in cluster) for cluster in document.clusters or ()]
        text += document.text + "\n"
    return Document(id="all", text=text, words=tuple(words), sentences=tuple(sentences), clusters=tuple(clusters))


def _moved(span: Span, by: int) -> Span:
    return Span(start=span.start + by, end=span.end + by)


def _scored(bundle: Path, documents: Sequence[Document], *, keep: bool) -> dict[int, dict[str, float]]:
    kept: Singletons = "keep" if keep else "drop"
    predictor = spanbert.load(bundle, options={"coref": {"singletons": kept}}).predictor.only(["coref"])
    task = predictor.tasks["coref"]
    task.decoder = lambda windowed: EveryDepth(task, windowed)
    scorers = {depth: CoreferenceScorer(singletons=kept) for depth in DEPTHS}
    bare = [one.without_gold() for one in documents]
    for document, (_, found) in zip(documents, predictor.predict(bare), strict=True):
        gold = [[(one.start, one.end) for one in cluster] for cluster in document.clusters or ()]
        for depth, result in found["coref"].items():
            scorers[depth].add(gold, [[(one.start, one.end) for one in cluster] for cluster in result.clusters])
    every = {depth: scorer.scores() for depth, scorer in scorers.items()}
    return {depth: {name: figures[name] for name in FIGURES} for depth, figures in every.items()}


def _so_far() -> dict[str, Any]:
    path = RESULTS / f"{NAME}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found


def _write(result: dict[str, Any], bundle: Path) -> None:
    facts = spanbert.info(bundle)["training"]
    write_result(NAME, {**result, "steps": facts["step"], "threads": os.environ.get("OMP_NUM_THREADS", "all")})


if __name__ == "__main__":
    what, place = sys.argv[1:]
    {"curve": curve, "scores": scores}[what](Path(place))
