"""SemEval-2010 Task 8's text: a numbered sentence with marks, its relation, a comment.

8001	"The <e1>audits</e1> were about <e2>waste</e2>."
Message-Topic(e1,e2)
Comment:
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from spanbert.core.errors import InputError
from spanbert.core.excerpts import shortened
from spanbert.core.files import write_atomically
from spanbert.core.types import Document, Relation, Span
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.families import RELATIONS
from spanbert.corpus.formats.format import Format
from spanbert.corpus.formats.relations import one_by_one
from spanbert.corpus.io.files import OnBroken, SourceFile, readable, text_lines

_SENTENCE = re.compile(r'(\d+)\t"(.*)"\s*')
_MARKS = re.compile(r"</?e[12]>")


@dataclass(frozen=True, kw_only=True, slots=True)
class SemevalOrigin:
    """A sentence as its file has it.

    Attributes:
        marked: The sentence with its marks.
        rest: The lines after it; None: the label.
        read: Its relation as it was read.
    """

    marked: str
    rest: tuple[str | None, ...]
    read: Relation


def read_semeval(file: SourceFile, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The documents of a file; the label is empty where the file does not say it.

    Args:
        file: Plain or compressed.
        on_broken: Called with the error of each unreadable sentence, which is then left out; one without number or
            quotes is an error. None: the error is raised.

    Raises:
        InputError: A line that belongs to no sentence, or marks that are missing or wrong; names file and line.
    """
    sentence: tuple[str, str, str] | None = None  # number, text with marks, place
    label = ""
    rest: list[str | None] = []  # the lines after the sentence; None: the label

    def made() -> Iterator[Document]:
        if sentence is not None:
            yield from readable(partial(_of_marks, *sentence, label, tuple(rest)), on_broken)

    for number, line in text_lines(file):
        match = _SENTENCE.fullmatch(line)
        if match:
            yield from made()
            sentence, label, rest = (match[1], match[2], f"{file.path}:{number}"), "", []
        elif _MARKS.search(line) and not line.startswith("Comment"):
            expected = '8001<tab>"The <e1>audits</e1> ..."'
            raise InputError(
                "not a sentence", where=f"{file.path}:{number}", got=repr(shortened(line, 60)), expected=expected
            )
        elif sentence is None and line.strip():
            raise InputError(
                "a line before the first sentence", where=f"{file.path}:{number}", got=repr(shortened(line, 60))
            )
        elif not label and line.strip() and not line.startswith("Comment"):
            label = line.strip()
            rest.append(None)
        else:
            rest.append(line)
    yield from made()


def _of_marks(identity: str, marked: str, where: str, label: str, rest: tuple[str | None, ...]) -> Document:
    places: dict[str, int] = {}
    text, last = "", 0
    for mark in _MARKS.finditer(marked):
        text += marked[last : mark.start()]
        last = mark.end()
        if mark[0] in places:
            raise InputError(f"{mark[0]} occurs twice", where=where)
        places[mark[0]] = len(text)
    text += marked[last:]
    missing = [mark for mark in ("<e1>", "</e1>", "<e2>", "</e2>") if mark not in places]
    if missing:
        raise InputError(f"no {missing[0]}", where=where, got=repr(shortened(marked, 60)))
    head, tail = (
        Span(start=places[f"<e{n}>"], end=places[f"</e{n}>"]) if places[f"<e{n}>"] < places[f"</e{n}>"] else None
        for n in "12"
    )
    if head is None or tail is None or not all(text[one.start : one.end].strip() for one in (head, tail)):
        raise InputError("an entity ends before it begins, or is empty", where=where, got=repr(shortened(marked, 60)))
    relation = Relation(head=head, tail=tail, label=label)
    return Document(
        id=identity,
        text=text,
        relations=(relation,),
        where=where,
        origin=SemevalOrigin(marked=marked, rest=rest, read=relation),
    )


def write_semeval(documents: Iterable[Document], target: Path) -> None:
    """Writes documents of one relation each, whole or not at all; what came from such a file comes back as it was.

    Sentences keep their numbers; one without, or with that of an earlier one, gets the next after the highest.

    Raises:
        InputError: A text with line breaks or marks; names it.
    """
    write_atomically(target, "".join(_lines(document, number) for document, number in _numbered(documents)))


def _numbered(documents: Iterable[Document]) -> Iterator[tuple[Document, str]]:
    used: set[str] = set()
    highest = 0
    for document in documents:
        number = document.id
        if not _came_so(document) and (not (number.isascii() and number.isdecimal()) or number in used):
            number = str(highest + 1)
        used.add(number)
        highest = max(highest, int(number[:18]))
        yield document, number


def _came_so(document: Document) -> bool:
    """Whether a document is as it was in such a file."""
    return isinstance(document.origin, SemevalOrigin) and document.relations == (document.origin.read,)


def _lines(document: Document, number: str) -> str:
    [relation] = document.relations or ()
    origin = document.origin
    marked, rest = (origin.marked, origin.rest) if isinstance(origin, SemevalOrigin) else ("", (None, "Comment:", ""))
    if not _came_so(document):
        if re.search(r"[\r\n]", document.text) or _MARKS.search(document.text):
            what = "a text with line breaks or marks"
            raise InputError(what, where=document.place, remedy="Write relation-jsonl")
        marks = [(relation.head.start, 1, "<e1>"), (relation.head.end, 0, "</e1>"),
                 (relation.tail.start, 1, "<e2>"), (relation.tail.end, 0, "</e2>")]  # fmt: skip
        marked, last = "", 0
        for place, _, mark in sorted(marks):
            marked += document.text[last:place] + mark
            last = place
        marked += document.text[last:]
    label = [relation.label] if relation.label else []
    after = [line for one in rest for line in (label if one is None else [one])]
    after = after if None in rest else [*label, *after]
    return "\n".join([f'{number}\t"{marked}"', *after]) + "\n"


def _detect(beginning: Beginning) -> bool:
    return _SENTENCE.fullmatch(beginning.line) is not None


FORMAT = Format(
    name="semeval",
    title="SemEval-2010 Task 8, sentences with <e1> and <e2>",
    family=RELATIONS,
    holds=frozenset({"relations"}),
    detect=_detect,
    read=lambda file, settings, on_broken: read_semeval(file, on_broken),
    write=lambda documents, target, settings: write_semeval(one_by_one(documents), target),
    marks=lambda beginning: _detect(beginning) and _MARKS.search(beginning.line) is not None,
)
