"""Commands in forks of one process that has everything imported: a start costs milliseconds, not seconds.

    with Forks() as forks:
        done = forks.run("pretrain", store, "--out", out)         the command line, as in a shell
        done = forks.run("predict", model, text, after=(0.2, SIGKILL))   with a signal after so much processor time

A fork is a process as any other: it has its own files, locks and signals, and can be killed. The process that is forked
runs no thread and has computed nothing.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from typing_extensions import override

from tests.faults.python import HELD_BACK
from tests.faults.seam import Cut, Seam

ROOT = Path(__file__).parents[2]
After = tuple[float, int]
_FINE = 0.05  # seconds; the processor's clock is looked at every few milliseconds
COMMAND_LINE = "tests.faults.python:verb"
_IMPORTED = (  # what the scenarios import sooner or later; each fork imports the rest for itself
    "spanbert.apps.cli.main", "spanbert.apps.cli.interrupted", "spanbert.apps.reports.finetune_report", "spanbert.train.pretrain",
    "spanbert.train.finetune", "spanbert.train.seeds", "spanbert.inference.heads", "spanbert.pipelines.load",
    "spanbert.pipelines.predict", "spanbert.pipelines.result_columns", "spanbert.pipelines.result_table",
    "spanbert.pipelines.convert.models", "spanbert.pipelines.convert.data", "spanbert.pipelines.sklearn.estimators",
    "spanbert.tokens.prepare", "spanbert.scores.classification", "spanbert.scores.regression", "spanbert.scores.translation",
    "spanbert.tasks.pretrain.scorer", "spanbert.tasks.classify.task", "spanbert.tasks.classify.scoring",
    "spanbert.tasks.classify.head", "spanbert.tasks.classify.render", "spanbert.tasks.translate.task",
    "spanbert.tasks.translate.head", "spanbert.tasks.translate.scoring", "spanbert.tasks.translate.render",
    "huggingface_hub.repocard_data", "sklearn.metrics", "torch.profiler", "tests.faults.python",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended.

    Attributes:
        code: Its exit code, or the negative number of the signal that killed it.
        out: What it wrote on stdout.
        err: And on stderr.
        seconds: Processor time that it took, where nothing killed it.
    """

    code: int
    out: str
    err: str
    seconds: float


class Forks(AbstractContextManager["Forks"]):
    """The process that is forked.

    Args:
        disks: In a namespace of its own, in which small disks can be mounted.
    """

    def __init__(self, *, disks: bool = False) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="spanbert-forks-"))
        self._count = 0
        environment = {
            **os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]), "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false", "TMPDIR": str(self._folder), "HF_HUB_OFFLINE": "1",
        }  # fmt: skip
        self._server = subprocess.Popen(
            [*(["unshare", "-rm"] if disks else []), sys.executable, "-m", "tests.faults.forks"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment,
        )  # fmt: skip

    def run(
        self, *arguments: object, call: str = COMMAND_LINE, cut: Cut | None = None, after: After | None = None
    ) -> Done:
        """Runs a command to its end.

        Args:
            arguments: What follows `spanbert`.
            call: The function that is called, with these as `sys.argv`: `module:name`.
            cut: Where it is cut.
            after: Seconds after which it gets a signal, and which. They are of its processor time, which says how far it
                is however busy the machine is; where they are few, of the clock, which is finer.
        """
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        code = self._ask(
            {"call": call, "arguments": list(map(str, arguments)), "folder": str(folder), "after": after,
             "cut": None if cut is None else asdict(cut)}
        )  # fmt: skip
        said = [(folder / name).read_bytes().decode("utf-8", "replace") for name in ("stdout", "stderr")]
        used = folder / "seconds"
        return Done(code=code, out=said[0], err=said[1], seconds=float(used.read_text()) if used.is_file() else 0.0)

    def shell(self, script: str) -> str:
        """Runs a shell script where the commands run, and gives what it writes.

        Raises:
            RuntimeError: It failed.
        """
        done = self._ask({"shell": script})
        if done["code"]:
            raise RuntimeError(f"{script}: exit code {done['code']}: {done['err']}")
        return str(done["out"])

    def _ask(self, question: Any) -> Any:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(question) + "\n")
        self._server.stdin.flush()
        answer = self._server.stdout.readline()
        if not answer:
            raise RuntimeError(f"the process that is forked ended with {self._server.wait()}")
        return json.loads(answer)

    @override
    def __exit__(self, *_: object) -> None:
        for stream in (self._server.stdin, self._server.stdout):
            assert stream is not None
            stream.close()
        self._server.wait()
        subprocess.run(["rm", "-rf", str(self._folder)], check=True)


def serve() -> None:
    """Answers what `Forks` asks, a line of JSON each, until its input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever an import prints is no answer
    for module in _IMPORTED:
        importlib.import_module(module)
    gc.freeze()  # a collection in a fork would touch, and so copy, every page
    for line in sys.stdin:
        question = json.loads(line)
        if "shell" in question:
            done = subprocess.run(["sh", "-euc", question["shell"]], capture_output=True, text=True, check=False)
            answer: Any = {"code": done.returncode, "out": done.stdout, "err": done.stderr}
        else:
            for name in ("stdout", "stderr"):
                Path(question["folder"], name).touch()
            pid = os.fork()
            if not pid:
                _run(**question)
            answer = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _run(call: str, arguments: Sequence[str], folder: str, cut: dict[str, Any] | None, after: After | None) -> None:
    """What a fork does; it ends the process."""
    code = 1
    try:
        for number, name, flags in ((0, os.devnull, os.O_RDONLY), (1, f"{folder}/stdout", os.O_WRONLY),
                                    (2, f"{folder}/stderr", os.O_WRONLY)):  # fmt: skip
            os.dup2(os.open(name, flags), number)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (the old one holds questions)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
        sys.argv = ["spanbert", *arguments]
        module, _, name = call.partition(":")
        seam = None if cut is None else Seam(Cut(**cut))
        work = getattr(importlib.import_module(module), name)
        if after is not None:
            _arm(*after)
        begun = time.process_time()
        try:
            work()
            code = 0
        except SystemExit as stopped:
            code = stopped.code if isinstance(stopped.code, int) else 1 if stopped.code else 0
        if seam is not None:
            seam.report()
        Path(folder, "seconds").write_text(str(time.process_time() - begun))
    except BaseException:  # noqa: BLE001 (a process that Python would end with a traceback and 1)
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


class _Event(ctypes.Structure):
    """What `timer_create` is told: `struct sigevent`."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_byte * 48),
    )


def _arm(seconds: float, number: int) -> None:
    """Lets this process get a signal after so many seconds, wherever it is then."""
    system, timer = ctypes.CDLL(None, use_errno=True), ctypes.c_void_p()
    event = _Event(signal=number, notify=0)
    when = (ctypes.c_long * 4)(0, 0, int(seconds), int(seconds % 1 * 1e9))
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
    clock = time.CLOCK_MONOTONIC if seconds < _FINE else time.CLOCK_PROCESS_CPUTIME_ID
    if system.timer_create(clock, ctypes.byref(event), ctypes.byref(timer)) or (
        system.timer_settime(timer, 0, when, None)
    ):
        raise OSError(ctypes.get_errno(), "no timer")


if __name__ == "__main__":
    serve()
