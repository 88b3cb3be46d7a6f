"""The pages of docs/ are those of the site, and its check sees what is wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.check_site import faults

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]


def pages(nav: list[Any]) -> Iterator[str]:
    for entry in nav:
        for target in entry.values():
            if isinstance(target, str):
                yield target
            else:
                yield from pages(target)


def test_every_page_stands_in_the_navigation_once():
    listed = list(pages(PROJECT["nav"]))
    assert sorted(listed) == sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


def test_nothing_comes_from_other_hosts():
    assert PROJECT["theme"]["font"] is False
    assert "//" not in "".join([*PROJECT["extra_css"], *PROJECT.get("extra_javascript", [])])


def test_what_the_package_exports_is_in_the_reference():
    import spanbert

    named = (DOCS / "api.md").read_text(encoding="utf-8")
    assert [name for name in spanbert.__all__ if f"spanbert.{name}" not in named and name != "__version__"] == []


PAGE = '<html><head><link rel="canonical" href="https://a.b/"><script src="x.js"></script></head><body>{}</body></html>'


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="other/#here">x</a><a href="https://c.d/">x</a><a href="mailto:a@b">x</a>', None),
        ('<a href="nowhere/">x</a>', "index.html: nowhere/ leads nowhere"),
        ('<a href="other/#there">x</a>', "index.html: other/#there leads to no place of that page"),
        ('<a href="#top">x</a>', "index.html: #top leads to no place of that page"),
        ('<img src="a.png">', "index.html: a.png leads nowhere"),
        ('<img src="https://c.d/a.png">', "index.html: loads https://c.d/a.png"),
        ('<script src="//c.d/a.js"></script>', "index.html: loads //c.d/a.js"),
    ],
)
def test_the_check_of_the_site(tmp_path: Path, body: str, fault: str | None):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.html").write_text('<h1 id="here">x</h1><a href="..">up</a>')
    (tmp_path / "x.js").write_text("")
    (tmp_path / "index.html").write_text(PAGE.format(body))
    assert faults(tmp_path) == ([] if fault is None else [fault])


def test_a_site_without_pages_is_a_fault(tmp_path: Path):
    assert faults(tmp_path) == [f"{tmp_path}: no pages"]
