"""The benchmark for a machine with one GPU: its inputs, every part on the CPU as small as can be, and what comes back."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import spanbert
from benchmarks.gpu import packing, prepare, run, wheels
from benchmarks.gpu.figures import Figures
from benchmarks.gpu.job import Job
from benchmarks.gpu.join import join
from benchmarks.gpu.limited import run_limited
from benchmarks.gpu.parts import pretrain
from benchmarks.gpu.parts.small import write_weights
from benchmarks.gpu.remote import Remote, RemoteError
from benchmarks.gpu.run import Part
from benchmarks.gpu.summary import summary
from spanbert.checkpoint.bundle import open_bundle
from spanbert.checkpoint.tensors import read_head, read_weights
from spanbert.core.errors import InputError
from spanbert.core.files import read_json, write_json
from spanbert.tokens.store import SPLITS, TokenStore
from spanbert.tokens.tokenizer import load_tokenizer

ROOT = Path(__file__).parents[3]
NAMES = "Ann B-person\nsees O\nthe O\nfox O\n\nThe O\nriver O\nLee B-location\nruns O\n\nBen B-person\nSmith I-person\n. O\n"


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    place = folder / "ner" / "wnut17"
    place.mkdir(parents=True)
    for name in ("train.conll", "test.conll"):
        (place / name).write_text((NAMES + "\n") * 3, encoding="utf-8")
    (place / "SOURCE.txt").write_text("made for a test\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, store_path: Path) -> Path:
    work = tmp_path_factory.mktemp("work")
    for name in ("store", "enwiki"):
        shutil.copytree(store_path, work / name)
    return work


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, stores: Path, labelled: Path, trained_bundle: Path) -> Path:
    out = tmp_path_factory.mktemp("inputs") / "gpu"
    found = prepare.prepare(stores, out, model=trained_bundle, data=labelled, wheels=False)
    assert found["in all"] == sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return out


def contents(store: TokenStore, split: str) -> dict[str, tuple[list[int], list[bool]]]:
    return {one.id: (one.ids.tolist(), one.word_starts.tolist()) for one in store.documents(split)}  # type: ignore[arg-type]


def test_a_store_comes_back_as_it_was(inputs: Path, store_path: Path, tmp_path: Path):
    made = packing.unpack_store(inputs / "store", inputs / "tokenizer", tmp_path / "store")
    again, before = TokenStore(tmp_path / "store", verify=True), TokenStore(store_path)
    for split in SPLITS:
        assert contents(again, split) == contents(before, split)
    assert np.array_equal(again.unigram_counts(), before.unigram_counts())
    assert made.fingerprint == before.fingerprint
    left_by_a_kill = tmp_path / ".other.unpacking"
    shutil.copytree(tmp_path / "store", left_by_a_kill)
    other = packing.unpack_store(inputs / "store", inputs / "tokenizer", tmp_path / "other")
    assert contents(other, "train") == contents(before, "train")


def test_as_many_pieces_as_fit(stores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packing, "PIECES_A_CHUNK", 500)
    store = TokenStore(stores / "store")
    whole = packing.pack_store(store, store, tmp_path / "whole", most_bytes=1 << 20)
    assert whole["train_pieces"] == store.count("train", "pieces")
    size = sum(path.stat().st_size for path in (tmp_path / "whole").glob("*.xz"))
    some = packing.pack_store(store, store, tmp_path / "some", most_bytes=size // 2)
    assert 0 < some["train_pieces"] < whole["train_pieces"]
    assert some["held_out_pieces"] == whole["held_out_pieces"]
    assert sum(path.stat().st_size for path in (tmp_path / "some").glob("*.xz")) <= size // 2
    few = packing.pack_store(store, store, tmp_path / "few", most_bytes=1 << 20, most_pieces=700)
    assert 700 <= few["train_pieces"] < whole["train_pieces"]
    with pytest.raises(InputError, match="no room for text"):
        packing.pack_store(store, store, tmp_path / "none", most_bytes=10)


def test_a_chunk_that_was_damaged_is_refused(inputs: Path, tmp_path: Path):
    shutil.copytree(inputs / "store", tmp_path / "packed")
    chunk = next((tmp_path / "packed").glob("train-*.xz"))
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="not the file that was packed"):
        packing.unpack_store(tmp_path / "packed", inputs / "tokenizer", tmp_path / "store")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(("kept", "most"), [("float16", 1e-3), ("int8", 1e-2)])
def test_a_model_comes_back(trained_bundle: Path, tmp_path: Path, kept: packing.Kept, most: float):
    files = open_bundle(trained_bundle)
    packing.pack_model(files, tmp_path / "packed", kept)
    path = packing.unpack_model(tmp_path / "packed", load_tokenizer(trained_bundle), tmp_path / "model")
    again = open_bundle(path)
    for found, wanted in (
        (read_weights(again.weights), read_weights(files.weights)),
        (read_head(again, "pretrain"), read_head(files, "pretrain")),
    ):
        assert found.keys() == wanted.keys()
        for name, value in wanted.items():
            assert found[name].dtype == value.dtype
            assert float((found[name] - value).abs().max()) <= most * float(value.abs().max().clamp(min=1e-3))
    assert spanbert.load(path).fill("The quick [MASK] fox", top_k=1)


def test_rows_are_rounded_by_themselves():
    rows = torch.cat([torch.full((1, 4096), 1e-3), torch.full((1, 4096), 100.0), torch.zeros(1, 4096)])
    found = packing.restored(packing.rounded({"matrix": rows, "ids": torch.arange(3)}, "int8"))
    assert torch.allclose(found["matrix"], rows, rtol=1e-6)
    assert torch.equal(found["ids"], torch.arange(3))
    assert list(found) == ["matrix", "ids"]


def test_too_much_is_refused(stores: Path, labelled: Path, trained_bundle: Path, tmp_path: Path):
    """With a number of pieces that is asked for the room is not minded until the end."""

    def made(most: int) -> None:
        prepare.prepare(stores, tmp_path / "out", model=trained_bundle, data=labelled, wheels=False, most_bytes=most,
                        pieces=10**9)  # fmt: skip

    with pytest.raises(InputError, match="more than can be carried"):
        made(50_000)
    assert not (tmp_path / "out").exists()
    made(1 << 20)
    assert (tmp_path / "out" / "inputs.json").is_file()


def test_missing_data_is_named(stores: Path, trained_bundle: Path, tmp_path: Path):
    with pytest.raises(InputError, match=r"train\.conll: no such file"):
        prepare.prepare(stores, tmp_path / "out", model=trained_bundle, data=tmp_path, wheels=False)


def test_wheels_are_those_of_our_dependencies_that_are_not_there():
    found = {line.partition("==")[0] for line in wheels.lacking(ROOT / "pyproject.toml")}
    assert {"pydantic", "pydantic-core", "annotated-types", "ftfy", "sentencex"} <= found
    assert not found & {"torch", "numpy", "rich", "typing-extensions", "scipy", "click"}
    assert "pydantic" not in {
        line.partition("==")[0] for line in wheels.lacking(ROOT / "pyproject.toml", [*wheels.THERE, "pydantic"])
    }


def measured(out: Path, name: str) -> dict:
    found = read_json(out / f"{name}.json")
    assert {"state", "exit_code", "seconds", "limit"} <= found.keys()
    assert found["state"] == "done", found.get("output")
    assert found["machine"]["torch"].startswith(torch.__version__.partition("+")[0])
    return found


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory, inputs: Path) -> tuple[Path, str]:
    """The whole script, as it is called, from a folder in which nothing else is found."""
    out = tmp_path_factory.mktemp("out") / "results"
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "gpu" / "run.py"), str(out), "--inputs", str(inputs),
         "--device", "cpu", "--tiny", "--minutes", "8"],
        cwd=inputs, env={**os.environ, "PYTHONPATH": "", "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return out, done.stdout


def test_parity(rehearsal: tuple[Path, str]):
    found = measured(rehearsal[0], "parity")
    assert found["tests"] == found["passed"] > 0
    assert found["failures"] == found["errors"] == found["skipped"] == 0
    assert found["whole"]
    assert found["not_passed"] == []


def test_pre_training(rehearsal: tuple[Path, str]):
    found = measured(rehearsal[0], "pretrain")
    assert found["product_flops"] > 0
    (shape,) = found["shapes"].values()
    assert set(shape["sides"]) == {"ours", "peer", "peer_flash"}
    for name in ("ours", "peer"):
        side = shape["sides"][name]
        assert "error" not in side, side
        assert side["packs"] in (1, 2)
        assert side["tokens_per_second_prepared"]["median"] > 0
        assert 0 < side["mfu_prepared_product"] < 1
        assert 0 < side["tokens_per_step"] <= side["packs"] * 64
    assert shape["sides"]["ours"]["tokens_per_second_whole"]["median"] > 0
    assert shape["ratio"]["median"] > 0
    assert shape["ratio_prepared"]["median"] > 0


def test_fine_tuning(rehearsal: tuple[Path, str]):
    found = measured(rehearsal[0], "finetune")
    assert found["same_share"] == 1
    for where in ("device", "cpu"):
        assert found[f"trained_on_{where}"]["steps"] == 2
        assert found[f"predicted_on_{where}"]["texts_per_second"] > 0
        assert found[f"predicted_on_{where}"]["metric"] == "f1"
    assert "score" in found["trained_on_cpu"]


def test_the_small_model_comes_back(rehearsal: tuple[Path, str], inputs: Path, tmp_path: Path):
    found = measured(rehearsal[0], "small")
    assert found["training"]["steps"] == 4
    assert found["training"]["tokens"] > 0
    for when in ("before", "after"):
        assert 0 <= found[when]["mlm_accuracy"] <= 1
        assert found[when]["mlm_loss"] > 0
    join(rehearsal[0], tmp_path / "bundle", inputs / "tokenizer")
    assert spanbert.load(tmp_path / "bundle").fill("The quick [MASK:1-2] fox", top_k=1)
    assert spanbert.info(tmp_path / "bundle")["training"]["step"] == 4


def test_the_last_lines_are_a_table(rehearsal: tuple[Path, str]):
    out, printed = rehearsal
    assert len(list(out.iterdir())) <= 8
    lines = printed.split("\n\n")[-1].splitlines()
    assert lines == summary({name: read_json(out / f"{name}.json") for name in run.PARTS})
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == list(run.PARTS)
    assert 8 < len(lines) < 25


def test_a_part_that_hangs_and_one_that_fails_cost_the_others_nothing(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def python(code: str):
        head = "import json, sys; job = json.load(open(sys.argv[2])); from benchmarks.gpu.figures import Figures\n"
        head += "from pathlib import Path; figures = Figures(Path(job['out']) / f'{sys.argv[1]}.json')\n"
        return lambda name, told: [sys.executable, "-c", head + code, name, str(told)]

    child = tmp_path / "child"
    hang = (
        "import subprocess, time; figures.note(found=1)\n"
        f"child = subprocess.Popen(['sleep', '600']); open({str(child)!r}, 'w').write(str(child.pid)); time.sleep(600)"
    )
    parts = {
        "hangs": Part(0.3, python(hang)),
        "fails": Part(0.5, python("figures.note(found=2); raise ValueError('no luck')")),
        "works": Part(1.0, python("figures.note(found=job['tiny'])")),
    }
    asked = [str(tmp_path / "out"), "--inputs", str(inputs), "--device", "cpu", "--tiny", "--minutes", "0.5"]
    assert run.main(asked, parts) == 1
    found = {name: read_json(tmp_path / "out" / f"{name}.json") for name in parts}
    assert [one["state"] for one in found.values()] == ["limit", "failed", "done"]
    assert [one["found"] for one in found.values()] == [1, 2, True]
    assert "ValueError: no luck" in found["fails"]["output"]
    assert found["hangs"]["seconds"] == pytest.approx(found["hangs"]["limit"], abs=2)
    assert not alive(int(child.read_text()))
    assert "no luck" in capsys.readouterr().out
    assert run.main([*asked, "works"], parts) == 0, "one part alone"


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_command_that_is_over_is_not_waited_for(tmp_path: Path):
    begun = time.monotonic()
    ended = run_limited(
        [sys.executable, "-c", "print('hello')"], seconds=60, log=tmp_path / "log", folder=tmp_path, environment={}
    )
    assert (ended.state, ended.code, ended.output) == ("done", 0, "hello\n")
    assert time.monotonic() - begun < 50


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["nothing"], "no part nothing; there are parity"), (["--inputs", "nowhere"], "no inputs in nowhere: make them")],
)
def test_bad_requests(inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list, said: str):
    with pytest.raises(SystemExit) as stopped:
        run.main([str(tmp_path / "out"), "--inputs", str(inputs), *arguments])
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_figures_stay_what_is_known(tmp_path: Path):
    Figures(tmp_path / "one.json").note(a=1, b={"c": 2})
    again = Figures(tmp_path / "one.json")
    again.note(b=3)
    assert read_json(tmp_path / "one.json") == {"a": 1, "b": 3}
    assert [path.name for path in tmp_path.iterdir()] == ["one.json"]


def test_outcomes_of_tests_are_written_one_by_one(tmp_path: Path):
    (tmp_path / "test_one.py").write_text(
        "import pytest\ndef test_right(): pass\ndef test_wrong(): assert 1 == 2\n"
        "@pytest.mark.skip(reason='why not')\ndef test_left_out(): pass\n"
        "@pytest.fixture\ndef broken(): raise OSError('gone')\ndef test_without(broken): pass\n"
    )
    (tmp_path / "test_two.py").write_text("import nothing_of_that_name\n")
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "benchmarks.gpu.outcomes", "--rootdir", str(tmp_path),
         "--continue-on-collection-errors", str(tmp_path)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT), "SPANBERT_OUTCOMES": str(tmp_path / "log")},
        capture_output=True, check=False,
    )  # fmt: skip
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    found = {line["name"].rpartition("::")[2].rpartition("/")[2]: line for line in lines}
    assert {name: line["outcome"] for name, line in found.items()} == {
        "test_right": "passed", "test_wrong": "failures", "test_left_out": "skipped", "test_without": "errors",
        "test_two.py": "errors",
    }  # fmt: skip
    assert "assert 1 == 2 (test_one.py:3)" in found["test_wrong"]["message"]
    assert "why not" in found["test_left_out"]["message"]
    assert "gone" in found["test_without"]["message"]
    assert "nothing_of_that_name" in found["test_two.py"]["message"]


def test_shares_of_tests_are_all_tests(tmp_path: Path):
    (tmp_path / "test_one.py").write_text("".join(f"def test_{number}(): pass\n" for number in range(5)))
    for share in ("0/2", "1/2"):
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "benchmarks.gpu.outcomes", "-k", "not test_4", "--rootdir",
             str(tmp_path), str(tmp_path)],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT), "SPANBERT_OUTCOMES": str(tmp_path / share[0]),
                               "SPANBERT_SHARE": share},
            capture_output=True, check=True,
        )  # fmt: skip
    found = [[json.loads(line)["name"][-1] for line in (tmp_path / one).read_text().splitlines()] for one in "01"]
    assert found == [["0", "2"], ["1", "3"]]


class TestRemote:
    def test_calls(self):
        with Remote(Counter, "aab") as remote:
            assert remote.call("most_common", 1, seconds=60) == [("a", 2)]
            with pytest.raises(RemoteError, match="has no attribute 'nothing'"):
                remote.call("nothing", seconds=60)
            assert remote.call("total", seconds=60) == 3, "it goes on"

    def test_what_cannot_be_built(self):
        with Remote(int, "x") as remote, pytest.raises(RemoteError, match="ValueError: invalid literal"):
            remote.call("bit_length", seconds=60)

    def test_a_process_that_ends(self):
        with Remote(os._exit, 3) as remote, pytest.raises(RemoteError, match="ended with exit code 3"):
            remote.call("anything", seconds=60)

    def test_a_call_that_takes_too_long(self):
        with Remote(time.sleep, 600) as remote, pytest.raises(RemoteError, match="not done after 1 s"):
            remote.call("anything", seconds=1)


def test_a_side_that_fails_is_noted(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pretrain, "Peer", int)  # which cannot be made of a setup
    (tmp_path / "work").mkdir()
    job = Job(out=tmp_path, inputs=inputs, work=tmp_path / "work", device="cpu", seconds=300, tiny=True)
    pretrain.run(job, Figures(tmp_path / "pretrain.json"))
    shape = read_json(tmp_path / "pretrain.json")["shapes"]["tiny"]
    assert shape["sides"]["ours"]["tokens_per_second_whole"]["median"] > 0
    assert all("TypeError" in shape["sides"][name]["error"] for name in ("peer", "peer_flash"))
    assert "ratio" not in shape


class TestJoin:
    @pytest.fixture
    def results(self, trained_bundle: Path, tmp_path: Path) -> Path:
        out = tmp_path / "results"
        out.mkdir()
        write_json(out / "small.json", {"weights": write_weights(trained_bundle, out, part_bytes=20_000)})
        return out

    def test_a_bundle_comes_back_in_float16(self, results: Path, trained_bundle: Path, tmp_path: Path):
        assert len(list(results.glob("weights-*.part"))) > 3
        assert all(path.stat().st_size <= 20_000 for path in results.glob("*.part"))
        join(results, tmp_path / "bundle", trained_bundle)
        found, wanted = open_bundle(tmp_path / "bundle"), open_bundle(trained_bundle)
        assert found.config == wanted.config
        assert found.tasks == wanted.tasks
        for one, other in (
            (read_weights(found.weights), read_weights(wanted.weights)),
            (read_head(found, "pretrain"), read_head(wanted, "pretrain")),
        ):
            assert one.keys() == other.keys()
            assert all(torch.equal(one[name], other[name].half().float()) for name in other)

    def test_a_part_that_is_missing_or_damaged_is_named(self, results: Path, trained_bundle: Path, tmp_path: Path):
        part = results / "weights-1.part"
        content = part.read_bytes()
        part.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(InputError, match=r"weights-1\.part: not the part that was written"):
            join(results, tmp_path / "bundle", trained_bundle)
        part.unlink()
        with pytest.raises(InputError, match=r"weights-1\.part: a part of the weights is missing"):
            join(results, tmp_path / "bundle", trained_bundle)
        assert not (tmp_path / "bundle").exists()

    def test_no_weights(self, tmp_path: Path, trained_bundle: Path):
        write_json(tmp_path / "small.json", {"state": "limit"})
        with pytest.raises(InputError, match="no weights came back"):
            join(tmp_path, tmp_path / "bundle", trained_bundle)


class TestReport:
    """The section of docs/BENCHMARKS.md; figures here are made up, or those of the rehearsal."""

    @pytest.fixture
    def section(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], str]:
        monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
        return runpy.run_path(str(ROOT / "benchmarks" / "report.py"))["gpu"].on_a_gpu

    def test_nothing_measured(self, section: Callable[[Path], str], tmp_path: Path):
        assert "Not yet measured" in section(tmp_path)

    def test_the_page_says_so_until_results_are_there(self):
        page = (ROOT / "docs" / "BENCHMARKS.md").read_text(encoding="utf-8")
        there = (ROOT / "benchmarks" / "results" / "gpu").is_dir()
        assert page.count("## On a GPU") == 1
        assert there or "Not yet measured." in page

    def test_a_rehearsal(self, section: Callable[[Path], str], rehearsal: tuple[Path, str]):
        text = section(rehearsal[0])
        assert "Not yet measured" not in text
        assert "did not come to its end" not in text
        assert text.count("| tiny | ") == 4  # three sides, and their ratio
        for head in ("passed, 0 failures", "WNUT-17", "| before |", "| after |"):
            assert head in text

    def test_made_up_figures(self, section: Callable[[Path], str], tmp_path: Path):
        machine = {
            "spanbert": "9",
            "torch": "2.11",
            "transformers": "5",
            "python": "3.12",
            "device": "cuda:0",
            "cores": 16,
        }
        speed = {"median": 1.2e6, "min": 1.1e6, "max": 1.3e6}
        ours = {"seconds_per_step": 0.1, "tokens_per_step": 65_000, "tokens_per_second_prepared": speed,
                "tokens_per_second_whole": speed, "mfu_prepared_stated": 0.412, "peak_memory": 3 << 30}  # fmt: skip
        ratio = {"median": 1.75, "min": 1.7, "max": 1.8}
        shapes = {
            "MiniLM": {"sides": {"ours": ours, "peer": {"error": "no memory"}}, "ratio": ratio, "ratio_prepared": ratio}
        }
        write_json(tmp_path / "pretrain.json", {"state": "limit", "machine": machine, "length": 512, "precision": "bfloat16",
                                                "product_flops": 7.9e14, "shapes": shapes})  # fmt: skip
        wrong = {"outcome": "failures", "name": "tests/gpu/test_parity.py::test_one", "message": "1 == 2"}
        write_json(tmp_path / "parity.json", {"state": "failed", "machine": machine, "tests": 9, "passed": 8, "failures": 1,
                                              "errors": 0, "skipped": 0, "not_passed": [wrong]})  # fmt: skip
        write_json(tmp_path / "small.json", {"state": "failed", "output": "no torch"})
        text = section(tmp_path)
        assert "8 passed, 1 failures" in text
        assert "- failures: `tests/gpu/test_parity.py::test_one`" in text
        assert "| MiniLM | spanbert: MLM + SBO | 65,000 | 1,200,000 (1,100,000 to 1,300,000) |" in text
        assert "41.2%" in text
        assert "| MiniLM | **1.75** (1.70 to 1.80) |" in text
        assert "790 TFLOP/s" in text
        assert text.count("its time was over") == text.count("(it failed)") == 1
        assert text.count("Not yet measured.") == 2  # fine-tuning, and minutes that failed before a figure
