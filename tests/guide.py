"""The pages of the guide as what they tell readers to do: files to write, commands and Python to run, messages to see.

A page is a story in one folder. Blocks of code are read by their first line:

    ```csv title="train.csv"    a file, written when its turn comes
    ```sh                       commands, each of which must succeed
    ```python                   Python, all blocks of a page in one namespace
    ```console                  a command after `$ `, and under it exactly what it prints
    ```text, ```json, ```js     what somebody saw, and programs of other languages; not run
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import save_hugging_face_bert

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GUIDE = sorted([DOCS / "index.md", DOCS / "start.md", *DOCS.glob("guide/*.md"), *DOCS.glob("zh/*.md")])
NOT_RUN = (
    "git clone",
    "cd ",
    ". ",
    "python3 -m venv",
    "python -m venv",
    "pip wheel",
    "hf auth login",
    "spanbert quickstart",
)
PAGE_ADDRESS = "http://127.0.0.1:8080"  # of the service, as pages say it
_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', flags=re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of code.

    Attributes:
        language: What stands after the fence.
        file: The file that it shows; None: it shows none.
        code: Its lines.
        line: Of the page, where it begins.
    """

    language: str
    file: str | None
    code: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Command:
    """A line of a shell: `echo TEXT | spanbert VERB ...`, or without the pipe."""

    words: tuple[str, ...]
    stdin: str | None = None


class Services:
    """The services that a page starts, at free ports, and what it asks them with curl.

    Args:
        folder: In which the page is read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._address = folder, PAGE_ADDRESS
        self.running: list[subprocess.Popen[str]] = []

    def addressed(self, code: str) -> str:
        """Code that asks the service where it is."""
        return code.replace(PAGE_ADDRESS, self._address)

    def runs(self, line: str) -> None:
        """Starts a service, or asks it.

        Raises:
            AssertionError: It does not start, or the answer is an error.
        """
        words = shlex.split(self.addressed(line), comments=True)
        if words[0] == "curl":
            command = [*words, "--silent", "--show-error", "--fail-with-body"]
            done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
            return
        command = [sys.executable, "-m", *words, "--port", "0"]
        process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.PIPE, text=True)
        self.running.append(process)
        assert process.stdout is not None
        found = re.search(r"http://[\d.]+:\d+", process.stdout.readline())
        assert found is not None, line
        self._address = found[0]

    def end(self) -> None:
        """Ends all services."""
        for process in self.running:
            process.terminate()
            process.communicate()


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(language=found[1], file=found[2], code=found[3], line=text.count("\n", 0, found.start()) + 1)
        for found in _BLOCK.finditer(text)
    ]


def lines(code: str) -> list[str]:
    """The commands of a block; a line that ends with a backslash goes on."""
    return [line for line in code.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]


def parsed(line: str) -> Command:
    """What a line runs."""
    words = shlex.split(line, comments=True)
    if words[0] == "echo" and "|" in words:
        bar = words.index("|")
        return Command(words=tuple(words[bar + 1 :]), stdin=" ".join(words[1:bar]) + "\n")
    return Command(words=tuple(words))


def shown(code: str) -> Iterator[tuple[str, str]]:
    """The commands of a `console` block, each with what is shown under it."""
    for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        while command.endswith("\\"):
            more, _, output = output.partition("\n")
            command = command[:-1] + " " + more.removeprefix("> ")
        yield command, output.strip()


def shortened(words: tuple[str, ...]) -> list[str]:
    """A command with two steps of training instead of minutes."""
    fewer = list(words)
    verb = fewer[1]
    if verb in ("finetune", "pretrain") and "--resume" not in fewer:
        if "--budget" in fewer:
            fewer[fewer.index("--budget") + 1] = "2steps"
        elif "--epochs" not in fewer:
            fewer += ["--budget", "2steps"]
    if verb == "pretrain" and "--resume" not in fewer:
        fewer += ["--set", "train.evaluate_tokens=500"]
    if verb == "push" and "--dry-run" not in fewer:
        fewer += ["--dry-run"]
    return fewer[1:]


def require_known(line: str) -> None:
    """A command that is not run names only what there is.

    Raises:
        AssertionError: A target or an extra that there is not, or a command of another kind.
    """
    if line.startswith("make "):
        target = line.split()[1]
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE), line
    elif line.startswith(("pip install", "python -m pip install")):
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
            "optional-dependencies"
        ]
        for named in re.findall(r"(?:\.|spanbert|\.whl)\[([\w,]+)\]", line):
            assert set(named.split(",")) <= extras.keys(), line
    else:
        assert line.startswith(NOT_RUN), f"nobody runs this: {line}"


def chinese_model(directory: Path, pages: Iterable[Path]) -> Path:
    """A tiny random model that knows the characters of some pages."""
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    specials = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = list(dict.fromkeys([*specials, *re.findall(r"[\u4e00-\u9fff]|[。，？！：；、]|[a-z0-9]", text.lower())]))
    directory.mkdir(parents=True)
    vocabulary = directory / "vocab.txt"
    vocabulary.write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return save_hugging_face_bert(directory, vocabulary, vocab_size=len(pieces), max_position_embeddings=512)


class Reader:
    """Somebody who does what a page says, in a folder of their own, one block after the other.

    Args:
        folder: Which this process goes to.
        cli: The fixture that runs the command line.
        capsys: Where Python prints to.
        monkeypatch: Of the test.
        models: What lies in the folder, by the path that pages call it by.
    """

    def __init__(
        self,
        folder: Path,
        cli: Callable[..., tuple[int, str, str]],
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        models: Mapping[str, Path],
    ) -> None:
        self.folder, self.cli, self.capsys, self.patch = folder, cli, capsys, monkeypatch
        self.names: dict[str, object] = {}
        self.services = Services(folder)
        for place, model in models.items():
            shutil.copytree(model, folder / place)
        monkeypatch.chdir(folder)

    def does(self, block: Block) -> None:
        """What one block says.

        Raises:
            AssertionError: It cannot be done, or shows something else than the page.
        """
        if block.file is not None:
            place = self.folder / block.file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(block.code, encoding="utf-8")
        elif block.language == "sh":
            for line in lines(block.code):
                self.runs(line)
        elif block.language == "python":
            if self.services.running:  # the client of Hugging Face asks nobody where the hub is switched off
                self.patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
            exec(compile(self.services.addressed(block.code), f"line {block.line}", "exec"), self.names)
            self.capsys.readouterr()
        elif block.language == "console":
            for line, expected in shown(block.code):
                code, out, err = self.answers(line)
                assert (out + err).strip() == expected, line
                assert code == (2 if "spanbert: error: " in expected else 0), line
        else:
            assert block.language in ("text", "json", "js"), f"line {block.line}: {block.language}"

    def runs(self, line: str) -> None:
        """A command, which must succeed.

        Raises:
            AssertionError: It does not.
        """
        if line.startswith(("spanbert serve ", "curl ")):
            self.services.runs(line)
            return
        if not line.startswith(("spanbert ", "echo ")) or line.startswith(NOT_RUN):
            require_known(line)
            return
        code, out, err = self.answers(line)
        assert code == 0, f"{line}\n{out[-2000:]}{err[-2000:]}"

    def answers(self, line: str) -> tuple[int, str, str]:
        """Exit code, output and messages of a command."""
        command = parsed(line)
        assert command.words[0] == "spanbert", line
        typed = self.folder / ".typed"
        typed.write_text(command.stdin or "", encoding="utf-8")
        with typed.open(encoding="utf-8") as stream:
            self.patch.setattr("sys.stdin", stream)
            return self.cli(*shortened(command.words))
