"""A hundred and twenty thousand agencies, as the country has them: at the hub, and at a gateway beside it."""

import asyncio
import gzip
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from hub.backends.postgres.pool import Database
from hub.message.identifiers import AgencyCode
from hub.operations.agency_catalogue import NewAgency, enter_agencies
from hub.operations.rights import Role
from tests.support.catalogue_gateway import OFFICE, SECRET
from tests.support.console import ConsoleUnderTest, served
from tests.support.vxp_client import JavaSdk

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
AGENCIES, FIRST, SECOND = 120_000, 95, 5_000
MB = 1_000_000
NAMES = (
    "Ủy ban nhân dân xã",
    "Phòng Văn hóa và Thông tin huyện",
    "Trung tâm Công nghệ thông tin và Truyền thông",
    "Sở Nội vụ",
)


def a_country() -> list[NewAgency]:
    """Return a tree of three levels: provinces, departments, and what is below them."""
    codes: list[str] = []
    agencies = []
    for number in range(AGENCIES):
        parent = None
        if number >= SECOND:
            parent = codes[FIRST + number % (SECOND - FIRST)]
        elif number >= FIRST:
            parent = codes[number % FIRST]
        codes.append(f"{parent}.{number}" if parent is not None else f"{'PQ'[number // 90]}{number % 90:02}")
        above = AgencyCode(parent) if parent is not None else None
        name = f"{NAMES[number % 4]} số {number}"
        agencies.append(NewAgency(code=AgencyCode(codes[-1]), name=name, parent=above))
    return agencies


async def whole_list(port: int, call: str, *, packed: bool) -> tuple[float, float, bytes]:
    """Return the seconds to the first octet of the answer and to its last, and its body."""
    sdk = JavaSdk(port, systemid=OFFICE.systemid, secret=SECRET)
    head = sdk.head(call, {}, octets=0, content_type="application/json", method="POST", expects=False)
    if not packed:
        head = head.replace(b"gzip,deflate", b"identity")
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    began = time.monotonic()
    writer.write(head)
    answer = await reader.readuntil(b"\r\n\r\n")
    first = time.monotonic() - began
    length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(length)
    whole = time.monotonic() - began
    writer.close()
    await writer.wait_closed()
    return first, whole, gzip.decompress(body) if packed else body


@dataclass(slots=True, kw_only=True)
class Gateway:
    """A gateway's catalogue in a process of its own."""

    process: asyncio.subprocess.Process
    port: int

    async def copied(self) -> tuple[int, float]:
        """Wait for the next change of the copy; return how many entries, and the seconds it took."""
        assert self.process.stdout is not None
        _, count, seconds = (await self.process.stdout.readline()).split()
        return int(count), float(seconds)

    @property
    def memory(self) -> float:
        return psutil.Process(self.process.pid).memory_info().rss / MB


@asynccontextmanager
async def gateway_beside(world: ConsoleUnderTest, folder: Path) -> AsyncIterator[Gateway]:
    login = await world.account("gateway", Role.VIEWER)
    token = (await world.desk.issue_token(login, name="test", lifetime=timedelta(hours=1))).token
    async with served(world) as url:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.support.catalogue_gateway",
            url,
            token,
            str(folder),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            yield Gateway(process=process, port=int(await process.stdout.readline()))
        finally:
            process.kill()
            await process.wait()


async def one_change(operators: Database, gateway: Gateway) -> tuple[int, float, float]:
    """Change an agency; return how many were copied, the seconds, and the slowest small call meanwhile."""
    async with operators.transaction() as transaction:
        await transaction.execute("update agencies set name = 'Tên mới' where key = 'P00'")
    copying = asyncio.create_task(gateway.copied())
    slowest = 0.0
    while not copying.done():
        first, _, _ = await whole_list(gateway.port, "countReceiveEdoc", packed=False)
        slowest = max(slowest, first)
        await asyncio.wait([copying], timeout=0.02)
    return (*copying.result(), slowest)


def tell(capsys: pytest.CaptureFixture[str], told: list[str]) -> None:
    with capsys.disabled():
        sys.stdout.write("".join(f"\n  {each}" for each in told))


async def test_the_whole_country_is_copied_and_told_at_once(
    world: ConsoleUnderTest, operators: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    began = time.monotonic()
    await enter_agencies(operators, a_country(), operator="test")
    told.append(f"{AGENCIES} agencies entered in {time.monotonic() - began:.1f} s")

    async with gateway_beside(world, tmp_path) as gateway:
        count, seconds = await gateway.copied()
        told.append(f"copied by a gateway in {seconds:.1f} s, {gateway.memory:.0f} MB then")
        plain = await whole_list(gateway.port, "getAgenciesList", packed=False)
        packed = await whole_list(gateway.port, "getAgenciesList", packed=True)
        told.append(f"{len(plain[2]) / MB:.1f} MB: first octet {plain[0]:.3f} s, whole {plain[1]:.2f} s")
        told.append(f"packed: first octet {packed[0]:.3f} s, whole {packed[1]:.2f} s")
        calls = [whole_list(gateway.port, "getSynchronizeUnit", packed=True) for _ in range(10)]
        ten = await asyncio.gather(*calls)
        memory = gateway.memory
        told.append(f"ten at once, packed: {max(each[1] for each in ten):.2f} s, {memory:.0f} MB then")
        changed, took, slowest = await one_change(operators, gateway)
        told.append(f"one change: {took:.1f} s; slowest small call meanwhile {slowest:.3f} s")

    tell(capsys, told)
    assert count >= AGENCIES
    assert changed == 1
    assert len(json.loads(plain[2])["data"]) >= AGENCIES
    assert json.loads(packed[2]) == json.loads(plain[2])
    assert max(plain[0], packed[0]) < 1.0, "an answer of megabytes begins at once"
    assert memory < 400, "lists are on disk, not in memory"
