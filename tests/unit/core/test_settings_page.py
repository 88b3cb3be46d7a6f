"""docs/SETTINGS.md says of every setting what it is, and is what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path

from spanbert import FinetuneConfig, PretrainConfig

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_is_up_to_date_and_complete():
    page = runpy.run_path(str(DOCS / "settings.py"))
    assert page["render"]() == (DOCS / "SETTINGS.md").read_text(encoding="utf-8")
    for model in (FinetuneConfig, PretrainConfig):
        rows = page["rows"](model)
        assert [key for key, _, _ in rows] == model.dotted_keys()
        assert [key for key, _, said in rows if not said] == []
