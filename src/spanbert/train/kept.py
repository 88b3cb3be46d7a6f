"""What a run makes of its training data before the first step, kept so that a resumed run has the same.

OUT.run/training/start/          a model from scratch
OUT.run/training/assets/TASK/    files that a task made, such as a vocabulary

Until the run begins they lie in a temporary directory, so that a run that is refused leaves nothing behind.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
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
        self._kept, self._resume = run.directory / "training", run.resume
        self._temporary = Path(tempfile.mkdtemp(prefix="spanbert-"))

    def directory(self, name: str) -> Path:
        """Where a directory is if the run is resumed and has it, else where to make it."""
        kept = self._kept / name
        return kept if self._resume and kept.is_dir() else self._temporary / name

    def assets(self, tasks: Mapping[str, TextTask]) -> None:
        """Gives tasks their own files as the interrupted run had them; those of a new run are noted."""
        for name, task in tasks.items():
            kept = self._kept / ASSETS / name
            if not (self._resume and kept.is_dir()):
                copy_assets(task.assets, self._temporary, name)
                kept = self._temporary / ASSETS / name
            if task.assets:
                task.assets = {path.name: path for path in sorted(kept.iterdir())}

    def keep(self) -> None:
        """The run begins: what was made for it stays."""
        for made in self._temporary.iterdir():
            with directory_written_whole(self._kept / made.name) as folder:
                copy_into(made, folder)

    @override
    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._temporary, ignore_errors=True)
