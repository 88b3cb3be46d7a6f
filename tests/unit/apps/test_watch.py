"""`spanbert watch`: what is shown of a run at each of its stages, from the files that training writes."""

from __future__ import annotations

import fcntl
import json
import math
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from spanbert.apps.watch.frame import frame, number
from spanbert.apps.watch.log_tail import LogTail
from spanbert.apps.watch.series import Series, sparkline
from spanbert.apps.watch.watched_run import WatchedFolder, WatchedRun, clock
from spanbert.core.errors import InputError
from spanbert.core.files import is_being_written, only_writer, write_json
from spanbert.train.run_directory import run_directory
from spanbert.train.run_schemas import MetricsLine
from spanbert.train.tracking import Tracker
from tests.runs import run as train

OPTIM = {"lr": 1e-3, "warmup": 0.1, "schedule": "linear"}


def facts(**train_settings: object) -> dict[str, object]:
    return {"store": "x", "model": "/models/small/model", "settings": {"train": train_settings, "optim": OPTIM}}


def begin(bundle: Path, **train_settings: object) -> Path:
    """A run that has not made a step."""
    directory = run_directory(bundle)
    directory.mkdir(parents=True)
    write_json(directory / "run.json", facts(**(train_settings or {"max_steps": 100})))
    return directory


def step(number: int, **more: float) -> tuple[int, dict[str, float]]:
    loss = 8 / math.sqrt(number)
    return number, {
        "loss": 2 * loss, "mlm_loss": loss, "sbo_loss": loss, "lr": 1e-3, "gradient_norm": 1.5,
        "tokens_per_second": 1000.0, "tokens": 500 * number, "seconds": 0.5 * number, **more,
    }  # fmt: skip


def steps(directory: Path, count: int, **more: float) -> None:
    with Tracker(directory, after_step=0) as tracker:
        for number in range(1, count + 1):
            tracker.step(*step(number, **more))


def ended(bundle: Path, step: int, by: str) -> None:
    """The bundle of a run that ended so."""
    bundle.mkdir()
    entry = {"bytes": 1, "sha256": "0" * 64}
    training = {"step": step, "tokens": 1, "seconds": 1.0, "stopped_by": by}
    write_json(bundle / "spanbert.json", {"format": 1, "files": {"config.json": entry}, "training": training})


def shown(path: Path, width: int = 100, *, plain: bool = False) -> str:
    return "\n".join(frame(WatchedFolder(path), width=width, plain=plain))


@contextmanager
def killed(directory: Path) -> Iterator[None]:
    """A lock that nobody holds, as a killed process leaves it."""
    lock = directory.parent / f".{directory.name}.lock"
    lock.touch()
    yield
    lock.unlink()


def test_a_run_that_goes_on(tmp_path):
    directory = begin(tmp_path / "names")
    steps(directory, 40, memory_bytes=2.5e9, mfu=0.412)
    with only_writer(directory):
        text = shown(tmp_path / "names")
        assert text == shown(directory)
    first, what, bar, *others = text.splitlines()
    assert first == "names: running"
    assert what == "span pre-training, from small"
    assert re.fullmatch(r"█{10}░{14}  40% of 100 steps", bar)
    assert others[0] == "step 40, 20,000 tokens"
    assert others[1] == "0:20 used, 0:30 left; 1,000 tokens/s"
    assert re.search(r"^mlm loss +1\.265 █[▁-█]{39}$", text, flags=re.MULTILINE)
    assert re.search(r"^gradient norm +1\.5 ▄+$", text, flags=re.MULTILINE)
    assert re.search(r"^memory bytes +2\.50 GB ", text, flags=re.MULTILINE)
    assert re.search(r"^MFU +41\.2% ", text, flags=re.MULTILINE)
    assert others[-1] == "nothing was held out, or scored so far"


def test_a_run_that_has_not_begun(tmp_path):
    directory = begin(tmp_path / "names", max_minutes=10.0)
    with only_writer(directory):
        folder = WatchedFolder(tmp_path / "names")
        assert (folder.status().state, folder.status().is_over) == ("waiting", False)
        assert shown(tmp_path / "names").splitlines() == [
            "names: not begun yet: no step so far", "span pre-training, from small", "budget: 10:00",
        ]  # fmt: skip
    assert folder.status().words == "stopped before a step"


