"""Results as HTML: one self-contained page for a file, a fragment for a notebook; nothing comes from a network.

    TaskRender.html (of each kind) --AnnotatedText.drawing--> the page of `spanbert serve`
                                   --html--> article --page--> a file
                                                     --fragment--> a notebook

All look alike: style and script are those of `core/html`. What a text, a label or an id holds is escaped and inert; the
policy of a file also lets nothing in but its own style and script. Without the script all of it can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from spanbert.core.html.script import own_script, source_hash
from spanbert.core.html.style import STYLE, Palette, escaped

_STYLE = STYLE + "html,body{margin:0}body{min-height:100vh}"


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
    script = own_script()
    policy = f"default-src 'none'; style-src {source_hash(_STYLE)}; script-src {source_hash(script)}"
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escaped(title)}</title>\n<style>{_STYLE}</style>\n<script type="module">{script}</script>\n'
        f'</head>\n<body class="spanbert">\n<main>\n<h1 class="sb-head">{escaped(title)}</h1>\n'
    )
    count = 0
    for count, result in enumerate(results, start=1):  # noqa: B007 (the footer says how many there were)
        yield result.html(palette) + "\n"
    yield f'<p class="sb-foot">{count} result{"" if count == 1 else "s"}</p>\n</main>\n</body>\n</html>\n'


def fragment(result: Shown) -> str:
    """One result with the style that it needs, for use within another page.

    Args:
        result: What to show.
    """
    drawn = result.html(Palette())
    script = f'<script type="module">{own_script()}</script>' if "data-sb-marks=" in drawn else ""
    return f'<div class="spanbert"><style>{STYLE}</style>{drawn}</div>{script}'


def article(name: str, body: str) -> str:
    """One result of a page.

    Args:
        name: Its id.
        body: HTML of the content.
    """
    return f'<article><div class="sb-id">{escaped(name)}</div>{body}</article>'
