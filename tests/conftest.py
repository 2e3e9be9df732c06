"""Fixtures that more than one floor uses."""

pytest_plugins = ["tests.support.broker", "tests.support.database", "tests.support.store"]
