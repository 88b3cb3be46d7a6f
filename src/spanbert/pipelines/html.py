"""Results as HTML: one self-contained page for a file, a fragment for a notebook; no script, no network.

The content of a text, a label or an id is escaped and inert; the page's security policy also forbids loading anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from spanbert.core.html.style import STYLE, Palette, escaped


class Shown(Protocol):
    """What a page can show."""

    def html(self, palette: Palette) -> str:
        """It as an `article`."""


def page(results: Iterable[Shown], *, title: str) -> Iterator[str]:
    """One HTML file with everything in it, piece by piece; results are taken one at a time.

    Args:
        results: What to show, in order.
        title: Title and heading.

    Yields:
        Pieces of the file, to be written one after another as UTF-8.
    """
    palette = Palette()
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(title)}</title>\n<style>{STYLE}html,body{{margin:0}}body{{min-height:100vh}}</style>\n"
        f'</head>\n<body class="spanbert">\n<h1 class="sb-head">{escaped(title)}</h1>\n'
    )
    count = 0
    for count, result in enumerate(results, start=1):  # noqa: B007 (the footer says how many there were)
        yield result.html(palette) + "\n"
    yield f'<p class="sb-foot">{count} result{"" if count == 1 else "s"}</p>\n</body>\n</html>\n'


def fragment(result: Shown) -> str:
    """One result with the style that it needs, for use within another page.

    Args:
        result: What to show.
    """
    return f'<div class="spanbert"><style>{STYLE}</style>{result.html(Palette())}</div>'


def article(name: str, body: str) -> str:
    """One result of a page.

    Args:
        name: Its id.
        body: HTML of the content.
    """
    return f'<article><div class="sb-id">{escaped(name)}</div>{body}</article>'
