"""The long form of tests/faults (`make faults`): what it finds goes to tests/faults/results.json and docs/RELIABILITY.md.

    python -m tests.faults.campaign [--quick] [--only VERB] [--seed 0] [--kills 200] [--points 10] [--work build/faults]

    kills     signals at random moments of a run's processor time, over all verbs
    points    runs that are cut before something that they do to the disk; `--points 0` is before everything
    disks     runs on disks that are too small for them, which get room afterwards
    ranks     runs of two processes, one of which is killed or told to end at a random moment
    hostile   broken files of every format

What is done is noted in the working folder, so that a campaign that is stopped goes on with the same command.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.bench.common import environment
from tests.faults.cutting import Subject, Verdict
from tests.faults.forks import ROOT, Forks
from tests.faults.hostile import FORMATS
from tests.faults.processes import RUNS, Pair
from tests.faults.report import write_page
from tests.faults.scenarios import SCENARIOS, make_stage, require
from tests.faults.seam import WAYS, Way

RESULTS = ROOT / "tests" / "faults" / "results.json"
VERBS = tuple(dict.fromkeys(one.verb for one in SCENARIOS))
SIGNALS: tuple[tuple[Way, float], ...] = (("kill", 0.7), ("SIGTERM", 0.15), ("SIGINT", 0.15))
SHARES = (0.3, 0.7)
PARTS = ("kill", "point", "disk", "rank")
_MOUNTS = "SPANBERT_FAULTS_MOUNTS"  # set in the process that may mount


class Campaign:
    """A campaign with what it did so far.

    Args:
        work: Its folder.
        seed: What is drawn follows from it.
        forks: What runs the runs.
    """

    def __init__(self, work: Path, seed: int, forks: Forks) -> None:
        self.work, self.seed, self.forks = work, seed, forks
        self._notes = work / f"done-{seed}.jsonl"
        lines = self._notes.read_text().splitlines() if self._notes.is_file() else []
        self.done: dict[str, dict[str, Any]] = {one["key"]: one for one in map(json.loads, lines)}
        self.stage = work / "stage"
        if not (self.stage / "fitted.pickle").is_file():
            shutil.rmtree(self.stage, ignore_errors=True)
            make_stage(self.stage, forks)
        self._subjects: dict[str, Subject] = {}

    def subject(self, name: str) -> Subject:
        """The scenario of a name, run once without a cut."""
        if name not in self._subjects:
            place = self.work / "runs" / name.replace(" ", "-")
            shutil.rmtree(place, ignore_errors=True)
            scenario = next(one for one in SCENARIOS if one.name == name)
            self._subjects[name] = Subject(scenario, self.forks, self.stage, place)
        return self._subjects[name]

    def once(self, key: str, work: Callable[[], dict[str, Any]]) -> None:
        """Does something that was not done yet, and notes what came of it."""
        if key not in self.done:
            self.done[key] = {"key": key, **work(), "commit": _commit()}
            with self._notes.open("a") as stream:
                stream.write(json.dumps(self.done[key]) + "\n")
            print(f"{key}: {self.done[key]}", flush=True)

    def kills(self, count: int, verbs: tuple[str, ...]) -> None:
        """Signals at random moments."""
        for number in range(count):
            draw = random.Random(f"{self.seed} kill {number}")
            verb = VERBS[number % len(VERBS)]
            scenario = draw.choice([one for one in SCENARIOS if one.verb == verb])
            if verb in verbs:
                self.once(f"kill {number}", lambda name=scenario.name, draw=draw: self._kill(name, draw))  # type: ignore[misc]

    def _kill(self, name: str, draw: random.Random) -> dict[str, Any]:
        subject = self.subject(name)
        [way] = draw.choices([way for way, _ in SIGNALS], [weight for _, weight in SIGNALS])
        number = signal.SIGKILL if way == "kill" else signal.Signals[way]
        for late in range(50):
            folder = subject.fresh()
            done = subject.run(folder, after=(draw.random() * subject.seconds, number))
            if done.code != 0:  # it was still running
                return {"verb": subject.scenario.verb, "late": late, **_noted(subject.judge(folder, done, way))}
            shutil.rmtree(folder)
        raise RuntimeError(f"{name} always ends before the signal comes")

    def points(self, most: int, verbs: tuple[str, ...]) -> None:
        """Cuts before what runs do to the disk."""
        for scenario in SCENARIOS:
            if scenario.verb not in verbs or self._has_all(scenario.name, most):
                continue
            subject = self.subject(scenario.name)
            draw = random.Random(f"{self.seed} points {scenario.name}")
            numbers = [point.number for point in subject.points]
            chosen = sorted(draw.sample(numbers, most)) if 0 < most < len(numbers) else numbers
            self.once(f"points {scenario.name} {most}", lambda: {"of": len(numbers), "chosen": len(chosen)})  # noqa: B023
            for place, number in enumerate(chosen):
                way = WAYS[place % len(WAYS)]
                self.once(
                    f"point {scenario.name} {number} {way}",
                    lambda: {"verb": scenario.verb, **_noted(subject.cut(number, way))},  # noqa: B023
                )

    def _has_all(self, name: str, most: int) -> bool:
        wanted = self.done.get(f"points {name} {most}", {"chosen": -1})["chosen"]
        return sum(key.startswith(f"point {name} ") for key in self.done) >= wanted >= 0

    def disks(self, verbs: tuple[str, ...]) -> None:
        """Runs on disks that are too small; where none can be mounted, the seam says that the disk is full."""
        for scenario in SCENARIOS:
            for share in SHARES:
                if scenario.verb in verbs:
                    self.once(
                        f"disk {scenario.name} {share}",
                        lambda: {"verb": scenario.verb, **self._on_small_disk(scenario.name, share)},  # noqa: B023
                    )

    def _on_small_disk(self, name: str, share: float) -> dict[str, Any]:
        subject = self.subject(name)
        if not may_mount():
            return {**_noted(subject.cut(1 + int(share * (len(subject.points) - 1)), "full")), "by": "seam"}
        disk = self.work / "disk"
        disk.mkdir(exist_ok=True)
        size = subject.bytes_before + int(share * subject.bytes_made)
        self._mount(f"-t tmpfs -o size={size // 1024}k tmpfs", disk)
        try:
            subject.put(disk)
            done = subject.run(disk)
            grow = lambda: self._mount("-o remount,size=200m", disk)  # noqa: E731
            return {**_noted(subject.judge(disk, done, "full", room=grow)), "by": "tmpfs"}
        finally:
            subprocess.run(["umount", str(disk)], check=True)

    @staticmethod
    def _mount(options: str, disk: Path) -> None:
        subprocess.run(["mount", *options.split(), str(disk)], check=True)

    def ranks(self, count: int, verbs: tuple[str, ...]) -> None:
        """Runs of two processes."""
        pairs: dict[str, Pair] = {}

        def cut(name: str, draw: random.Random) -> dict[str, Any]:
            if name not in pairs:
                place = self.work / "runs" / f"two-{name.replace(' ', '-')}"
                shutil.rmtree(place, ignore_errors=True)
                pairs[name] = Pair(name, self.stage, place)
            return pairs[name].cut(draw)

        for number in range(count):
            name = list(RUNS)[number % len(RUNS)]
            if RUNS[name][0] in verbs:
                draw = random.Random(f"{self.seed} rank {number}")
                self.once(f"rank {number}", lambda: cut(name, draw))  # noqa: B023

    def hostile(self, count: int) -> None:
        """Broken files."""
        for name in FORMATS:
            self.once(f"hostile {name} {count}", lambda: self._attack(name, count))  # noqa: B023

    def _attack(self, name: str, count: int) -> dict[str, Any]:
        folder = self.work / "hostile"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        report = self.work / "hostile.json"
        require(self.forks.run(name, self.seed, count, self.stage, folder, report, call="tests.faults.hostile:attack"))
        return {"format": name, **json.loads(report.read_text())}


def _noted(verdict: Verdict) -> dict[str, Any]:
    return {"state": verdict.state, "code": verdict.done.code, "faults": list(verdict.faults)}


def may_mount() -> bool:
    """Whether this process has small disks."""
    return _MOUNTS in os.environ


def summary(done: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Counts by verb, of what was done."""
    found: dict[str, Any] = {"commits": list(dict.fromkeys(one["commit"] for one in done.values()))}
    for part in PARTS:
        of_part = [(key, one) for key, one in done.items() if key.startswith(f"{part} ")]
        found[part] = {verb: _counts([one for _, one in of_part if one["verb"] == verb]) for verb in VERBS}
    found["points there are"] = _points_by_verb(done)
    found["disks by"] = dict(Counter(one["by"] for key, one in done.items() if key.startswith("disk ")))
    attacks = [one for key, one in done.items() if key.startswith("hostile ")]
    found["hostile"] = {
        one["format"]: {**{name: one[name] for name in ("files", "read", "refused")}, "wrong": len(one["faults"])}
        for one in attacks
    }
    found["faults"] = [f"{key}: {fault}" for key, one in done.items() for fault in one.get("faults", ())]
    return found


