"""Coreference over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from spanbert.core.predictions import Coreference
from spanbert.core.types import Record, Span
from spanbert.tasks.coref.render import CorefRender
from spanbert.tasks.service import Said, Stretch, TaskService, Wire


class Place(Wire):
    """A stretch of the text."""

    start: int
    end: int


class Mentions(Wire):
    """The mentions of a thing in text order, and the one that says most."""

    head: Stretch
    mentions: list[Stretch]


class Link(Wire):
    """A mention, and the earlier one that it was linked to."""

    mention: Place
    antecedent: Place
    score: float


class Clusters(Wire):
    """Mentions of the same things, and why."""

    clusters: list[Mentions]
    links: list[Link]


class CorefService(TaskService[Coreference]):
    """Clusters of mentions."""

    slug = "coreference-resolution"
    output = Clusters
    example = "Ann left Rome. She went home."

    @override
    def answer(self, text: str, result: Coreference, parameters: Any) -> Record:
        found = CorefRender().record(text, result)
        links = [
            {"mention": _place(one.mention), "antecedent": _place(one.antecedent), "score": one.score}
            for one in result.links
        ]
        return found | {"links": links}

    @override
    def said(self, text: str, result: Coreference) -> Iterator[Said]:
        """The links."""
        for link in result.links:
            earlier, later = (text[one.start : one.end] for one in (link.antecedent, link.mention))
            yield Said(what=f"{later} → {earlier}", of=link.mention, other=link.antecedent)


def _place(span: Span) -> Record:
    return {"start": span.start, "end": span.end}
