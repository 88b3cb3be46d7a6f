"""How results look: escaping, colours of labels, and the style sheet of pages and notebook fragments.

Label text is black on every colour, in the light and the dark style, so that its contrast does not depend on the
reader's settings. What differs from element to element is a class and never a `style` attribute, so that a page can
forbid these: `step` counts rows and levels, bars are SVG.

Source of the colours: Paul Tol, "Colour Schemes" (SRON/EPS/TN/09-002, 2021), the scheme "light", whose colours
colour-blind readers can distinguish and which carry black labels.
"""

from __future__ import annotations

import re
from html import escape
from zlib import crc32

COLOURS = ("77aadd", "ee8866", "eedd88", "ffaabb", "99ddff", "44bb99", "bbcc33", "aaaa00", "dddddd")
STEPS = 9  # of levels, rows and shades; what goes further looks like the last
_UNSHOWABLE = re.compile("[\0\ud800-\udfff]")  # no HTML file can hold them


def escaped(text: str) -> str:
    """Text for an element or a quoted attribute: nothing in it is markup, and a browser reads the same characters.

    A carriage return is written as a reference, since parsers turn a bare one into a line feed; NUL and lone
    surrogates, which no page can hold, become U+FFFD.
    """
    return _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", escape(text)).replace("\r", "&#13;")


def words(english: str, chinese: str) -> str:
    """Words of the drawing itself, such as the heading of a column, as HTML.

    Args:
        english: What is shown.
        chinese: What a Chinese page puts in their place.
    """
    return f'<span data-sb-zh="{escaped(chinese)}">{escaped(english)}</span>'


def step(name: str, number: int) -> str:
    """The CSS class that sets a property of the drawing, such as `--row`, to a small number."""
    return f"sb-{name}-{min(number, STEPS)}"


def bar(share: float) -> str:
    """A bar for a share of 1; the number itself stands beside it."""
    width = f"{100 * min(max(share, 0.0), 1.0):.1f}"
    return (
        '<svg class="sb-bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{width}" height="1"/></svg>'
    )


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


