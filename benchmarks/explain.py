"""Whether attributions are faithful: words that count much are deleted, or kept alone, and the model is asked again.

python benchmarks/explain.py WORK [TEXTS]    of SST-2 and WNUT-17, by one model that is fine-tuned in WORK

Comprehensiveness and sufficiency (DeYoung et al. 2020, ERASER, section 4): how much the probability of what was said
falls when the words that count most are deleted, and when all others are. Both are means over several shares of the
words. Of an entity the words around it are deleted; its own words stay.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
from common import real_data, write_result

import spanbert
from spanbert import FinetuneConfig, TaskData
from spanbert.apps.console import make_reporter
from spanbert.apps.quickstart.build import packaged_minilm
from spanbert.core.attributions import BASELINES, Baseline
from spanbert.core.types import Document, FloatArray, Span
from spanbert.corpus.formats.registry import open_data
from spanbert.explain.words import by_word
from spanbert.pipelines.inputs import document_of_words
from spanbert.pipelines.load import Pipeline
from spanbert.scores.bootstrap import Bootstrap
from spanbert.tasks.registry import spec_of

SHARES = (0.05, 0.1, 0.2, 0.5)
DRAWS = 5  # random orders of each text
AROUND = 4  # words that a text must have to be deleted
AT_ONCE = 64
STEPS = 900  # of fine-tuning


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Something that a task said of a text.

    Attributes:
        words: The words of the text.
        label: What it said.
        kept: Numbers of the words that are never deleted, first and after the last: the entity.
        tags: Their tags.
    """

    words: Sequence[str]
    label: str
    kept: tuple[int, int] = (0, 0)
    tags: Sequence[str] = ()

    @property
    def document(self) -> Document:
        """The text with its words."""
        return document_of_words("text", self.words)

    @property
    def places(self) -> list[int]:
        """Numbers of the words that may be deleted."""
        return [place for place in range(len(self.words)) if not self.kept[0] <= place < self.kept[1]]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A task whose explanations are measured.

    Attributes:
        task: Its name in the bundle.
        samples: What it said.
        probabilities: Texts with the words that stay of each, to the probability of what was said.
        row_word: The word whose row the head reads, for attention; None: [CLS].
    """

    task: str
    samples: Sequence[Sample]
    probabilities: Callable[[Sequence[tuple[Sample, Sequence[int]]]], FloatArray]
    row_word: Callable[[Sample], int | None]


def documents_of(kind: str, file: Path) -> Iterator[Document]:
    """The texts of a file, as a kind of task reads it, with words."""
    for document in open_data(file, among=spec_of(kind).formats).documents():
        words = (
            document.text.split()
            if document.words is None
            else [document.text[w.start : w.end] for w in document.words]
        )
        if len(words) > AROUND:
            yield document_of_words(document.id, words)


def said_of_texts(nlp: Pipeline, task: str, documents: Iterator[Document], count: int) -> list[Sample]:
    """Labels of texts."""
    found = nlp.predict(islice(documents, count), task=task)
    return [Sample(words=words_of(one.source), label=one[task].labels[0]) for one in found]


def said_of_entities(nlp: Pipeline, task: str, documents: Iterator[Document], count: int) -> list[Sample]:
    """Entities of texts that have words around them."""
    found: list[Sample] = []
    for one in nlp.predict(documents, task=task):
        words = one[task].words
        for span in one[task].spans:
            own = [place for place, word in enumerate(words) if span.start <= word.start and word.end <= span.end]
            tags = [words[place].label for place in own]
            if len(words) - len(own) >= AROUND:
                kept = (own[0], own[-1] + 1)
                found.append(Sample(words=words_of(one.source), label=span.label, kept=kept, tags=tags))
        if len(found) >= count:
            break
    return found[:count]


def words_of(document: Document) -> list[str]:
    """The words as they are written."""
    return [document.text[word.start : word.end] for word in document.words or ()]


def label_probabilities(nlp: Pipeline, task: str, asked: Sequence[tuple[Sample, Sequence[int]]]) -> FloatArray:
    """The probability of each sample's label for the words that stay."""
    documents = [document_of_words("text", [one.words[place] for place in stay]) for one, stay in asked]
    results = nlp.predict(documents, task=task)
    return np.array([found[task].scores[one.label] for (one, _), found in zip(asked, results, strict=True)])


