"""The command line as processes, on the axis of the session."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hub.commands.local_axis import LocalAgency
from tests.support.axis import World


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "cli" in item.path.parts:
            item.add_marker(pytest.mark.integration)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a command left."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """`truc`, as an operator or an agency's clerk types it."""

    home: Path

    async def run(self, *arguments: str, typed: str = "") -> Ended:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hub",
            *arguments,
            env={**os.environ, "TRUC_HOME": str(self.home), "COLUMNS": "200"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(typed.encode())
        return Ended(code=process.returncode or 0, out=out.decode(), err=err.decode())

    async def __call__(self, *arguments: str, wants: int = 0) -> str:
        ended = await self.run(*arguments)
        assert ended.code == wants, f"truc {' '.join(arguments)}: {ended}"
        return ended.out

    async def json(self, *arguments: str, wants: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
        return json.loads(await self(*arguments, "--json", wants=wants))


@pytest.fixture
def truc(world: World) -> CommandLine:
    """Type commands."""
    return CommandLine(home=world.axis.home)


@pytest.fixture
async def agencies(world: World) -> tuple[LocalAgency, LocalAgency]:
    """Make two agencies ready to speak."""
    first, second = await world.connected(2)
    return first, second
