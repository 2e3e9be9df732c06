"""A hub as a process of its own, with its log in a file; started, asked, stopped and killed by tests."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.waiting import until

START_SECONDS = 40.0
STOP_SECONDS = 40.0


class HubProcess:
    """One `python -m hub serve`."""

    def __init__(
        self, settings: Path, log: Path, environment: Mapping[str, str], program: Sequence[str] = ("hub",)
    ) -> None:
        self.log = log
        self.launched_at = time.monotonic()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *program, "serve", "--settings", str(settings)],
                env={**os.environ, "HUB_LOG_FORMAT": "json", "HUB_LOG_LEVEL": "info", **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Return what the process ended with; negative for the signal that ended it, None while it runs."""
        return self._process.poll()

    def lines(self, event: str | None = None) -> list[dict[str, object]]:
        """Return what it logged, or only the lines of *event*."""
        found = list(logged_lines(self.log))
        return [line for line in found if line.get("event") == event] if event is not None else found

    async def ready(self) -> "HubProcess":
        """Return once it says that it is ready."""
        await until(self.is_ready, what=self._story, seconds=START_SECONDS)
        return self

    async def is_ready(self) -> bool:
        """Ask `/health/ready`."""
        self._fail_if_dead()
        answer = await self.get("/health/ready")
        return answer is not None and answer.status_code == httpx.codes.OK

    async def get(self, path: str) -> httpx.Response | None:
        """Ask its HTTP side; None where it does not listen."""
        listening = self.lines("health.listening")
        if not listening:
            return None
        try:
            async with httpx.AsyncClient(timeout=10) as client:
                return await client.get(f"http://127.0.0.1:{listening[-1]['port']}{path}")
        except httpx.TransportError:
            return None

    def terminate(self) -> None:
        """Ask it to settle and end (SIGTERM)."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self._process.kill()
        self._process.wait(STOP_SECONDS)

    async def ended(self, *, seconds: float = STOP_SECONDS) -> int:
        """Return its exit code once it has ended by itself."""
        await until(lambda: self.exit_code is not None, what=self._story, seconds=seconds)
        return self._process.returncode

    async def stop(self) -> int:
        """Ask it to end and return its exit code."""
        self.terminate()
        return await self.ended()

    def clean_up(self) -> None:
        """End it whatever it does."""
        if self.exit_code is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def _fail_if_dead(self) -> None:
        if self.exit_code is not None:
            raise AssertionError(self._story())

    def _story(self) -> str:
        text = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        return f"the hub {self.pid} (exit code {self.exit_code}) to go on; its last lines:\n{text[-3000:]}"


def logged_lines(log: Path) -> Iterator[dict[str, object]]:
    """Return what a process logged into *log*; a line that is half written is left out."""
    if not log.exists():
        return
    for line in log.read_text("utf-8", "replace").split("\n"):
        if line.startswith("{"):
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue


@contextmanager
def hub_processes(settings: Path, folder: Path) -> Iterator[Callable[..., HubProcess]]:
    """Give a way to start hubs on *settings* that all end with the block; their logs lie in *folder*."""
    started: list[HubProcess] = []

    def start(*, program: Sequence[str] = ("hub",), **environment: str) -> HubProcess:
        hub = HubProcess(settings, folder / f"hub-{len(started) + 1}.log", environment, program)
        started.append(hub)
        return hub

    try:
        yield start
    finally:
        for hub in reversed(started):
            hub.clean_up()