def tag_probabilities(nlp: Pipeline, task: str, asked: Sequence[tuple[Sample, Sequence[int]]]) -> FloatArray:
    """The mean probability of the tags of each sample's entity, by the words that stay."""
    own, found = nlp.tasks[task], []
    for start in range(0, len(asked), AT_ONCE):
        some = asked[start : start + AT_ONCE]
        documents = [document_of_words("text", [one.words[place] for place in stay]) for one, stay in some]
        windowed = own.tokenize(documents)
        windows = [window for one in windowed for window in own.windows(one)]
        rows = [row for one in windowed for row in own.rows(one)]
        outputs = iter(nlp.predictor.backend.run(windows, {task: rows})[task])
        for (one, stay), text in zip(some, windowed, strict=True):
            log_p = own.log_probabilities([next(outputs) for _ in text.windows])
            first = list(stay).index(one.kept[0])
            places = enumerate(one.tags, start=first)
            found.append(fmean(np.exp(log_p[place, own.tags.index(tag)]) for place, tag in places))
    return np.array(found)


def by_gradients(nlp: Pipeline, asked: Asked, one: Sample, baseline: Baseline) -> tuple[FloatArray, int, bool]:
    """The attribution of each word, the steps that it took, and whether they were enough."""
    document = one.document
    of: Span | None = None
    if one.tags:
        words = document.words or ()
        of = Span(start=words[one.kept[0]].start, end=words[one.kept[1] - 1].end)
    [found] = nlp.explain(document, task=asked.task, label=one.label, of=of, baseline=baseline)
    return np.array([word.score for word in found.words]), found.steps, found.converged


def by_attention(nlp: Pipeline, asked: Asked, one: Sample) -> FloatArray:
    """How much the row that the head reads looks at each word: the last layer, the mean of its heads."""
    document = one.document
    attention = nlp.attention(document.text).attention
    word = asked.row_word(one)
    start = None if word is None else (document.words or ())[word].start
    row = 0 if start is None else next(n for n, piece in enumerate(attention.pieces) if piece.start == start)
    own = [(n, piece) for n, piece in enumerate(attention.pieces) if piece.start is not None]
    offsets = np.array([(piece.start, piece.end) for _, piece in own])
    looks = attention.weights_NHTT[-1].mean(0)[row, [n for n, _ in own]].astype(float)
    return np.array([word.score for word in by_word(document.text, document.words, offsets, looks)])


def orders(values: FloatArray, one: Sample) -> list[int]:
    """The words that may be deleted, those that count most first."""
    return sorted(one.places, key=lambda place: -values[place])


def faithfulness(asked: Asked, ranked: Sequence[Sequence[int]]) -> tuple[FloatArray, FloatArray]:
    """Comprehensiveness and sufficiency of each sample, by an order of its words."""
    samples = asked.samples
    variants: list[tuple[Sample, Sequence[int]]] = [(one, range(len(one.words))) for one in samples]
    for share in SHARES:
        for one, order in zip(samples, ranked, strict=True):
            top = set(order[: max(1, round(share * len(order)))])
            kept = set(range(*one.kept))
            every = range(len(one.words))
            variants.append((one, [place for place in every if place not in top]))
            variants.append((one, [place for place in every if place in top or place in kept]))
    found = asked.probabilities(variants)
    whole_N, changed = found[: len(samples)], found[len(samples) :].reshape(len(SHARES), len(samples), 2)
    without_N, alone_N = changed.mean(0).T
    return whole_N - without_N, whole_N - alone_N