@pytest.mark.parametrize(
    ("by", "state", "words"),
    [
        ("budget", "finished", "finished"),
        ("patience", "finished", "finished: no better score for a while"),
        ("SIGTERM", "stopped", "stopped by SIGTERM; --resume continues it"),
    ],
)
def test_a_run_that_ended(tmp_path, by, state, words):
    directory = begin(tmp_path / "names")
    steps(directory, 3)
    ended(tmp_path / "names", 3, by)
    status = WatchedFolder(directory).status()
    assert (status.state, status.words, status.is_over) == (state, words, True)
    assert " left" not in shown(directory)


def test_a_run_that_went_on_after_its_bundle_is_not_finished(tmp_path):
    directory = begin(tmp_path / "names")
    steps(directory, 5)
    ended(tmp_path / "names", 3, "budget")
    assert WatchedFolder(directory).status().words == "stopped; --resume continues it"


def test_a_run_that_was_killed_is_silent_after_a_while(tmp_path):
    directory = begin(tmp_path / "names")
    steps(directory, 3)
    with killed(directory):
        assert is_being_written(directory) is None
        assert WatchedFolder(directory).status().words == "running, on another machine"
        long_ago = time.time() - 3600
        for path in directory.glob("*.json*"):
            os.utime(path, (long_ago, long_ago))
        status = WatchedFolder(directory).status()
    assert status.state == "silent"
    assert status.words.startswith("no sign of life for 1:00:0")
    assert is_being_written(directory) is False


def test_looking_for_a_lock_does_not_hinder_a_writer(tmp_path):
    target = tmp_path / "names"
    with only_writer(target):
        assert is_being_written(target) is True
    with (tmp_path / ".names.lock").open("w") as stream:
        assert is_being_written(target) is None
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # was let go of
        assert is_being_written(target) is True


