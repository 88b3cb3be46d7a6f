"""Documents of words and spans through every format of their family: written and read, they are the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.core.tagging import SCHEMES
from spanbert.core.types import Document, Relation, Span
from spanbert.corpus.formats.format import ReadSettings, WriteSettings
from spanbert.corpus.formats.registry import family_of, open_data, write_data
from spanbert.corpus.text.words import text_of_words

word = st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1, max_size=4)
label = st.sampled_from(["PER", "LOC", "a/b", "地点"])
edge = st.text('",;\t|#', max_size=3)


@st.composite
def documents(draw: st.DrawFn, *, nested: bool, spaced: bool) -> list[Document]:
    """Sentences with words, and spans on them; `spaced`: the text is more than the words with blanks between."""
    made = []
    for number in range(draw(st.integers(1, 4))):
        words = draw(st.lists(word, min_size=1, max_size=6))
        text, places = text_of_words(words)
        if spaced:
            gaps = draw(st.lists(st.sampled_from(["", " ", "  ", "\n"]), min_size=len(words), max_size=len(words)))
            text, places = "", []
            for one, gap in zip(words, gaps, strict=True):
                places.append(Span(start=len(text), end=len(text) + len(one)))
                text += one + gap
        spans, after = [], 0
        for _ in range(draw(st.integers(0, 3))):
            first = draw(st.integers(0 if nested else after, len(words)))
            if first < len(words):
                last = draw(st.integers(first, len(words) - 1))
                spans.append(Span(start=places[first].start, end=places[last].end, label=draw(label)))
                after = last + 1
        sentences = ((0, len(words)),)
        made.append(Document(id=f"s{number}", text=text, words=tuple(places), sentences=sentences, spans=tuple(spans)))
    return made


def said(document: Document, *names: str) -> dict[str, object]:
    return {name: getattr(document, name) for name in ("id", "text", "words", "spans", *names)}


@pytest.mark.parametrize("file", ["a.jsonl", "a.parquet"])
@given(data=st.data(), scheme=st.sampled_from(SCHEMES), spaced=st.booleans())
@settings(max_examples=40, deadline=None)
def test_lists_of_tokens(tmp_path_factory, file: str, data, scheme, spaced: bool):
    there_and_back(tmp_path_factory, data.draw(documents(nested=False, spaced=spaced)), "hf-tokens", file, scheme)


@pytest.mark.parametrize("file", ["a.csv", "a.tsv"])
@given(data=st.data(), scheme=st.sampled_from(SCHEMES))
@settings(max_examples=60, deadline=None)
def test_tables_of_words(tmp_path_factory, file: str, data, scheme):
    there_and_back(tmp_path_factory, data.draw(documents(nested=False, spaced=False)), "word-table", file, scheme)


@pytest.mark.parametrize("name", ["doccano", "prodigy", "gliner"])
@given(data=st.data(), spaced=st.booleans())
@settings(max_examples=60, deadline=None)
def test_spans_that_may_nest(tmp_path_factory, name: str, data, spaced: bool):
    there_and_back(tmp_path_factory, data.draw(documents(nested=True, spaced=spaced)), name, "a.json", None)


def there_and_back(factory, made: list[Document], name: str, file: str, scheme) -> None:
    folder = factory.mktemp("formats")
    write_data(made, folder / file, to=name, settings=WriteSettings(scheme=scheme))
    data = open_data(folder / file, among=family_of(name))
    assert data.format.name == name
    found = list(data.documents())
    if scheme is None or data.settings.columns.scheme == scheme:  # few tags fit several schemes
        assert [said(one) for one in found] == [said(one) for one in made]
    (folder / "again").mkdir()
    write_data(found, folder / "again" / file, to=name)
    again = list(open_data(folder / "again" / file, among=[name], settings=ReadSettings()).documents())
    assert [said(one, "columns", "sentences") for one in again] == [said(one, "columns", "sentences") for one in found]


@pytest.mark.parametrize("name", ["doccano-relations", "prodigy-relations"])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_relations(tmp_path_factory, name: str, data):
    made = []
    for document in data.draw(documents(nested=True, spaced=False)):
        spans = tuple(dict.fromkeys(document.spans))
        pairs = st.tuples(st.sampled_from(spans), st.sampled_from(spans), label) if spans else st.nothing()
        relations = data.draw(st.lists(pairs, max_size=3)) if spans else []
        found = tuple(Relation(head=head, tail=tail, label=kind) for head, tail, kind in relations)
        made.append(replace(document, spans=spans, relations=found))
    path = tmp_path_factory.mktemp("relations") / "a.txt"
    write_data(made, path, to=name)
    data = open_data(path, among=family_of("tacred"))
    assert data.format.name == name
    assert [said(one, "relations") for one in data.documents()] == [said(one, "relations") for one in made]