def _counts(cases: list[dict[str, Any]]) -> dict[str, int]:
    wrong = [one for one in cases if any(not fault.startswith("left over") for fault in one["faults"])]
    left = [one for one in cases if any(fault.startswith("left over") for fault in one["faults"])]
    return {
        "cuts": len(cases),
        "equal": sum(not one["faults"] for one in cases),
        "refused": sum(one["state"] == "refused" for one in cases),
        "wrong": len(wrong),
        "left over": len(left),
    }


def _points_by_verb(done: Mapping[str, dict[str, Any]]) -> dict[str, int]:
    verbs = {one.name: one.verb for one in SCENARIOS}
    found: Counter[str] = Counter()
    for key, one in done.items():
        if key.startswith("points "):
            found[verbs[key.removeprefix("points ").rpartition(" ")[0]]] += one["of"]
    return dict(found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of it; nothing is published")
    parser.add_argument("--only", choices=[*VERBS, "hostile"], help="one verb alone; nothing is published")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--points", type=int, default=10, help="of each run at most; 0: all")
    parser.add_argument("--ranks", type=int, default=20, help="signals to one of two processes")
    parser.add_argument("--files", type=int, default=100, help="broken files of each format")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "faults", help="where it works and goes on from")
    return parser.parse_args()


def _in_own_namespace() -> None:
    """Starts again where small disks can be mounted, if that may be done."""
    allowed = shutil.which("unshare") and subprocess.run(["unshare", "-rm", "true"], check=False).returncode == 0
    if allowed and not may_mount():
        command = ["unshare", "-rm", sys.executable, "-m", "tests.faults.campaign", *sys.argv[1:]]
        os.execvpe(command[0], command, {**os.environ, _MOUNTS: "1"})


