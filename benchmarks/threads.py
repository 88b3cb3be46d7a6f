"""How threads of the CPU should wait, and from which size of work on several are worth it.

python benchmarks/threads.py [--rounds 5] [--busy N]

Alternating sides, each in a process of its own, on an idle machine; with --busy N beside N processes that compute all
the time. Sides: libgomp's default (spins for some 10 ms), OMP_WAIT_POLICY=passive, several GOMP_SPINCOUNT, one thread.
Rows: steps of training and passes of prediction, from a few tokens of a tiny model to thousands of MiniLM's.

Read it so: idle, no side should take longer than `default` by more than the spread; busy, the smaller the better.
The smallest `work` (tokens times width squared) from which `3000` beats `one` is what `_LEAST_SHARED` in
src/spanbert/encoder/hardware.py should be; the spins are `_SPINS` in src/spanbert/core/threads.py.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from statistics import median
from typing import Any

from common import write_result

SIDES: dict[str, dict[str, str]] = {
    "default": {},
    "passive": {"OMP_WAIT_POLICY": "passive"},
    "1000": {"GOMP_SPINCOUNT": "1000"},
    "3000": {"GOMP_SPINCOUNT": "3000"},
    "10000": {"GOMP_SPINCOUNT": "10000"},
    "one": {"OMP_NUM_THREADS": "1"},
}
LAYERS = 6
SHAPES = [(32, 256), (64, 256), (128, 256), (128, 1024), (384, 16), (384, 64), (384, 512), (384, 4096)]
SECONDS = 0.5  # of each row of a side in a round


def measure(training: bool) -> list[float]:
    """Milliseconds of a pass of each shape in this process; training: forward, backward and the optimiser's step."""
    import torch

    from spanbert.batches.packed import pack
    from spanbert.encoder.config import EncoderConfig
    from spanbert.encoder.hardware import tune_process
    from spanbert.encoder.model import Encoder

    tune_process()
    torch.manual_seed(0)
    found = []
    for width, tokens in SHAPES:
        shape = EncoderConfig(
            vocab_size=2000,
            hidden_size=width,
            layers=LAYERS,
            heads=width // 32,
            feed_forward_size=4 * width,
            positions=512,
        )
        encoder = Encoder(shape)
        length = min(tokens, 64)
        batch = pack([torch.arange(length).numpy() % 2000] * (tokens // length))
        optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-4)
        if not training:
            encoder.eval().pack_weights()

        def run(encoder: Encoder = encoder, batch: Any = batch, optimizer: Any = optimizer) -> None:
            if not training:
                with torch.inference_mode():
                    encoder(batch)
                return
            optimizer.zero_grad(set_to_none=True)
            encoder(batch).square().mean().backward()
            optimizer.step()

        for _ in range(3):
            run()
        times: list[float] = []
        while sum(times) < SECONDS or len(times) < 5:
            begun = time.perf_counter()
            run()
            times.append(time.perf_counter() - begun)
        found.append(1000 * median(times))
    return found


def in_turn(rounds: int) -> dict[str, dict[str, list[list[float]]]]:
    """Milliseconds by kind and side: a list of the shapes for each round."""
    found: dict[str, dict[str, list[list[float]]]] = {}
    for number in range(rounds):
        for kind in ("predict", "train"):
            for side, stated in SIDES.items():
                inherited = {
                    name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))
                }
                call = [sys.executable, __file__, "--measure", kind]
                done = subprocess.run(call, env={**inherited, **stated}, check=True, stdout=subprocess.PIPE, text=True)
                found.setdefault(kind, {}).setdefault(side, []).append(json.loads(done.stdout))
                print(f"round {number + 1}, {kind}, {side}", file=sys.stderr, flush=True)
    return found


def rows_of(times: dict[str, list[list[float]]]) -> list[dict[str, Any]]:
    """A row a shape: the median of `default`, and of the others against it round by round, with the range."""
    rows = []
    for place, (width, tokens) in enumerate(SHAPES):
        base = [one[place] for one in times["default"]]
        row: dict[str, Any] = {"width": width, "tokens": tokens, "work": tokens * width * width}
        row["default_ms"] = round(median(base), 3)
        for side, found in times.items():
            ratios = sorted(one[place] / other for one, other in zip(found, base, strict=True))
            row[side] = [round(value, 2) for value in (median(ratios), ratios[0], ratios[-1])]
        rows.append(row)
    return rows


def main() -> None:
    """All sides in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--busy", type=int, default=0, metavar="N")
    parser.add_argument("--measure", choices=("predict", "train"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure is not None:
        print(json.dumps(measure(given.measure == "train")))
        return
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(given.busy)]
    load = os.getloadavg()[0]
    try:
        found = in_turn(given.rounds)
    finally:
        for one in others:
            one.kill()
    rows = {kind: rows_of(times) for kind, times in found.items()}
    for kind, of_kind in rows.items():
        print(f"{kind}: milliseconds of default, then times as long: median (lowest to highest)")
        for row in of_kind:
            sides = "  ".join("{}: {} ({} to {})".format(side, *row[side]) for side in SIDES)
            print(
                f"  {row['width']:>4} x {row['tokens']:<5} work {row['work']:>11,}  {row['default_ms']:>9.2f}  {sides}"
            )
    name = "threads_busy" if given.busy else "threads_idle"
    write_result(name, {"rounds": given.rounds, "others": given.busy, "load_before": round(load, 1), **rows})


if __name__ == "__main__":
    main()