def interval(values: FloatArray) -> dict[str, float]:
    """The mean with its 95% interval over texts."""
    bootstrap = Bootstrap(2)
    bootstrap.add(np.stack([values, np.ones(len(values))], axis=1))
    found = bootstrap.interval(lambda sums: sums[..., 0] / sums[..., 1])
    return {"value": found.value, "low": found.low, "high": found.high}


def measured(nlp: Pipeline, asked: Asked) -> dict[str, Any]:
    """The figures of a task: each way of ranking words, and its lead over random orders on the same texts."""
    draw = np.random.default_rng(0)
    shuffled = [[draw.permutation(one.places).tolist() for one in asked.samples] for _ in range(DRAWS)]
    random = np.mean([faithfulness(asked, ranked) for ranked in shuffled], axis=0)
    figures: dict[str, Any] = {"random": figures_of(random, random)}
    for baseline in BASELINES:
        every = [by_gradients(nlp, asked, one, baseline) for one in asked.samples]
        ranked = [orders(values, one) for (values, _, _), one in zip(every, asked.samples, strict=True)]
        figures[baseline] = {
            **figures_of(np.array(faithfulness(asked, ranked)), random),
            "steps": median(steps for _, steps, _ in every),
            "converged": fmean(converged for _, _, converged in every),
        }
    ranked = [orders(by_attention(nlp, asked, one), one) for one in asked.samples]
    figures["attention"] = figures_of(np.array(faithfulness(asked, ranked)), random)
    words = fmean(len(one.places) for one in asked.samples)
    return {"samples": len(asked.samples), "words": words, "by": figures}


def figures_of(found_2N: FloatArray, random_2N: FloatArray) -> dict[str, Any]:
    """Both figures with their intervals, and how much they differ from random orders, text by text."""
    names = ("comprehensiveness", "sufficiency")
    return {
        **{name: interval(found) for name, found in zip(names, found_2N, strict=True)},
        **{f"{name}_lead": interval(found) for name, found in zip(names, found_2N - random_2N, strict=True)},
    }


def learned(work: Path) -> Path:
    """A bundle of MiniLM-L6 with both tasks; a run that was killed goes on."""
    bundle, data = work / "bundle", real_data()
    if (work / "done").is_file():
        return bundle
    tasks = {
        "sentiment": TaskData(kind="classify", train=data / "cls" / "sst2" / "train.tsv"),
        "entities": TaskData(kind="tag", train=data / "ner" / "wnut17" / "train.conll"),
    }
    config = FinetuneConfig.assemble(overrides=[f"train.max_steps={STEPS}", "train.checkpoint_every=10%"])
    with make_reporter() as reporter:
        run = spanbert.finetune(
            tasks, model=packaged_minilm(), out=bundle, config=config, resume=True, reporter=reporter
        )
    if run.outcome.interrupted:
        sys.exit("interrupted; the same command goes on")
    (work / "done").touch()
    return bundle


def main(work: Path, count: int) -> None:
    """Both data sets."""
    nlp, data = spanbert.load(learned(work)), real_data()
    texts = documents_of("classify", data / "cls" / "sst2" / "test.tsv")
    tweets = documents_of("tag", data / "ner" / "wnut17" / "test.conll")
    labels = Asked(
        task="sentiment",
        samples=said_of_texts(nlp, "sentiment", texts, count),
        probabilities=partial(label_probabilities, nlp, "sentiment"),
        row_word=lambda one: None,
    )
    entities = Asked(
        task="entities",
        samples=said_of_entities(nlp, "entities", tweets, count),
        probabilities=partial(tag_probabilities, nlp, "entities"),
        row_word=lambda one: one.kept[0],
    )
    encoder = {key: nlp.files.config[key] for key in ("num_hidden_layers", "hidden_size")}
    found = {"sst2": measured(nlp, labels), "wnut17": measured(nlp, entities)}
    write_result("explain", {"encoder": encoder, "shares": SHARES, "draws": DRAWS, "data": found})


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 300)
