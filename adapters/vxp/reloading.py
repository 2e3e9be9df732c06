"""The systems as the settings have them now: read anew when a file changes, or on SIGHUP."""

import asyncio
from pathlib import Path

import structlog

from adapters.vxp.settings import looks_of, read_systems
from adapters.vxp.systems import Systems
from hub.errors import ConfigurationError

_log = structlog.get_logger("adapters.vxp")


class LivingSystems:
    """Gives the systems in force; settings that cannot be used change nothing, and the log says why."""

    def __init__(self, path: Path, systems: Systems, *, every: float) -> None:
        """Begin with *systems*; look at the files *every* so many seconds."""
        self._path = path
        self._systems = systems
        self._every = every
        self._asked = asyncio.Event()

    def __call__(self) -> Systems:
        """Return the systems in force."""
        return self._systems

    def reload(self) -> None:
        """Read the files at once, as they look."""
        self._asked.set()

    async def run(self) -> None:
        """Look after the files until cancelled."""
        looks = await asyncio.to_thread(looks_of, self._path)
        while True:
            is_asked = await self._wait()
            found = await asyncio.to_thread(looks_of, self._path)
            if is_asked or found != looks:
                looks = found
                await self._read()

    async def _wait(self) -> bool:
        try:
            async with asyncio.timeout(self._every):
                await self._asked.wait()
        except TimeoutError:
            return False
        self._asked.clear()
        return True

    async def _read(self) -> None:
        try:
            self._systems = await asyncio.to_thread(read_systems, self._path)
        except ConfigurationError as error:
            _log.error("settings.refused", reason=str(error), advice="the systems stay as they were")
        else:
            _log.info("settings.reloaded", systems=len(self._systems.all()))
