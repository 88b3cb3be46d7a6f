"""Pairs of training texts that are not related, where the data itself does not list them.

In raw text every pair of entities of a sentence is judged in both orders. Data often lists its unrelated pairs in one
order alone, the first entity as the head, or lists none at all: a model that learns from them takes the other order,
or every pair, for a relation. So these become negatives:

    reversed    (tail, head) of a listed pair (head, tail), unless it is listed too
    random      pairs of entities of a sentence that are listed in neither order

A label that the data gives to both orders of a pair (a spouse is the spouse's spouse) is symmetric: the reversed pairs
of such a label are no negatives.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from spanbert.core.seeding import keyed_generator
from spanbert.core.types import Document, Relation, Span, outer_first
from spanbert.corpus.text.sentences import sentence_stretches
from spanbert.scores.relations import relates
from spanbert.tasks.relation.config import NegativePairs, Order

NO_RELATION = "no_relation"  # what none is called where the data has no name for it
KINDS = ("reversed", "random")
_FEW = 0.05  # the share of unrelated pairs under which an order counts as not seen
_SYMMETRIC = 0.5  # the share of a label's pairs that are listed in both orders
_MOST_RANDOM = 4  # for each listed pair of a text
_Places = tuple[int, int, int, int]  # of head and tail
JudgedPairs = Callable[[Sequence[Span], Sequence[tuple[int, int]]], Sequence[Relation]]  # of entities in sentences
AskedAbout = Callable[[Span, Span], bool]  # a head and a tail


@dataclass(kw_only=True, slots=True)
class Orders:
    """How many of the pairs that are not related have the head first in the text, and how many the tail."""

    forward: int = 0
    backward: int = 0

    def add(self, relation: Relation) -> None:
        """Takes in a pair."""
        if is_forward(relation.head, relation.tail):
            self.forward += 1
        else:
            self.backward += 1

    @property
    def total(self) -> int:
        """All of them."""
        return self.forward + self.backward

    @property
    def seen(self) -> Order:
        """The only order in which they stand, or `both`, also where there are none."""
        if not self.total or min(self.forward, self.backward) >= _FEW * self.total:
            return "both"
        return "forward" if self.forward > self.backward else "backward"


def is_forward(head: Span, tail: Span) -> bool:
    """Whether the head comes first in the text."""
    return (head.start, head.end) < (tail.start, tail.end)


def wanted_kinds(stated: NegativePairs, orders: Orders, *, directed: bool) -> frozenset[str]:
    """Which pairs become negatives: `reversed`, `random`.

    Args:
        stated: The setting.
        orders: Of the pairs that the data says are not related.
        directed: Labels say which entity is which, so that a pair is judged once.
    """
    kinds = {"no": (), "reversed": ("reversed",), "all": KINDS}
    if stated != "auto":
        found = set(kinds[stated])
    elif not orders.total:
        found = set(KINDS)
    else:
        found = set() if orders.seen == "both" else {"reversed"}
    return frozenset(found - {"reversed"} if directed else found)


@dataclass(kw_only=True, slots=True)
class _Text:
    """What the data lists of one text: the label of each pair, and the entities."""

    labels: dict[_Places, str] = field(default_factory=dict)
    entities: dict[tuple[int, int, str | None], Span] = field(default_factory=dict)


class ListedPairs:
    """The pairs that training data lists, text by text, and what becomes a negative beside them.

    One text may come in several documents, each with a pair of its own, as in TACRED's files.
    """

    def __init__(self) -> None:
        self.orders = Orders()
        self._texts: dict[bytes, _Text] = defaultdict(_Text)

    def add(self, document: Document) -> None:
        """Takes in a training document."""
        text = self._texts[_digest(document)]
        labelled = [one for one in document.relations or () if one.label]
        for relation in labelled:
            text.labels[_places(relation.head, relation.tail)] = relation.label
            if not relates(relation.label):
                self.orders.add(relation)
        ends = [end for one in labelled for end in (one.head, one.tail)]
        for entity in (*(document.spans or ()), *ends):
            text.entities.setdefault((entity.start, entity.end, entity.label), entity)

    def symmetric_labels(self) -> frozenset[str]:
        """The relations whose pairs are listed in both orders."""
        every: Counter[str] = Counter()
        both: Counter[str] = Counter()
        for text in self._texts.values():
            for places, label in text.labels.items():
                every[label] += 1
                both[label] += text.labels.get(_reversed(places)) == label
        return frozenset(one for one, count in both.items() if relates(one) and count >= _SYMMETRIC * every[one])

    def offered(self, is_asked: AskedAbout) -> frozenset[str]:
        """Of which kinds there are pairs that may become negatives: see `wanted_kinds`.

        Args:
            is_asked: Whether a model is asked about a head and a tail.
        """
        symmetric = self.symmetric_labels()
        found: set[str] = set()
        for text in self._texts.values():
            for head, tail in product(text.entities.values(), repeat=2):
                places = _places(head, tail)
                label = text.labels.get(_reversed(places))
                kind = "random" if label is None else "reversed"
                is_free = places not in text.labels and places != _reversed(places) and label not in symmetric
                if kind not in found and is_free and is_asked(head, tail):
                    found.add(kind)
            if len(found) == len(KINDS):
                break
        return frozenset(found)

    def reversed_of(self, document: Document, symmetric: frozenset[str]) -> list[Relation]:
        """The reversed pairs of a document's own ones that are not listed, without labels.

        Args:
            document: A training document.
            symmetric: See `symmetric_labels`.
        """
        listed = self._texts[_digest(document)].labels
        return [
            Relation(head=one.tail, tail=one.head, label="")
            for one in document.relations or ()
            if one.label and one.label not in symmetric and _places(one.tail, one.head) not in listed
        ]

    def random_of(self, document: Document, pairs: JudgedPairs) -> list[Relation]:
        """Pairs of the text's entities that are listed in neither order, without labels; of many, some at random.

        Where the text comes in several documents, each has a share of them.

        Args:
            document: A training document.
            pairs: What a model is asked about.
        """
        digest = _digest(document)
        text = self._texts[digest]
        own = [_places(one.head, one.tail) for one in document.relations or () if one.label]
        if document.relations and not own:
            return []
        entities = sorted(text.entities.values(), key=outer_first)
        asked = pairs(entities, sentence_stretches(document, kept_whole=entities))
        listed = {*text.labels, *map(_reversed, text.labels)}
        free = [one for one in asked if _places(one.head, one.tail) not in listed]
        most = _MOST_RANDOM * max(len(text.labels), 1)
        if len(free) > most:
            drawn = keyed_generator(0, "negatives", digest.hex()).permutation(len(free))[:most]
            free = [free[place] for place in sorted(drawn)]
        if not own:
            return free
        numbers = {places: number for number, places in enumerate(text.labels)}
        mine = {numbers[places] for places in own}
        return [one for number, one in enumerate(free) if number % len(numbers) in mine]


class Negatives:
    """What becomes a negative beside the pairs that a training document lists.

    Args:
        listed: All that the training data lists.
        kinds: See `wanted_kinds`.
        label: What none is called.
    """

    def __init__(self, listed: ListedPairs, kinds: frozenset[str], label: str) -> None:
        self._listed, self._kinds, self._label = listed, kinds, label
        self._symmetric = listed.symmetric_labels()

    def of(self, document: Document, pairs: JudgedPairs, is_asked: AskedAbout) -> list[Relation]:
        """The negatives of a training document.

        Args:
            document: The document.
            pairs: What a model is asked about among entities.
            is_asked: Whether it is asked about a head and a tail.
        """
        found = self._listed.reversed_of(document, self._symmetric) if "reversed" in self._kinds else []
        found = [one for one in found if is_asked(one.head, one.tail)]
        if "random" in self._kinds:
            found += self._listed.random_of(document, pairs)
        return [replace(one, label=self._label) for one in found]


def _digest(document: Document) -> bytes:
    return hashlib.blake2b(document.text.encode(), digest_size=16).digest()


def _places(head: Span, tail: Span) -> _Places:
    return head.start, head.end, tail.start, tail.end


def _reversed(places: _Places) -> _Places:
    return (*places[2:], *places[:2])
