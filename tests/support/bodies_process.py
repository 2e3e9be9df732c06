"""The service of large bodies as a process of its own; started, stopped and killed by tests."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.hub_process import logged_lines
from tests.support.waiting import until

STOP_SECONDS = 20.0


class BodiesProcess:
    """One `python -m hub bodies`."""

    def __init__(self, settings: Path, log: Path, **environment: str) -> None:
        self.log = log
        self._command = [sys.executable, "-m", "hub", "bodies", "--settings", str(settings)]
        self._environment = {**os.environ, "HUB_LOG_FORMAT": "json", "HUB_LOG_LEVEL": "info", **environment}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> str:
        """Start it, and return its address once it listens."""
        before = len(self.lines("bodies.listening"))
        self._launch()
        await until(lambda: len(self.lines("bodies.listening")) > before, what=self._story, seconds=40)
        said = self.lines("bodies.listening")[-1]
        return f"http://{said['host']}:{said['port']}"

    def _launch(self) -> None:
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def lines(self, event: str) -> list[dict[str, object]]:
        """Return what it logged as *event*."""
        return [line for line in logged_lines(self.log) if line.get("event") == event]

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(STOP_SECONDS)

    def stop(self) -> int | None:
        """Ask it to end, and return its exit code; None where it was never started."""
        if self._process is None:
            return None
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait(STOP_SECONDS)

    def _story(self) -> str:
        text = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        return f"the service of large bodies to listen; its last lines:\n{text[-3000:]}"


@contextmanager
def bodies_process(settings: Path, folder: Path, **environment: str) -> Iterator[BodiesProcess]:
    """Give a service on *settings* that ends with the block; its log lies in *folder*."""
    process = BodiesProcess(settings, folder / "bodies.log", **environment)
    try:
        yield process
    finally:
        process.stop()
