"""The webhook adapter as a process of its own, and the agency's programs that ask its server."""

import asyncio
import json
import os
import signal
import sys
import tomllib
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from deploy.local.ports import free_ports
from hub.commands.local_axis import LocalAgency
from tests.support.hook_endpoint import SECRET
from tests.support.waiting import until

TOKEN = "a-token-of-the-tests-that-is-long-enough"
START_SECONDS = 40.0


class WebhookAdapter:
    """One agency's adapter; the process may be killed and started again, its home stays."""

    def __init__(
        self,
        agency: LocalAgency,
        home: Path,
        endpoint: str,
        *,
        max_body_octets: int = 16_000_000,
        **terms: object,
    ) -> None:
        self.agency = agency
        self.home = home
        (self.port,) = free_ports(1)
        self.settings = home / "webhook.toml"
        http: dict[str, object] = {"port": self.port, "max_body_octets": max_body_octets}
        home.mkdir(parents=True, exist_ok=True)
        self.settings.touch(mode=0o600)
        self.settings.write_text(_settings(agency, endpoint, http, terms), "utf-8")
        self._process: asyncio.subprocess.Process | None = None
        self._opened = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # ——— the process ———

    async def start(self, *, crash_at: str = "") -> "WebhookAdapter":
        with (self.home / "process.log").open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "adapters.webhook",
                "--settings",
                str(self.settings),
                "run",
                env={**os.environ, "TRUC_CRASH_AT": crash_at},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
            )
        return self

    async def ready(self) -> "WebhookAdapter":
        """Return once it listens; it has opened as often as it was started."""
        self._opened += 1
        await until(
            lambda: len(self.lines("webhook.opened")) >= self._opened, what=self.story, seconds=START_SECONDS
        )
        return self

    @property
    def peak(self) -> int:
        """The most memory that the process has held, in octets."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1_024

    async def crashed(self) -> None:
        """Return when it has killed itself."""
        assert self._process is not None
        try:
            code = await asyncio.wait_for(self._process.wait(), START_SECONDS)
        except TimeoutError:
            raise AssertionError(f"it lives on:\n{self.story()}") from None
        assert code == -signal.SIGKILL, self.story()
        self._process = None
        self._opened = len(self.lines("webhook.opened"))

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

    def lines(self, event: str) -> list[dict[str, object]]:
        written = self.story(whole=True).splitlines()
        found = [json.loads(line) for line in written if line.startswith("{")]
        return [line for line in found if line["event"] == event]

    def story(self, *, whole: bool = False) -> str:
        text = (self.home / "process.log").read_text("utf-8", "replace")
        return text if whole else text[-3000:]

    # ——— the agency's program ———

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30, trust_env=False
        )


def _settings(agency: LocalAgency, endpoint: str, http: dict[str, object], terms: dict[str, object]) -> str:
    kit = tomllib.loads(agency.kit_file.read_text("utf-8"))
    keys = kit.pop("keys")
    kit["journal"] = "webhook.journal"
    hook = {
        "url": endpoint,
        "secrets": [SECRET],
        "allow_private": True,
        "patience_seconds": 5.0,
        "first_pause": 0.1,
        "longest_pause": 0.5,
        **terms,
    }
    tables = [
        ("", {"public_url": f"http://127.0.0.1:{http['port']}"}),
        ("[endpoint]", hook),
        ("[http]", http),
        ("[[tokens]]", {"name": "tests", "token": TOKEN}),
        ("[kit]", kit),
        *(("[[kit.keys]]", key) for key in keys),
    ]
    return "\n".join(f"{head}\n{_table(values)}" for head, values in tables)


def _table(values: dict[str, object]) -> str:
    # JSON writes strings, numbers, booleans and lists of strings as TOML does.
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())
