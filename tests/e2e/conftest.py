"""Fixtures of the tests in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import Visit, chromium, tab


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as one:
        yield one


@pytest.fixture
def visit(browser: Any, home: str) -> Iterator[Visit]:
    """The page of the service whose address the module's `home` is."""
    with tab(browser, home) as one:
        one.page.goto(home)
        one.page.wait_for_selector("#fields textarea")
        yield one
