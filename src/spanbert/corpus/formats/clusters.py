"""What the formats of coreference have in common: a mention that is in two clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spanbert.core.types import Document, Span, outer_first

Clusters = tuple[tuple[Span, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Repeated:
    """A mention that a file puts into two clusters, which no scorer and no model can interpret.

    Readers keep it in both, so that nothing is lost, and name it in the document's origin.

    Attributes:
        where: File and line.
        mention: The mention.
        clusters: What the file calls the first cluster and the other.
    """

    where: str
    mention: Span
    clusters: tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class CorefOrigin:
    """What coreference files state about a document in addition to its text, words and clusters.

    Attributes:
        document: Its name, without the number of the part.
        part: The number of the part, as it is written there.
        genre: Of the text.
        read: The clusters as they were read, so that a writer sees whether they changed.
        repeated: Mentions that are in two of them.
    """

    document: str | None = None
    part: str | None = None
    genre: str | None = None
    read: Clusters | None = None
    repeated: tuple[Repeated, ...] = ()


def coref_origin(document: Document) -> CorefOrigin:
    """What a coreference file states about a document; empty if it came from elsewhere."""
    return document.origin if isinstance(document.origin, CorefOrigin) else CorefOrigin()


def repeated_mentions(document: Document) -> Sequence[Repeated]:
    """The mentions of a document that are in two clusters."""
    return coref_origin(document).repeated


def in_two_clusters(document: Document) -> list[Span]:
    """The mentions that are in an earlier cluster too, wherever the document came from."""
    owners: dict[tuple[int, int], int] = {}
    return [
        one
        for number, cluster in enumerate(document.clusters or ())
        for one in cluster
        if owners.setdefault((one.start, one.end), number) != number
    ]


def crossing_mentions(document: Document) -> list[tuple[Span, Span]]:
    """Pairs of mentions of which one begins inside the other and ends after it, in text order."""
    found = []
    around: list[Span] = []
    for mention in sorted((one for cluster in document.clusters or () for one in cluster), key=outer_first):
        around = [one for one in around if one.end > mention.start]
        found += [(one, mention) for one in around if one.start < mention.start and one.end < mention.end]
        around.append(mention)
    return found


def in_first_cluster(document: Document) -> Clusters:
    """The clusters, every mention in the first of its own alone; clusters that hold too few others are left out."""
    seen: set[tuple[int, int]] = set()
    kept = []
    for cluster in document.clusters or ():
        own = tuple(one for one in cluster if (one.start, one.end) not in seen)
        seen |= {(one.start, one.end) for one in own}
        if len(own) > 1 or len(own) == len(cluster):
            kept.append(own)
    return tuple(kept)
