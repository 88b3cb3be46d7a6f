"""One document held out of a store that has none: that with the lowest hash of its id, as with any share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from spanbert.core.seeding import keyed_fraction
from spanbert.core.types import IntArray

Shard = Mapping[str, Any]


def held_out_fraction(identity: str) -> float:
    """The number, 0..1, that decides whether a document is held out: it is where the share is larger."""
    return keyed_fraction("held-out", identity)


def hold_one_out(work: Path, shards: Sequence[Shard]) -> tuple[list[Shard], IntArray] | None:
    """Moves one document of the finished shards of a store into a shard of its own.

    The shard that it was in is written again, so nothing can continue the store if the process is killed meanwhile.

    Args:
        work: Where the shards are.
        shards: Their entries in the index, all to train on.

    Returns:
        The new entries, and the pieces of the document; None where there are not two documents.
    """
    if sum(shard["documents"] for shard in shards) < 2:
        return None
    place, row = min(_places(work, shards))[1:]
    shard = shards[place]
    path = work / shard["file"]
    with pa.OSFile(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    document = table.slice(row, 1)
    ids = np.array(document.column("ids")[0].as_py(), dtype=np.int64)
    name = "held_out-00000.arrow"
    _write(work / name, document)
    rest: list[Shard] = [*shards[:place], *shards[place + 1 :]]
    if len(table) > 1:
        _write(path, pa.concat_tables([table.slice(0, row), table.slice(row + 1)]))
        less = {"documents": shard["documents"] - 1, "pieces": shard["pieces"] - len(ids)}
        rest.insert(place, {**shard, **less})
    else:
        path.unlink()
    return [*rest, {"file": name, "split": "held_out", "documents": 1, "pieces": len(ids)}], ids


def _places(work: Path, shards: Sequence[Shard]) -> Iterator[tuple[float, int, int]]:
    for place, shard in enumerate(shards):
        with pa.memory_map(str(work / shard["file"])) as source:
            reader = pa.ipc.open_file(source)
            row = 0
            for number in range(reader.num_record_batches):
                for identity in reader.get_batch(number).column("id").to_pylist():
                    yield held_out_fraction(identity), place, row
                    row += 1


def _write(path: Path, table: pa.Table) -> None:
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)
