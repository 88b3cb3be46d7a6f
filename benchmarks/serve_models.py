"""What `serve.py` serves: a classifier of film reviews, and its exports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from common import real_data

from spanbert.apps.quickstart.build import packaged_minilm

STEPS = 60  # of fine-tuning
REFUSED = 1  # exit code of an export that loses more than it may


def reviews() -> Path:
    """The folder of the film reviews."""
    return real_data() / "cls" / "movie_reviews_2k"


def run_spanbert(*arguments: object) -> None:
    """Runs `spanbert` with these arguments."""
    subprocess.run([sys.executable, "-m", "spanbert", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def fine_tuned(out: Path) -> Path:
    """A classifier of film reviews, from MiniLM-L6."""
    data = ["--train", reviews() / "train.tsv", "--dev", reviews() / "dev.tsv"]
    run_spanbert("finetune", "classify", "--model", packaged_minilm(), *data, "--out", out, "--budget", f"{STEPS}steps")
    return out


def exported(model: Path, data: Path, out: Path, runtime: str) -> dict[str, Any] | None:
    """What an int8 export costs in score; None where the gate refuses it."""
    call = ["export", model, "--out", out, "--runtime", runtime, "--precision", "int8", "--data", data, "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "spanbert", *map(str, call)], check=False, stdout=subprocess.PIPE, text=True
    )
    if done.returncode == REFUSED:
        return None
    done.check_returncode()
    [parity] = json.loads(done.stdout.splitlines()[-1])["parity"].values()
    return dict(parity)
