"""Threads share a loaded bundle: what is read lazily is read once, and every thread gets the same answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

import spanbert
from spanbert.inference import heads

BUNDLE = Path(__file__).parents[2] / "fixtures" / "bundles" / "joint"
TEXTS = ["the fox runs", "a king sees the old house", "", "the red fox over a king"]
THREADS = 8


def test_the_first_answer_is_asked_for_by_many(monkeypatch: pytest.MonkeyPatch):
    load, loaded = heads.load_predictor, []

    def counted(*arguments, **more):
        loaded.append(1)
        return load(*arguments, **more)

    expected = [spanbert.load(BUNDLE)(text).as_record() for text in TEXTS]
    monkeypatch.setattr(heads, "load_predictor", counted)
    nlp, together = spanbert.load(BUNDLE), Barrier(THREADS)

    def ask(number: int) -> list[dict]:
        together.wait()
        return [nlp(text).as_record() for text in TEXTS[number % 4 :] + TEXTS[: number % 4]]

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(ask, range(THREADS)))
    assert len(loaded) == 1
    for number, records in enumerate(found):
        assert records == expected[number % 4 :] + expected[: number % 4]
