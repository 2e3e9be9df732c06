"""The adapter under test: started by us, or run by the team by hand."""

import asyncio
import os
import shlex
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.commands.conforming.place import OWN, PARTNER, Place
from hub.commands.conforming.scenario import RuleBroken
from hub.errors import OperationRefused

_STOP_SECONDS: Final = 10.0
_COMMAND_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """How the team's software is made to do things; each may name `{folder}` and `{kit}`."""

    adapter: str | None = None
    """Starts it, and lasts until it is stopped; None where the team runs it by hand."""
    send: str | None = None
    """Lets it send one new document to the partner, and ends."""
    effects: str | None = None
    """Writes the delivery ids of what is in the agency's hands, one a line, in their order, and ends."""


class Adapter:
    """Starts, stops and kills the adapter, and runs the team's other commands."""

    def __init__(self, place: Place, commands: Commands) -> None:
        """Work with *commands*; nothing is started yet."""
        self.commands: Final = commands
        self._place = place
        self._process: Process | None = None

    @property
    def log(self) -> Path:
        """What the adapter and the commands said."""
        return self._place.folder / "adapter.log"

    @property
    def can_be_started(self) -> bool:
        """Whether it is ours to start, stop and kill."""
        return self.commands.adapter is not None

    @property
    def has_ended(self) -> bool:
        """Whether what we started ended by itself."""
        return self._process is not None and self._process.returncode is not None

    async def start(self) -> None:
        """Start it, unless it runs or is the team's to start."""
        if self.commands.adapter is not None and (self._process is None or self.has_ended):
            self._process = await self._launch(self.commands.adapter)

    async def stop(self) -> None:
        """Ask it to end; kill it where it does not."""
        if (process := self._process) is None:
            return
        _signal(process, signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        await self.kill()

    async def kill(self) -> None:
        """End it at once, with everything that it started."""
        if (process := self._process) is not None:
            _signal(process, signal.SIGKILL)
            await process.wait()
        self._process = None

    async def send(self) -> int:
        """Let it send one document; returns the command's exit code."""
        if self.commands.send is None:
            raise OperationRefused("no --send was given")
        return await self._finish(await self._launch(self.commands.send), "--send")

    async def effects(self) -> tuple[str, ...]:
        """Return what the agency has, as the team's own command tells it."""
        if self.commands.effects is None:
            raise OperationRefused("no --effects was given")
        output = self._place.home / "effects.txt"
        code = await self._finish(await self._launch(self.commands.effects, output=output), "--effects")
        if code:
            raise _useless("--effects", f"kết thúc với mã {code}", f"ended with {code}")
        return tuple(output.read_text("utf-8", errors="replace").split())

    async def _launch(self, command: str, *, output: Path | None = None) -> Process:
        words = [self._filled(word) for word in shlex.split(command)]
        with self.log.open("ab") as log, (output or self.log).open("wb" if output else "ab") as out:
            try:
                return await asyncio.create_subprocess_exec(
                    *words,
                    env={**os.environ, **self._variables()},
                    stdin=DEVNULL,
                    stdout=out,
                    stderr=log,
                    start_new_session=True,
                )
            except OSError as error:
                raise OperationRefused(f"{words[0]} cannot be started: {error.strerror}") from error

    async def _finish(self, process: Process, option: str) -> int:
        try:
            return await asyncio.wait_for(process.wait(), _COMMAND_SECONDS)
        except TimeoutError:
            seconds = f"{_COMMAND_SECONDS:.0f}"
            raise _useless(
                option, f"không kết thúc trong {seconds} giây", f"did not end within {seconds} s"
            ) from None
        finally:
            if process.returncode is None:
                _signal(process, signal.SIGKILL)
                await process.wait()

    def _filled(self, word: str) -> str:
        folder, kit = str(self._place.folder), str(self._place.kit_file)
        return word.replace("{folder}", folder).replace("{kit}", kit)

    def _variables(self) -> Mapping[str, str]:
        return {
            "TRUC_CONFORMANCE_FOLDER": str(self._place.folder),
            "TRUC_CONFORMANCE_KIT": str(self._place.kit_file),
            "TRUC_CONFORMANCE_SENDER": OWN,
            "TRUC_CONFORMANCE_RECIPIENT": PARTNER,
        }


def _signal(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _useless(option: str, vi: str, en: str) -> RuleBroken:
    return RuleBroken(f"lệnh {option} {vi} (xem adapter.log)", f"{option} {en} (see adapter.log)")
