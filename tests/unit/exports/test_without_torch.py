"""An exported model is opened, asked and scored where torch cannot be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import spanbert
from spanbert.exports.export import export
from tests.labelled import conll_file

pytest.importorskip("onnxruntime")

BUNDLES = Path(__file__).parents[2] / "fixtures" / "bundles"
RUN = "import sys; sys.modules['torch'] = None; sys.argv[0] = 'spanbert'; import spanbert.apps.cli.main as m; m.main()"
ASK = """
import sys, json
sys.modules["torch"] = sys.modules["scipy"] = sys.modules["pyarrow"] = None
import spanbert
nlp = spanbert.load(sys.argv[1])
print(json.dumps([nlp("the old fox sees a dog .").as_record(), nlp.ask("who runs?", "a red dog runs").as_record()]))
print(json.dumps([filling.text for filling in spanbert.load(sys.argv[2]).fill("the [MASK:1-2] fox")]))
"""


LACKS = """
import sys

LACKING = {"torch", "scipy", "pyarrow", "sklearn", "ftfy", "tensorboard", *sys.argv.pop(1).split(",")}

class Lacks:
    def find_spec(self, name, path=None, target=None):
        if name in LACKING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Lacks())
sys.argv[0] = "spanbert"
import spanbert.apps.cli.main as m
m.main()
"""
SERVE = """
import sys, json
for name in ("torch", "scipy", "pyarrow", "sklearn", "ftfy", "tensorboard", "captum"):
    sys.modules[name] = None
from starlette.testclient import TestClient
from spanbert.apps.serve import supervisor
from spanbert.apps.serve.config import ServePlan, model_places
with TestClient(supervisor.make_app(ServePlan(models=model_places([sys.argv[1]])))) as client:
    answer = client.post("/v1/token-classification", json={"inputs": "the old fox", "parameters": {"task": "ner"}})
    print(json.dumps([answer.status_code, client.get("/info").json()["models"][0]["tasks"]]))
"""


def refused(*arguments: object, lacking: str = "") -> str:
    """What the command says of itself where libraries of training, and those named, are not installed."""
    command = [sys.executable, "-c", LACKS, lacking, *map(str, arguments)]
    done = subprocess.run(command, input="a fox", capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    [line] = done.stderr.splitlines()
    return line


def python(code: str, *arguments: object, text: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        input=text, capture_output=True, text=True, env=os.environ, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def joint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(BUNDLES / "joint", tmp_path_factory.mktemp("exported") / "joint").path


def test_python(joint: Path, tmp_path: Path):
    fills = export(BUNDLES / "pretrained", tmp_path / "fills").path
    asked, filled = (json.loads(line) for line in python(ASK, joint, fills).splitlines())
    assert {"ner", "pos", "nested", "sent", "who", "related"} < asked[0]["tasks"].keys()
    assert asked[1]["tasks"].keys() == {"asks"}
    assert len(filled) == 5


def test_commands(joint: Path, tmp_path: Path):
    found = python(
        RUN, "predict", joint, "--documents", "line", "--threads", 1, text="the old fox sees a dog .\na red dog\n"
    )
    assert [json.loads(line)["text"] for line in found.splitlines()] == ["the old fox sees a dog .", "a red dog"]
    data = conll_file(tmp_path / "dev.conll", 20, seed=1)
    scored = json.loads(python(RUN, "evaluate", joint, "--data", data, "--task", "ner", "--threads", 1, "--json"))
    expected = spanbert.evaluate(BUNDLES / "joint", data, task="ner")
    assert (scored["f1"], scored["interval"]) == (expected["f1"], expected["interval"])
    facts = json.loads(python(RUN, "info", joint, "--json"))
    assert (facts["kind"], facts["runtime"], facts["precision"]) == ("exported model", "onnx", "float32")


@pytest.mark.parametrize("arguments", ["finetune tag --model {bundle} --train {bundle} --out {out}", "predict {bundle}",
    "export {bundle} --out {out}", "convert {bundle} {out} --to hugging-face", "explain {bundle} hello",
    "serve {bundle} --port 0"])  # fmt: skip
def test_what_needs_torch_says_so_in_one_line(arguments: str, tmp_path: Path):
    line = refused(*arguments.format(bundle=BUNDLES / "joint", out=tmp_path / "out").split())
    assert line.startswith("spanbert: error: this needs the library torch, which is not installed. pip install ")


def test_what_needs_scipy_or_a_service_says_so_in_one_line(joint: Path, tmp_path: Path):
    clusters = tmp_path / "clusters.jsonl"
    clusters.write_text('{"text": "the king runs. he sleeps", "clusters": [[[0, 8], [15, 17]]]}\n')
    line = refused("evaluate", joint, "--data", clusters, "--task", "who", "--threads", 1)
    assert "the library scipy, which is not installed. pip install " in line
    for library in ("fastapi", "uvicorn", "httptools", "prometheus_client"):
        line = refused("serve", joint, "--port", 0, lacking=library)
        assert f"the library {library}, which is not installed. pip install 'spanbert" in line
        assert "[serve] @ " in line


def test_a_library_that_every_installation_has_is_no_remark():
    command = [sys.executable, "-c", LACKS, "tokenizers", "info", str(BUNDLES / "joint")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" in done.stderr, "its absence is a fault of ours"


def test_a_service_is_made_of_what_the_light_package_has(joint: Path):
    status, tasks = json.loads(python(SERVE, joint))
    assert status == 200
    assert {"ner", "pos"} <= {one["name"] for one in tasks}
