"""The benchmarks' own arithmetic, and each of them run small from end to end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.bench import common, pretrain
from spanbert.core.errors import SpanbertError
from tests.conftest import make_text

ROOT = Path(__file__).parents[3]


def python(*arguments: object, source: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs Python in a folder where only this source of the package is found."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(source)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_source_tree_runs_them_from_any_folder(tmp_path: Path):
    (tmp_path / "short.txt").write_text("too little")
    arguments = ("-m", "spanbert", "bench", "masking", "--data", "short.txt")
    done = python(*arguments, source=ROOT / "src", folder=tmp_path)
    assert done.returncode == 2
    assert "short.txt: too little text" in done.stderr  # says the benchmark


def test_a_package_without_its_source_tree_says_where_they_are(tmp_path: Path):
    shutil.copytree(ROOT / "src" / "spanbert", tmp_path / "site" / "spanbert")
    (tmp_path / "benchmarks" / "bench").mkdir(parents=True)  # a folder of that name is not enough
    done = python("-m", "spanbert", "bench", "masking", source=tmp_path / "site", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"{tmp_path / 'benchmarks' / 'bench'}: no benchmarks here, since" in done.stderr
    assert "Clone the repository" in done.stderr


def test_help_imports_no_benchmark(tmp_path: Path):
    code = (
        "import sys; from spanbert.apps.cli.main import main\n"
        "sys.argv = ['spanbert', 'bench', '--help']\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        "assert not {'torch', 'benchmarks'} & set(sys.modules)"
    )
    done = python("-c", code, source=ROOT / "src", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "encoders" in done.stdout


def test_every_script_finds_what_it_imports(tmp_path: Path):
    """A script is run by its path, from any folder: its own folder comes first on Python's path."""
    names = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py") if path.stem != "__init__")
    assert {"common", "coref", "relation", "report", "tasks"} <= set(names)
    code = f"import sys; sys.path[0] = {str(ROOT / 'benchmarks')!r}\nimport {', '.join(names)}"
    done = python("-c", code, source=ROOT / "src", folder=tmp_path)
    assert done.returncode == 0, done.stderr


def test_contenders_take_turns_after_a_warm_up():
    calls: list[str] = []
    times = common.alternate({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=3)
    assert calls == ["a", "b"] * 4
    assert [len(taken) for taken in times.values()] == [3, 3]


def test_ratios_are_taken_round_by_round():
    assert common.ratio_of([2.0, 9.0, 4.0], [1.0, 3.0, 4.0]) == {"median": 2.0, "min": 1.0, "max": 3.0}
    assert common.spread_of([123456.0, 1.0, 3.0]) == {"median": 3.0, "min": 1.0, "max": 123500.0}


def take_memory(megabytes: int) -> int:
    return len(bytearray(megabytes * 1_000_000))


def test_a_fresh_process_says_what_its_peak_was():
    value, peak = common.in_fresh_process(take_memory, 80)
    assert value == 80_000_000
    assert 75e6 < peak < 120e6


def test_a_process_that_dies_is_an_error():
    with pytest.raises(SpanbertError, match="its process ended with exit code 3"):
        common.in_fresh_process(__import__("os")._exit, 3)


def test_arithmetic_of_a_step_of_minilm():
    """Six layers of 12 D^2 weights (and attention); two heads on 15 % of the pieces, or one on every token."""
    encoder = 6 * (12 * 384**2 + 2 * 128 * 384)
    heads = 0.15 * (126 / 128) * (384**2 + (968 + 384) * 384 + 2 * 384 * 30522)
    assert pretrain.model_flops(128) == pytest.approx(
        (6 * (encoder + heads), 6 * (encoder + 384**2 + 384 * 30522)), rel=1e-6
    )


def test_pretrain_small(cli, monkeypatch: pytest.MonkeyPatch, real_data: Path):
    monkeypatch.setattr(pretrain, "_LENGTHS", (128,))
    monkeypatch.setattr(pretrain, "_QUICK", (1, 1))
    monkeypatch.setattr(pretrain, "_TOKENS", 512)
    text = real_data / "pretrain" / "eltec_eng"
    file = next(path for path in sorted(text.iterdir()) if path.suffix == ".txt" and path.name != "SOURCE.txt")
    code, out, err = cli("bench", "pretrain", "--quick", "--data", file, "--json")
    assert code == 0, err
    result = json.loads(out.splitlines()[-1])
    for key in ("", "_default", "_same_allocator", "_both_glibc"):
        assert 0.3 < result[f"ratio_128{key}"] < 30
    assert set(result["tokens_per_second_128"]) == {
        "ours", "ours_glibc", "peer", "peer_default", "peer_same_allocator",
    }  # fmt: skip
    assert 0 < result["gemm_fraction"] < 1.5


def fail() -> None:
    raise RuntimeError("no luck")


def test_a_failing_worker_says_why():
    with pretrain._Worker(fail) as worker, pytest.raises(SpanbertError, match="RuntimeError: no luck"):
        worker.run(1)


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("masking", ["pieces_per_second_126", "pieces_per_second_510_all_cores"]),
        ("prepare", ["speed_ratio", "memory_ratio", "speed_ratio_spread"]),
    ],
)
def test_text_benchmarks_on_given_text(cli, tmp_path: Path, name: str, keys: list[str]):
    (tmp_path / "long.txt").write_text("\n\n".join(" ".join(make_text(30, seed)) for seed in range(4)))
    code, out, err = cli("bench", name, "--quick", "--data", tmp_path / "long.txt", "--json")
    assert code == 0, err
    result = json.loads(out.splitlines()[-1])
    assert result["text"] == "long.txt"
    for key in keys:
        value = result[key] if isinstance(result[key], float) else result[key]["median"]
        assert value > 0


def test_bad_requests(cli, tmp_path: Path):
    code, _, err = cli("bench", "attentoin")
    assert (code, "did you mean 'attention'" in err) == (2, True)
    code, _, err = cli("bench", "masking", "--picture", tmp_path / "p.png")
    assert (code, "has no picture" in err) == (2, True)
    (tmp_path / "short.txt").write_text("too little")
    code, _, err = cli("bench", "masking", "--data", tmp_path / "short.txt")
    assert (code, "too little text" in err) == (2, True)
    code, _, err = cli("bench", "masking", "--out", tmp_path / "short.txt" / "result.json")
    assert (code, "not a folder" in err) == (2, True)
    code, _, err = cli("bench", "pretrain", "--data", tmp_path / "short.txt")
    assert (code, "too little text" in err) == (2, True)
    code, _, err = cli("bench", "masking", "--data", tmp_path / "none")
    assert (code, err.count("\n")) == (2, 1)
