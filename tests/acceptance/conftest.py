"""Everything on this floor runs as processes of its own and speaks AMQP."""

import pytest

from tests.support.axis import local_axis, town, world  # noqa: F401 - fixtures of this floor


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "acceptance" in item.path.parts:
            item.add_marker(pytest.mark.acceptance)
