"""The lines of a file of brat's: entities, relations, equivalences; all else is kept and counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from spanbert.core.errors import InputError
from spanbert.core.types import Span

UNLABELLED = "Unlabelled"  # the type that a span without a label is written with
EQUIV = "Equiv"
_LINE = re.compile(r"([A-Za-z#][^\t]*|\*)\t(.+)")
_OFFSETS = re.compile(r"(\S+) (\d{1,18} \d{1,18}(?:;\d{1,18} \d{1,18})*)")
_EXPECTED = "T1<tab>PER 0 3<tab>Ann, or R1<tab>knows Arg1:T1 Arg2:T2"
_OTHERS = {"E": "events", "A": "attributes", "M": "attributes", "N": "normalisations", "#": "notes"}
_ARGUMENT = re.compile(r"[^\s:]+:(\S+)")
_REFERENCE = re.compile(r"\b[A-Z][0-9]\w*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """A text-bound annotation.

    Attributes:
        label: Its type.
        fragments: Its characters, half-open.
        text: What the file says that they are.
        where: File and line.
    """

    label: str
    fragments: tuple[tuple[int, int], ...]
    text: str
    where: str

    def span(self, text: str) -> Span:
        """Its place in the text; fragments with nothing but white space between them are one.

        Raises:
            InputError: Outside of the text, in fragments, or other characters than the file says.
        """
        start, end = self.fragments[0][0], self.fragments[-1][1]
        rising = all(low < high for low, high in self.fragments)
        rising = rising and all(one[1] <= other[0] for one, other in pairwise(self.fragments))
        if not rising or end > len(text):
            got, expected = f"{self.fragments}", f"characters that rise within 0..{len(text)}"
            raise InputError("an annotation outside of the text", where=self.where, got=got, expected=expected)
        if any(text[one[1] : other[0]].strip() for one, other in pairwise(self.fragments)):
            raise InputError(
                "an annotation in fragments, which spans of one text cannot be",
                where=self.where,
                got=f"{self.label} {' ... '.join(text[low:high] for low, high in self.fragments)!r}",
                expected="one stretch of text",
                remedy="Make it one stretch, or leave the line out",
            )
        said = "".join(text[low:high] for low, high in self.fragments)
        if self.text and "".join(self.text.split()) != "".join(said.split()):
            raise InputError(
                "another text than the annotation says",
                where=self.where,
                got=f"{text[start:end]!r} at {start}..{end}",
                expected=repr(self.text),
                remedy="Characters are counted from 0 in the .txt file, line ends included",
            )
        return Span(start=start, end=end, label=self.label)


@dataclass(frozen=True, kw_only=True, slots=True)
class Standoff:
    """What a file of annotations says.

    Attributes:
        lines: Its lines, as they are.
        entities: Text-bound annotations by their ids.
        relations: Label, and the ids of both ends, by the id of the relation.
        groups: Ids of entities that are the same thing, as each line says it.
        left_out: How many annotations of other kinds there are.
    """

    lines: tuple[str, ...]
    entities: dict[str, Entity]
    relations: dict[str, tuple[str, str, str]]
    groups: tuple[tuple[str, ...], ...]
    left_out: Counter[str]

    @property
    def alone(self) -> list[str]:
        """Spans without a label that nothing refers to: clusters of one mention."""
        named = {one for group in self.groups for one in group}
        named |= {one for _, *ends in self.relations.values() for one in ends}
        return [name for name, one in self.entities.items() if one.label == UNLABELLED and name not in named]

    def same(self) -> list[list[str]]:
        """Ids of entities that are the same thing, with what follows from several lines."""
        owner: dict[str, list[str]] = {}
        for group in (*self.groups, *((one,) for one in self.alone)):
            joined = list(dict.fromkeys(one for name in group for one in owner.get(name, [name])))
            owner |= dict.fromkeys(joined, joined)
        return list({id(group): group for group in owner.values()}.values())


def read_standoff(content: str, where: str) -> Standoff:
    """The annotations of a file.

    Args:
        content: The file.
        where: Its name.

    Raises:
        InputError: A line that is no annotation, an id that occurs twice or not at all; names file and line.
    """
    lines = tuple(content.split("\n"))
    entities: dict[str, Entity] = {}
    relations: dict[str, tuple[str, str, str]] = {}
    groups: list[tuple[str, ...]] = []
    left_out: Counter[str] = Counter()
    referring: list[tuple[str, str, str]] = []  # id, what follows it, place
    names: set[str] = set()
    for number, line in enumerate((line.removesuffix("\r") for line in lines), start=1):
        if not line.strip():
            continue
        place = f"{where}:{number}"
        match = _LINE.fullmatch(line)
        if match is None:
            raise InputError("not an annotation of brat's", where=place, got=repr(line[:60]), expected=_EXPECTED)
        name, rest = match.groups()
        if name != "*" and not name.startswith("#"):
            if name in names:
                raise InputError("an id that occurs twice", where=place, got=name)
            names.add(name)
        if name.startswith("T"):
            entities[name] = _entity(rest, place)
        elif name.startswith(("R", "*")):
            referring.append((name, rest, place))
        else:
            left_out[_OTHERS.get(name[0], "other annotations")] += 1
    for name, rest, place in referring:
        label, *same = rest.split()
        pair = _ends(rest, place) if name != "*" else None
        ends = tuple(same) if pair is None else pair
        unknown = [one for one in ends if one not in names]
        if unknown:
            raise InputError("an annotation of what is not there", where=place, got=unknown[0])
        if any(one not in entities for one in ends):
            left_out["relations of events"] += 1
        elif pair is not None:
            relations[name] = (label, *pair)
            groups += [pair] if is_coreference(label) else []
        elif label == EQUIV:
            groups.append(ends)
        else:
            left_out["other annotations"] += 1
    return Standoff(
        lines=lines, entities=entities, relations=relations, groups=tuple(groups), left_out=left_out
    )  # fmt: skip


def is_coreference(label: str) -> bool:
    """Whether a relation of this label makes its ends the same thing."""
    return label.lower().startswith("coref")


def _entity(rest: str, where: str) -> Entity:
    said, _, text = rest.partition("\t")
    match = _OFFSETS.fullmatch(said)
    if match is None:
        raise InputError("not a text-bound annotation", where=where, got=repr(rest[:60]), expected=_EXPECTED)
    low_high = [part.split(" ") for part in match[2].split(";")]
    fragments = tuple((int(low), int(high)) for low, high in low_high)
    return Entity(label=match[1], fragments=fragments, text=text, where=where)


def _ends(rest: str, where: str) -> tuple[str, str]:
    _, *arguments = rest.split()
    found = [match[1] for match in map(_ARGUMENT.fullmatch, arguments) if match]
    if len(found) != len(arguments) or len(found) != 2:
        raise InputError("not a relation of two", where=where, got=repr(rest[:60]), expected=_EXPECTED)
    return found[0], found[1]


def without(lines: Sequence[str], dropped: set[str]) -> Iterator[str]:
    """The lines that neither are annotations of some ids nor, over any number of others, refer to one."""
    dropped = set(dropped)
    kept = list(lines)
    while True:
        left = [line for line in kept if not _mentions(line, dropped)]
        if len(left) == len(kept):
            yield from kept
            return
        dropped |= {line.partition("\t")[0] for line in kept if _mentions(line, dropped)} - {"*"}
        kept = left


def _mentions(line: str, names: set[str]) -> bool:
    name, _, rest = line.partition("\t")
    said = rest.split("\t")[0]
    return name in names or (not name.startswith("T") and not names.isdisjoint(_REFERENCE.findall(said)))
