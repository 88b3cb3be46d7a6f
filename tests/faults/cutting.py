"""A scenario, cut and gone on with: what is there after the cut, and whether all is in the end as without it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from spanbert.core.errors import InputError
from spanbert.core.files import remove
from tests.faults.forks import COMMAND_LINE, After, Done, Forks
from tests.faults.scenarios import Scenario, contents, require
from tests.faults.seam import Cut, Point, Way

State = Literal["nothing", "earlier", "whole", "intermediate", "refused", "wrong"]
_NEAR = 3
Room = Callable[[], object]
_SIGNALS = {
    "SIGTERM": (143, -15),
    "SIGINT": (130, -2),
}  # a shell shows both alike; the second before and after all work


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of a run that was cut.

    Attributes:
        state: What was there after the cut.
        done: How the run ended.
        faults: What is wrong, a line each.
    """

    state: State
    done: Done
    faults: tuple[str, ...]


class Subject:
    """A scenario with what it comes to when nothing cuts it.

    Args:
        scenario: What runs.
        forks: What runs it.
        stage: What it reads.
        place: A folder for its runs.

    Attributes:
        points: What the run does to the disk.
        reference: What it comes to.
        seconds: Processor time that it takes.
        bytes_before: On the disk before it.
        bytes_made: And of what it makes.
    """

    def __init__(self, scenario: Scenario, forks: Forks, stage: Path, place: Path) -> None:
        self.scenario, self._forks, self._stage, self._place = scenario, forks, stage, place
        self._runs = 0
        self._before = place / "before"
        self._before.mkdir(parents=True)
        if scenario.earlier is not None:
            given = scenario.filled(scenario.earlier, stage, self._before)
            call = COMMAND_LINE if given[0] in ("convert", "predict") else scenario.call
            require(forks.run(*given, call=call))
        self.earlier = contents(self._before)
        folder, report = self.fresh(), place / "points.json"
        whole = self.run(folder, cut=Cut(folder=str(folder), report=str(report)))
        require(whole)
        self.seconds = whole.seconds
        self.points = [Point(**one) for one in json.loads(report.read_text())]
        self.reference = contents(folder)
        self.bytes_before, self.bytes_made = _bytes(self._before), _bytes(folder)
        shutil.rmtree(folder)

    def fresh(self) -> Path:
        """A folder in which only the earlier output is."""
        self._runs += 1
        return self.put(self._place / str(self._runs))

    def put(self, folder: Path) -> Path:
        """Makes a folder one in which only the earlier output is."""
        return Path(shutil.copytree(self._before, folder, dirs_exist_ok=True))

    def run(self, folder: Path, cut: Cut | None = None, after: After | None = None) -> Done:
        """Runs to the end, or to the cut, or to a signal."""
        more = self.scenario.overwrite if self.scenario.earlier is not None else ()
        return self._forks.run(*self._filled(folder, *more), call=self.scenario.call, cut=cut, after=after)

    def cut(self, at: int, way: Way) -> Verdict:
        """Cuts a run before one of its points, and goes on with it.

        Threads that write logs make a point more or less from run to run: near its end a run may come to none of that
        number. Then it is cut a few points before.
        """
        for number in range(at, max(at - _NEAR, 1) - 1, -1):
            folder = self.fresh()
            done = self.run(folder, Cut(folder=str(folder), at=number, way=way))
            if done.code or number == 1:
                break
        return self.judge(folder, done, way, point=self.points[number - 1])

    def judge(
        self, folder: Path, done: Done, way: Way, *, point: Point | None = None, room: Room = lambda: None
    ) -> Verdict:
        """Looks at what a cut left, goes on, and compares the end; what is in the folder is removed where all is well.

        Args:
            folder: Where it ran.
            done: How it ended.
            way: How it was cut.
            point: Before what, where that is known.
            room: Called before it goes on.
        """
        faults = self._faults_of_end(done, way)
        state = self._state(folder)
        if state == "wrong":
            faults.append("something that is neither the old output nor the new one is accepted")
        if state == "nothing" and self.earlier:
            faults.append("the earlier output is lost")
        if done.code == 0 and state != "whole":
            faults.append(f"exit code 0, and the output is {state}")
        removing = point is None or point.what in ("os.remove", "os.rmdir")  # a signal may come while it is tidied up
        if (way == "full" or (way in _SIGNALS and not removing)) and not self.scenario.intermediate:
            faults += [f"left over: {name}" for name in self._leftovers(folder)]
        room()
        if state != "whole" or self.scenario.replaceable:
            faults += self._faults_of_going_on(folder, state)
        for path in list(folder.iterdir()) if not faults else ():
            remove(path)
        return Verdict(state=state, done=done, faults=tuple(faults))

    def _filled(self, folder: Path, *more: str) -> list[str]:
        return [*self.scenario.filled(self.scenario.arguments, self._stage, folder), *more]

    def _faults_of_end(self, done: Done, way: Way) -> list[str]:
        right = {"kill": (-9,), "power": (-9,), "full": (2,), **_SIGNALS}[way]
        may_end = () if way in ("kill", "power") else (0,)  # of the others the last ones change nothing any more
        faults = [] if done.code in (*may_end, *right) else [f"exit code {done.code}, expected {right[0]}"]
        if "Traceback" in done.err or (way == "full" and done.code and done.err.count("spanbert: error: ") != 1):
            faults.append(f"not one line: {done.err[-1500:]}")
        return faults

    def _state(self, folder: Path) -> State:
        target = folder / self.scenario.target
        if not target.exists():
            return "nothing"
        try:
            self.scenario.accept(target)
        except InputError:
            return "refused"
        except ValueError:  # predictions that are cut short, which no reader refuses
            return "wrong"
        found = _of(self.scenario.target, contents(folder))
        if found == _of(self.scenario.target, self.reference):
            return "whole"
        if found == _of(self.scenario.target, self.earlier):
            return "earlier"
        return "intermediate" if self.scenario.intermediate else "wrong"

    def _leftovers(self, folder: Path) -> list[str]:
        return sorted({path.name for path in folder.iterdir() if path.name.startswith(".") and path.suffix == ".tmp"})

    def _faults_of_going_on(self, folder: Path, state: State) -> list[str]:
        more = self.scenario.again or (() if state == "nothing" else self.scenario.overwrite)
        done = self._forks.run(*self._filled(folder, *more), call=self.scenario.call)
        if done.code:
            return [f"cannot be gone on with: exit code {done.code}: {done.err[-1500:]}"]
        found = contents(folder)
        names = sorted(
            name for name in found.keys() | self.reference.keys() if found.get(name) != self.reference.get(name)
        )
        extra = [name for name in names if name not in self.reference]
        other = [name for name in names if name in self.reference]
        return [f"left over in the end: {name}" for name in extra] + [
            f"not the same in the end: {name}" for name in other
        ]


def _of(target: str, found: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in found.items() if name == target or name.startswith(f"{target}/")}


def _bytes(folder: Path) -> int:
    """As a disk counts them: in pages."""
    return sum(-(-path.lstat().st_size // 4096) * 4096 for path in [folder, *folder.rglob("*")])
