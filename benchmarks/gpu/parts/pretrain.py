"""Pre-training side by side: tokens a second, model-FLOP utilisation and memory of three shapes, ours and the peer's.

The peer reads batches that were made before the clock, so that its loader costs it nothing; ours is measured so too,
and with its loader, which is what a run does. Both sides of a shape are in memory at once and take turns.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from statistics import median
from typing import Any

import torch

from benchmarks.bench.common import spread_of
from benchmarks.gpu.figures import Figures
from benchmarks.gpu.inputs import TOKENIZER, store_of
from benchmarks.gpu.job import Job
from benchmarks.gpu.machine import machine
from benchmarks.gpu.remote import Remote, RemoteError
from benchmarks.gpu.sides import Ours, Peer, Setup
from spanbert.encoder.cards import peak_flops
from spanbert.encoder.hardware import resolved_device, resolved_precision

SHAPES: dict[str, tuple[int, int, int]] = {  # layers, hidden size, heads; the most important first
    "BERT-base": (12, 768, 12),
    "MiniLM": (6, 384, 12),
    "BERT-large": (24, 1024, 16),
}
_TINY = {"tiny": (2, 32, 4)}
_SHARES = {"BERT-base": 0.45, "MiniLM": 0.5}  # of the time that is left
_LENGTH, _PACK, _PACKS = 512, 16_384, (1, 2, 4, 8)  # packs: 16 thousand to 131 thousand tokens a step
_TINY_LENGTH, _TINY_PACK, _TINY_PACKS = 32, 64, (1, 2)
_PRODUCT, _TINY_PRODUCT = 8192, 128
_ROUNDS, _SECONDS_A_ROUND, _MOST_STEPS = 5, 0.8, 60
_SPARE = 4.0  # seconds in which sides are ended


def run(job: Job, figures: Figures) -> None:
    """Measures shape by shape; a side that fails is noted, and the others go on.

    Args:
        job: See there.
        figures: Get `shapes`: by shape the sides and, where both are known, `ratio` (ours with its loader over the
            faster peer) and `ratio_prepared` (both with batches that were made before).
    """
    device = resolved_device(job.device)
    precision = resolved_precision("auto", device)
    stated = peak_flops(torch.cuda.get_device_name(device), precision) if device.type == "cuda" else None
    length, pack = (_TINY_LENGTH, _TINY_PACK) if job.tiny else (_LENGTH, _PACK)
    figures.note(machine=machine(job.device), precision=precision, length=length, stated_flops=stated, shapes={})
    base = Setup(
        store=store_of(job).path, tokenizer=job.inputs / TOKENIZER, shape=(0, 0, 0), length=length, pack=pack,
        device=str(device), compiled=device.type == "cuda", memory=0.32,
    )  # fmt: skip
    for name, shape in (_TINY if job.tiny else SHAPES).items():
        seconds = (job.left - _SPARE) * _SHARES.get(name, 1.0)
        _Shape(name, replace(base, shape=shape), job, seconds, figures).measure()


class _Shape:
    """The comparison of one shape.

    Args:
        name: What it is called.
        setup: What the sides do.
        job: See there.
        seconds: That it may take.
        figures: Where it is noted.
    """

    def __init__(self, name: str, setup: Setup, job: Job, seconds: float, figures: Figures) -> None:
        self._name, self._setup, self._job, self._figures = name, setup, job, figures
        self._end = job.left - seconds
        self._packs = _TINY_PACKS if job.tiny else _PACKS
        self._sides: dict[str, dict[str, Any]] = {}
        self._result: dict[str, Any] = {"shape": list(setup.shape), "sides": self._sides}

    @property
    def _left(self) -> float:
        return self._job.left - self._end

    def measure(self) -> None:
        """Builds, sizes, compiles and times the sides."""
        built: dict[str, tuple[type[Ours] | type[Peer], Setup]] = {
            "ours": (Ours, self._setup),
            "peer": (Peer, self._setup),
        }
        if self._name in ("BERT-base", "tiny"):
            built["peer_flash"] = (Peer, replace(self._setup, flash=True))
        with ExitStack() as stack:
            remotes = {name: stack.enter_context(Remote(*one)) for name, one in built.items()}
            self._sides.update({name: {} for name in remotes})
            self._size(remotes)
            if "ours" in remotes and "product_flops" not in self._figures.facts:
                size = _TINY_PRODUCT if self._job.tiny else _PRODUCT
                found = self._asked(remotes, "ours", "product", size)
                if found is not None:
                    self._figures.note(product_flops=found)
            self._compile(remotes)
            self._time(remotes)

    def _size(self, remotes: dict[str, Remote]) -> None:
        """How many packs a step each side reads: in turn, since they share the device."""
        for name in list(remotes):
            if name == "peer_flash" and "packs" in self._sides["peer"]:
                found = {one: self._sides["peer"][one] for one in ("packs", "tried")}
            else:
                found = self._asked(remotes, name, "useful_packs", self._packs)
            if found is not None:
                self._sides[name] |= found
        self._note()

    def _compile(self, remotes: dict[str, Remote]) -> None:
        """All at once: this is work of the CPU."""
        for name, remote in remotes.items():
            remote.begin("prepare", self._sides[name]["packs"])
        for name in list(remotes):
            found = self._ended(remotes, name)
            if found is not None:
                self._sides[name] |= found
        self._note()

    def _time(self, remotes: dict[str, Remote]) -> None:
        """Rounds in which the sides take turns; figures after each."""
        speeds: dict[str, dict[str, list[float]]] = {name: {"prepared": [], "whole": []} for name in remotes}
        for _ in range(2 if self._job.tiny else _ROUNDS):
            for name in list(remotes):
                for way in ("prepared", "whole") if name == "ours" else ("prepared",):
                    steps = self._steps(name)
                    found = self._asked(remotes, name, f"{way}_steps", steps)
                    if found is None:
                        break
                    seconds, tokens = found
                    speeds[name][way].append(tokens / seconds)
                    self._sides[name] |= self._figures_of(name, speeds[name], steps)
                if name in remotes and (memory := self._asked(remotes, name, "peak_memory")) is not None:
                    self._sides[name]["peak_memory"] = memory
            self._compared(speeds)
            self._note()

    def _steps(self, name: str) -> int:
        return max(2, min(_MOST_STEPS, round(_SECONDS_A_ROUND / self._sides[name]["seconds_per_step"])))

    def _figures_of(self, name: str, speeds: dict[str, list[float]], steps: int) -> dict[str, Any]:
        found: dict[str, Any] = {"steps_per_round": steps}
        for way, some in speeds.items():
            if some:
                found[f"tokens_per_second_{way}"] = spread_of(some)
                done = median(some) * self._sides[name]["flops_per_token"]
                for peak in ("stated", "product"):
                    if self._figures.facts.get(f"{peak}_flops"):
                        found[f"mfu_{way}_{peak}"] = round(done / self._figures.facts[f"{peak}_flops"], 4)
        return found

    def _compared(self, speeds: dict[str, dict[str, list[float]]]) -> None:
        """Ours over the faster peer, round by round."""
        peers = [one["prepared"] for name, one in speeds.items() if name != "ours" and one["prepared"]]
        ours = speeds.get("ours")
        if ours is None or not peers:
            return
        best = max(peers, key=median)
        for key, way in (("ratio", "whole"), ("ratio_prepared", "prepared")):
            pairs = list(zip(ours[way], best, strict=False))
            if pairs:
                self._result[key] = spread_of([one / other for one, other in pairs])

    def _asked(self, remotes: dict[str, Remote], name: str, method: str, *arguments: object) -> Any:
        remotes[name].begin(method, *arguments)
        return self._ended(remotes, name)

    def _ended(self, remotes: dict[str, Remote], name: str) -> Any:
        """What a side answers; None: it failed, which is noted, and it is asked no more."""
        try:
            return remotes[name].end(self._left)
        except RemoteError as error:
            self._sides[name]["error"] = str(error)
            del remotes[name]
            self._note()
            return None

    def _note(self) -> None:
        self._figures.note(shapes={**self._figures.facts["shapes"], self._name: self._result})
