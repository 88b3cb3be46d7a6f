"""Of several runs the best is kept: its bundle and what the report reads are copied, the card tells of the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spanbert.checkpoint.bundle import MANIFEST
from spanbert.core.files import copy_into, directory_written_whole, write_atomically
from spanbert.train.run_directory import END_TO_END, run_directory

_REPORTED = ("metrics.jsonl", "evaluations.jsonl", "scores.json", END_TO_END, "mistakes.jsonl")


def copy_best(source: Path, target: Path, section: Sequence[str]) -> None:
    """Copies a bundle, and beside it of its run what the report reads.

    Args:
        source: The bundle.
        target: Where it goes.
        section: Lines that the card gets in addition.
    """
    with directory_written_whole(target, last=MANIFEST) as temporary:
        copy_into(source, temporary)
        with (temporary / "README.md").open("a", encoding="utf-8") as card:
            card.write("\n" + "\n".join(section) + "\n")
    for name in _REPORTED:
        log = run_directory(source) / name
        if log.is_file():
            write_atomically(run_directory(target) / name, log.read_bytes())
