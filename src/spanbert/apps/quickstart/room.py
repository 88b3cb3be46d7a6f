"""What a quick start may replace in its folder: what an earlier one left there, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from spanbert.core.errors import InputError
from spanbert.core.files import is_leftover
from spanbert.train.run_directory import RUN_FILE, run_directory

REPORT, READING, TEXT, STORE, LABELS = "report.html", "reading.html", "python-manual.txt", "store", "notes"
MARK = ".quickstart"  # an empty file: what has the names of ours in this folder is ours
BUNDLE, OURS, THEIRS = "bundle", "garden", "garden-minilm"
PARTS = ("train", "dev", "test")
_MODELS = (BUNDLE, OURS, THEIRS, "sentiment")  # the last is an earlier version's
_RUNS = tuple(f"{name}.run" for name in _MODELS)
_FOLDERS = {  # of labelled files: this version's, and an earlier one's
    LABELS: {f"{part}.jsonl" for part in PARTS},
    "reviews": {f"{part}.csv" for part in PARTS},
}
_FILES = {REPORT, READING, TEXT, f".{STORE}.preparing", *(f".{name}.lock" for name in (STORE, *_MODELS, *_RUNS))}


def require_room(out: Path, *, inputs: Iterable[str | Path], overwrite: bool) -> list[Path]:
    """What an earlier quick start left in the folder, which may be removed as it is to be replaced; removes nothing.

    Args:
        out: The folder.
        inputs: What is read; what is no path, such as the name of a packaged model, does not matter.
        overwrite: Whether an earlier quick start may be replaced.

    Raises:
        InputError: The folder is in use, or holds an input.
    """
    for one in inputs:
        if Path(one).exists() and Path(one).resolve().is_relative_to(out.resolve()):
            raise InputError(
                "the output would replace an input", where=f"--out {out}", got=str(one), remedy="Choose another --out"
            )
        if Path(one).is_dir() and out.resolve().is_relative_to(Path(one).resolve()):
            raise InputError(
                "the output would lie in an input", where=f"--out {out}", got=str(one), remedy="Choose another --out"
            )
    if out.exists() and not out.is_dir():
        raise InputError("not a folder", where=str(out))
    present = sorted(out.iterdir()) if out.exists() else []
    surely = {path for path in present if _is_ours(path)}
    foreign = [path for path in present if path not in surely and not (surely and _has_our_name(path))]
    if present and (foreign or not overwrite):
        raise InputError(
            "the folder is not empty",
            where=str(out),
            got=", ".join(path.name for path in (foreign or present)[:5]),
            remedy="Choose another --out, or pass --overwrite to replace an earlier quick start",
        )
    return present


def _is_ours(path: Path) -> bool:
    """Whether nobody else writes such a thing."""
    if path.name == STORE:
        return (path / "index.json").is_file()
    if path.name in _MODELS:
        return any((place / RUN_FILE).is_file() for place in (run_directory(path), path))
    if path.name in _RUNS:
        return (path / RUN_FILE).is_file()
    return path.name == MARK


def _has_our_name(path: Path) -> bool:
    """Whether it is ours where something else in the folder surely is: others have a `report.html` too."""
    if path.name in _FOLDERS:
        return path.is_dir() and {file.name for file in path.iterdir()} <= _FOLDERS[path.name]
    return is_leftover(path) or path.name in _FILES
