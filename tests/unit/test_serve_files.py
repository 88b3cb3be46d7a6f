"""The files of recipes/serve are well-formed, and what they run and ask is what the service takes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import typer
import yaml
from starlette.testclient import TestClient

from spanbert.apps.cli.main import app
from spanbert.apps.serve.app import make_app
from spanbert.apps.serve.config import ServeConfig, ServePlan

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "recipes" / "serve"
DOCKERFILE = FOLDER / "Dockerfile"
MANIFEST = list(yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text(encoding="utf-8")))
POD = MANIFEST[0]["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]


def instructions() -> list[tuple[str, str]]:
    """Instructions of the last stage, with what follows them."""
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = [(line.split()[0], line.partition(" ")[2].strip()) for line in lines]
    last = max(place for place, (word, _) in enumerate(found) if word == "FROM")
    return found[last:]


def served(arguments: list[str]) -> dict[str, Any]:
    """What `spanbert serve` makes of arguments."""
    program: Any = typer.main.get_command(app)
    parsed: dict[str, Any] = program.commands["serve"].make_context("serve", list(arguments)).params
    return parsed


def is_asked(path: str) -> bool:
    """Whether a service answers there, also before it is ready."""
    return TestClient(make_app(ServePlan(models=()))).get(path).status_code in (200, 503)


def test_the_dockerfile_has_nothing_to_mend():
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_serves_as_nobody_and_knows_whether_it_is_well():
    last = dict(instructions())
    words, bundle = json.loads(last["ENTRYPOINT"]), json.loads(last["CMD"])
    assert words[:2] == ["spanbert", "serve"]
    parsed = served([*words[2:], *bundle])
    assert (parsed["host"], str(parsed["port"])) == ("0.0.0.0", last["EXPOSE"])
    assert last["USER"] == str(POD["securityContext"]["runAsUser"])
    assert int(last["USER"]) > 0
    [asked] = re.findall(r"http://127\.0\.0\.1:(\d+)(/\w+)", last["HEALTHCHECK"])
    assert asked[0] == last["EXPOSE"]
    assert is_asked(asked[1])
    compile(json.loads(last["HEALTHCHECK"].partition("CMD ")[2])[2], "health check", "exec")


def test_the_image_has_what_it_copies():
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    kept = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = set(re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE.read_text(), flags=re.MULTILINE))
    assert {name for line in copied for name in line.split()} == kept
    assert all((ROOT / name).exists() for name in kept)


def test_the_image_is_built_of_a_package_of_this_tree_by_its_extras():
    text = DOCKERFILE.read_text(encoding="utf-8")
    [install] = re.findall(r"pip install .*?\n\n", text, flags=re.DOTALL)
    assert '"./${PACKAGE}[${EXTRAS}]"' in install
    default = (dict(re.findall(r"^ARG (\w+)=(.+)$", text, flags=re.MULTILINE)), "spanbert-runtime")
    said = [line for line in text.splitlines() if "build-arg" in line]
    others = [(dict(re.findall(r"--build-arg (\w+)=(\S+)", line)), None) for line in said]
    assert len(others) == 2
    for stated, name in (default, *others):
        arguments = default[0] | stated
        project = tomllib.loads((ROOT / arguments["PACKAGE"] / "pyproject.toml").read_text())["project"]
        assert name in (None, project["name"])
        assert set(arguments["EXTRAS"].split(",")) <= project["optional-dependencies"].keys()
        assert "serve" in arguments["EXTRAS"].split(",")


@pytest.mark.parametrize("document", MANIFEST, ids=lambda one: one["kind"])
def test_the_manifest_is_what_kubernetes_takes(document: dict[str, Any]):
    kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_pods_serve_what_the_program_takes_and_end_after_their_requests():
    entry = json.loads(dict(instructions())["ENTRYPOINT"])
    parsed = served([*entry[2:], *CONTAINER["args"]])
    assert parsed["threads"] == CONTAINER["resources"]["requests"]["cpu"]
    [port] = CONTAINER["ports"]
    assert port["containerPort"] == parsed["port"]
    pause = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert POD["terminationGracePeriodSeconds"] > ServeConfig().drain_time + pause
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = CONTAINER[probe]["httpGet"]
        assert asked["port"] == port["name"]
        assert is_asked(asked["path"])
    mounted = {one["name"]: one["mountPath"] for one in CONTAINER["volumeMounts"]}
    assert mounted.keys() == {one["name"] for one in POD["volumes"]}
    for place in (*parsed["bundles"], str(parsed["api_keys"])):
        assert any(place.startswith(f"{path}/") for path in mounted.values()), place


def test_nobody_without_a_key_is_sent_to_the_figures_of_pods_that_want_one(tmp_path: Path):
    keys = tmp_path / "keys.txt"
    keys.write_text("prometheus: a-key-of-its-own\n")
    client = TestClient(make_app(ServePlan(models=(), keys=keys)))
    assert "--api-keys" in CONTAINER["args"]
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"authorization": "Bearer a-key-of-its-own"}).status_code != 401
    assert not any("prometheus" in one for one in MANIFEST[0]["spec"]["template"]["metadata"].get("annotations", ()))


def test_models_are_loaded_again_by_what_a_slim_image_has():
    said = (FOLDER / "kubernetes.yaml").read_text(encoding="utf-8")
    assert re.findall(r"kubectl exec POD -- ([^`]+)", said) == ["sh -c 'kill -HUP 1'"]


def test_the_parts_of_the_manifest_mean_the_same_pods():
    labels = MANIFEST[0]["spec"]["template"]["metadata"]["labels"]
    assert MANIFEST[0]["spec"]["selector"]["matchLabels"] == labels
    assert MANIFEST[1]["spec"]["selector"] == labels
    assert MANIFEST[2]["spec"]["selector"]["matchLabels"] == labels
