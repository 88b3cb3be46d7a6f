"""`--fix`: a repaired copy in the same format, written completely or not at all, and a count of each repair."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spanbert.core.errors import InputError
from spanbert.core.hashes import Repeats
from spanbert.core.outputs import check_output_file
from spanbert.corpus.io.files import SourceFile, require_plain
from spanbert.tasks.survey import Survey


def check_target(
    source: Path, target: Path, *, read: Sequence[str | os.PathLike[str] | None], overwrite: bool, one_file: bool
) -> None:
    """Refuses a place for the repaired copy before any work is done.

    Args:
        source: The file.
        target: The copy.
        read: Everything that is read.
        overwrite: Whether a file that exists may be replaced.
        one_file: The copy is of the same kind; of two files line by line it is one of JSON lines.

    Raises:
        InputError: Something that is read, a file that exists, another kind of file, or a compressed one.
    """
    where = f"--fix {target}"
    check_output_file(target, inputs=read, overwrite=overwrite, option="--fix")
    require_plain(target, option="--fix ")
    kinds = [SourceFile(path=path, name=path.name).kind for path in (source, target)]
    if not one_file:
        if kinds[1] != ".jsonl":
            raise InputError(
                "a copy of two files is one of JSON lines", where=where, got=kinds[1] or "no suffix", expected=".jsonl"
            )
        return
    if kinds[0] != kinds[1]:
        raise InputError("the copy is in the same format", where=where, got=kinds[1] or "no suffix", expected=kinds[0])


def repair(survey: Survey[Any], repeats: Repeats, target: Path) -> tuple[str, ...]:
    """Writes a repaired copy of a file.

    Args:
        survey: Of the file; finished.
        repeats: What comes again in it.
        target: The copy.

    Returns:
        What was done, a line each.

    Raises:
        InputError: Something that only a person can fix.
    """
    done = survey.repair(repeats, target)
    return tuple(f"{what}: {count:,}" for what, count in done.items() if count) or ("nothing to repair: a plain copy",)
