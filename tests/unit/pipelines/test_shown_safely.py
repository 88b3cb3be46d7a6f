"""What comes from others is shown as it is, and not as commands of a terminal, Markdown or HTML."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import spanbert
from spanbert.checkpoint.card import Card
from spanbert.checkpoint.hub_facts import HubFacts
from tests.faults.claims import copied, edit
from tests.labelled import tiny

TEXT = "The quick fox jumps over an old stone, near the river!"
ESCAPE = "\x1b[31mred\x1b[0m\x9b2J\u202e"


@pytest.fixture
def joint(hugging_face_model: Path, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = tiny("joint", hugging_face_model, tmp_path_factory.getbasetemp())[0].path
    return copied(made, tmp_path / "joint")


def test_a_manifest_cannot_command_the_terminal(joint: Path, cli):
    edit(joint / "spanbert.json", lambda manifest: manifest.update(base=ESCAPE))
    edit(joint / "spanbert.json", lambda manifest: manifest["data"].update(licence=ESCAPE))
    code, out, _ = cli("info", joint)
    assert code == 0
    assert r"base: \x1b[31mred\x1b[0m\x9b2J\u202e" in out
    assert all(one.isprintable() or one == "\n" for one in out)
    code, out, _ = cli("info", joint, "--json")
    assert all(one.isprintable() or one == "\n" for one in out)
    assert json.loads(out)["base"] == ESCAPE, "the same for programs"


def test_what_a_run_says_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]):
    from rich.console import Console

    from spanbert.core.console import LiveReporter, PlainReporter

    for reporter in (PlainReporter(Console()), LiveReporter(Console())):
        reporter.say(f"task {ESCAPE}: read")
    assert r"task \x1b[31mred" in capsys.readouterr().out


def test_names_in_a_card_are_no_markdown():
    hub = HubFacts(
        title="a `b` <script>\n# Another",
        tags=[],
        licence=None,
        languages=(),
        base_model=None,
        datasets=(),
        pipeline_tag=None,
        results=[],
    )
    card = Card(
        hub=hub, what="An encoder", base="[x](http://y) *z*", labels={"ner": ["`PER", "a\n# b", "```"]},
        python=['nlp = spanbert.load("x")', "```", "# not a heading"], loads="It loads.",
        data={"name": "<img src=x>", "licence": "a|b", "fingerprint": "`"}, scores=["f1 0.5"], recipe="a: '```'",
    ).text()  # fmt: skip
    body = card.split("---\n", 2)[2]
    headings = [line for line in _outside_of_code(body) if line.startswith("# ")]
    assert headings == ["# a \\`b\\` \\<script\\>\\\\n# Another"]
    assert "\\[x\\](http://y) \\*z\\*" in body
    assert "\\<img src=x\\>" in body
    assert "`` `PER ``, `a\\n# b`, ```` ``` ````" in body


def _outside_of_code(body: str) -> list[str]:
    found, fence = [], ""
    for line in body.splitlines():
        ticks = line[: len(line) - len(line.lstrip("`"))]
        if not fence and len(ticks) >= 3:
            fence = ticks
        elif fence and line == fence:
            fence = ""
        elif not fence:
            found.append(line)
    return found


def test_a_pipeline_that_has_predicted_goes_to_another_process(joint: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(joint.parent)
    nlp = spanbert.load(joint.name)  # a relative path, which means another one elsewhere
    record = nlp(TEXT).as_record()
    (tmp_path / "nlp.pickle").write_bytes(pickle.dumps(nlp))
    code = f"import json, pickle; nlp = pickle.load(open({str(tmp_path / 'nlp.pickle')!r}, 'rb')); print(json.dumps(nlp({TEXT!r}).as_record()))"
    done = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout)
    assert there["tasks"].keys() == record["tasks"].keys()
    assert there["tasks"]["ner"] == json.loads(json.dumps(record["tasks"]["ner"])) or there["id"] == record["id"]
    for other in (copy.copy(nlp), copy.deepcopy(nlp)):
        assert other(TEXT).as_record()["id"] == record["id"]
