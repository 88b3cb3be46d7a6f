"""What was exported, and the model card of it: that of its bundle, with what the export is and costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from spanbert.core.distribution import install_command
from spanbert.core.types import Record
from spanbert.exports.parity import Parity

_LIGHT = "spanbert-runtime"
_OTHERWISE = {  # by runtime: how it is run
    "onnx": f"a graph for onnxruntime, and answers without torch (`{install_command(_LIGHT)}`)",
    "openvino": f"a graph for OpenVINO, and answers without torch (`{install_command(_LIGHT, 'openvino')}`)",
    "ctranslate2": f"a model of CTranslate2, and answers without torch (`{install_command(_LIGHT, 'ctranslate2')}`)",
    "torch": "weights for torch, on x86 processors alone",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """What was exported.

    Attributes:
        path: The directory.
        runtime: What runs it.
        precision: Of its products.
        bytes: Size of what computes: graph and weights.
        bytes_before: Size of the weights of the bundle.
        kept_float32: The products that are float32 all the same.
        calibrated_on: The texts whose values int8 was set by, by task; empty where nothing is int8.
        parity: What it costs in score, by task; empty without dev data.
        unscored: What answers in this precision and was not compared, for want of data: tasks, and filling blanks.
        timed_on: The processor that was timed, and its threads; empty where nothing was.
        memory: Bytes at the peak of a process that answers, `before`, by the bundle, and `after`; None: not measured.
    """

    path: Path
    runtime: str
    precision: str
    bytes: int
    bytes_before: int
    kept_float32: tuple[str, ...]
    calibrated_on: Mapping[str, str]
    parity: Mapping[str, Parity]
    unscored: tuple[str, ...] = ()
    timed_on: str = ""
    memory: Mapping[str, int] | None = None

    def as_record(self) -> Record:
        """As `--json` shows it."""
        parity = {name: one.as_record() for name, one in self.parity.items()}
        lists = {"kept_float32": list(self.kept_float32), "unscored": list(self.unscored)}
        return {**asdict(self), **lists, "path": str(self.path), "parity": parity}

    def lines(self) -> Iterator[str]:
        """What it is and costs, for people."""
        yield f"{self.precision} for {self.runtime}, {self.bytes / 1e6:.1f} MB of {self.bytes_before / 1e6:.1f} MB"
        if self.calibrated_on:
            yield f"int8 was set by {'; '.join(self.calibrated_on.values())}, scored on the others"
            if self.kept_float32:
                yield f"in float32 all the same: {', '.join(self.kept_float32)}"
        for name, one in self.parity.items():
            yield one.line(name)
        if self.timed_on:
            yield f"timed on {self.timed_on}"
        if self.unscored:
            yield f"not compared with the bundle, for want of data: {', '.join(self.unscored)}"
        if self.memory is not None:
            before, after = (self.memory[key] / 1e6 for key in ("before", "after"))
            yield f"a process that answers takes {after:,.0f} MB of memory at its peak, by the bundle {before:,.0f} MB"


def export_card(bundle: Path, title: str, done: Export) -> str:
    """The card as Markdown.

    Args:
        bundle: What was exported; its card comes first.
        title: Of a bundle without a card.
        done: The export.
    """
    card = bundle / "README.md"
    before = card.read_text(encoding="utf-8").rstrip() if card.is_file() else f"# {title}"
    what = (
        f"This directory holds the model as {_OTHERWISE[done.runtime]}. `spanbert.load` takes it; programs that read "
        "weights of Hugging Face's layout cannot, and it cannot be trained."
    )
    return "\n\n".join([before, "## Exported", what, "\n".join(f"- {line}" for line in done.lines())]) + "\n"
