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
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GUIDE = sorted([DOCS / "index.md", DOCS / "start.md", *DOCS.glob("guide/*.md"), *DOCS.glob("zh/*.md")])
NOT_RUN = ("git clone", "cd ", ". ", "python3 -m venv", "python -m venv", "hf auth login", "spanbert quickstart")
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
