"""Whatever is made of the OpenAPI document, by it or against it: no fault, and no answer that it does not name."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
import torch
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from starlette.testclient import TestClient

from spanbert.apps.serve.bulk import MEDIA_TYPE

CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
EXAMPLES = 12


@schemathesis.serializer(MEDIA_TYPE)
def lines(context: Any, value: Any) -> Any:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else b"{}"


@pytest.fixture(autouse=True)
def _small_numbers() -> None:
    """Hypothesis draws no numbers in a thread that flushes the smallest ones, as earlier tests may have left it."""
    torch.set_flush_denormal(False)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_answers_are_those_that_are_documented(client: TestClient, mode: GenerationMode):
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    load_all_checks()
    checks = [check for check in schemathesis.checks.CHECKS.get_all() if check.__name__ in CHECKS]
    assert len(checks) == len(CHECKS)
    operations = [one.ok() for one in schema.get_all_operations()]
    assert len(operations) >= 20
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and operation.method != "post":
            continue  # nothing of them can be wrong

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: Any) -> None:
            stated = case.as_transport_kwargs(base_url="http://testserver")
            stated.pop("cookies", None)
            if "data" in stated:
                stated["content"] = stated.pop("data")
            case.validate_response(client.request(**stated), checks=checks)

        check()
