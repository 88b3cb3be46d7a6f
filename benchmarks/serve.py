"""A service in a closed loop: against the same texts without a service, and against a plain server beside it.

python benchmarks/serve.py [--seconds 180] [--threads N] [--clients 32] [--model BUNDLE --data DEV]

A classifier of MiniLM-L6's size: a bundle with its dev set, or MiniLM-L6 after some steps on film reviews. Texts are
stretches of film reviews: `mix` of 5 to 400 words, `short` of 5 to 40. Clients live in a process of their own, each
with a connection that it keeps, and send the next text when the last one is answered. All sides have the same threads
and weights, and all but the export the same precision (float32).

    offline    `pipe` over the texts in a process, nothing else running
    spanbert   `spanbert serve`, one worker; `mix` for --seconds, all else for a third of them
    int8       `spanbert serve` of an int8 export, the quicker one of torch and onnxruntime, in `mix`; one that the gate
               of `spanbert export` refuses counts for nothing
    plain      FastAPI around `transformers.pipeline`, as its documentation shows it; it cuts texts off at 512 pieces,
               and reads HTTP by httptools, which uvicorn takes where it is installed
    bare       one short text after the other in a process, for the overhead of a service that one client asks
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import mean, median
from typing import Any
from urllib.request import urlopen

import psutil
from common import write_result
from pydantic import BaseModel
from serve_models import exported, fine_tuned, reviews, run_spanbert

import spanbert
from spanbert.core.threads import use_threads

WORDS = {"mix": (5, 400), "short": (5, 40)}
TEXTS = 2000
AT_ONCE = 200  # of them, offline
SLUG = "text-classification"
PEER_PIECES = 512
WARM_UP = 3.0  # seconds that are not counted
ALONE = 500  # short texts, one after the other
PORTIONS = 3  # of a measurement, for memory
RUNTIMES = ("torch", "onnx")  # of int8 exports


def texts(part: str) -> list[str]:
    """Stretches of reviews, of lengths drawn evenly."""
    drawn, (low, high) = random.Random(0), WORDS[part]
    lines = (reviews() / "train.tsv").read_text("utf-8").splitlines()[1:]
    words = [line.rpartition("\t")[0].split() for line in lines]
    longest = [one for one in words if len(one) >= high]
    found = []
    for _ in range(TEXTS):
        review, count = drawn.choice(longest), drawn.randint(low, high)
        start = drawn.randint(0, len(review) - count)
        found.append(" ".join(review[start : start + count]))
    return found


def offline(model: str, part: str, seconds: float) -> dict[str, Any]:
    """Texts a second of `pipe`, of a bundle in float32, of an export in its own precision."""
    nlp = spanbert.load(model)
    if not nlp.files.is_exported:
        nlp = spanbert.load(model, precision="float32")
    nlp.warm_up()
    every = texts(part)
    starts, done, begun = cycle(range(0, TEXTS, AT_ONCE)), 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        start = next(starts)
        done += sum(1 for _ in nlp.pipe(every[start : start + AT_ONCE]))
    return {"texts_a_second": done / (time.perf_counter() - begun)}


def bare(model: str) -> dict[str, Any]:
    """Milliseconds of one short text."""
    nlp = spanbert.load(model, precision="float32").warm_up()
    times = []
    for text in texts("short")[:ALONE]:
        begun = time.perf_counter()
        nlp(text)
        times.append(time.perf_counter() - begun)
    return {"p50_ms": 1000 * median(times)}


class Body(BaseModel):
    """What the plain server is sent."""

    inputs: str


def plain(model: str, threads: int | None) -> None:
    """Serves a pipeline of transformers; says where."""
    import torch
    import uvicorn
    from fastapi import FastAPI
    from transformers import pipeline

    if threads is not None:
        torch.set_num_threads(threads)
    classify = pipeline("text-classification", model=model, tokenizer=model, top_k=None)
    app = FastAPI()

    @app.post("/")
    def answer(body: Body) -> list[Any]:
        found: list[Any] = classify(body.inputs, truncation=True, max_length=PEER_PIECES)
        return found

    @app.get("/ready")
    def ready() -> None:
        """Answers."""

    config = uvicorn.Config(app, log_level="error")
    socket = config.bind_socket()
    socket.listen()  # what comes before it has loaded all waits
    print(f"http://127.0.0.1:{socket.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run([socket])


class Client:
    """Asks over a connection that it keeps; nothing but what HTTP needs, so that clients take little of the machine."""

    def __init__(self, port: int, path: str) -> None:
        self._port, self._path = port, path

    async def connect(self) -> None:
        """Begins."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def ask(self, text: str) -> int:
        """The status of the answer."""
        body = json.dumps({"inputs": text}).encode()
        head = f"POST {self._path} HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n"
        self._writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        said = await self._reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", said)
        assert length is not None, said
        await self._reader.readexactly(int(length[1]))
        return int(said.split(maxsplit=2)[1])