def test_a_line_that_is_being_written_waits(tmp_path):
    directory = begin(tmp_path / "names")
    steps(directory, 3)
    whole = json.dumps({"step": 4, "loss": 1.0, "tokens": 2000, "seconds": 2.0})
    with (directory / "metrics.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(whole[:20])
        stream.flush()
        watched = WatchedRun(directory)
        assert watched.progress.step == 3
        stream.write(whole[20:])
        stream.flush()
        watched.update()
        assert watched.progress.step == 3
        stream.write("\n")
        stream.flush()
        watched.update()
    assert (watched.progress.step, watched.figures["loss"].last) == (4, 1.0)


def test_lines_are_read_once_and_again_when_a_resumed_run_drops_some(tmp_path):
    directory = begin(tmp_path / "names")
    steps(directory, 10)
    watched = WatchedRun(directory)
    watched.update()
    assert len(watched.figures["loss"].points(100)) == 10
    with Tracker(directory, after_step=4) as tracker:
        watched.update()
        assert (watched.progress.step, len(watched.figures["loss"].points(100))) == (4, 4)
        tracker.step(*step(5))
        watched.update()
    assert watched.progress.step == 5


def test_a_broken_line_is_one_error_that_names_it(tmp_path):
    directory = begin(tmp_path / "names")
    for line, message in (
        ("{", "not valid JSON"),
        ('{"step": "x"}', "bad value for 'step'"),
        ("\udcff", "not UTF-8 text"),
    ):
        steps(directory, 2)
        with (directory / "metrics.jsonl").open("a", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(line + "\n")
        with pytest.raises(InputError, match=rf"metrics\.jsonl:3: {message}"):
            WatchedRun(directory)
        (directory / "metrics.jsonl").unlink()


def test_held_out_scores_show_the_main_one_first(tmp_path):
    directory = run_directory(tmp_path / "both")
    directory.mkdir()
    tasks = {"ner": {"kind": "tag"}, "topic": {"kind": "classify"}}
    write_json(directory / "run.json", {"tasks": tasks, "model": "from scratch, size tiny", "settings": {"train": {}}})
    scores = {
        "ner": {"precision": 0.9, "f1": 0.8125, "documents": 3, "interval": {"f1": [0.1, 0.9]}},
        "topic": {"macro_f1": 0.5, "accuracy": 0.75, "ppl": 3.25},
    }
    with Tracker(directory, after_step=0) as tracker:
        tracker.step(*step(1))
        for number in (1, 2):
            tracker.evaluation(number, {**scores, "tokens": 5, "seconds": 1.0})
    text = shown(tmp_path / "both")
    assert "ner (tag), topic (classify), from scratch, size tiny" in text
    assert "budget: not told by run.json" in text
    held_out = text.partition("held out, after step 2\n")[2].splitlines()
    assert [re.split(r" {2,}", line) for line in held_out] == [
        ["ner f1", "81.2% ▄▄"], ["ner precision", "90.0% ▄▄"], ["topic accuracy", "75.0% ▄▄"],
        ["topic macro f1", "50.0% ▄▄"], ["topic ppl", "3.25 ▄▄"],
    ]  # fmt: skip


def test_scores_of_pretraining_are_those_of_its_losses(tmp_path):
    directory = begin(tmp_path / "bundle")
    steps(directory, 1)
    with Tracker(directory, after_step=1) as tracker:
        tracker.evaluation(
            1, {"targets": 10, "mlm_loss": 5.5, "exact_match_by_words": {"1": 0.5}, "tokens": 1, "seconds": 1.0}
        )
    assert shown(directory).splitlines()[-2:] == ["held out, after step 1", "mlm loss        5.5"]


@pytest.mark.parametrize(("rate", "rises", "share"), [(5e-4, True, 0.05), (1e-3, False, 0.1), (5e-4, False, 0.55)])
def test_the_used_share_of_epochs_is_read_off_the_rate(tmp_path, rate, rises, share):
    directory = begin(tmp_path / "names", max_epochs=3.0)
    with Tracker(directory, after_step=0) as tracker:
        tracker.step(*step(1, lr=1e-4 if rises else 1e-3))
        tracker.step(*step(2, lr=rate))
    watched = WatchedRun(directory)
    assert watched.fraction == pytest.approx(share)
    assert f"{share:.0%} of 3 epochs" in shown(directory)


def test_of_several_runs_the_newest_is_shown_until_all_are_done(tmp_path):
    whole = run_directory(tmp_path / "names")
    for seed in (0, 1):
        directory = begin(whole / "seeds" / str(seed))
        steps(directory, seed + 1)
        os.utime(directory / "metrics.jsonl", (1000 + seed, 1000 + seed))
        ended(whole / "seeds" / str(seed), seed + 1, "budget")
    with only_writer(whole):
        folder = WatchedFolder(tmp_path / "names")
        assert folder.name == "names, seeds 1"
        assert folder.status().words == "running; this part: finished"
        steps(whole / "seeds" / "0.run", 7)
        folder.update()
        assert (folder.name, folder.run.progress.step) == ("names, seeds 0", 7)
    assert folder.status().is_over


def test_a_folder_that_is_no_run_is_one_error(tmp_path, cli):
    (tmp_path / "folder").mkdir()
    for name, message in (("none", "no such run"), ("folder", "not the folder of a run")):
        code, out, error = cli("watch", tmp_path / name)
        assert (code, out) == (2, "")
        assert message in error
        assert error.count("\n") == 1
    run_directory(tmp_path / "folder").mkdir()
    (run_directory(tmp_path / "folder") / "run.json").write_text("[]")
    code, _, error = cli("watch", tmp_path / "folder")
    assert code == 2
    assert "folder.run/run.json: not a JSON object" in error


NUMBER = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=False)  # which training flushes to 0


@given(
    width=st.integers(1, 120),
    plain=st.booleans(),
    values=st.lists(NUMBER, min_size=1, max_size=20),
    name=st.text(max_size=30),
)
def test_no_line_is_wider_than_the_terminal_and_nothing_is_nan(tmp_path_factory, width, plain, values, name):
    directory = begin(tmp_path_factory.mktemp("runs") / "名字", max_tokens=10_000)
    with (directory / "metrics.jsonl").open("w", encoding="utf-8") as stream:
        for count, value in enumerate(values, start=1):
            stream.write(
                json.dumps({"step": count, "tokens": 10, "seconds": 1.0, "loss": value, f"x{name}_": value}) + "\n"
            )
    lines = frame(WatchedFolder(directory), width=width, plain=plain)
    assert all(cell_len(line) <= width for line in lines)
    assert all(line.isprintable() for line in lines)
    assert not any(re.search(r" (?:nan|-?inf)(?: |$)", line) for line in lines)


@given(values=st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), max_size=300), most=st.integers(1, 70))
def test_points_of_a_series_keep_its_mean_and_order(values, most):
    series = Series()
    for value in values:
        series.add(value)
    points = series.points(most)
    assert len(points) == min(most, len(values))
    assert all(min(values) - 1e-6 <= point <= max(values) + 1e-6 for point in points)
    if len(values) <= most:
        assert points == values


