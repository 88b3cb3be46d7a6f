"""A service in this process, with the bundles of the fixtures: every kind of task, and blanks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import spanbert
from spanbert.apps.serve.app import make_app
from spanbert.apps.serve.config import ServeConfig, ServePlan, model_places
from spanbert.pipelines.load import Pipeline

BUNDLES = Path(__file__).parents[3] / "fixtures" / "bundles"
JOINT, PRETRAINED = BUNDLES / "joint", BUNDLES / "pretrained"


def plan(*bundles: Path, **changes: object) -> ServePlan:
    limits = {name: value for name, value in changes.items() if name in ServeConfig.model_fields}
    rest = {name: value for name, value in changes.items() if name not in limits}
    return ServePlan(models=model_places([str(one) for one in bundles]), limits=ServeConfig(**limits), **rest)


@pytest.fixture(scope="session")
def nlp() -> Pipeline:
    return spanbert.load(JOINT)


@pytest.fixture(scope="session")
def client() -> Iterator[TestClient]:
    with TestClient(make_app(plan(JOINT, PRETRAINED)), raise_server_exceptions=False) as asking:
        yield asking
