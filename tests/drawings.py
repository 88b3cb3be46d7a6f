"""Results of every kind, made by hand, on texts that we wrote: what drawings are looked at with."""

from __future__ import annotations

from spanbert.core.predictions import (
    Alignment,
    Answer,
    Answering,
    Candidate,
    Classification,
    Coreference,
    MentionLink,
    RelationExtraction,
    Tagging,
    Translation,
)
from spanbert.core.types import Relation, Span
from spanbert.pipelines.results import AnnotatedText

STORY = "Ada Crane left the Bank of England in 1998. She founded Crane Mills in Leith, and her mill feeds the town."
BRIDGE = (
    "The old bridge at Kelso was built by Ada Crane in 1871. It fell in the flood of 1903, and her son Tom Crane "
    "built the present one. Tom Crane lived in Leith, where he owned Crane Mills until 1920."
)


def span(text: str, part: str, label: str | None = None, score: float | None = None, *, after: int = 0) -> Span:
    """Where a part of a text stands first, from a place on."""
    start = text.index(part, after)
    return Span(start=start, end=start + len(part), label=label, score=score)


def entities() -> AnnotatedText:
    """Flat, nested and crossing spans."""
    found = (
        span(STORY, "Ada Crane", "person", 0.98), span(STORY, "Bank of England", "organisation", 0.95),
        span(STORY, "England", "place", 0.81), span(STORY, "1998", "year", 0.99),
        span(STORY, "Crane Mills in Leith", "organisation", 0.61), span(STORY, "Leith, and her mill", "site", 0.4),
    )  # fmt: skip
    return AnnotatedText(id="entities", text=STORY, tasks={"entities": Tagging(words=(), spans=found)})


def tags() -> AnnotatedText:
    """A tag a word."""
    text = "Birds sing early ."
    words = tuple(span(text, word, tag, 0.9) for word, tag in zip(text.split(), ("NOUN", "VERB", "ADV", "PUNCT")))
    return AnnotatedText(id="tags", text=text, tasks={"tags": Tagging(words=words)})


def clusters() -> AnnotatedText:
    """Two clusters, one mention within another."""
    ada, she, her = span(STORY, "Ada Crane"), span(STORY, "She"), span(STORY, "her")
    mills, mill = span(STORY, "Crane Mills"), span(STORY, "her mill")
    found = Coreference(
        words=(),
        clusters=((ada, she, her), (mills, mill)),
        heads=(ada, mills),
        links=(
            MentionLink(mention=she, antecedent=ada, score=0.91),
            MentionLink(mention=her, antecedent=she, score=0.8),
        ),
    )
    return AnnotatedText(id="clusters", text=STORY, tasks={"clusters": found})


def relations() -> AnnotatedText:
    """Arcs within a line, over lines, to the left, that share ends and that nest."""
    bridge, ada = span(BRIDGE, "The old bridge", "work"), span(BRIDGE, "Ada Crane", "person")
    kelso, tom = span(BRIDGE, "Kelso", "place"), span(BRIDGE, "Tom Crane", "person")
    later = span(BRIDGE, "Tom Crane", "person", after=tom.end)
    leith, mills = span(BRIDGE, "Leith", "place"), span(BRIDGE, "Crane Mills", "organisation")
    pairs = (
        (bridge, kelso, "is in"), (bridge, ada, "built by"), (ada, tom, "parent of"), (later, leith, "lived in"),
        (mills, later, "owned by"), (mills, leith, "is in"), (kelso, mills, "no_relation"),
    )  # fmt: skip
    found = tuple(Relation(head=head, tail=tail, label=label, score=0.87) for head, tail, label in pairs)
    return AnnotatedText(id="relations", text=BRIDGE, tasks={"relations": RelationExtraction(relations=found)})


def answer() -> AnnotatedText:
    """An answer, and a runner-up."""
    best, second = span(BRIDGE, "Ada Crane"), span(BRIDGE, "her son Tom Crane")
    candidates = tuple(
        Answer(text=BRIDGE[one.start : one.end], start=one.start, end=one.end, score=score)
        for one, score in ((best, 0.71), (second, 0.18))
    )
    found = Answering(question="q", answer=candidates[0], candidates=candidates, null_score=-3.2)
    return AnnotatedText(
        id="answer", question="Who built the bridge at Kelso?", text=BRIDGE, tasks={"questions": found}
    )


def labels() -> AnnotatedText:
    """Bars."""
    scores = {"history": 0.86, "engineering": 0.64, "weather": 0.21, "sport": 0.02}
    found = Classification(labels=("history", "engineering"), scores=scores)
    return AnnotatedText(id="labels", text=BRIDGE, tasks={"topics": found})


def translation() -> AnnotatedText:
    """With its alignment."""
    source, target = ("The", "old", "bridge", "fell", "."), ("Die", "alte", "Brücke", "stürzte", "ein", ".")
    weights = tuple(tuple(0.8 if place == own else 0.04 for place in range(len(source))) for own in (0, 1, 2, 3, 3, 4))
    said = "Die alte Brücke stürzte ein."
    found = Translation(
        text=said,
        score=-0.31,
        candidates=(Candidate(text=said, score=-0.31), Candidate(text="Die alte Brücke fiel.", score=-0.55)),
        alignments=(Alignment(source=source, target=target, weights=weights),),
    )
    return AnnotatedText(id="translation", text="The old bridge fell.", tasks={"translation": found})


def everything() -> list[AnnotatedText]:
    """One of each."""
    return [entities(), tags(), clusters(), relations(), answer(), labels(), translation()]