def test_a_series_of_any_length_stays_small():
    series = Series()
    for value in range(100_000):
        series.add(float(value))
    points = series.points(50)
    assert len(points) == 50
    assert points == sorted(points)
    assert len(series._means) < 2048


@pytest.mark.parametrize(
    ("values", "plain", "line"),
    [([], False, ""), ([1.0, 1.0], False, "▄▄"), ([0.0, 7.0, 3.5], False, "▁█▅"), ([0.0, 7.0], True, "_@")],
)
def test_sparklines(values, plain, line):
    assert sparkline(values, plain=plain) == line


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("loss", 1.23456, "1.235"), ("accuracy", 0.5, "50.0%"), ("memory", 3e9, "3.00 GB"), ("tokens", 12345.6, "12,346"),
        ("loss", float("nan"), "-"), ("loss", None, "-"), ("f1", 41.5, "41.5"), ("loss", 1e12, "1e+12"),
    ],
)  # fmt: skip
def test_numbers_for_people(name, value, text):
    assert number(name, value) == text


@pytest.mark.parametrize(("seconds", "text"), [(5, "0:05"), (3725, "1:02:05"), (90_061, "1 d 01:01:01"), (-1, "0:00")])
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_a_log_that_is_not_there_has_no_lines(tmp_path):
    tail = LogTail(tmp_path / "metrics.jsonl", MetricsLine)
    assert list(tail.new_lines()) == []
    assert not tail.was_replaced()


def command(*arguments: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "spanbert", "watch", *map(str, arguments)],
        capture_output=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_the_command_shows_a_real_run_without_torch(store_path, hugging_face_model, tmp_path):
    out = tmp_path / "bundle"
    train(store_path, out, hugging_face_model, "train.max_steps=6", "train.evaluate_every=3steps")
    done = command(out, COLUMNS="60", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    text = done.stdout.decode()
    assert text.splitlines()[0] == "bundle: finished"
    assert "100% of 6 steps" in text
    assert re.search(r"^sbo loss +\d\.\d+ [▁-█]{6}$", text, flags=re.MULTILINE)
    assert re.search(r"^mlm accuracy +\d+\.\d% [▁-█]{2}$", text, flags=re.MULTILINE)
    assert not re.search(rb"\| +(?:torch|numpy)\n", done.stderr)


def test_the_command_is_ascii_where_the_terminal_is(tmp_path):
    directory = begin(tmp_path / "names")
    steps(directory, 30)
    done = command(directory, "--once", LC_ALL="C", LANG="C", COLUMNS="40")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()
    assert all(len(line) <= 40 for line in done.stdout.decode().splitlines())
    assert b"loss" in done.stdout


@pytest.mark.parametrize("leave", [True, False])
def test_on_a_terminal_it_follows_the_run_to_its_end_or_ctrl_c(tmp_path, leave):
    directory = begin(tmp_path / "names")
    ours, theirs = pty.openpty()
    seen = b""

    def read_until(wanted: bytes) -> None:
        nonlocal seen
        while wanted not in seen:
            ready, _, _ = select.select([ours], [], [], 60)
            assert ready, seen
            seen += os.read(ours, 65_536)

    with only_writer(directory):
        process = subprocess.Popen(
            [sys.executable, "-m", "spanbert", "watch", str(directory), "--every", "0.2"],
            stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "40"},
        )  # fmt: skip
        os.close(theirs)
        read_until(b"not begun yet")
        steps(directory, 3)
        read_until(b"step 3,")
        if leave:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        else:
            ended(tmp_path / "names", 3, "budget")
    if not leave:
        read_until(b"names: finished")
        assert process.wait(60) == 0
    os.close(ours)
