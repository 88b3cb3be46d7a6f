"""docs/SCALING.md has the tables that the code writes, and `--check` tells where it has not."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_up_to_date():
    page = (DOCS / "SCALING.md").read_text(encoding="utf-8")
    assert runpy.run_path(str(DOCS / "scaling.py"))["render"](page) == page


def test_a_figure_that_was_changed_by_hand_is_found_and_written_anew(tmp_path):
    for name in ("docs/SCALING.md", "docs/scaling.py", *(f"benchmarks/results/{name}.json" for name in (
        "bench_pretrain", "pretrain_enwiki", "zh_checkpoint"))):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DOCS.parent / name, tmp_path / name)
    page, script = tmp_path / "docs" / "SCALING.md", [sys.executable, str(tmp_path / "docs" / "scaling.py")]
    right = page.read_text(encoding="utf-8")
    page.write_text(right.replace("23.3 M", "33.3 M"), encoding="utf-8")
    check = subprocess.run([*script, "--check"], capture_output=True, text=True, check=False)
    assert (check.returncode, check.stderr) == (1, "docs/SCALING.md is not what docs/scaling.py writes: run it\n")
    subprocess.run(script, check=True)
    assert page.read_text(encoding="utf-8") == right


@pytest.mark.parametrize("name", ["MiniLM-L6", "BERT-base", "BERT-large"])
def test_more_gpus_are_faster_but_no_faster_than_their_number(name):
    speed_on = runpy.run_path(str(DOCS / "scaling.py"))["speed_on"]
    alone, share = speed_on(1, name, 128)
    assert share == 1
    for gpus in (8, 64):
        together, share = speed_on(gpus, name, 128)
        assert alone < together <= alone * gpus
        assert together == pytest.approx(alone * gpus * share)
