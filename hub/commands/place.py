"""Where a command works: which home, which settings, which database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeAlias

from deploy.cluster import ClusterStack
from deploy.cluster.record import CLUSTER_FILE
from deploy.given import SERVICES_FILE, GivenStack
from deploy.local import LocalStack
from deploy.local.stack import default_home
from hub.backends.postgres.pool import Database
from hub.errors import ConfigurationError
from hub.settings import Settings

HUB_FILE: Final = "hub.toml"
"""What a hub process runs with, and nothing beyond it."""
OPERATOR_FILE: Final = "operator.toml"
"""The same, with the operators' database user and the broker's administrator."""

Stack: TypeAlias = LocalStack | ClusterStack | GivenStack
"""What carries an axis: servers of our own, one of each or several, or those of somebody else."""


def home_of(home: Path | None) -> Path:
    """Return the folder of the local stack."""
    return (home or default_home()).absolute()


def stack_of(home: Path | None) -> Stack:
    """Return what carries the axis in *home*: the servers that it was given, otherwise its own."""
    folder = home_of(home)
    if (folder / CLUSTER_FILE).exists():
        return ClusterStack(folder)
    return GivenStack(folder) if (folder / SERVICES_FILE).exists() else LocalStack(folder)


def has_stack(home: Path) -> bool:
    """Whether an axis was ever put up in *home*."""
    return any((home / name).exists() for name in (SERVICES_FILE, CLUSTER_FILE, "stack.toml"))


def settings_file_of(home: Path | None, settings: Path | None, *, name: str = OPERATOR_FILE) -> Path:
    """Return the settings file that is meant; raises `ConfigurationError` where it does not exist."""
    file = settings or home_of(home) / name
    if not file.is_file():
        raise ConfigurationError(
            f"{file} does not exist: `truc up` makes a local axis, --settings names another one"
        )
    return file


def load_settings(home: Path | None, settings: Path | None) -> Settings:
    """Read the settings of an operator's command."""
    return Settings.load(settings_file_of(home, settings))


def load_hub_settings(home: Path | None, settings: Path | None) -> Settings:
    """Read the settings of a hub process."""
    return Settings.load(settings_file_of(home, settings, name=HUB_FILE))


@asynccontextmanager
async def operators_database(settings: Settings) -> AsyncIterator[Database]:
    """Open the database as an operator; raises `ConfigurationError` where the settings have no operator."""
    if settings.operator_dsn is None:
        raise ConfigurationError(
            "operator_dsn is not set: operators have a database user of their own, and settings of their own "
            f"({OPERATOR_FILE}, which `truc up` writes beside {HUB_FILE})"
        )
    database = await Database.open(settings.operator_dsn.get_secret_value(), name="truc operator", size=4)
    try:
        yield database
    finally:
        await database.close()
