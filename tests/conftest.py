"""Fixtures that more than one floor uses."""

from collections.abc import Iterator

import pytest
import structlog

pytest_plugins = [
    "tests.support.axis",
    "tests.support.broker",
    "tests.support.database",
    "tests.support.store",
]


@pytest.fixture(autouse=True)
def logs_as_nobody_had_set_them() -> Iterator[None]:
    """Undo what a command said about logs: it names a stream that pytest closes after the test."""
    yield
    structlog.reset_defaults()
