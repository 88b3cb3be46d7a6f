"""How much memory a process takes that answers by a model: measured in one of its own."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from spanbert.core.errors import SpanbertError
from spanbert.core.memory import resident_memory
from spanbert.core.types import Document

_CODE = "from spanbert.exports.footprint import answer; answer()"


def peak_memory(model: Path, documents: Mapping[str, Sequence[Document]]) -> int | None:
    """Resident bytes at the peak of a new process that loads a model and answers; None where nothing says (not Linux).

    Args:
        model: A bundle or an exported model.
        documents: What each task is asked.

    Raises:
        SpanbertError: The process failed.
    """
    if resident_memory() is None:
        return None
    given = pickle.dumps((model, documents))
    done = subprocess.run([sys.executable, "-c", _CODE], input=given, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit code {done.returncode}"]
        raise SpanbertError(f"{model} does not answer in a new process: {said[-1]}")
    return int(done.stdout.split()[-1])


def answer() -> None:
    """What that process does: reads what it is asked from standard input, and prints its peak."""
    from spanbert.pipelines.load import load

    model, documents = pickle.loads(sys.stdin.buffer.read())  # of the process that started this one
    nlp = load(model, device="cpu")
    for task, asked in documents.items():
        for _ in nlp.predict(asked, task=task):
            pass
    found = resident_memory()
    assert found is not None
    print(found[1])
