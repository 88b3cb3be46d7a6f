from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _memory_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes for each export; `test_footprint.py` measures it."""
    monkeypatch.setattr("spanbert.exports.export.peak_memory", lambda *_: None)
