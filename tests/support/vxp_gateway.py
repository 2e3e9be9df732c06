"""The VXP gateway as a process of its own, in front of a mailbox."""

import asyncio
import json
import os
import signal
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from hub.commands.local_axis import LocalAgency
from tests.support.vxp_client import DotnetSdk, JavaSdk
from tests.support.waiting import until

SECRET = "bi-mat-cua-phan-mem"
START_SECONDS = 40.0


class VxpGateway:
    """One mailbox's gateway; the process may be killed and started again, its files stay."""

    def __init__(
        self,
        agency: LocalAgency,
        home: Path,
        *,
        systems: list[Mapping[str, object]] | None = None,
        **http: object,
    ) -> None:
        self.agency = agency
        self.home = home
        self.settings = home / "vxp.toml"
        self.systemid = f"qlvb-{agency.code}"
        home.mkdir(parents=True, exist_ok=True)
        own = {"systemid": self.systemid, "secret": SECRET, "agency": agency.code}
        self.settings.touch(mode=0o600)
        self.settings.write_text(_settings(agency, systems or [own], http), "utf-8")
        self._process: asyncio.subprocess.Process | None = None
        self._opened = 0
        self._sdks: list[JavaSdk] = []

    # ——— the process ———

    async def start(self, *, crash_at: str = "") -> "VxpGateway":
        """Start it and return once it listens."""
        self._opened = len(self.lines("vxp.listening"))
        with (self.home / "process.log").open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "adapters.vxp",
                "--settings",
                str(self.settings),
                "run",
                env={**os.environ, "TRUC_CRASH_AT": crash_at},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
            )
        await until(self._listens, what=self.story, seconds=START_SECONDS)
        return self

    def _listens(self) -> bool:
        assert self._process is not None
        is_alive = self._process.returncode is None
        return len(self.lines("vxp.listening")) > self._opened or not is_alive

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
        for each in self._sdks:
            await each.close()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            assert await asyncio.wait_for(self._process.wait(), 30) == 0, self.story()
        self._process = None

    def hang_up(self) -> None:
        """Ask it to read its settings again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    @property
    def port(self) -> int:
        return int(str(self.lines("vxp.listening")[-1]["url"]).rpartition(":")[2])

    def most_memory(self) -> int:
        """Return the most octets of memory that the process has had."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        (line,) = [each for each in status.splitlines() if each.startswith("VmHWM")]
        return int(line.split()[1]) * 1024

    def lines(self, event: str) -> list[dict[str, object]]:
        written = self.story(whole=True).splitlines()
        found = [json.loads(line) for line in written if line.startswith("{")]
        return [line for line in found if line["event"] == event]

    def story(self, *, whole: bool = False) -> str:
        log = self.home / "process.log"
        text = log.read_text("utf-8", "replace") if log.exists() else ""
        return text if whole else text[-3000:]

    # ——— the systems ———

    def java(self, systemid: str = "", secret: str = SECRET) -> JavaSdk:
        """Return software that knows its endpoint address and what it always knew."""
        self._sdks.append(JavaSdk(self.port, systemid=systemid or self.systemid, secret=secret))
        return self._sdks[-1]

    def dotnet(self) -> DotnetSdk:
        sdk = DotnetSdk(self.port, systemid=self.systemid, secret=SECRET)
        self._sdks.append(sdk)
        return sdk


def _settings(agency: LocalAgency, systems: list[Mapping[str, object]], http: Mapping[str, object]) -> str:
    kit = tomllib.loads(agency.kit_file.read_text("utf-8"))
    keys = kit.pop("keys")
    kit["journal"] = "vxp.journal"
    tables = [
        ("[http]", {"port": 0} | http),
        ("[kit]", kit),
        *(("[[kit.keys]]", key) for key in keys),
        *(("[[systems]]", system) for system in systems),
    ]
    return "\n".join(f"{head}\n{_table(values)}" for head, values in tables)


def _table(values: Mapping[str, object]) -> str:
    # JSON writes strings, numbers, booleans and lists of strings as TOML does.
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())
