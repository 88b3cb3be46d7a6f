"""Translation memories (TMX 1.4b): units with a text in each language.

<tu><tuv xml:lang="en"><seg>He left early.</seg></tuv><tuv xml:lang="de"><seg>Er ging früh.</seg></tuv></tu>
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from spanbert.core.errors import InputError, nearest
from spanbert.core.excerpts import shortened
from spanbert.core.types import Document
from spanbert.corpus.formats.beginning import Beginning
from spanbert.corpus.formats.families import TRANSLATIONS
from spanbert.corpus.formats.format import Format, WriteSettings
from spanbert.corpus.formats.parallel import required_target
from spanbert.corpus.formats.parallel_columns import ParallelColumns
from spanbert.corpus.io.files import OnBroken, SourceFile, open_bytes, whole_text, write_lines
from spanbert.corpus.io.limits import Measured

_XML_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_CODES = frozenset({"bpt", "ept", "ph", "it", "ut"})  # markup of the program that a text came from
_SAMPLE = 100
_LOOKED_AT = 1 << 12  # bytes in which the root of a memory must begin
_UNNAMED = ("x-source", "x-target")


def _units(file: SourceFile) -> Iterator[tuple[str | None, dict[str, str]]]:
    """The source language that the file states, and the text of each language, unit by unit."""
    content, raw = open_bytes(file.path)
    stated: str | None = None
    with raw, content:
        try:
            measured = Measured(content, str(file.path), "a unit")
            events = ElementTree.iterparse(measured, events=("start", "end"))
            _, root = next(events)
            if _name(root) != "tmx":
                raise InputError(
                    "not a translation memory", where=f"{file.path}:1", got=f"<{_name(root)}>", expected="<tmx>"
                )
            body = root
            for event, element in events:
                name = _name(element)
                if event == "start" and name == "header":
                    source = element.get("srclang")
                    stated = None if source in (None, "*all*") else source
                elif event == "start" and name == "body":
                    body = element
                elif event == "end" and name == "tu":
                    measured.next_element()
                    yield stated, _texts(element)
                    body.clear()  # memory stays that of one unit
        except (LookupError, ValueError) as error:
            raise InputError("not in an encoding that can be read", where=f"{file.path}:1", got=str(error)) from None
        except ElementTree.ParseError as error:
            line, column = error.position
            raise InputError(
                "not XML",
                where=f"{file.path}:{line}",
                got=f"{error.msg}",
                expected="TMX",
                remedy=f"Look at column {column}",
            ) from None


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _texts(unit: ElementTree.Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for variant in unit:
        language = variant.get(_XML_LANGUAGE) or variant.get("lang")
        segment = next((one for one in variant if _name(one) == "seg"), None)
        if language is not None and segment is not None:
            found[language] = "".join(_text(segment))
    return found


def _text(element: ElementTree.Element) -> Iterator[str]:
    """What people read of a segment: without the markup of other programs."""
    if _name(element) not in _CODES:
        yield element.text or ""
        for part in element:
            yield from _text(part)
            yield part.tail or ""


def _languages(file: SourceFile, text: str | None, target: str | None) -> ParallelColumns:
    """The languages of text and translation: named ones, else that which the file states and the only other."""
    stated: str | None = None
    seen: dict[str, None] = {}
    for stated, texts in islice(_units(file), _SAMPLE):  # noqa: B007 (every unit says the same)
        seen |= dict.fromkeys(texts)
    if not seen:
        raise InputError("no units", where=str(file.path), expected="<tu> with a <tuv> for each language")
    names = list(seen)
    source = _language(text, names, file) or _language(stated, names, None) or names[0]
    others = [name for name in names if name != source]
    chosen = _language(target, names, file)
    if chosen is None and len(others) > 1:
        raise InputError(
            "a memory of several languages",
            where=str(file.path),
            got=", ".join(names),
            remedy="Name two: --text-column en --target-column de",
        )
    named = text is not None and target is not None
    found = chosen or next(iter(others), None)
    return ParallelColumns(text=source, target=found, guessed=None if named else "header")


def _language(wanted: str | None, names: list[str], file: SourceFile | None) -> str | None:
    """The language of the file that is meant: `en` stands for `en-US`; one that is missing is refused, given a file."""
    if wanted is None:
        return None
    low = wanted.lower()
    found = [name for name in names if name.lower() == low] or [
        name for name in names if name.lower().split("-")[0] == low.split("-")[0]
    ]
    if not found and file is not None:
        raise InputError(
            f"no language {wanted!r}", where=str(file.path), got=", ".join(names), remedy=nearest(wanted, names)
        )
    return found[0] if found else None


def read_tmx(file: SourceFile, columns: ParallelColumns, on_broken: OnBroken | None = None) -> Iterator[Document]:
    """The units of a memory as texts with translations, streaming; units without one of the languages are left out.

    Args:
        file: The memory, plain or compressed.
        columns: The two languages.
        on_broken: Not called: XML is well formed or not.

    Raises:
        InputError: Not XML, or no memory; names file and line.
    """
    for number, (_, texts) in enumerate(_units(file), start=1):
        if columns.text in texts and (columns.target is None or columns.target in texts):
            yield Document(
                id=f"{file.name}:{number}",
                text=texts[columns.text],
                target=None if columns.target is None else texts[columns.target],
                where=f"{file.path}: unit {number}",
                origin=(columns.text, columns.target),
            )


def write_tmx(documents: Iterable[Document], target: Path, settings: WriteSettings) -> None:
    """Writes a memory, whole or not at all.

    Args:
        documents: With translations.
        target: The file.
        settings: Nothing of them applies.

    Raises:
        InputError: A text without a translation, or with a character that XML cannot hold.
    """
    write_lines(target, _lines(documents))


def _lines(documents: Iterable[Document]) -> Iterator[str]:
    begun = False
    for document in documents:
        origin = document.origin
        languages = origin if isinstance(origin, tuple) and len(origin) == 2 and all(origin) else _UNNAMED
        if not begun:
            begun = True
            yield from (
                '<?xml version="1.0" encoding="UTF-8"?>',
                '<tmx version="1.4">',
                '<header creationtool="spanbert" creationtoolversion="1" segtype="sentence" o-tmf="text" '
                f'adminlang="en" srclang={quoteattr(str(languages[0]))} datatype="plaintext"/>',
                "<body>",
            )
        sides = zip(languages, (document.text, required_target(document)), strict=True)
        variants = (
            f"<tuv xml:lang={quoteattr(str(one))}><seg>{_escaped(text, document)}</seg></tuv>" for one, text in sides
        )
        yield f"<tu>{''.join(variants)}</tu>"
    yield from ("</body>", "</tmx>")


def _escaped(text: str, document: Document) -> str:
    if any(ord(character) < 32 and character not in "\t\n\r" for character in text):
        raise InputError("a character that XML cannot hold", where=document.place, got=repr(shortened(text, 60)))
    return escape(text, {"\r": "&#13;"})


def _detect(beginning: Beginning) -> bool:
    if beginning.file.kind == ".tmx":
        return True
    return beginning.line.lstrip().startswith("<") and "<tmx" in whole_text(beginning.file.path, _LOOKED_AT)


FORMAT = Format(
    name="tmx",
    title="a translation memory (TMX)",
    family=TRANSLATIONS,
    holds=frozenset({"target"}),
    detect=_detect,
    resolve=lambda file, settings: replace(
        settings, columns=_languages(file, settings.text_column, settings.target_column)
    ),
    read=lambda file, settings, on_broken: read_tmx(file, settings.columns_as(ParallelColumns), on_broken),
    describe=lambda file, settings: f"a translation memory, {settings.columns_as(ParallelColumns)}",
    write=write_tmx,
    suffixes=(".tmx",),
    states_encoding=True,
)
