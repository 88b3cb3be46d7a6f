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
from benchmarks.gpu.ours import Ours
from benchmarks.gpu.peer import Peer
from benchmarks.gpu.remote import Remote, RemoteError
from benchmarks.gpu.side import Setup
from spanbert.encoder.cards import peak_flops
from spanbert.encoder.hardware import resolved_device, resolved_precision

SHAPES: dict[str, tuple[int, int, int]] = {  # layers, hidden size, heads; the most important first
    "BERT-base": (12, 768, 12),
    "MiniLM": (6, 384, 12),
    "BERT-large": (24, 1024, 16),
}
_TINY = {"tiny": (2, 32, 4)}
_WITH_FLASH = ("BERT-base", "tiny")  # shapes in which the peer is also made to take the flash kernel
_SHARES = {"BERT-base": 0.48, "MiniLM": 0.5}  # of the time that is left
_LENGTH, _PACK = 512, 16_384
_PACKS = {"BERT-base": (1, 2, 4, 8), "MiniLM": (2, 4, 8), "BERT-large": (1, 2, 4), "tiny": (1, 2)}  # that are tried
_TINY_LENGTH, _TINY_PACK = 32, 64
_PRODUCT, _TINY_PRODUCT = 8192, 128
_ROUNDS, _SECONDS_A_ROUND, _MOST_STEPS = 5, 0.8, 60
_FOR_ROUNDS = 0.18  # of a shape's time, which its compilers must leave
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
        device=str(device), compiled=device.type == "cuda", memory=0.28,
    )  # fmt: skip
    with ExitStack() as stack:  # all are built at once, while the first is sized
        shapes = {
            name: _started(stack, name, replace(base, shape=shape))
            for name, shape in (_TINY if job.tiny else SHAPES).items()
        }
        for name, remotes in shapes.items():
            seconds = (job.left - _SPARE) * _SHARES.get(name, 1.0)
            _Shape(name, job, seconds, figures).measure(remotes)
            for remote in remotes.values():
                remote.close()


def _started(stack: ExitStack, name: str, setup: Setup) -> dict[str, Remote]:
    """The processes of a shape's sides."""
    remotes = {"ours": Remote(Ours, setup), "peer": Remote(Peer, setup)}
    if name in _WITH_FLASH:
        remotes["peer_flash"] = Remote(Peer, replace(setup, flash=True))
    for remote in remotes.values():
        stack.enter_context(remote)
        remote.begin("built")
    return remotes


class _Shape:
    """The comparison of one shape.

    Args:
        name: What it is called.
        job: See there.
        seconds: That it may take.
        figures: Where it is noted.
    """

    def __init__(self, name: str, job: Job, seconds: float, figures: Figures) -> None:
        self._name, self._job, self._figures = name, job, figures
        self._end, self._for_rounds = job.left - seconds, _FOR_ROUNDS * seconds
        self._sides: dict[str, dict[str, Any]] = {}
        self._result: dict[str, Any] = {"sides": self._sides}

    @property
    def _left(self) -> float:
        return self._job.left - self._end

    def measure(self, remotes: dict[str, Remote]) -> None:
        """Sizes, compiles and times the sides.

        Args:
            remotes: By side, those that were asked whether they are built; one that fails is closed, the others stay.
        """
        asked = dict(remotes)
        self._sides.update({name: {} for name in asked})
        for name in list(asked):
            self._ended(asked, name)
        self._size(asked)
        if "ours" in asked and "product_flops" not in self._figures.facts:
            found = self._asked(asked, "ours", "product", _TINY_PRODUCT if self._job.tiny else _PRODUCT)
            if found is not None:
                self._figures.note(product_flops=found)
        self._compile(asked)
        self._time(asked)

    def _size(self, remotes: dict[str, Remote]) -> None:
        """How many packs a step each side reads: in turn, since they share the device."""
        for name in list(remotes):
            if name == "peer_flash" and "packs" in self._sides["peer"]:
                found = {one: self._sides["peer"][one] for one in ("packs", "tried")}
            else:
                found = self._asked(remotes, name, "useful_packs", _PACKS[self._name])
            if found is not None:
                self._sides[name] |= found
        self._note()

    def _compile(self, remotes: dict[str, Remote]) -> None:
        """All at once: this is work of the CPU."""
        for name, remote in remotes.items():
            remote.begin("prepare", self._sides[name]["packs"])
        for name in list(remotes):
            found = self._ended(remotes, name, spared=self._for_rounds)
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
        seconds = float(self._sides[name]["seconds_per_step"])
        return max(2, min(_MOST_STEPS, round(_SECONDS_A_ROUND / seconds)))

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

    def _ended(self, remotes: dict[str, Remote], name: str, *, spared: float = 0.0) -> Any:
        """What a side answers; None: it failed, or took longer than all but `spared` seconds, and is asked no more."""
        try:
            return remotes[name].end(self._left - spared)
        except RemoteError as error:
            self._sides[name]["error"] = str(error)
            remotes.pop(name).close()
            self._note()
            return None

    def _note(self) -> None:
        self._figures.note(shapes={**self._figures.facts["shapes"], self._name: self._result})
