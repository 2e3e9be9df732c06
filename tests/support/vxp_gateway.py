"""The VXP gateway as a process of its own, in front of a mailbox."""

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from hub.commands.local_axis import LocalAgency
from tests.support.adapter_process import START_SECONDS, AdapterProcess
from tests.support.vxp_client import DotnetSdk, JavaSdk
from tests.support.waiting import until

SECRET = "bi-mat-cua-phan-mem"


class VxpGateway(AdapterProcess):
    """One mailbox's gateway; the process may be killed and started again, its files stay."""

    name = "vxp"
    opened = "vxp.listening"

    def __init__(
        self,
        agency: LocalAgency,
        home: Path,
        *,
        systems: list[Mapping[str, object]] | None = None,
        **http: object,
    ) -> None:
        super().__init__(agency, home)
        self.systemid = f"qlvb-{agency.code}"
        own = {"systemid": self.systemid, "secret": SECRET, "agency": agency.code}
        self._set([("[http]", {"port": 0} | http)], [("[[systems]]", each) for each in systems or [own]])
        self._sdks: list[JavaSdk] = []

    async def start(self, *, crash_at: str = "") -> Self:
        """Start it and return once it listens, or has ended."""
        await super().start(crash_at=crash_at)
        await until(lambda: self.is_open() or self.has_ended(), what=self.story, seconds=START_SECONDS)
        return self

    async def stop(self) -> None:
        for each in self._sdks:
            await each.close()
        await super().stop()

    def has_ended(self) -> bool:
        assert self._process is not None
        return self._process.returncode is not None

    def hang_up(self) -> None:
        """Ask it to read its settings again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    @property
    def port(self) -> int:
        return int(str(self.lines("vxp.listening")[-1]["url"]).rpartition(":")[2])

    def java(self, systemid: str = "", secret: str = SECRET) -> JavaSdk:
        """Return software that knows its endpoint address and what it always knew."""
        self._sdks.append(JavaSdk(self.port, systemid=systemid or self.systemid, secret=secret))
        return self._sdks[-1]

    def dotnet(self) -> DotnetSdk:
        sdk = DotnetSdk(self.port, systemid=self.systemid, secret=SECRET)
        self._sdks.append(sdk)
        return sdk
