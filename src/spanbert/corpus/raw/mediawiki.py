"""MediaWiki XML dumps (`*-pages-articles*.xml[.bz2]`): articles as plain paragraphs.

Wikipedia's text is CC BY-SA: anyone who shows it must credit Wikipedia's contributors.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from spanbert.core.errors import InputError
from spanbert.core.missing import how_to_get
from spanbert.core.types import Document
from spanbert.corpus.io.files import ByteCounter, SourceFile, open_bytes
from spanbert.corpus.io.limits import Measured

_LAST_SECTIONS = re.compile(
    r"^=+\s*(see also|references|notes|footnotes|citations|sources|further reading|external links|bibliography)"
    r"\s*=+\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_MEDIA = re.compile(r"^(file|image|category):", re.IGNORECASE)
_NOT_PROSE = frozenset(("ref", "table", "gallery", "math", "references", "timeline"))
_SHORTEST_PARAGRAPH = 60


def plain_paragraphs(wikitext: str) -> list[str]:
    """The prose of an article: templates, tables, references, media and the closing lists removed.

    Args:
        wikitext: MediaWiki markup.

    Returns:
        Paragraphs of at least 60 characters, in order.
    """
    import mwparserfromhell
    from mwparserfromhell.nodes import Tag, Wikilink

    def is_prose(node: object) -> bool:
        if isinstance(node, Tag):
            return str(node.tag).strip().lower() not in _NOT_PROSE
        return not (isinstance(node, Wikilink) and _MEDIA.match(str(node.title).strip()))

    closing = _LAST_SECTIONS.search(wikitext)
    code = mwparserfromhell.parse(wikitext[: closing.start()] if closing else wikitext)
    code.nodes = [node for node in code.nodes if is_prose(node)]
    paragraphs = []
    for line in code.strip_code(normalize=True, collapse=True).splitlines():
        text = " ".join(_without_marks(line).split())
        if len(text) >= _SHORTEST_PARAGRAPH:
            paragraphs.append(text)
    return paragraphs


def _without_marks(line: str) -> str:
    """A line without the marks of a heading: `== History ==` is `History`."""
    is_heading = len(line) > 1 and line.startswith("=") and line.endswith("=")
    return line.strip("=") if is_heading else line


def read_dump(file: SourceFile, counter: ByteCounter) -> Iterator[Document]:
    """Articles of a dump, redirects and other namespaces left out; streaming, one page in memory at a time.

    Raises:
        InputError: Not a MediaWiki dump, broken XML (names the line), or mwparserfromhell is not installed.
    """
    try:
        import mwparserfromhell  # noqa: F401
    except ModuleNotFoundError:
        raise InputError(
            "reading MediaWiki dumps needs mwparserfromhell",
            where=str(file.path),
            remedy=how_to_get("mwparserfromhell"),
        ) from None
    content, raw = open_bytes(file.path)
    base, root = counter.done, None
    with raw, content:
        try:
            measured = Measured(content, str(file.path), "a page")
            for event, element in ElementTree.iterparse(measured, events=("start", "end")):
                namespace, brace, tag = element.tag.rpartition("}")
                if root is None:
                    if tag != "mediawiki":
                        raise InputError(
                            "not a MediaWiki dump", where=str(file.path), got=f"<{tag}>", expected="<mediawiki>"
                        )
                    root = element
                if event == "start" or tag != "page":
                    continue
                counter.done = base + raw.tell()
                measured.next_element()
                document = _document_of_page(element, namespace + brace)
                root.clear()
                if document is not None:
                    yield document
        except ElementTree.ParseError as error:
            raise InputError("broken XML", where=f"{file.path}:{error.position[0]}", got=str(error)) from None
        except (EOFError, OSError) as error:
            raise InputError(
                "the compressed file is damaged or cut short", where=str(file.path), got=str(error)
            ) from None
    counter.done = base + file.path.stat().st_size


def _document_of_page(page: ElementTree.Element, namespace: str) -> Document | None:
    title = page.findtext(f"{namespace}title", "")
    is_article = page.findtext(f"{namespace}ns", "0") == "0" and page.find(f"{namespace}redirect") is None
    paragraphs = plain_paragraphs(page.findtext(f"{namespace}revision/{namespace}text", "")) if is_article else []
    return Document(id=title, text="\n".join([title, *paragraphs])) if paragraphs else None
