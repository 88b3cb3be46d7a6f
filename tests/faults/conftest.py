"""The process that is forked, small disks where they can be mounted, and what the scenarios read."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.forks import Forks
from tests.faults.scenarios import make_stage


@pytest.fixture(scope="session")
def may_mount() -> bool:
    """Whether a process can have a namespace of its own, in which it mounts what nobody else sees."""
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-rm", "true"], check=False).returncode == 0


@pytest.fixture(scope="session")
def forks(may_mount: bool) -> Iterator[Forks]:
    if sys.platform != "linux":
        pytest.skip("needs /proc, and to fork a process with torch in it")
    with Forks(disks=may_mount) as made:
        yield made


@pytest.fixture(scope="session")
def stage(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_stage(tmp_path_factory.mktemp("faults") / "stage", forks)


class Disk:
    """A file system in memory that only the forks see.

    Args:
        forks: What runs the commands.
        path: Where it is mounted.
    """

    def __init__(self, forks: Forks, path: Path) -> None:
        path.mkdir()
        self.forks, self.path, self.mounted = forks, path, False

    def mount(self, size: str) -> None:
        """Mounts an empty one of a size."""
        self._shell(f"mount -t tmpfs -o size={size} tmpfs {shlex.quote(str(self.path))}")
        self.mounted = True

    def change(self, option: str) -> None:
        """Gives it another size (`size=50m`), or makes it read-only (`ro`)."""
        self._shell(f"mount -o remount,{option} {shlex.quote(str(self.path))}")

    def names(self, folder: str = ".") -> list[str]:
        """What lies in one of its folders."""
        return self._shell(f"ls -A {shlex.quote(str(self.path / folder))}").split()

    def unmount(self) -> None:
        """Takes it away."""
        if self.mounted:
            self._shell(f"umount {shlex.quote(str(self.path))}")

    def _shell(self, script: str) -> str:
        return self.forks.shell(script)


@pytest.fixture
def disk(forks: Forks, may_mount: bool, tmp_path: Path) -> Iterator[Disk]:
    if not may_mount:
        pytest.skip("needs Linux with user namespaces, to mount a small disk")
    made = Disk(forks, tmp_path / "disk")
    yield made
    made.unmount()
