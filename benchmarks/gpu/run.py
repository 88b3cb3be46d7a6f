"""Everything that is measured on a machine with one GPU and no network, in at most nine minutes.

python benchmarks/gpu/run.py OUT [--inputs build/gpu] [--device cuda] [--minutes 9] [--tiny] [PART ...]

Parts, the most important first: parity, pretrain, finetune, small. Each runs in processes of its own with a limit of
time, and writes OUT/PART.json as its figures become known; one that fails or hangs costs the others nothing. It runs
from the source tree, without an installed spanbert: what the machine lacks comes from INPUTS/wheels.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # a script itself finds only what lies beside it

from benchmarks.gpu.figures import Figures
from benchmarks.gpu.limited import run_limited
from benchmarks.gpu.summary import summary

Command = Callable[[str, Path], list[str]]
_RESERVE = 12.0  # seconds for what comes before and after the parts
_GRACE = 3.0  # by which a part's own end comes before it is killed


def _of_module(name: str, told: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.gpu.part", name, str(told)]


@dataclass(frozen=True)
class Part:
    """One part.

    Attributes:
        share: Of the time that it and those after it have together.
        command: What runs it, from its name and the file with its job.
    """

    share: float
    command: Command = _of_module


PARTS: Mapping[str, Part] = {
    "parity": Part(0.2),
    "pretrain": Part(0.52),
    "finetune": Part(0.28),
    "small": Part(1.0),
}


def main(arguments: Sequence[str] | None = None, parts: Mapping[str, Part] = PARTS) -> int:
    """Runs the parts and prints a short table.

    Args:
        arguments: Of the command line.
        parts: By name, in their order.

    Returns:
        0: all were done; 1: some were not.
    """
    begun = time.monotonic()
    asked = _asked(arguments, parts)
    asked.out.mkdir(parents=True, exist_ok=True)
    names = [name for name in parts if not asked.parts or name in asked.parts]
    end = begun + 60 * asked.minutes
    with tempfile.TemporaryDirectory(prefix="spanbert-gpu-") as folder:
        work = Path(folder)
        environment = _environment(asked.inputs / "wheels", work / "site")
        for name in names:
            left = max(0.0, end - time.monotonic() - _RESERVE)
            seconds = left if name == names[-1] else left * parts[name].share
            _run(name, parts[name], seconds, asked, work, environment)
    found = {name: Figures(asked.out / f"{name}.json").facts for name in names}
    print()
    print("\n".join(summary(found)))
    return 0 if all(one.get("state") == "done" for one in found.values()) else 1


def _run(
    name: str, part: Part, seconds: float, asked: argparse.Namespace, work: Path, environment: Mapping[str, str]
) -> None:
    """Runs a part and notes how it ended."""
    file, told, log = asked.out / f"{name}.json", work / f"{name}.job.json", work / f"{name}.log"
    file.unlink(missing_ok=True)
    job: dict[str, Any] = {"device": asked.device, "seconds": seconds - _GRACE, "tiny": asked.tiny}
    job |= {"out": str(asked.out), "inputs": str(asked.inputs), "work": str(work)}
    told.write_text(json.dumps(job), encoding="utf-8")
    print(f"{name}: at most {seconds:.0f} s", flush=True)
    ended = run_limited(part.command(name, told), seconds=seconds, log=log, folder=ROOT, environment=environment)
    output = {} if ended.state == "done" else {"output": ended.output}
    figures = Figures(file)
    figures.note(
        state=ended.state, exit_code=ended.code, seconds=round(ended.seconds, 1), limit=round(seconds, 1), **output
    )
    print(f"{name}: {ended.state} after {ended.seconds:.0f} s", flush=True)
    if output:
        print(ended.output[-2000:], flush=True)


def _asked(arguments: Sequence[str] | None, parts: Mapping[str, Part]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the results")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of: {', '.join(parts)} (default: all)")
    parser.add_argument("--inputs", type=Path, default=ROOT / "build" / "gpu", help="what prepare.py made")
    parser.add_argument("--device", default="cuda", help="cpu: a rehearsal")
    parser.add_argument("--minutes", type=float, default=9.0, help="for everything together")
    parser.add_argument("--tiny", action="store_true", help="as small as can be, for a rehearsal")
    asked = parser.parse_intermixed_args(arguments)  # parts may follow options
    unknown = [name for name in asked.parts if name not in parts]
    if unknown:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(parts)}")
    if not (asked.inputs / "inputs.json").is_file():
        parser.error(f"no inputs in {asked.inputs}: make them with benchmarks/gpu/prepare.py")
    asked.out, asked.inputs = asked.out.resolve(), asked.inputs.resolve()
    return asked


def _environment(wheels: Path, site: Path) -> dict[str, str]:
    """Variables of the parts: where Python finds this tree, and what the machine lacks."""
    for wheel in sorted(wheels.glob("*.whl")):
        if not _is_installed(wheel.name.split("-")[0]):
            with zipfile.ZipFile(wheel) as archive:  # a wheel is an archive of what it installs
                archive.extractall(site)
    paths = [str(ROOT / "src"), str(ROOT), str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "TOKENIZERS_PARALLELISM": "true",
        "TORCHINDUCTOR_COMPILE_THREADS": "4",  # of each process that compiles; several do at once
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TRANSFORMERS_VERBOSITY": "error",
    }


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs is killed too
    sys.exit(main())