async def closed_loop(port: int, path: str, part: str, clients: int, seconds: float) -> dict[str, Any]:
    """Clients that ask without a pause; what they were answered, and when."""
    every = cycle(texts(part))
    statuses: Counter[int] = Counter()
    times: list[float] = []
    begin = time.perf_counter() + WARM_UP

    async def asks() -> None:
        client = Client(port, path)
        await client.connect()
        while (sent := time.perf_counter()) < begin + seconds:
            status = await client.ask(next(every))
            if sent >= begin:
                statuses[status] += 1
                times.append(time.perf_counter() - sent)

    await asyncio.gather(*(asks() for _ in range(clients)))
    took = time.perf_counter() - begin
    times.sort()
    return {
        "texts_a_second": statuses[200] / took,
        "errors": statuses.total() - statuses[200],
        "p50_ms": 1000 * median(times),
        "p99_ms": 1000 * times[int(0.99 * len(times))],
    }


async def one_by_one(port: int, path: str) -> dict[str, Any]:
    """Milliseconds of one short text after the other, from a single client."""
    client, times = Client(port, path), []
    await client.connect()
    every = texts("short")[:ALONE]
    for text in (*every[:20], *every):
        begun = time.perf_counter()
        assert await client.ask(text) == 200
        times.append(time.perf_counter() - begun)
    return {"p50_ms": 1000 * median(times[20:])}


def in_process(*arguments: object) -> dict[str, Any]:
    """What this script finds with these arguments, in a process of its own."""
    call = [sys.executable, __file__, *map(str, arguments)]
    done = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def server(*command: object) -> Iterator[tuple[int, psutil.Process]]:
    """A server that answers: its port and its process."""
    call = [sys.executable, *map(str, command)]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
            assert address is not None, "no server"
            with urlopen(f"{address[0]}/ready", timeout=600):
                yield int(address[1]), psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait()


def megabytes(process: psutil.Process, seconds: float) -> list[int]:
    """Resident memory of a process and its children, on average over each portion of so many seconds from now."""
    found: list[list[int]] = [[] for _ in range(PORTIONS)]
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < seconds:
        every = [process, *process.children(recursive=True)]
        found[int(PORTIONS * passed / seconds)].append(sum(one.memory_info().rss for one in every))
        time.sleep(min(1.0, seconds / 60))
    return [round(mean(one) / 2**20) for one in found]


def under_load(start: Callable[[], Any], path: str, part: str, clients: int, seconds: float) -> dict[str, Any]:
    """Throughput, latency and memory of a server in a closed loop."""
    with start() as (port, process):
        call = [sys.executable, __file__, "load", str(port), path, part, str(clients), str(seconds)]
        with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as load:
            assert load.stdout is not None
            load.stdout.readline()  # it has read the texts, and begins
            time.sleep(WARM_UP)
            held = megabytes(process, seconds)
            said, _ = load.communicate()
    return {**json.loads(said), "megabytes": held}


