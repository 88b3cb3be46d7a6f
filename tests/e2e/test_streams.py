"""What the command line reads and writes: slow pipes, closed streams, other locales, targets that must not be lost."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from spanbert.apps.cli import main as command_line
from tests.labelled import tiny

SPANBERT = [sys.executable, "-m", "spanbert"]


@pytest.fixture(scope="module")
def bundle(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny("single", hugging_face_model, tmp_path_factory.getbasetemp())[0].path


def started(*arguments: object, **more: object) -> subprocess.Popen[bytes]:
    command = [*SPANBERT, *map(str, arguments)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.Popen(command, bufsize=0, preexec_fn=_hears_ctrl_c, **pipes)  # type: ignore[call-overload]


def _hears_ctrl_c() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would what it starts in turn."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def in_shell(script: str, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    """Runs a shell script in which `"$@"` is the command with its arguments."""
    command = ["sh", "-c", script, "sh", *SPANBERT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False)


def refused(done: subprocess.CompletedProcess[bytes], message: str) -> None:
    assert (done.returncode, done.stdout) == (2, b""), done.stderr
    [line] = done.stderr.decode().splitlines()
    assert line.startswith("spanbert: error: ")
    assert message in line


def test_every_line_of_a_slow_pipe_is_answered_as_it_comes(bundle: Path):
    process = started("predict", bundle)
    for number in range(1, 6):
        process.stdin.write(b"the fox runs\n" if number < 3 else b"the fox runs\n\n")
        answer = json.loads(process.stdout.readline())
        assert answer["tasks"]["classify"]["labels"] == ["animal"], "while the writer waits with its next line"
    process.stdin.close()
    assert process.wait() == 0
    process.stdout.close()
    process.stderr.close()


def test_a_pipe_that_has_a_name_is_read_and_written(bundle: Path, tmp_path: Path):
    os.mkfifo(tmp_path / "in")
    os.mkfifo(tmp_path / "out")
    process = started("predict", bundle, tmp_path / "in", "--out", tmp_path / "out", stdin=subprocess.DEVNULL)
    with (tmp_path / "in").open("w") as texts:
        texts.write("the fox runs\n")
        texts.flush()
        with (tmp_path / "out").open() as answers:
            assert json.loads(answers.readline())["text"] == "the fox runs"
            texts.close()
            assert answers.read() == ""
    assert process.wait() == 0, process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    assert {one.name for one in tmp_path.iterdir() if stat.S_ISFIFO(one.stat().st_mode)} == {"in", "out"}


def test_closed_streams(bundle: Path, tmp_path: Path):
    text = tmp_path / "a.txt"
    text.write_text("the fox runs\n")
    refused(in_shell('"$@" <&-', "predict", bundle), "standard input is closed. Name a file, or pipe texts in")
    for verb in (["predict", bundle, text], ["info", bundle]):
        refused(in_shell('"$@" >&-', *verb), "standard output is closed")
    done = in_shell('"$@" 2>&-', "predict", bundle, text, "--out", tmp_path / "out.jsonl")
    assert (done.returncode, done.stdout) == (0, b"")
    assert json.loads((tmp_path / "out.jsonl").read_text())["text"] == "the fox runs"
    done = in_shell('"$@" 2>&-', "info", tmp_path)
    assert (done.returncode, done.stdout) == (2, b""), "errors do not go into the output"
    done = in_shell('"$@" 2>/dev/null | head -n 1', "predict", bundle, text)
    assert json.loads(done.stdout)["text"] == "the fox runs"


@pytest.mark.parametrize("locale", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C"}])
def test_output_is_utf8_whatever_the_locale(bundle: Path, tmp_path: Path, locale: dict[str, str]):
    folder = tmp_path / "Füchse 狐"
    folder.mkdir()
    (folder / "a.txt").write_text("der Füchse 狐\n", encoding="utf-8")
    environment = {**os.environ, **locale}
    done = subprocess.run(
        [*SPANBERT, "predict", bundle, folder / "a.txt"], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode())["text"] == "der Füchse 狐"
    assert "狐".encode() in done.stdout
    done = subprocess.run(
        [*SPANBERT, "predict", bundle, folder / "b.txt"], env=environment, capture_output=True, check=False
    )
    assert f"{folder}/b.txt: no such file" in done.stderr.decode()


def test_predict_writes_over_nothing(cli, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("the fox runs\n")
    Path("link.txt").symlink_to("a.txt")
    Path("out.jsonl").write_text("earlier")
    for target, message in (
        ("a.txt", "the output would replace an input"),
        ("link.txt", "the output would replace an input"),
        (f"../{tmp_path.name}/a.txt", "the output would replace an input"),
        (bundle, "the output would replace an input"),
        (bundle / "model.safetensors", "the output would lie inside an input"),
        ("out.jsonl", "the file exists already. Pass --overwrite to replace it, or choose another file"),
        (".", "a folder, where a file is written"),
        ("a.txt/out.jsonl", "not a folder"),
    ):
        code, out, err = cli("predict", bundle, "a.txt", "--out", target)
        assert (code, out) == (2, "")
        assert message in err
    assert (Path("a.txt").read_text(), Path("out.jsonl").read_text()) == ("the fox runs\n", "earlier")
    for target in ("new/folder/out.jsonl", "out.jsonl"):
        code, _, err = cli("predict", bundle, "a.txt", "--out", target, "--overwrite")
        assert code == 0, err
        assert json.loads(Path(target).read_text())["text"] == "the fox runs"
    code, _, err = cli("predict", bundle, "new")
    assert (code, "a folder without annotated files" in err) == (2, True)
    for redirection in ('"$@" < a.txt --out a.txt', '"$@" a.txt >> a.txt'):
        refused(in_shell(redirection, "predict", bundle), "the output would replace an input")
    assert Path("a.txt").read_text() == "the fox runs\n"


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_leaves_no_temporary_file(bundle: Path, tmp_path: Path, name: str, code: int):
    process = started("predict", bundle, "--out", tmp_path / "out.jsonl")
    process.stdin.write(b"the fox runs\n")
    while not any(path.stat().st_size for path in tmp_path.iterdir()):  # until the first answer is written
        assert process.poll() is None
    process.send_signal(getattr(signal, name))
    _, err = process.communicate()
    assert process.returncode == code, err
    assert b"Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_or_written_is_told_apart(
    cli, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Permissions as the system reports them to others than the superuser."""
    text = tmp_path / "a.txt"
    text.write_text("the fox runs\n")
    opened = Path.open

    def denied(self: Path, *arguments: object, **named: object) -> object:
        if self.name == "a.txt" or self.suffix == ".tmp":
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *arguments, **named)

    monkeypatch.setattr(Path, "open", denied)
    code, _, err = cli("predict", bundle, tmp_path / "b.txt", "--out", tmp_path / "out.jsonl")
    assert (code, "b.txt: no such file" in err) == (2, True)
    monkeypatch.setattr(command_line.os, "access", lambda path, mode: False)
    code, _, err = cli("predict", bundle, text)
    assert (code, err.count("\n")) == (2, 1)
    assert "a.txt: Permission denied. It cannot be read: see its permissions" in err
    assert "write" not in err
    (tmp_path / "b.txt").write_text("the fox runs\n")
    code, _, err = cli("predict", bundle, tmp_path / "b.txt", "--out", tmp_path / "out.jsonl")
    assert code == 2
    assert "Permission denied. Choose a place that you may write to" in err
