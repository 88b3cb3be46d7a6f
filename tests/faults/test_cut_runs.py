"""Every place where a run touches the disk, hit once; `make faults` hits each of them, each time that it is come by.

A place is what is done to the disk and the line of the package that does it. One that several runs come by is hit in
the first of them that does; of the times that this run comes by, one is drawn. How the run is cut there goes
in turns.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.cutting import Subject
from tests.faults.forks import Forks
from tests.faults.scenarios import SCENARIOS
from tests.faults.seam import WAYS, Point

LEAST = {"prepare": 15, "pretrain": 20, "finetune from scratch": 3, "convert a model": 2, "save": 2}


@pytest.fixture(scope="module")
def hit() -> set[tuple[str, str]]:
    """Places of the scenarios before."""
    return set()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_a_run_that_is_cut(scenario, forks: Forks, stage: Path, hit: set[tuple[str, str]], tmp_path: Path):
    subject = Subject(scenario, forks, stage, tmp_path / "runs")
    times: dict[tuple[str, str], list[Point]] = {}
    for point in subject.points:
        times.setdefault((point.what, point.place.split(" < ")[0]), []).append(point)
    fresh = [place for place in times if place not in hit]
    hit |= times.keys()
    assert len(fresh) >= LEAST.get(scenario.name, 0), "fewer than there were: is the seam still heard?"
    faults = []
    for number, place in enumerate(fresh):
        point, way = random.Random(str(place)).choice(times[place]), WAYS[number % len(WAYS)]
        verdict = subject.cut(point.number, way)
        faults += [f"{way} before {point.number}, {point.what} {point.path}: {one}" for one in verdict.faults]
    assert not faults, "\n".join(faults)