_LABEL_COLOURS = "\n".join(
    f".sb-{place}{{--fill:#{colour};--deep:#{_deep(colour)}}}" for place, colour in enumerate(COLOURS)
)
_STEPS = "\n".join(
    "".join(f".sb-{name}-{number}{{--{name}:{number}}}" for number in range(STEPS + 1))
    for name in ("rows", "row", "level", "shade")
)
STYLE = f"""
.spanbert{{--ink:light-dark(#1a1a1a,#e8e8e8);--paper:light-dark(#ffffff,#16181a);--faint:light-dark(#5a5a5a,#a8a8a8);
--rule:light-dark(#d0d0d0,#44484c);--bar:light-dark(#2f7fc1,#4d8fc9);--for:light-dark(#77aadd,#2b5c8a);
--against:light-dark(#ee8866,#8a3f22);background:var(--paper);color:var(--ink);color-scheme:light dark;
font:16px/1.5 system-ui,sans-serif;padding:.5rem}}
{_LABEL_COLOURS}
{_STEPS}
.spanbert article{{max-width:52rem;margin:0 auto;padding:1rem 0;border-bottom:1px solid var(--rule)}}
.sb-head,.sb-foot{{max-width:52rem;margin:0 auto}}
.sb-id,.sb-task,.sb-note,.sb-cut,.sb-foot,.spanbert summary{{color:var(--faint);font-size:.85em}}
.sb-task{{margin-top:.8rem;font-weight:600}}
.sb-text{{white-space:pre-wrap;overflow-wrap:anywhere;margin:.3rem 0;padding-top:calc(.55em*var(--lanes,0));
line-height:calc(1.8 + .4*var(--rows,0) + 1.1*var(--lanes,0))}}
.sb-text mark{{background:var(--fill);color:#111;border-radius:.25em;box-shadow:inset 0 0 0 1px var(--deep);
padding:calc(.1em + .18em*var(--level,0)) .25em;box-decoration-break:clone;-webkit-box-decoration-break:clone}}
.sb-text mark.sb-second{{background:none;color:inherit;box-shadow:none;outline:.1em dashed var(--faint)}}
.sb-line{{border-bottom:.15em solid light-dark(var(--deep),var(--fill));padding-bottom:calc(.05em + .3em*var(--row))}}
.sb-text mark .sb-line{{border-color:var(--deep)}}
.sb-label{{background:var(--fill);color:#111;font-size:.65em;font-weight:700;line-height:1;margin-left:.35em;
padding:.1em .3em;border-radius:.3em;white-space:nowrap;user-select:none;-webkit-user-select:none}}
.sb-text ruby{{display:inline-flex;flex-direction:column;line-height:1.3;text-align:center;margin:0 .1em}}
.sb-text rt{{display:block;color:var(--faint);font-size:.65em;line-height:1.3;text-align:center;
padding:0 .2em;border-top:1px solid var(--rule);user-select:none;-webkit-user-select:none}}
.sb-for,.sb-against{{border-radius:.2em;padding:.1em 0;
background:color-mix(in srgb,var(--for) calc(100%*var(--shade)/{STEPS}),transparent)}}
.sb-against{{background:color-mix(in srgb,var(--against) calc(100%*var(--shade)/{STEPS}),transparent);
border-bottom:.1em dotted var(--faint)}}
.sb-bars,.sb-table{{border-collapse:collapse;font-size:.9em;margin:.4rem 0}}
.sb-bars{{width:100%;table-layout:fixed}}
.spanbert .sb-bars :is(th,td),.spanbert .sb-table :is(th,td){{text-align:left;font-weight:400;color:inherit;
background:none;padding:.15rem .6rem .15rem 0;vertical-align:middle;overflow-wrap:anywhere}}
.spanbert .sb-table thead th,.spanbert .sb-bars thead th{{color:var(--faint)}}
.spanbert .sb-bars .sb-given{{font-weight:700}}
.sb-bars th{{width:30%}}
.sb-bars th.sb-wide{{width:60%}}
.sb-bars .sb-number{{width:3.5rem}}
.sb-bars .sb-text{{line-height:1.5;margin:0}}
.sb-bar,.sb-weight{{display:block;width:100%;height:.8em;fill:var(--bar)}}
.sb-weight.sb-less{{fill:var(--against)}}
.sb-heads{{display:flex;flex-wrap:wrap;gap:.6rem;margin:.4rem 0}}
.sb-heads figure{{margin:0;width:11rem}}
.sb-heads svg{{width:100%;border:1px solid var(--rule);display:block}}
.sb-heads path{{stroke:var(--bar);stroke-width:1;fill:none}}
.sb-heads rect{{fill:transparent}}
.sb-heads rect:hover{{fill:color-mix(in srgb,var(--against) 40%,transparent)}}
.sb-number{{font-variant-numeric:tabular-nums;white-space:nowrap}}
.sb-question{{font-weight:600}}
.sb-table caption{{text-align:left;color:var(--faint);caption-side:bottom}}
.sb-linked{{position:relative}}
.sb-linked .sb-on{{outline:.15em solid light-dark(#111,#fff);outline-offset:.05em}}
.sb-linked tr.sb-on{{outline:none;background:color-mix(in srgb,var(--bar) 20%,transparent)}}
.sb-link{{font:inherit;color:inherit;background:none;border:0;padding:0;text-align:inherit;cursor:pointer;
text-decoration:underline dotted;text-underline-offset:.2em;overflow-wrap:anywhere}}
.sb-arcs{{position:absolute;inset:0;width:100%;height:100%;overflow:visible;pointer-events:none}}
.sb-arcs path{{fill:none;stroke:var(--faint);stroke-width:1.2}}
.sb-arcs .sb-tip{{fill:var(--faint);stroke:none}}
.sb-arcs rect{{fill:var(--paper)}}
.sb-arcs text{{font-size:11px;fill:var(--ink);text-anchor:middle;dominant-baseline:central;user-select:none;
-webkit-user-select:none}}
.sb-arcs .sb-on{{outline:none}}
.sb-arcs .sb-on path{{stroke:var(--ink);stroke-width:2}}
.sb-arcs .sb-on .sb-tip{{fill:var(--ink);stroke:none}}
"""
