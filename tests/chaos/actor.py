"""A process of a campaign that is killed, paused and started again, and whose every end is accounted for."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import until

_PAUSE = 0.1
_HUB_IS_READY = b"hub.started"
_STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """An end that nobody from outside brought about."""

    name: str
    code: int
    last_words: str


class Actor:
    """One process; whoever does something to it holds `alone`."""

    def __init__(
        self, name: str, command: Sequence[str], *, log: Path, environment: Mapping[str, str], ready: Path
    ) -> None:
        """Prepare the process; *ready* is the file that it makes when it works."""
        self.name = name
        self.log = log
        self.ready = ready
        self.alone = asyncio.Lock()
        self._command = list(command)
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._logged_before = 0

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None while it runs or before it ever did."""
        return self._process.poll() if self._process is not None else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def is_ready(self) -> bool:
        """Whether it has said that it works since its last start: an agency by its file, a hub in its log."""
        if self.ready.exists():
            return True
        with self.log.open("rb") as log:
            log.seek(self._logged_before)
            return _HUB_IS_READY in log.read()

    def launch(self, **environment: str) -> None:
        """Start it."""
        self.ready.unlink(missing_ok=True)
        self._logged_before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                env={**os.environ, **self._environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.is_running and self._process is not None:
            self._process.send_signal(number)

    async def kill(self) -> None:
        """End it at once."""
        self.signal(signal.SIGKILL)
        await self.ended(seconds=_STOP_SECONDS)

    async def ended(self, *, seconds: float) -> bool:
        """Wait until it has ended; False where it has not in time."""
        try:
            await until(lambda: not self.is_running, what=self.name, seconds=seconds, pause=_PAUSE)
        except AssertionError:
            return False
        return True

    async def stop(self) -> int | None:
        """Ask it to end and return its exit code; None where it did not obey and was killed."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        if not await self.ended(seconds=_STOP_SECONDS):
            await self.kill()
            return None
        return self.exit_code

    def last_words(self, count: int = 25) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-count:])
