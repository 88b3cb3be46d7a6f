"""What a loaded bundle holds: its tasks, and weights that are read when they are first needed, onto a device.

An exported model computes on the CPU; most have a graph in place of weights and need no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Literal, Self, TypeVar, overload

from spanbert.checkpoint.bundle import BundleFiles, open_bundle
from spanbert.core.device import AUTO, DeviceLike, device_name
from spanbert.core.errors import InputError
from spanbert.core.types import Facts, Record
from spanbert.inference.exported import load_exported, load_exported_scorer
from spanbert.inference.loading import stored_tasks, stored_tokenizer
from spanbert.inference.predictor import Predictor
from spanbert.inference.translator import load_translator
from spanbert.tasks.pretrain.fill import PieceScorer
from spanbert.tasks.protocol import TextTask
from spanbert.tokens.tokenizer import TokenizerAdapter

if TYPE_CHECKING:
    import torch

    from spanbert.explain.explainer import Explainer

Precision = Literal["auto", "float32", "bfloat16", "int8"]
ValueT = TypeVar("ValueT")


class LoadedOnce(cached_property[ValueT]):
    """A property that is computed when it is first asked for, and once, however many threads ask."""

    @overload
    def __get__(self, instance: None, owner: type[object] | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type[object] | None = None) -> ValueT: ...
    def __get__(self, instance: object, owner: type[object] | None = None) -> Self | ValueT:
        if instance is None:
            return self
        assert isinstance(instance, LoadedBundle)
        with instance.lock:
            return super().__get__(instance, owner)


class LoadedBundle:
    """A bundle, and where it computes. Threads may share it.

    Args:
        files: The opened bundle, or exported model.
        precision: See `load`.
        options: See `load`.
        device: See `load`.

    Raises:
        InputError: A precision or a device that an exported model does not have.
    """

    def __init__(
        self,
        files: BundleFiles,
        precision: Precision = "auto",
        options: Mapping[str, Facts] | None = None,
        device: DeviceLike = AUTO,
    ) -> None:
        self.files, self.precision, self.options = files, precision, options
        self._device_name = device_name(device)
        if files.is_exported:
            self._require_as_exported(self._device_name)
        self.lock = RLock()
        self.tokenizer: TokenizerAdapter = stored_tokenizer(files)

    def __getstate__(self) -> Record:
        """What it was opened with; another process, or a copy, reads the weights again when it first answers."""
        path = self.files.path.resolve()
        return {
            "files": replace(self.files, path=path),
            "precision": self.precision,
            "options": self.options,
            "device": self._device_name,
        }

    def __setstate__(self, state: Record) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def _require_as_exported(self, device: str) -> None:
        """Refuses what an exported model cannot be changed to.

        Raises:
            InputError: Another precision than its own, or another device than the CPU.
        """
        stated = self.files.manifest["export"]["precision"]
        if self.precision not in ("auto", stated):
            raise InputError(
                "an exported model has the precision that it was exported in",
                where=str(self.files.path),
                got=self.precision,
                expected=stated,
            )
        if device not in (AUTO, "cpu"):
            raise InputError(
                "an exported model computes on the CPU",
                where=str(self.files.path),
                got=device,
                expected="cpu",
                remedy="Load the bundle that it was made of",
            )

    @LoadedOnce
    def device(self) -> torch.device:
        """What computes; of an exported model always the CPU, though torch must be installed to name it."""
        from spanbert.encoder.hardware import resolved_device

        return resolved_device("cpu" if self.files.is_exported else self._device_name)

    def to(self, device: DeviceLike) -> Self:
        """Computes on another device from now on; the weights are read again when the next answer is asked for.

        Args:
            device: As in `load`.

        Returns:
            The pipeline itself: `nlp = spanbert.load(bundle).to(device)`.

        Raises:
            InputError: No device, or none that there is here.
        """
        name = device_name(device)
        if self.files.is_exported:
            self._require_as_exported(name)
            return self
        from spanbert.encoder.hardware import resolved_device

        found = resolved_device(name)
        with self.lock:
            if found != self.device:
                for loaded in ("predictor", "_explainer", "_scorer"):
                    self.__dict__.pop(loaded, None)
            self._device_name = name
            self.__dict__["device"] = found
        return self

    @LoadedOnce
    def tasks(self) -> dict[str, TextTask]:
        """The bundle's tasks on labelled texts, by name."""
        return stored_tasks(self.files, self.tokenizer, self.options)

    @LoadedOnce
    def predictor(self) -> Predictor:
        """Encoder and heads of all tasks."""
        if self.files.runtime == "ctranslate2":
            return load_translator(self.files, self.tasks)
        if self.files.runtime not in (None, "torch"):
            return load_exported(self.files, self.tasks)
        import torch

        from spanbert.encoder.hardware import tune_process
        from spanbert.inference.heads import load_predictor, load_torch_predictor

        if self.device.type == "cpu":
            tune_process()
        if self.files.is_exported:
            return load_torch_predictor(self.files, self.tasks)
        dtype = getattr(torch, self._resolved_precision())
        return load_predictor(self.files, self.tasks, dtype=dtype, device=self.device)

    @LoadedOnce
    def _explainer(self) -> Explainer:
        """Encoder and heads of all tasks once more, in float32, as gradients can go through them.

        Raises:
            InputError: An exported model, or one that has changed on the disk.
        """
        if self.files.is_exported:
            raise InputError(
                "an exported model cannot be explained",
                where=str(self.files.path),
                remedy="Explain the bundle that it was made of",
            )
        if open_bundle(self.files.path, verify=False).manifest != self.files.manifest:
            raise InputError(
                "the bundle was replaced after it was loaded, and must be loaded again before it can be explained",
                where=str(self.files.path),
            )
        from spanbert.encoder.hardware import tune_process
        from spanbert.explain.explainer import Explainer
        from spanbert.inference.heads import load_predictor

        if self.device.type == "cpu":
            tune_process()
        return Explainer(load_predictor(self.files, self.tasks, device=self.device, pack=False), self.tokenizer)

    def _resolved_precision(self) -> Literal["float32", "bfloat16"]:
        """Of the encoder's products; `auto` is bfloat16 on cards that multiply it, and float32 on a CPU."""
        from spanbert.encoder.hardware import has_bfloat16
        from spanbert.encoder.linear import can_pack

        on_cpu = self.device.type == "cpu"
        if self.precision == "auto":
            return "bfloat16" if not on_cpu and has_bfloat16(self.device) else "float32"
        if self.precision == "bfloat16" and not (has_bfloat16(self.device) and (can_pack() or not on_cpu)):
            raise InputError(
                f"this {'processor' if on_cpu else 'device'} does not multiply bfloat16",
                where="precision",
                got=self.precision,
                expected="float32",
            )
        assert self.precision != "int8", "that of an export"
        return self.precision

    @LoadedOnce
    def _scorer(self) -> PieceScorer:
        if self.files.runtime not in (None, "torch"):
            return load_exported_scorer(self.files, self.tasks)
        if self.files.is_exported:
            from spanbert.inference.heads import load_torch_scorer

            return load_torch_scorer(self.files)
        from spanbert.tasks.pretrain.scorer import TorchPieceScorer

        return TorchPieceScorer.of_bundle(self.files, self.device)