def quicker_int8(model: Path, data: Path, folder: Path, seconds: float, few: list[object]) -> dict[str, Any]:
    """The int8 export that answers more texts a second offline, and what was tried; no `path` where all are refused."""
    tried: dict[str, Any] = {}
    for runtime in RUNTIMES:
        path = folder / f"int8-{runtime}"
        parity = exported(model, data, path, runtime)
        rate = 0.0 if parity is None else in_process("offline", path, "mix", seconds, *few)["texts_a_second"]
        tried[runtime] = {"path": str(path), "parity": parity, "offline": rate}
    best = max(tried, key=lambda runtime: tried[runtime]["offline"])
    rates = {runtime: None if one["parity"] is None else one["offline"] for runtime, one in tried.items()}
    chosen = {} if rates[best] is None else {"runtime": best, **tried[best]}
    return {**chosen, "tried": rates}


def measured(
    model: Path, data: Path, folder: Path, seconds: float, threads: int | None, clients: int
) -> dict[str, Any]:
    """All sides, in turn."""
    few: list[object] = [] if threads is None else ["--threads", threads]
    int8 = quicker_int8(model, data, folder, seconds / 3, few)
    saved = folder / "hugging-face"
    run_spanbert("convert", model, saved, "--to", "hugging-face")

    def ours(path: object = model, precision: str = "float32") -> Any:
        return server("-m", "spanbert", "serve", f"model={path}", "--port", 0, "--precision", precision, *few)

    def theirs() -> Any:
        return server(__file__, "plain", saved, *few)

    found: dict[str, Any] = {}
    for part in WORDS:
        first = in_process("offline", model, part, seconds / 3, *few)
        long = seconds if part == "mix" else seconds / 3
        served = under_load(ours, f"/v1/{SLUG}", part, clients, long)
        beside = under_load(theirs, "/", part, clients, seconds / 3)
        second = in_process("offline", model, part, seconds / 3, *few)
        rates = [one["texts_a_second"] for one in (first, second)]
        found[part] = {"offline": rates, "spanbert": {**served, "seconds": long}, "plain": beside}
        if part == "mix":
            path = int8.pop("path", None)
            if path is not None:
                int8 |= under_load(partial(ours, path, "auto"), f"/v1/{SLUG}", part, clients, seconds / 3)
            found[part]["int8"] = int8
        print(json.dumps({part: found[part]}), file=sys.stderr, flush=True)
    with ours() as (port, _):
        alone = in_process("alone", port, f"/v1/{SLUG}")
    found["alone"] = {"served": alone, "bare": in_process("bare", model, *few)}
    return found


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """What the command line says; verbs after the first options are for the script's own processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("own", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--threads", type=int, help="of the model; default: as torch chooses")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--model", type=Path, help="a bundle that classifies; default: MiniLM-L6, fine-tuned here")
    parser.add_argument("--data", type=Path, help="its dev set, by which the int8 exports are made and judged")
    return parser.parse_args(arguments)


def main() -> None:
    """All sides, or one of them in this process."""
    given = parsed(sys.argv[1:])
    if given.threads is not None and given.own:
        use_threads(given.threads)
    match given.own:
        case ["offline", model, part, seconds]:
            print(json.dumps(offline(model, part, float(seconds))))
        case ["bare", model]:
            print(json.dumps(bare(model)))
        case ["plain", model]:
            plain(model, given.threads)
        case ["load", port, path, part, clients, seconds]:
            print("begins", flush=True)
            print(json.dumps(asyncio.run(closed_loop(int(port), path, part, int(clients), float(seconds)))))
        case ["alone", port, path]:
            print(json.dumps(asyncio.run(one_by_one(int(port), path))))
        case _:
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder)
                if (given.model is None) != (given.data is None):
                    sys.exit("--model and --data go together")
                model, data = given.model or fine_tuned(place / "bundle"), given.data or reviews() / "dev.tsv"
                found = measured(model, data, place, given.seconds, given.threads, given.clients)
            write_result("serve", {"clients": given.clients, "threads": given.threads, "words": WORDS, **found})


if __name__ == "__main__":
    main()
