"""Files of other annotation tools: any documents there and back, and the same once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbert.core.types import Document, Relation, Span
from spanbert.corpus.formats.registry import format_named, open_data, write_data

CHARACTERS = st.one_of(
    st.sampled_from("Ann Lee.\n \r\\[]|_*;->😊北"), st.characters(codec="utf-8", exclude_categories=("C", "Z"))
)
LABELS = st.sampled_from(["PER", "ORG", "a_b", "x|y", "[1]", "*", "é"])
NAMES = ["brat", "webanno", "spacy", "spacy-json", "label-studio", "label-studio-min"]


def places(text: str) -> list[tuple[int, int]]:
    """Everything that begins and ends with a character that can be seen."""
    seen = [place for place, one in enumerate(text) if not one.isspace()]
    return [(start, end + 1) for start in seen for end in seen if start <= end]


@st.composite
def documents(draw: st.DrawFn) -> list[Document]:
    made = []
    for number in range(draw(st.integers(1, 3))):
        text = "A" + draw(st.text(CHARACTERS, max_size=12)) + "."
        choice = st.sampled_from(places(text))
        spans = {Span(start=a, end=b, label=draw(LABELS)) for a, b in draw(st.lists(choice, max_size=4))}
        in_order = tuple(sorted(spans, key=lambda one: (one.start, one.end, one.label)))
        ends = [*in_order, *(Span(start=a, end=b) for a, b in draw(st.lists(choice, max_size=2)))]
        pairs = (
            draw(st.lists(st.tuples(st.sampled_from(ends), st.sampled_from(ends), LABELS), max_size=3)) if ends else []
        )
        relations = dict.fromkeys(Relation(head=head, tail=tail, label=label) for head, tail, label in pairs)
        mentions = draw(st.lists(choice, unique=True, max_size=5))
        cuts = sorted(draw(st.sets(st.integers(1, len(mentions)))) | {len(mentions)}) if mentions else []
        clusters = [mentions[low:high] for low, high in pairwise([0, *cuts])]
        made.append(
            Document(
                id=f"text-{number}",
                text=text,
                spans=in_order,
                relations=tuple(relations),
                clusters=tuple(tuple(Span(start=a, end=b) for a, b in sorted(one)) for one in clusters),
            )
        )
    return made


def said(document: Document, fields: Sequence[str]) -> dict[str, object]:
    """What a document holds, whatever the order in which a file lists it."""
    found: dict[str, object] = {"text": document.text}
    for name in fields:
        value = getattr(document, name)
        if name == "clusters":
            found[name] = sorted(sorted((one.start, one.end) for one in cluster) for cluster in value or ())
        elif name == "spans":
            found[name] = {(one.start, one.end, one.label) for one in value}
        else:
            found[name] = set(value or ())
    return found


@pytest.mark.parametrize("name", NAMES)
@given(some=documents())
@settings(max_examples=60, deadline=None)
def test_documents_come_back(tmp_path_factory, name: str, some: list[Document]):
    pytest.importorskip("spacy")
    folder = tmp_path_factory.mktemp("files")
    fields = [one for one in ("spans", "relations", "clusters") if one in format_named(name).holds]
    write_data(some, folder / "there", to=name)
    first = list(open_data(folder / "there", among=[name]).documents())
    assert [said(one, fields) for one in first] == [said(one, fields) for one in some]
    write_data(first, folder / "back", to=name)
    second = list(open_data(folder / "back", among=[name]).documents())
    assert [replace(one, where=None, origin=None) for one in second] == [
        replace(one, where=None, origin=None, id=two.id) for one, two in zip(first, second, strict=True)
    ]
    unchanged = [replace(one, origin=None) for one in first]
    write_data(unchanged, folder / "anew", to=name)
    third = list(open_data(folder / "anew", among=[name]).documents())
    assert [said(one, fields) for one in third] == [said(one, fields) for one in some]
