"""What the estimators of scikit-learn have in common: a run in a temporary directory, and the bundle that it leaves.

A fitted estimator holds the files of its bundle, so that it can be pickled (joblib, pickle) and moved; nothing of it
stays on the disk.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from spanbert.checkpoint.bundle import MANIFEST, open_bundle
from spanbert.core.files import directory_written_whole, only_writer
from spanbert.core.outputs import check_output_folder
from spanbert.core.reporter import SilentReporter
from spanbert.core.types import Document, Record
from spanbert.pipelines.load import Pipeline, load

if TYPE_CHECKING:
    from spanbert.train.finetune_config import FinetuneConfig

_NEVER = "200%"  # of a budget: a state to resume from would be thrown away


class _Printed:
    """A reporter that prints lines, ten a stage."""

    def __init__(self) -> None:
        self._tenths = 0

    def say(self, message: str) -> None:
        """Prints a line."""
        print(message)

    def update(self, stage: str, fraction: float, figures: Mapping[str, str]) -> None:
        """Prints a line a tenth."""
        if int(10 * fraction) > self._tenths:
            self._tenths = int(10 * fraction)
            print(f"{stage} {fraction:.0%}  " + "  ".join(f"{name} {value}" for name, value in figures.items()))

    def finish(self, stage: str) -> None:
        """Resets the progress for the next stage."""
        self._tenths = 0


class FinetunedEstimator(BaseEstimator):  # type: ignore[misc]
    """What both have in common: a run in a temporary directory, and the files of the bundle that it leaves."""

    _kind: str
    _files: dict[str, bytes]
    _loaded: Pipeline | None

    def __init__(
        self,
        model: str | Path,
        *,
        epochs: float | None = None,
        lr: float | None = None,
        batch: int = 16,
        window: int | None = None,
        seed: int = 0,
        overrides: Sequence[str] = (),
        verbose: bool = False,
    ) -> None:
        self.model = model
        self.epochs = epochs
        self.lr = lr
        self.batch = batch
        self.window = window
        self.seed = seed
        self.overrides = overrides
        self.verbose = verbose

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Writes the fitted model as a bundle, for `spanbert.load` and the command line.

        Args:
            path: The directory to make.
            overwrite: Replace a model, store or run that is there.

        Returns:
            The directory.

        Raises:
            InputError: There is something already that may not be replaced.
            NotFittedError: Before `fit`.
        """
        check_is_fitted(self)
        target = Path(path)
        again = "Pass overwrite=True to replace it, or choose another one"
        check_output_folder(target, inputs=[], overwrite=overwrite, option="save", remedy=again)
        with only_writer(target):
            self._write(target)
        return target

    def _write(self, target: Path) -> None:
        with directory_written_whole(target, last=MANIFEST, replace=True) as directory:
            for name, content in self._files.items():
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                (directory / name).write_bytes(content)

    def _settings(self, **of_kind: Any) -> FinetuneConfig:
        from spanbert.train.finetune_config import FinetuneConfig

        base = {
            "train": {
                **({} if self.epochs is None else {"max_epochs": self.epochs}),
                "seed": self.seed,
                "checkpoint_every": _NEVER,
            },
            **({} if self.lr is None else {"optim": {"lr": self.lr}}),
            "batch": {"examples": self.batch},
            "window": {"length": self.window},
            self._kind: of_kind,
        }
        return FinetuneConfig.assemble(base=base, overrides=list(self.overrides))

    def _learn(self, documents: Sequence[Document], config: FinetuneConfig) -> None:
        from spanbert.train.finetune import finetune
        from spanbert.train.task_data import TaskData

        with TemporaryDirectory(prefix="spanbert-") as directory:
            result = finetune(
                {self._kind: TaskData(kind=self._kind, train=documents)},
                model=self.model,
                out=Path(directory) / "bundle",
                config=config,
                reporter=_Printed() if self.verbose else SilentReporter(),
            )
            if result.outcome.interrupted:
                raise KeyboardInterrupt(result.outcome.stopped_by)
            for warning in result.warnings:
                warnings.warn(warning, ConvergenceWarning, stacklevel=3)
            names = [*open_bundle(result.path, verify=False).manifest["files"], "README.md", MANIFEST]
            self._files = {name: (result.path / name).read_bytes() for name in names}
        self._loaded = None

    def _pipeline(self) -> Pipeline:
        """The model; once its weights are read, its files are no longer needed."""
        check_is_fitted(self)
        if self._loaded is None:
            with TemporaryDirectory(prefix="spanbert-") as directory:
                self._write(Path(directory))
                nlp = load(directory)
                nlp.warm_up()
            self._loaded = nlp
        return self._loaded

    def __getstate__(self) -> Record:
        """Without the loaded model, which can be loaded again from its files."""
        state: Record = {**super().__getstate__()}
        return {**state, "_loaded": None} if "_loaded" in state else state
