"""Fixtures that more than one floor uses."""

pytest_plugins = ["tests.support.broker"]
