"""Broken files of every format, read in a fork: each is read, or refused in one line, in bounded memory and time.

Annotated files, raw text, and the JSON files of bundles, stores and runs. A fork is called with `sys.argv`:
`FORMAT SEED COUNT STAGE FOLDER REPORT`.
"""

from __future__ import annotations

import json
import random
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import spanbert
from spanbert.batches.plan import PlanPosition
from spanbert.checkpoint.state import load_state
from spanbert.core.errors import SpanbertError
from spanbert.core.schema import checked
from spanbert.corpus.formats.registry import family_of, open_data
from spanbert.corpus.raw.readers import DocumentReader
from spanbert.tokens.store import TokenStore
from spanbert.train.run_directory import facts_of_run
from spanbert.train.run_schemas import MetricsLine, StateFacts
from spanbert.train.tracking import read_log
from tests.faults.claims import ODD_VALUES, changed, copied, places, sign
from tests.faults.limits import MEBIBYTE, memory_limited
from tests.faults.mutants import mutants, parquet_mutants
from tests.format_samples import SAMPLES, put_sample

MEMORY, SECONDS, LONGEST_MESSAGE = 1024 * MEBIBYTE, 30, 2000
_DUMP = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/"><page><title>Fox</title><ns>0</ns><id>1</id>
<revision><id>2</id><text>The '''fox''' [[run]]s. {{x|y}} == See ==\n* a dog</text></revision></page></mediawiki>
"""
RAW = {
    "plain text": ("a.txt", "The fox runs.\nA dog sleeps.\n\nThe old king sees a bird.\n"),
    "table of texts": ("a.csv", 'id,text\n1,"the fox, runs"\n2,a dog\n'),
    "lines of texts": ("a.jsonl", '{"id": 1, "text": "the fox"}\n{"text": "a dog"}\n'),
    "MediaWiki dump": ("a.xml", _DUMP),
    "Parquet": ("a.parquet", ""),
}
DIRECTORIES = ("bundle", "store", "run")
FORMATS = (*SAMPLES, *RAW, *DIRECTORIES)
Attack = tuple[str, Callable[[], None]]


class _Endless(BaseException):
    """A file took too long."""


def attack() -> None:
    """Reads as many broken files of a format as it is told, and reports counts and what went wrong."""
    name, seed, count, stage, folder, report = sys.argv[1:]
    counts, faults = {"files": 0, "read": 0, "refused": 0}, []
    signal.signal(signal.SIGVTALRM, _too_long)
    for said, work in _attacks(name, random.Random(f"{seed} {name}"), int(count), Path(stage), Path(folder)):
        counts["files"] += 1
        fault = _outcome(work)
        if fault in ("read", "refused"):
            counts[fault] += 1
        else:
            faults.append(f"{name}, {said}: {fault}")
    Path(report).write_text(json.dumps({**counts, "faults": faults}), encoding="utf-8")


def _too_long(number: int, frame: FrameType | None) -> None:
    raise _Endless


def _outcome(work: Callable[[], None]) -> str:
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        with memory_limited(MEMORY):
            work()
    except SpanbertError as error:
        sound = len(str(error).splitlines()) == 1 and len(str(error)) <= LONGEST_MESSAGE
        return "refused" if sound else f"not one line: {str(error)[:300]!r}"
    except _Endless:
        return f"more than {SECONDS} seconds"
    except Exception as error:  # noqa: BLE001 (whatever else it is, is what is looked for)
        return f"{type(error).__name__}: {str(error)[:300]}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return "read"


def _attacks(name: str, draw: random.Random, count: int, stage: Path, folder: Path) -> Iterator[Attack]:
    if name in DIRECTORIES:
        yield from {"bundle": _bundles, "store": _stores, "run": _runs}[name](draw, count, stage, folder)
    elif name in RAW:
        yield from _raw(name, draw, count, folder)
    else:
        yield from _annotated(name, draw, count, folder)


def _annotated(name: str, draw: random.Random, count: int, folder: Path) -> Iterator[Attack]:
    samples = SAMPLES[name]
    for number, (file, content) in enumerate(samples):
        path = put_sample(folder, name, file, content)
        share = count // len(samples) + (number < count % len(samples))
        for said, odd in mutants(path.read_bytes(), *_shape(content), draw, share):
            path.write_bytes(odd)
            yield f"{file}, {said}", lambda path=path: _read(path, name)  # type: ignore[misc]


def _read(path: Path, name: str) -> None:
    for among in ([name], family_of(name)):
        data = open_data(path, among=among)
        assert data.description
        for _ in data.documents():
            pass


def _shape(content: str) -> tuple[str, str]:
    """What is changed in it, beside bytes: values of JSON or of its lines, cells."""
    if not content:
        return "bytes", ""
    try:
        json.loads(content)
    except ValueError:
        if content.startswith(("{", "[")):
            return "lines", ""
        return "cells", next((one for one in ("\t", ",", ";") if one in content), " ")
    return "json", ""


def _raw(name: str, draw: random.Random, count: int, folder: Path) -> Iterator[Attack]:
    file, content = RAW[name]
    path = folder / file
    made = (
        parquet_mutants(draw, count) if name == "Parquet" else mutants(content.encode(), *_shape(content), draw, count)
    )
    for said, odd in made:
        path.write_bytes(odd)
        yield said, lambda: sum(1 for _ in DocumentReader([path])) and None


def _changes(file: Path, draw: random.Random, count: int) -> Iterator[str]:
    """Puts odd values into a JSON file, one after the other, and says which."""
    content = json.loads(file.read_text(encoding="utf-8"))
    everywhere = list(places(content))
    for _ in range(count):
        place, odd = draw.choice(everywhere), draw.choice(ODD_VALUES)
        file.write_text(json.dumps(changed(content, place, odd)), encoding="utf-8")
        yield f"{file.name} {'.'.join(map(str, place))} = {odd!r}"
    file.write_text(json.dumps(content), encoding="utf-8")


def _bundles(draw: random.Random, count: int, stage: Path, folder: Path) -> Iterator[Attack]:
    bundle = copied(stage / "classifier", folder / "bundle")
    for name in ("config.json", "spanbert.json", "tokenizer.json", "tokenizer_config.json"):
        whole = {path: path.read_bytes() for path in bundle.iterdir()}
        for said in _changes(bundle / name, draw, count // 4):
            if name != "spanbert.json":
                sign(bundle)
            yield said, lambda: _answer(bundle)
        for path, content in whole.items():
            path.write_bytes(content)


def _answer(bundle: Path) -> None:
    nlp = spanbert.load(bundle)
    if nlp.tasks:
        json.dumps(nlp("the fox runs").as_record(), allow_nan=False)


def _stores(draw: random.Random, count: int, stage: Path, folder: Path) -> Iterator[Attack]:
    store = copied(stage / "store", folder / "store")
    for said in _changes(store / "index.json", draw, count):
        yield said, lambda: _all_of(TokenStore(store))


def _all_of(store: TokenStore) -> None:
    store.unigram_counts()
    store.tokenizer()
    for split in ("train", "held_out"):
        assert all(len(document.ids) for document in store.documents(split))  # type: ignore[arg-type]


def _runs(draw: random.Random, count: int, stage: Path, folder: Path) -> Iterator[Attack]:
    run = copied(stage / "pretrained.run", folder / "out.run")
    for said in _changes(run / "training" / "last" / "state.json", draw, count // 3):
        yield said, lambda: _restore(run / "training" / "last")
    for said in _changes(run / "run.json", draw, count // 3):
        yield said, lambda: facts_of_run(folder / "out") and None
    log = run / "metrics.jsonl"
    for said, odd in mutants(log.read_bytes(), "lines", "", draw, count // 3):
        log.write_bytes(odd)
        yield f"metrics.jsonl, {said}", lambda: read_log(log, MetricsLine) and None


def _restore(directory: Path) -> None:
    state: Any = load_state(directory)
    if state is not None:
        checked(StateFacts, state.facts, "state.json")
        PlanPosition.of_state(state.facts["position"])
