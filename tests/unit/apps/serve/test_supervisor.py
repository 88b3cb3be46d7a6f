"""Workers that die, hang or are still starting; the processes are made up, and the test says what time it is."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE

from spanbert.apps.serve import supervisor
from spanbert.apps.serve.supervisor import Workers, worker_app
from tests.unit.apps.serve.conftest import PRETRAINED, plan


class Made:
    """A worker process: it answers what it is asked when the test says so."""

    made: list[Made]

    def __init__(self, config: Config, sockets: list[Any]) -> None:
        self.process = self.parent_conn = self
        self.pid = 1000 + len(self.made)
        self.exitcode: int | None = None
        self.answers: list[bool] = []
        self.made.append(self)

    def start(self) -> None: ...

    def join(self) -> None: ...

    def terminate(self) -> None: ...

    def kill(self) -> None:
        if self.exitcode is None:
            self.exitcode = -signal.SIGKILL

    def is_alive(self) -> bool:
        return self.exitcode is None

    def poll(self) -> bool:
        return bool(self.answers)

    def recv(self) -> bool:
        return self.answers.pop(0)

    def send(self, asked: bytes) -> None: ...


class Bench:
    """Workers whose processes are made up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
        self.made: list[Made] = []
        self.now = 0.0
        self.reloaded: list[int] = []
        self.troubles: SimpleQueue[tuple[str, int]] = SimpleQueue()
        monkeypatch.setattr(signal, "signal", lambda number, handler: None)
        monkeypatch.setattr(Made, "made", self.made, raising=False)
        monkeypatch.setattr(supervisor, "Process", Made)
        monkeypatch.setattr("uvicorn.supervisors.multiprocess.Process", Made)
        monkeypatch.setattr(supervisor, "mark_process_dead", lambda pid: None)
        monkeypatch.setattr(os, "kill", lambda pid, number: self.reloaded.append(pid))
        config = Config("no:app", workers=count)
        self.workers = Workers(config, [], self.troubles, lambda: self.now)  # type: ignore[arg-type]
        self.workers.init_processes()

    def looks(self, *, started: bool = False, later: float = 0.0) -> None:
        """The supervisor looks at its workers; those that live answer at once."""
        self.now += later
        for one in self.workers.processes:
            if one in self.workers._asked:
                one.answers.append(started)  # type: ignore[attr-defined]
        self.workers.keep_subprocess_alive()


def test_who_dies_is_told_of_and_replaced_ever_more_seldom(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    bench = Bench(monkeypatch, 2)
    for _ in range(2):
        bench.looks(started=True)
    begun = []
    for _ in range(7):
        bench.workers.processes[0].process.exitcode = -9  # type: ignore[misc]
        before = len(bench.made)
        died = bench.now
        bench.looks()
        while len(bench.made) == before:
            bench.looks(later=1.0)
        begun.append(bench.now - died)
    assert begun == [0, 1, 3, 7, 15, 30, 30]
    assert caplog.messages[0] == "worker 1000 ended by signal 9; another one takes its place"
    assert len(caplog.messages) == 7
    bench.looks()
    bench.looks(started=True)
    bench.workers.processes[0].process.exitcode = 1  # type: ignore[misc]
    bench.looks()
    assert caplog.messages[-1].endswith("ended with exit code 1; another one takes its place")
    assert bench.workers.processes[0].exitcode is None, "one that has served is replaced at once"
    assert not bench.workers.should_exit.is_set()


def test_one_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    bench = Bench(monkeypatch, 1)
    bench.looks()
    bench.now += 119
    bench.workers.keep_subprocess_alive()
    assert len(bench.made) == 1
    bench.now += 1
    bench.workers.keep_subprocess_alive()
    assert [one.exitcode for one in bench.made] == [-9, None]
    assert caplog.messages == ["worker 1000 did not answer, and is killed; another one takes its place"]


def test_where_none_can_start_all_end(monkeypatch: pytest.MonkeyPatch):
    bench = Bench(monkeypatch, 2)
    while not bench.workers.should_exit.is_set():
        bench.workers.processes[0].process.exitcode = -9  # type: ignore[misc]
        bench.looks(later=100.0)
    assert len(bench.made) == 2 + 4
    assert str(bench.workers.failure).startswith("no worker process could start, and the last one ended by signal 9")
    bench.looks(later=100.0)
    assert len(bench.made) == 2 + 4, "none is started after the end"


def test_what_keeps_the_first_one_from_starting_ends_all(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    bench = Bench(monkeypatch, 1)
    bench.troubles.put(("not a model", 2))
    bench.made[0].exitcode = STARTUP_FAILURE
    bench.looks()
    failure = bench.workers.failure
    assert failure is not None
    assert (str(failure), failure.exit_code) == ("not a model", 2)
    served = Bench(monkeypatch, 1)
    for _ in range(2):
        served.looks(started=True)
    served.made[0].exitcode = STARTUP_FAILURE
    served.troubles.put(("not a model", 2))
    served.looks()
    assert served.workers.failure is None
    assert caplog.messages == ["a worker cannot start, and is tried again: not a model"]


def test_one_that_is_starting_loads_again_when_it_has_started(monkeypatch: pytest.MonkeyPatch):
    bench = Bench(monkeypatch, 2)
    first, second = bench.made
    bench.looks()
    first.answers.append(True)
    second.answers.append(False)
    bench.workers.keep_subprocess_alive()
    bench.workers.handle_hup()
    assert bench.reloaded == [first.pid], "the other one does not hear it yet"
    bench.looks(started=True)
    assert bench.reloaded == [first.pid, second.pid]
    bench.looks(started=True)
    assert bench.reloaded == [first.pid, second.pid]


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that gives up raises SystemExit, and leaves this process as it is."""

    def ended(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", ended)
    for one in ("wait_briefly", "limit_threads", "_allow_files"):
        monkeypatch.setattr(supervisor, one, lambda *_: None)


@pytest.mark.usefixtures("ends")
def test_a_worker_without_good_keys_says_why_in_one_line(tmp_path: Path):
    keys = tmp_path / "keys.txt"
    keys.write_text("short\n")
    troubles: SimpleQueue[tuple[str, int]] = SimpleQueue()
    with pytest.raises(SystemExit) as ended:
        worker_app(plan(PRETRAINED, keys=keys), troubles)  # type: ignore[arg-type]
    assert ended.value.code == STARTUP_FAILURE
    message, code = troubles.get()
    assert (code, "not a key" in message) == (2, True)


@pytest.mark.usefixtures("ends")
def test_a_worker_that_lacks_a_library_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    def lacks(library: str) -> None:
        def make(*_: object, **__: object) -> None:
            raise ModuleNotFoundError(f"No module named '{library}'", name=library)

        monkeypatch.setattr(supervisor, "make_app", make)

    troubles: SimpleQueue[tuple[str, int]] = SimpleQueue()
    lacks("onnxruntime")
    with pytest.raises(SystemExit):
        worker_app(plan(PRETRAINED), troubles)  # type: ignore[arg-type]
    message, code = troubles.get()
    assert code == 2
    assert message.startswith("this needs the library onnxruntime, which is not installed. pip install ")
    lacks("spanbert.nowhere")  # a fault of ours, told with all its lines
    with pytest.raises(ModuleNotFoundError):
        worker_app(plan(PRETRAINED), troubles)  # type: ignore[arg-type]
