"""What the formats of coreference have in common: mentions in two clusters, and brackets at words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Span, outer_first
from spanbert.corpus.text.sentences import sentence_ranges
from spanbert.corpus.text.word_tags import WordEdges, said_of
from spanbert.corpus.text.words import words_around

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


@dataclass(frozen=True, kw_only=True, slots=True)
class CorefLines(CorefOrigin):
    """The same, with the raw lines of the document, which a writer of that format keeps.

    Attributes:
        lines: All of them.
    """

    lines: tuple[str, ...]


OriginT = TypeVar("OriginT", bound=CorefLines)


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


def repeated_in(clusters: Sequence[Mapping[Span, str]]) -> tuple[Repeated, ...]:
    """The mentions that are in two clusters, which are numbered from 1.

    Args:
        clusters: The mentions of each, with file and line.
    """
    owners: dict[Span, int] = {}
    found = []
    for number, mentions in enumerate(clusters, start=1):
        for mention, where in mentions.items():
            owner = owners.setdefault(mention, number)
            if owner != number:
                found.append(Repeated(where=where, mention=mention, clusters=(str(owner), str(number))))
    return tuple(found)


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


def bracket_cells(
    document: Document, opened: Callable[[int, Span], str], closed: Callable[[int], str], *, between: str
) -> list[str]:
    """The brackets at each word: those that end, longest last; those that begin, longest first.

    Args:
        document: With words and clusters.
        opened: What stands after an opening bracket, by the number of the cluster from 0 and the mention.
        closed: What stands before a closing bracket.
        between: What stands between brackets.

    Raises:
        InputError: A mention that begins or ends inside a word, or mentions of one cluster that cross.
    """
    words = document.words or ()
    edges = WordEdges(document, words)
    opening: dict[int, list[tuple[int, str]]] = defaultdict(list)
    closing: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for number, cluster in enumerate(document.clusters or ()):
        around: list[int] = []  # last words of the enclosing mentions
        for mention in sorted(cluster, key=outer_first):
            first, last = edges.first_and_last(mention, "a mention")
            while around and around[-1] <= first:  # one that ends where another begins is closed before
                around.pop()
            if around and around[-1] < last:
                raise InputError(
                    "mentions of one cluster cross, which brackets cannot express",
                    where=document.place,
                    got=said_of(document, mention),
                    remedy="JSON lines can: convert --to coref-jsonl, predict --format jsonl",
                )
            around.append(last)
            if first == last:
                opening[first].append((0, f"({opened(number, mention)})"))
            else:
                opening[first].append((last - first, f"({opened(number, mention)}"))
                closing[last].append((last - first, f"{closed(number)})"))
    return [
        between.join(
            [text for _, text in sorted(closing[place])] + [text for _, text in sorted(opening[place], reverse=True)]
        )
        for place in range(len(words))
    ]


def lines_with_clusters(
    documents: Iterable[Document],
    origin: type[OriginT],
    *,
    name: str,
    new: Callable[[Document], Iterator[str]],
    rewritten: Callable[[Document, OriginT], Iterator[str]],
) -> Iterator[str]:
    """Lines of a file in a format that marks clusters with brackets at words; those that are right already are kept.

    Args:
        documents: With clusters; a text without words is split into words.
        origin: What documents that came from this format have.
        name: What the format is called.
        new: Lines of a document that came from elsewhere.
        rewritten: Lines of a document whose clusters changed.

    Raises:
        InputError: A document without clusters, which would read as one in which there are none.
    """
    for document in map(_with_words_and_sentences, documents):
        if document.clusters is None:
            raise InputError(
                f"a text without clusters among others, which {name} cannot express",
                where=document.place,
                remedy='Leave it out, or give it "clusters": [] if there are none',
            )
        if not isinstance(document.origin, origin):
            yield from new(document)
        elif document.clusters == document.origin.read:
            yield from document.origin.lines
        else:
            yield from rewritten(document, document.origin)


def _with_words_and_sentences(document: Document) -> Document:
    """The document with words that end where mentions do, and sentences, if it came without any words."""
    if document.words is not None:
        return document
    mentions = [one for cluster in document.clusters or () for one in cluster]
    words = tuple(words_around(document, mentions))
    sentences = sentence_ranges(document.text, words, kept_whole=mentions)
    return replace(document, words=words, sentences=sentences)
