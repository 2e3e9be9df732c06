"""An adapter as a process of its own, whose home stays when it is killed and started again."""

import asyncio
import json
import os
import signal
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from hub.commands.local_axis import LocalAgency
from tests.support.waiting import until

START_SECONDS = 40.0
Table: TypeAlias = tuple[str, Mapping[str, object]]
"""A table's head as TOML has it, and what it says."""


class AdapterProcess:
    """One agency's adapter `adapters.NAME`: reads `NAME.toml` in its home, logs into `process.log` there."""

    name: str
    opened: str
    """What it logs once it works."""

    def __init__(self, agency: LocalAgency, home: Path) -> None:
        self.agency = agency
        self.home = home
        self.settings = home / f"{self.name}.toml"
        home.mkdir(parents=True, exist_ok=True)
        self.settings.touch(mode=0o600)
        self._process: asyncio.subprocess.Process | None = None
        self._opened = 0

    def _set(self, head: Iterable[Table], tail: Iterable[Table] = ()) -> None:
        """Write its settings, those of the agency's kit between *head* and *tail*."""
        kit = tomllib.loads(self.agency.kit_file.read_text("utf-8"))
        keys = kit.pop("keys")
        kit["journal"] = f"{self.name}.journal"
        tables = [*head, ("[kit]", kit), *(("[[kit.keys]]", key) for key in keys), *tail]
        self.settings.write_text("\n".join(f"{each}\n{_table(said)}" for each, said in tables), "utf-8")

    async def start(self, *, crash_at: str = "") -> Self:
        """Start it, and return at once."""
        self._opened = len(self.lines(self.opened))
        with (self.home / "process.log").open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                f"adapters.{self.name}",
                "--settings",
                str(self.settings),
                "run",
                env={**os.environ, "TRUC_CRASH_AT": crash_at},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
            )
        return self

    async def ready(self) -> Self:
        """Return once it works."""
        await until(self.is_open, what=self.story, seconds=START_SECONDS)
        return self

    def is_open(self) -> bool:
        return len(self.lines(self.opened)) > self._opened

    async def crashed(self) -> None:
        """Return when it has killed itself."""
        assert self._process is not None
        try:
            code = await asyncio.wait_for(self._process.wait(), START_SECONDS)
        except TimeoutError:
            raise AssertionError(f"it lives on:\n{self.story()}") from None
        assert code == -signal.SIGKILL, self.story()
        self._process = None

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            assert await asyncio.wait_for(self._process.wait(), 30) == 0, self.story()
        self._process = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def peak(self) -> int:
        """The most memory that the process has held, in octets."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1_024

    def lines(self, event: str) -> list[dict[str, object]]:
        written = self.story(whole=True).splitlines()
        found = [json.loads(line) for line in written if line.startswith("{")]
        return [line for line in found if line["event"] == event]

    def story(self, *, whole: bool = False) -> str:
        log = self.home / "process.log"
        text = log.read_text("utf-8", "replace") if log.exists() else ""
        return text if whole else text[-3000:]


def _table(said: Mapping[str, object]) -> str:
    # JSON writes strings, numbers, booleans and lists of strings as TOML does.
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in said.items())
