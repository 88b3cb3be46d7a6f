"""How results look: escaping, colours of labels, and the style sheet of pages and notebook fragments.

Label text is black on every colour, in the light and the dark style, so that its contrast does not depend on the
reader's settings.

Source of the colours: Paul Tol, "Colour Schemes" (SRON/EPS/TN/09-002, 2021), the scheme "light", whose colours
colour-blind readers can distinguish and which carry black labels.
"""

from __future__ import annotations

import re
from html import escape
from zlib import crc32

COLOURS = ("77aadd", "ee8866", "eedd88", "ffaabb", "99ddff", "44bb99", "bbcc33", "aaaa00", "dddddd")
_UNSHOWABLE = re.compile("[\0\ud800-\udfff]")  # no HTML file can hold them


def escaped(text: str) -> str:
    """Text for an element or a quoted attribute: nothing in it is markup, and a browser reads the same characters.

    A carriage return is written as a reference, since parsers turn a bare one into a line feed; NUL and lone
    surrogates, which no page can hold, become U+FFFD.
    """
    return _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", escape(text)).replace("\r", "&#13;")


class Palette:
    """Colours of the labels of one page.

    A label's colour comes from a checksum of its name, so that it is the same on most pages; where another label of the
    page has that colour, the next free one is taken, and with more labels than colours some share one.
    """

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def css_class(self, label: str | None) -> str:
        """The CSS class that sets a label's colour."""
        name = label or ""
        if name not in self._places:
            wanted = crc32(name.encode("utf-8", "replace")) % len(COLOURS)
            in_turn = [(wanted + step) % len(COLOURS) for step in range(len(COLOURS))]
            taken = set(self._places.values())
            self._places[name] = next((place for place in in_turn if place not in taken), wanted)
        return f"sb-{self._places[name]}"


def _deep(colour: str) -> str:
    """Half as bright: for lines on white and on the label colours."""
    return "".join(f"{int(colour[place : place + 2], 16) // 2:02x}" for place in (0, 2, 4))


_LIGHT = "--ink:#1a1a1a;--paper:#ffffff;--faint:#5a5a5a;--rule:#d0d0d0;--bar:#2f7fc1"
_DARK = "--ink:#e8e8e8;--paper:#16181a;--faint:#a8a8a8;--rule:#44484c;--bar:#3a6ea5"
_LABEL_COLOURS = "\n".join(
    f".sb-{place}{{--fill:#{colour};--deep:#{_deep(colour)}}}" for place, colour in enumerate(COLOURS)
)
STYLE = f"""
.spanbert{{{_LIGHT};background:var(--paper);color:var(--ink);color-scheme:light dark;
font:16px/1.5 system-ui,sans-serif;padding:.5rem}}
@media (prefers-color-scheme:dark){{.spanbert{{{_DARK}}}}}
{_LABEL_COLOURS}
.spanbert article{{max-width:52rem;margin:0 auto;padding:1rem 0;border-bottom:1px solid var(--rule)}}
.sb-head,.sb-foot{{max-width:52rem;margin:0 auto}}
.sb-id,.sb-task,.sb-note,.sb-cut,.sb-foot,.spanbert summary{{color:var(--faint);font-size:.85em}}
.sb-task{{margin-top:.8rem;font-weight:600}}
.sb-text{{white-space:pre-wrap;overflow-wrap:anywhere;line-height:calc(1.8 + .4*var(--rows,0));margin:.3rem 0}}
.sb-text mark{{background:var(--fill);color:#111;border-radius:.25em;box-shadow:inset 0 0 0 1px var(--deep);
padding:calc(.1em + .18em*var(--level,0)) .25em;box-decoration-break:clone;-webkit-box-decoration-break:clone}}
.sb-line{{border-bottom:.15em solid var(--deep);padding-bottom:calc(.05em + .3em*var(--row))}}
@media (prefers-color-scheme:dark){{.sb-line{{border-color:var(--fill)}}
.sb-text mark .sb-line{{border-color:var(--deep)}}}}
.sb-label{{background:var(--fill);color:#111;font-size:.65em;font-weight:700;line-height:1;margin-left:.35em;
padding:.1em .3em;border-radius:.3em;white-space:nowrap;user-select:none;-webkit-user-select:none}}
.sb-text ruby{{display:inline-flex;flex-direction:column;line-height:1.3;text-align:center;margin:0 .1em}}
.sb-text rt{{display:block;color:var(--faint);font-size:.65em;line-height:1.3;text-align:center;
padding:0 .2em;border-top:1px solid var(--rule);user-select:none;-webkit-user-select:none}}
.sb-bars,.sb-table{{border-collapse:collapse;font-size:.9em;margin:.4rem 0}}
.sb-bars{{width:100%;table-layout:fixed}}
.spanbert .sb-bars :is(th,td),.spanbert .sb-table :is(th,td){{text-align:left;font-weight:400;color:inherit;
background:none;padding:.15rem .6rem .15rem 0;vertical-align:middle}}
.spanbert .sb-bars .sb-given{{font-weight:700}}
.sb-bars th{{width:30%;overflow-wrap:anywhere}}
.sb-bars .sb-number{{width:3.5rem}}
.sb-bar{{background:var(--bar);height:.8em;min-width:1px;border-radius:.15em}}
.sb-number{{font-variant-numeric:tabular-nums}}
.sb-question{{font-weight:600}}
.sb-table caption{{text-align:left;color:var(--faint);caption-side:bottom;white-space:nowrap}}
"""