def main() -> int:
    """Runs it; the exit code is 1 where something is wrong."""
    given = _arguments()
    _in_own_namespace()
    if given.quick:
        given.kills, given.points, given.ranks, given.files = given.kills // 10, 4, 3, 20
    work = given.work.resolve() / ("quick" if given.quick else "whole")
    work.mkdir(parents=True, exist_ok=True)
    verbs = VERBS if given.only is None else (given.only,)
    with Forks() as forks:
        campaign = Campaign(work, given.seed, forks)
        campaign.kills(given.kills, verbs)
        campaign.points(given.points, verbs)
        campaign.disks(verbs)
        campaign.ranks(given.ranks, verbs)
        if given.only in (None, "hostile"):
            campaign.hostile(given.files)
    found = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "seed": given.seed, **summary(campaign.done)}
    found["environment"] = environment()
    target = RESULTS if not given.quick and given.only is None else work / "results.json"
    target.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if target == RESULTS:
        write_page()
    for line in printed(found):
        print(line)
    return 1 if found["faults"] else 0


def printed(found: Mapping[str, Any]) -> Iterator[str]:
    """The counts, for a terminal."""
    for part in PARTS:
        for verb, counts in found[part].items():
            if counts["cuts"]:
                yield f"{part:8} {verb:10} " + "  ".join(f"{name} {number}" for name, number in counts.items())
    for name, counts in found["hostile"].items():
        yield f"hostile  {name:20} " + "  ".join(f"{what} {number}" for what, number in counts.items())
    yield from found["faults"]


def _commit() -> str:
    return subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
