"""What a run makes of its training data before the first step, kept so that a resumed run has the same.

OUT.run/training/start/          a model from scratch
OUT.run/training/assets/TASK/    files that a task made, such as a vocabulary

Until the run begins they lie in a temporary directory, so that a run that is refused leaves nothing behind.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from typing_extensions import override

from spanbert.checkpoint.bundle import ASSETS, copy_assets
from spanbert.core.files import copy_into, directory_written_whole
from spanbert.tasks.protocol import TextTask
from spanbert.train.run import Run


class Kept(AbstractContextManager["Kept"]):
    """The files of a run that is being set up.

    Args:
        run: The run.
    """

    def __init__(self, run: Run) -> None:
        self._kept, self._resume, self._ranks = run.directory / "training", run.resume, run.runtime.ranks
        self._temporary = Path(tempfile.mkdtemp(prefix="spanbert-"))

    def directory(self, name: str, make: Callable[[Path], None]) -> Path:
        """A directory: that of the interrupted run if there is one, else a new one.

        Args:
            name: Of the directory.
            make: Makes it at a path; of several processes the first does it, and the others get its files.
        """
        kept = self._kept / name
        if self._resume and kept.is_dir():
            return kept
        if self._ranks.is_first:
            make(self._temporary / name)
        self._share(self._temporary / name)
        return self._temporary / name

    def assets(self, tasks: Mapping[str, TextTask]) -> None:
        """Gives tasks their own files as the interrupted run had them; those of a new run are noted."""
        for name, task in tasks.items():
            kept = self._kept / ASSETS / name
            if not (self._resume and kept.is_dir()):
                kept = self._temporary / ASSETS / name
                if self._ranks.is_first:
                    copy_assets(task.assets, self._temporary, name)
                self._share(kept)
            if task.assets:
                task.assets = {path.name: path for path in sorted(kept.iterdir())}

    def _share(self, directory: Path) -> None:
        """Gives the files of the first process to the others, which may be on other machines."""
        files = self._ranks.of_first(partial(_files_of, directory))
        if not self._ranks.is_first and files:
            directory.mkdir(parents=True)
            for name, content in files.items():
                (directory / name).write_bytes(content)

    def keep(self) -> None:
        """The run begins: what was made for it stays."""
        for made in self._temporary.iterdir() if self._ranks.is_first else ():
            with directory_written_whole(self._kept / made.name) as folder:
                copy_into(made, folder)

    @override
    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._temporary, ignore_errors=True)


def _files_of(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())} if directory.is_dir() else {}
