"""Everything that travels to a machine with one GPU and no network, in one folder of at most 56 MiB.

python benchmarks/gpu/prepare.py WORK [--out build/gpu] [--model BUNDLE] [--weights int8|float16] [--pieces N]

WORK holds the token stores of the small English model, `store` and `enwiki`; `recipes/small_en/recipe.py store WORK`
makes them. Of the first, documents to train on are taken in random order until the room is filled, of the second those
that are held out. Needs SPANBERT_DATA (docs/DATA.md) and, for the wheels, a network.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # a script itself finds only what lies beside it

from benchmarks.gpu.inputs import FACTS, LABELLED, MODEL, STORE, TOKENIZER, WHEELS
from benchmarks.gpu.packing import Kept, pack_model, pack_store
from benchmarks.gpu.wheels import download, lacking
from spanbert.checkpoint.bundle import open_bundle
from spanbert.core.errors import InputError, SpanbertError
from spanbert.core.files import directory_written_whole, write_json
from spanbert.tokens.store import TokenStore

MOST_BYTES = 56 << 20
_SET = "ner/wnut17"  # CC BY 4.0
_SPARE = 1 << 16


def prepare(
    work: Path,
    out: Path,
    *,
    model: str | Path,
    data: Path,
    weights: Kept = "int8",
    most_bytes: int = MOST_BYTES,
    pieces: int | None = None,
    wheels: bool = True,
) -> dict[str, int]:
    """Makes the folder, whole or not at all.

    Args:
        work: The stores.
        out: The folder.
        model: What training starts from; its tokenizer made the stores.
        data: The folder of data sets.
        weights: What a weight of its matrices is kept as.
        most_bytes: Of the folder.
        pieces: Pieces of training text; None: as many as fit.
        wheels: Whether wheels are downloaded.

    Returns:
        Bytes by what they are of, and how many documents and pieces the store has.

    Raises:
        InputError: Something is missing, or it is more than `most_bytes`.
    """
    stores = {name: TokenStore(work / name, verify=False) for name in ("store", "enwiki")}
    with directory_written_whole(out, last=FACTS, replace=True) as folder:
        if wheels:
            (folder / WHEELS).mkdir()
            download(lacking(ROOT / "pyproject.toml"), folder / WHEELS)
        (folder / TOKENIZER).mkdir()
        stores["store"].tokenizer().save(folder / TOKENIZER)
        (folder / LABELLED).mkdir()
        for name in ("train.conll", "test.conll", "SOURCE.txt"):
            if not (data / _SET / name).is_file():
                raise InputError("no such file", where=str(data / _SET / name), remedy="See docs/DATA.md")
            shutil.copyfile(data / _SET / name, folder / LABELLED / name)
        pack_model(open_bundle(model), folder / MODEL, weights)
        room = most_bytes - _bytes_of(folder) - _SPARE
        facts = pack_store(
            stores["store"], stores["enwiki"], folder / STORE, most_bytes=room, most_pieces=pieces
        )  # fmt: skip
        sizes = {path.name: _bytes_of(path) for path in sorted(folder.iterdir())}
        write_json(folder / FACTS, {"model": str(model), "weights": weights, "bytes": sizes, **facts})
        whole = _bytes_of(folder)
        if whole > most_bytes:
            raise InputError(
                "more than can be carried", where=str(out), got=_mib(whole), expected=f"at most {_mib(most_bytes)}",
                remedy="Carry fewer pieces (--pieces), or the weights as int8",
            )  # fmt: skip
    return {**sizes, "in all": whole, **facts}


def _bytes_of(path: Path) -> int:
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in files)


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, metavar="WORK")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "gpu")
    parser.add_argument("--model", help="what training starts from (default: MiniLM-L6)")
    parser.add_argument("--weights", choices=("int8", "float16"), default="int8")
    parser.add_argument("--pieces", type=int, help="of training text (default: as many as fit)")
    parser.add_argument("--no-wheels", action="store_true")
    asked = parser.parse_args()
    if not os.environ.get("SPANBERT_DATA"):
        sys.exit("set SPANBERT_DATA: docs/DATA.md says where the data sets come from")
    try:
        found: dict[str, Any] = prepare(
            asked.work, asked.out, model=asked.model or _minilm(), data=Path(os.environ["SPANBERT_DATA"]),
            weights=asked.weights, pieces=asked.pieces, wheels=not asked.no_wheels,
        )  # fmt: skip
    except SpanbertError as error:
        sys.exit(str(error))
    for name, value in found.items():
        print(f"{name:<20}{value:>14,}" if "_" in name else f"{name:<20}{_mib(value):>14}")


def _minilm() -> Path:
    from spanbert.apps.quickstart.build import packaged_minilm

    return packaged_minilm()


if __name__ == "__main__":
    main()
