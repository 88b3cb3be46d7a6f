"""The worker processes of a service: started beside each other on one socket, replaced when they die, ended in order.

    SIGTERM, SIGINT   no new connections; requests are answered, then all end
    SIGHUP            every worker loads its models again beside the old ones

This process loads no model and imports no torch.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from errno import EADDRINUSE
from functools import partial
from math import ceil
from multiprocessing import parent_process
from multiprocessing.connection import wait
from socket import SOCK_STREAM, create_server, getaddrinfo
from socket import socket as Socket
from threading import Thread

from fastapi import FastAPI
from prometheus_client.multiprocess import mark_process_dead
from typing_extensions import override
from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from spanbert.apps.serve.app import make_app
from spanbert.apps.serve.config import ServePlan
from spanbert.apps.serve.metrics import FOLDER
from spanbert.apps.serve.models import limit_threads
from spanbert.core.errors import InputError, SpanbertError
from spanbert.core.threads import wait_briefly

log = logging.getLogger("spanbert.serve")
_LOOK_TIME = 120  # seconds that a worker may take to answer a look at it: its imports may take long
_BACKLOG = 2048


def worker_app(plan: ServePlan) -> FastAPI:
    """The application of a worker process: made there, where it also hears that models should be loaded again."""
    wait_briefly()
    limit_threads(plan.threads)
    app = make_app(plan, reload=partial(os.kill, os.getppid(), signal.SIGHUP))
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        reloads: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()

        def reload() -> None:
            task = loop.create_task(app.state.service.reload())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        async with inner(app):
            loop.add_signal_handler(signal.SIGHUP, reload)
            Thread(target=_end_with_parent, daemon=True).start()
            yield

    app.router.lifespan_context = lifespan
    return app


def _end_with_parent() -> None:
    """Ends this worker in order when the process that started it is gone, so that none keeps the port."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


class Workers(Multiprocess):
    """uvicorn's worker processes, which are told to load their models again rather than started again."""

    @override
    def handle_hup(self) -> None:
        for process in self.processes:
            if process.pid is not None and process.process.is_alive():
                os.kill(process.pid, signal.SIGHUP)

    @override
    def terminate_all(self) -> None:
        for socket in self.sockets:  # new connections are refused from now on, rather than kept waiting
            socket.close()
        super().terminate_all()

    @override
    def keep_subprocess_alive(self) -> None:
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for gone in before - {process.pid for process in self.processes}:
            mark_process_dead(gone)  # type: ignore[no-untyped-call]


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
    config = Config(
        partial(worker_app, plan),
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_level="warning",
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        limit_concurrency=plan.limits.connections,
        timeout_graceful_shutdown=ceil(plan.limits.drain_time),
        timeout_worker_healthcheck=_LOOK_TIME,
        lifespan="on",
    )
    socket = bound(host, port)
    folder = tempfile.mkdtemp(prefix="spanbert-metrics-")
    os.environ[FOLDER] = folder
    try:
        address = f"[{host}]" if ":" in host else host
        tell(f"http://{address}:{socket.getsockname()[1]}")
        supervisor = Workers(config, sockets=[socket])
        supervisor.run()
    finally:
        socket.close()
        shutil.rmtree(folder, ignore_errors=True)
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise SpanbertError("a worker process could not start; what it said stands above")
