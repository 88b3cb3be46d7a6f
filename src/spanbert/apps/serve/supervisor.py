"""The worker processes of a service: started beside each other on one socket, replaced when they die, ended in order.

    SIGTERM, SIGINT   no new connections; requests are answered, then all end
    SIGHUP            every worker reads the keys again, and loads its models again beside the old ones; one that is
                      starting does so when it has started

Where a worker cannot start, or some die before any has served, the service ends with what is known of it; one that
takes the place of another is tried again, ever more seldom, and the others go on. This process loads no model and
imports no torch.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from errno import EADDRINUSE
from functools import partial
from math import ceil
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.queues import SimpleQueue
from socket import SOCK_STREAM, create_server, getaddrinfo
from socket import socket as Socket
from threading import Thread
from typing import Any, NoReturn

from fastapi import FastAPI
from prometheus_client.multiprocess import mark_process_dead
from typing_extensions import override
from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from spanbert.apps.serve.app import make_app, read_again
from spanbert.apps.serve.config import ServeConfig, ServePlan
from spanbert.apps.serve.metrics import FOLDER
from spanbert.apps.serve.models import announce_devices, limit_threads, require_device
from spanbert.apps.serve.protocol import Connection
from spanbert.core.errors import InputError, SpanbertError
from spanbert.core.missing import lacking_of
from spanbert.core.threads import wait_briefly

log = logging.getLogger("spanbert.serve")
_LOOK_TIME = 120  # seconds that a worker may take to answer a look at it: its imports may take long
_BACKLOG = 2048
_OTHER_FILES = 256  # that a worker has open, beside its connections
_MOST_DEATHS = 5  # of workers, when none has ever served
_LONGEST_PAUSE = 30  # seconds before a worker is started in the place of others that died one after another
Trouble = tuple[str, int]  # why a worker cannot start, in one line, and the exit code of that


def worker_app(plan: ServePlan, troubles: SimpleQueue[Trouble]) -> FastAPI:
    """The application of a worker process: made there, where it also hears that models should be loaded again.

    Args:
        plan: What is served.
        troubles: Takes what keeps the worker from starting.
    """
    wait_briefly()
    limit_threads(plan.threads)
    _allow_files(plan.limits.connections + _OTHER_FILES)
    try:
        app = make_app(plan, reload=partial(os.kill, os.getppid(), signal.SIGHUP))
    except (SpanbertError, OSError, ModuleNotFoundError) as error:
        _give_up(error, troubles)
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        reloads: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()

        def reload() -> None:
            task = loop.create_task(read_again(app))
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        async with AsyncExitStack() as stack:
            try:
                require_device(plan)
                await stack.enter_async_context(inner(app))
            except (SpanbertError, OSError, ModuleNotFoundError) as error:
                _give_up(error, troubles)
            announce_devices(model.loaded for model in app.state.service.models.values())
            loop.add_signal_handler(signal.SIGHUP, reload)
            Thread(target=_end_with_parent, daemon=True).start()
            yield

    app.router.lifespan_context = lifespan
    return app


def _give_up(error: SpanbertError | OSError | ModuleNotFoundError, troubles: SimpleQueue[Trouble]) -> NoReturn:
    """Ends this worker, which cannot start; what is raised instead would be told with all its lines."""
    told = lacking_of(error) if isinstance(error, ModuleNotFoundError) else error
    troubles.put((str(told), getattr(told, "exit_code", 1)))
    os._exit(STARTUP_FAILURE)


def _allow_files(count: int) -> None:
    """Lets this process have so many files open, as far as the system does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _end_with_parent() -> None:
    """Ends this worker in order when the process that started it is gone, so that none keeps the port."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


class Workers(Multiprocess):
    """uvicorn's worker processes, which are told to load their models again rather than started again.

    Args:
        config: Of uvicorn.
        sockets: Those that they share.
        troubles: What kept a worker from starting.
        clock: Seconds, from any start.

    Attributes:
        failure: Why all of them end before any has served; None: that is not so.
    """

    def __init__(
        self,
        config: Config,
        sockets: list[Socket],
        troubles: SimpleQueue[Trouble],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(config, sockets)
        self._troubles, self._clock = troubles, clock
        self.failure: SpanbertError | None = None
        self._has_served = False
        self._asked: dict[Process, float] = {}  # when each worker was asked whether it has started
        self._started: set[Process] = set()
        self._told_later: set[Process] = set()  # to load their models again, when they have started
        self._deaths: Counter[int] = Counter()  # at each place, since a worker there last served
        self._due: dict[int, float] = {}  # when a worker is started at a place that has none

    @override
    def handle_hup(self) -> None:
        for process in self.processes:
            if process in self._started:
                _tell_to_reload(process)
            else:
                self._told_later.add(process)

    @override
    def terminate_all(self) -> None:
        for socket in self.sockets:  # new connections are refused from now on, rather than kept waiting
            socket.close()
        super().terminate_all()

    @override
    def keep_subprocess_alive(self) -> None:
        """Starts a worker in the place of each that is gone; ends all where none has ever served and they cannot."""
        for place, process in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if place not in self._due and not self._lives(place, process):
                self._bury(place, process)
            if self._due.get(place, self._clock() + 1) <= self._clock() and not self.should_exit.is_set():
                del self._due[place]
                self.processes[place] = Process(self.config, self.sockets)
                self.processes[place].start()

    def _lives(self, place: int, process: Process) -> bool:
        """Whether a worker is there, and has answered in time what it was asked; never waits for it."""
        if not process.process.is_alive():
            return False
        asked, now = self._asked.get(process), self._clock()
        if asked is not None and not process.parent_conn.poll():
            return now - asked < _LOOK_TIME
        if asked is not None and process.parent_conn.recv():
            self._serves(place, process)
        process.parent_conn.send(b"ping")
        self._asked[process] = now
        return True

    def _serves(self, place: int, process: Process) -> None:
        """Takes in that a worker has started."""
        self._has_served = True
        self._deaths[place] = 0
        self._started.add(process)
        if process in self._told_later:
            self._told_later.remove(process)
            _tell_to_reload(process)

    def _bury(self, place: int, process: Process) -> None:
        """Says how a worker ended, and when there will be another one, or why there will be none."""
        how = "did not answer, and is killed" if process.process.is_alive() else ""
        process.kill()
        process.join()
        mark_process_dead(process.pid)  # type: ignore[no-untyped-call]
        code = process.exitcode or 0
        how = how or (f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}")
        self._asked.pop(process, None)
        self._started.discard(process)
        self._told_later.discard(process)
        self._deaths[place] += 1
        if not self._has_served and (code == STARTUP_FAILURE or self._deaths.total() >= _MOST_DEATHS):
            self.failure = self._failure(how)
            self.should_exit.set()
            return
        if self._troubles.empty():
            log.error("worker %s %s; another one takes its place", process.pid, how)
        while not self._troubles.empty():
            log.error("a worker cannot start, and is tried again: %s", self._troubles.get()[0])
        pause = min(2 ** (self._deaths[place] - 1) - 1, _LONGEST_PAUSE)
        self._due[place] = self._clock() + pause

    def _failure(self, how: str) -> SpanbertError:
        if self._troubles.empty():
            return SpanbertError(f"no worker process could start, and the last one {how}; what they said stands above")
        message, exit_code = self._troubles.get()
        failure = SpanbertError(message)
        failure.exit_code = exit_code
        return failure


def _tell_to_reload(process: Process) -> None:
    if process.pid is not None and process.process.is_alive():
        os.kill(process.pid, signal.SIGHUP)


def bound(host: str, port: int) -> Socket:
    """A socket at an address, which all workers share.

    Raises:
        InputError: There is no such address here, or somebody listens there.
    """
    try:
        family = getaddrinfo(host, port, type=SOCK_STREAM)[0][0]
        made = create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        remedy = "Choose another: --port 0 takes one that is free" if error.errno == EADDRINUSE else None
        where = f"--host {host} --port {port}"
        raise InputError("cannot listen here", where=where, got=error.strerror, remedy=remedy) from None
    made.set_inheritable(True)
    return made


def connection_settings(limits: ServeConfig) -> dict[str, Any]:
    """What uvicorn is told of the connections of a worker.

    Args:
        limits: Their times, and how many there may be.
    """
    return {
        "http": partial(Connection, limits=limits),  # it makes connections, as the class does
        "ws": "none",
        "access_log": False,
        "server_header": False,
        "backlog": _BACKLOG,
        "timeout_graceful_shutdown": ceil(limits.drain_time),
        "lifespan": "on",
    }


def serve(plan: ServePlan, *, host: str, port: int, workers: int, tell: Callable[[str], None]) -> None:
    """Serves until a signal ends it.

    Args:
        plan: What is served.
        host: The address to listen at.
        port: The port; 0: any that is free.
        workers: How many processes.
        tell: Is told where it listens.

    Raises:
        SpanbertError: The workers cannot start.
    """
    troubles: SimpleQueue[Trouble] = get_context("spawn").SimpleQueue()
    config = Config(
        partial(worker_app, plan, troubles),
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_level="error",
        **connection_settings(plan.limits),
    )
    socket = bound(host, port)
    folder = tempfile.mkdtemp(prefix="spanbert-metrics-")
    os.environ[FOLDER] = folder
    try:
        address = f"[{host}]" if ":" in host else host
        tell(f"http://{address}:{socket.getsockname()[1]}")
        supervisor = Workers(config, [socket], troubles)
        supervisor.run()
    finally:
        socket.close()
        shutil.rmtree(folder, ignore_errors=True)
    if supervisor.failure is not None:
        raise supervisor.failure
