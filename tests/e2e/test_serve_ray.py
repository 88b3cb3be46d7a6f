"""The service on a Ray cluster of this machine; skipped where Ray is not installed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import spanbert
from spanbert.core.errors import InputError
from tests.serving import JOINT, PATIENCE

pytest.importorskip("ray", reason="Ray is not installed: pip install 'spanbert[scale]'")
import ray
from ray import serve
from ray.serve.schema import ServeDeploySchema

from spanbert.apps.serve.config import ServeConfig
from spanbert.apps.serve.ray import ClusterPlan, build

CONFIG = Path(__file__).parents[2] / "recipes" / "serve" / "ray.yaml"
TEXT = "the old king sleeps. the queen runs"
_STORE = 100 * 2**20  # bytes; nothing of a request is kept in it


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A cluster of this machine: where its proxy listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=_STORE)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    yield f"http://127.0.0.1:{port}"
    serve.shutdown()
    ray.shutdown()


def test_two_replicas_answer_as_the_model_does(address: str):
    plan = ClusterPlan(bundles=[str(JOINT)], replicas=2, limits=ServeConfig(max_length=100))
    serve.run(build(plan), name="spanbert", route_prefix="/")
    [deployment] = serve.status().applications["spanbert"].deployments.values()
    assert deployment.replica_states == {"RUNNING": 2}
    expected = [span.label for span in spanbert.load(JOINT)(TEXT)["ner"].spans]
    body: dict[str, Any] = {"inputs": TEXT, "parameters": {"task": "ner"}}
    with httpx.Client(base_url=address, timeout=PATIENCE) as client, ThreadPoolExecutor(8) as asking:
        answers = list(asking.map(lambda _: client.post("/v1/token-classification", json=body), range(40)))
        assert [[one["entity_group"] for one in answer.json()] for answer in answers] == [expected] * 40
        refused = client.post("/v1/analyze", json={"inputs": "x" * 101})
        assert (refused.status_code, refused.json()["error_type"]) == (413, "too_large")
        assert client.get("/ready").status_code == 200
        why = client.post("/v1/explain", json={"inputs": TEXT, "parameters": {"task": "ner", "most": 2}}).json()
        assert [one["label"] for one in why["explanations"]] == expected[:2]
        assert (why["left_out"], why["task"]) == (max(len(expected) - 2, 0), "ner")


def test_more_than_may_wait_is_refused(address: str):
    plan = ClusterPlan(bundles=[str(JOINT)], replicas=2, at_once=1, waiting=2)
    serve.run(build(plan), name="spanbert", route_prefix="/")
    body = {"inputs": TEXT * 10, "parameters": {"task": "ner", "most": 5, "steps": 128}}
    with httpx.Client(base_url=address, timeout=PATIENCE) as client, ThreadPoolExecutor(24) as asking:
        answers = list(asking.map(lambda _: client.post("/v1/explain", json=body).status_code, range(24)))
        assert set(answers) == {200, 503}, "two are computed and two wait; what is more is told at once"
        assert client.post("/v1/explain", json=body).status_code == 200, "normal afterwards"


def test_the_configuration_is_what_ray_and_the_plan_take():
    config = ServeDeploySchema.model_validate(yaml.safe_load(CONFIG.read_text(encoding="utf-8")))
    [application] = config.applications
    module, _, name = application.import_path.partition(":")
    assert (module, name) == (build.__module__, build.__name__)
    plan = ClusterPlan.model_validate(application.args)
    assert plan.replicas < (plan.most_replicas or 0)


def test_a_plan_that_cannot_be_served():
    with pytest.raises(InputError, match="two bundles of the same name"):
        build(ClusterPlan(bundles=["a", "b/a"]))
    with pytest.raises(InputError, match="no such device"):
        build(ClusterPlan(bundles=["a"], device="abacus"))
