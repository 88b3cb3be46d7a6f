"""Stretches of a document that coreference learns from beside it: what they hold, and that they are learned from."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.core.types import Document, Span
from spanbert.corpus.text.words import text_of_words
from spanbert.tasks.coref.config import CorefConfig
from spanbert.tasks.coref.stretches import stretches
from spanbert.tasks.coref.task import CorefTask

Places = list[list[tuple[int, int]]]  # of the mentions of clusters, in words


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Sentences of a few words; clusters of mentions of one or two words, some of them across two sentences."""
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=150))
    text, words = text_of_words([f"w{number}" for number in range(sum(lengths))])
    place = st.tuples(st.integers(0, len(words) - 1), st.integers(0, 1))
    clusters: Places = [
        [(first, min(first + more, len(words) - 1)) for first, more in cluster]
        for cluster in draw(st.lists(st.lists(place, min_size=1, max_size=4, unique=True), max_size=6))
    ]
    bounds = [0]
    for length in lengths:
        bounds.append(bounds[-1] + length)
    return Document(
        id=draw(st.text("abc", min_size=1)),
        text=text,
        words=tuple(words),
        sentences=tuple(pairwise(bounds)),
        clusters=tuple(
            tuple(Span(start=words[first].start, end=words[last].end) for first, last in cluster)
            for cluster in clusters
        ),
        columns={"speaker": tuple(f"of {number}" for number in range(len(words)))},
    )


def said(document: Document, span: Span) -> str:
    return document.text[span.start : span.end]


@settings(max_examples=150, deadline=None)
@given(document=documents())
def test_they_hold_all_words_once_and_what_is_linked_inside(document: Document):
    found = list(stretches(document))
    assert found == list(stretches(document)), "other ones the second time"
    assert document.words is not None
    assert document.sentences is not None
    mentions = [mention for cluster in document.clusters or () for mention in cluster]
    if not found:
        return
    texts = [said(document, word) for word in document.words]
    assert [said(part, word) for part in found for word in part.words or ()] == texts
    speakers = [name for part in found for name in part.columns["speaker"]]
    assert speakers == list(document.columns["speaker"])
    assert sum(len(part.sentences or ()) for part in found) == len(document.sentences)
    kept = 0
    for part in found:
        start = int(part.id.rpartition(" ")[2])
        assert part.text == document.text[start : start + len(part.text)]
        moved = {
            tuple(Span(start=one.start - start, end=one.end - start) for one in cluster if one.start >= start
                  and one.end <= start + len(part.text))
            for cluster in document.clusters or ()
        }  # fmt: skip
        assert set(part.clusters or ()) == moved - {()}
        kept += sum(len(cluster) for cluster in part.clusters or ())
    assert kept == len(mentions), "a mention was cut"


def test_as_many_are_short_as_long():
    text, words = text_of_words(["word"] * 20_000)
    document = Document(
        id="long",
        text=text,
        words=tuple(words),
        sentences=tuple((number, number + 1) for number in range(len(words))),
        clusters=(),
    )
    lengths = [len(part.sentences or ()) for part in stretches(document)]
    assert max(lengths) <= 64
    short, long = (sum(low <= length <= high for length in lengths) for low, high in ((1, 7), (8, 64)))
    assert 0.8 < short / long < 1.25


def test_one_sentence_has_none():
    assert list(stretches(Document(id="a", text="She left.", clusters=((Span(start=0, end=3),),)))) == []


def test_plain_text_is_cut_between_its_sentences():
    document = Document(
        id="a", text="Ann came. She left. " * 40, clusters=((Span(start=0, end=3), Span(start=10, end=13)),)
    )
    found = list(stretches(document))
    assert len(found) > 1
    assert all(part.text.startswith(("Ann", "She")) and part.text.endswith(".") for part in found)
    assert all(part.words is None and part.sentences is None for part in found)


def test_a_task_learns_from_them_where_it_is_asked_to(tokenizer):
    text, words = text_of_words(["the", "fox", "sees", "a", "dog", "."] * 12)
    clusters = tuple(
        tuple(Span(start=words[place].start, end=words[place].end) for place in range(first, len(words), 6))
        for first in (1, 4)
    )
    sentences = tuple((start, start + 6) for start in range(0, len(words), 6))
    document = Document(id="d", text=text, words=tuple(words), sentences=sentences, clusters=clusters)

    def examples(document: Document, *, asked: bool):
        config = CorefConfig(size=8, longest_mention=4, stretches=asked)
        task = CorefTask("t", tokenizer, (64, 0), config=config, has_singletons=False)
        [windowed] = task.tokenize([document])
        return task.examples(windowed)

    whole, both = examples(document, asked=False), examples(document, asked=True)
    parts = list(stretches(document))
    assert len(whole) == 1
    assert len(both) == 1 + len(parts)
    assert [one.tokens for one in both[:1]] == [one.tokens for one in whole]
    assert [one.target.units for one in both[1:]] == [2 * len(part.sentences or ()) for part in parts]
    assert examples(replace(document, clusters=None), asked=True) == []
