"""Label Studio's results: labelled regions of a text, relations between them, choices about the whole."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.types import Document, Record, Relation, Span
from spanbert.corpus.formats.span_records import id_key, span_of

EXPECTED = '{"type": "labels", "value": {"start": 0, "end": 3, "labels": ["PER"]}}'


@dataclass(frozen=True, kw_only=True)
class Results:
    """What an annotation says of a text.

    Attributes:
        spans: Its regions, once for each of their labels.
        relations: Between them.
        choices: What was chosen, by the name of the question.
        left_out: How many results of other kinds there are.
    """

    spans: tuple[Span, ...]
    relations: tuple[Relation, ...]
    choices: Mapping[str, tuple[str, ...]]
    left_out: Counter[str] = field(default_factory=Counter)


def read_results(results: Any, text: str, where: str) -> Results:
    """The results of an annotation.

    Args:
        results: The list `result`.
        text: What they are about.
        where: File and task.

    Raises:
        InputError: Not a list of objects, a region outside of the text, or labels that are not texts.
    """
    regions: dict[str, list[Span]] = {}
    choices: dict[str, tuple[str, ...]] = {}
    left_out: Counter[str] = Counter()
    pairs: list[tuple[Mapping[str, Any], list[str]]] = []
    listed = objects(results, where)
    for number, result in enumerate(listed):
        place, kind = f"{where}[{number}]", result.get("type")
        value = result.get("value")
        if kind == "labels":
            name = place if result.get("id") is None else id_key(result["id"])
            regions[name] = regions_of(value, text, place)
        elif kind == "relation":
            pairs.append((result, _labels_of(result, place)))
        elif kind == "choices" and isinstance(value, Mapping) and isinstance(value.get("choices"), list):
            if "start" in value:
                left_out["choices about regions"] += 1
            else:
                choices[str(result.get("from_name"))] = tuple(map(str, value["choices"]))
        else:
            left_out[f"results of type {kind}"] += 1
    relations = []
    for result, labels in pairs:
        ends = [regions.get(id_key(result.get(side)), []) for side in ("from_id", "to_id")]
        if not all(ends):
            left_out["relations of other regions"] += 1
            continue
        head, tail = (one[0] for one in (ends if result.get("direction") != "left" else reversed(ends)))
        relations += [Relation(head=head, tail=tail, label=label) for label in labels]
    spans = [one for region in regions.values() for one in region if one.label is not None]
    return Results(
        spans=tuple(sorted(spans, key=lambda one: (one.start, one.end))),
        relations=tuple(relations),
        choices=choices,
        left_out=left_out,
    )


def _labels_of(relation: Mapping[str, Any], where: str) -> list[str]:
    """The labels of a relation; one that is empty where it has none."""
    labels = relation.get("labels") or [""]
    if not isinstance(labels, list) or not all(isinstance(one, str) for one in labels):
        got = json.dumps(labels, ensure_ascii=False)
        raise InputError("labels that are not a list of texts", where=where, got=got, expected='["knows"]')
    return labels


def regions_of(value: Any, text: str, where: str) -> list[Span]:
    """A region, once for each of its labels, or without one.

    The characters of a region are counted in UTF-16 units where this, and not code points, gives the text that the
    region says it has: texts with emoji, from a browser.

    Raises:
        InputError: No such region, or outside of the text.
    """
    labels = value.get("labels", []) if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(labels, list):
        got = json.dumps(value, ensure_ascii=False)
        raise InputError("a labelled result without a value", where=where, got=got, expected=EXPECTED)
    start, end = value.get("start"), value.get("end")
    if type(start) is int and type(end) is int and isinstance(value.get("text"), str) and not text.isascii():
        units = text.encode("utf-16-le")
        in_units = units[2 * start : 2 * end].decode("utf-16-le", "replace")
        if start >= 0 and text[start:end] != value["text"] == in_units:
            start, end = (len(units[: 2 * place].decode("utf-16-le", "replace")) for place in (start, end))
    return [
        Span(start=one.start, end=one.end, label=label)
        for label in (labels or [None])
        for one in [span_of({"start": start, "end": end, "label": "" if label is None else label}, text, where)[0]]
    ]


def objects(value: Any, where: str) -> Sequence[Mapping[str, Any]]:
    """A list of objects.

    Raises:
        InputError: It is none.
    """
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        got = json.dumps(value, ensure_ascii=False)
        raise InputError("not a list of objects", where=where, got=got, expected="[{...}, ...]")
    return value


def question_of(asked: Iterable[str], label_column: str | None, where: str) -> str | None:
    """The question whose choices are the labels of texts: the named one, else the only one; None: there are several.

    Args:
        asked: The names of all questions of a file.
        label_column: The user's name.
        where: The file.

    Raises:
        InputError: No such question.
    """
    names = list(dict.fromkeys(asked))
    if label_column is not None and label_column not in names:
        got = ", ".join(names) or "no choices at all"
        raise InputError(f"no choices called {label_column!r}", where=where, got=got)
    return label_column or (names[0] if len(names) == 1 else None)


def results_of(document: Document, key: str, kept: Sequence[Mapping[str, Any]] = ()) -> list[Record]:
    """The results that say what a document holds.

    Args:
        document: With spans, relations and labels.
        key: The field of the text.
        kept: The results that it came with: those that still hold are used as they are, and those of other kinds stay.
    """
    made = _Made(document, key)
    for result in kept:
        made.keep(dict(result))
    made.regions(document.spans or ())
    for relation in document.relations or ():
        made.relate(relation)
    if document.labels is not None and not made.chosen:
        value = {"choices": list(document.labels)}
        made.results.append({"from_name": "choice", "to_name": key, "type": "choices", "value": value})
    return made.results


class _Made:
    """Results as they are put together."""

    def __init__(self, document: Document, key: str) -> None:
        self._document, self._key = document, key
        self._regions: dict[Span, Any] = {}
        self._relations: set[Relation] = set()
        self._ends: dict[str, Span] = {}
        self._kept: Counter[Span] = Counter()
        self.results: list[Record] = []
        self.chosen = False

    def keep(self, result: Record) -> None:
        """Takes a result over, unless it is a region or relation that is no longer there."""
        kind, value = result.get("type"), result.get("value")
        if kind == "labels":
            regions = regions_of(value, self._document.text, self._document.place)
            if not all(one.label is None or one in (self._document.spans or ()) for one in regions):
                return
            if result.get("id") is None:
                result["id"] = self._name()
            for one in regions:
                self._regions.setdefault(one, result["id"])
                self._kept[one] += 1
            self._ends[id_key(result["id"])] = regions[0]
        elif kind == "relation":
            head, tail = (self._ends.get(id_key(result.get(side))) for side in ("from_id", "to_id"))
            if result.get("direction") == "left":
                head, tail = tail, head
            known = [one for one in self._document.relations or () if (one.head, one.tail) == (head, tail)]
            if head is None or not set(result.get("labels") or [""]) <= {one.label for one in known}:
                return
            self._relations.update(known)
        self.chosen = self.chosen or kind == "choices"
        self.results.append(result)

    def regions(self, spans: Iterable[Span]) -> None:
        """Adds a region for each span that has none yet."""
        for span in spans:
            bare = Span(start=span.start, end=span.end, label=span.label)
            self._kept[bare] -= 1
            if self._kept[bare] < 0:
                self._add(bare)

    def _region(self, span: Span) -> Any:
        """The id of a region of a span, which is added if there is none."""
        bare = Span(start=span.start, end=span.end, label=span.label)
        return self._regions[bare] if bare in self._regions else self._add(bare)

    def _add(self, span: Span) -> str:
        text, labels = self._document.text[span.start : span.end], [] if span.label is None else [span.label]
        value = {"start": span.start, "end": span.end, "text": text, "labels": labels}
        name = self._name()
        self._regions.setdefault(span, name)
        one = {"id": name, "from_name": "label", "to_name": self._key, "type": "labels", "value": value}
        self.results.append(one)
        return name

    def _name(self) -> str:
        used = {id_key(one.get("id")) for one in self.results}
        return next(name for name in map("r{}".format, count(len(used) + 1)) if id_key(name) not in used)

    def relate(self, relation: Relation) -> None:
        """Adds a relation, unless it is there."""
        if relation not in self._relations:
            head, tail = self._region(relation.head), self._region(relation.tail)
            labels = {"labels": [relation.label]} if relation.label else {}
            self.results.append({"type": "relation", "from_id": head, "to_id": tail, "direction": "right", **labels})
