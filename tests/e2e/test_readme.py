"""Every command of the readmes runs, with budgets of minutes cut to steps; both languages show the same code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spanbert.apps.quickstart.build import packaged_minilm
from tests.conftest import make_text

ROOT = Path(__file__).parents[2]
TAGGED = ("train.conll", "dev.conll", "test.conll")
STRUCTURED = ("clusters.jsonl", "pairs.jsonl", "translations.jsonl")


def code_blocks(name: str) -> list[tuple[str, str]]:
    return re.findall(
        r"^```(\w+)\n(.*?)^```", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )


def shortened(command: str) -> str:
    """The command as the test runs it: this checkout instead of the address, steps instead of minutes."""
    if command.startswith("git clone"):
        return f"git clone --quiet {ROOT} spanbert && cd spanbert && ln -s {sys.prefix} .venv"
    if command == "make demo":  # the target, with less training
        fewer = f"quickstart --minutes 0.1 --model {packaged_minilm()}"
        return f"make -n demo | grep -q 'spanbert quickstart' && .venv/bin/spanbert {fewer}"
    if command.startswith("make "):
        return command.replace("make ", "make -n ")
    fewer = " --set train.evaluate_tokens=500" if "pretrain" in command else ""
    return re.sub(r"--budget \w+", f"--budget 2steps{fewer}", command)


def test_both_languages_show_the_same_code_and_table():
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))
    assert code_blocks("README.md") == code_blocks("README.zh-CN.md")
    commands = [re.findall(r"^\|[^|]+\| (`[^|]+`) \|", text, flags=re.MULTILINE) for text in (english, chinese)]
    assert commands[0] == commands[1]
    assert len(commands[0]) == 11
    assert english.count("\n#") == chinese.count("\n#")


def test_files_that_the_readmes_name_exist():
    for name in ("README.md", "README.zh-CN.md"):
        for path in re.findall(
            r"docs/\w+\.md|CONTRIBUTING\.md|README[.\w-]*\.md", (ROOT / name).read_text(encoding="utf-8")
        ):
            assert (ROOT / path).is_file(), path


@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason="the readme works in a virtual environment")
def test_every_command_runs(tmp_path: Path):
    lines = [line for kind, block in code_blocks("README.md") if kind == "sh" for line in block.splitlines() if line]
    assert len(lines) == 29
    python = next(block for kind, block in code_blocks("README.md") if kind == "python")
    script = ["set -eu"]
    for line in lines:
        script += [f"echo '+ {line.replace(chr(39), '')}'", shortened(line)]
        if line.startswith("git clone"):
            script += [f"ln -s {tmp_path}/{name} {name}" for name in ("texts", *TAGGED, *STRUCTURED)]
    script.append(f"python - <<'PYTHON'\n{python}PYTHON")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("\n\n".join(make_text(300)))
    samples = [block for kind, block in code_blocks("README.md") if kind == "text"]  # as they stand there
    tagged, *records = [one for one in samples if one.startswith("{") or "B-PER" in one]
    for name, sample in zip((*TAGGED, *STRUCTURED), (*[tagged] * len(TAGGED), *records), strict=True):
        (tmp_path / name).write_text(sample, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert '"fillings"' in done.stdout
