"""The peers' side of the comparison: programs of their own, the same documents, the same broker."""

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.kit.settings import read_settings
from tests.benchmarks.checking import BenchFailed
from tests.benchmarks.drain import LONGEST, SOURCE, TARGET, Relayed, fill_bare, until_depth
from tests.benchmarks.peers.consumer import TABLE
from tests.benchmarks.place import Place
from tests.benchmarks.processor_time import seconds_of

DATABASE = "peers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """One way to write the consumer."""

    name: str
    checks: str
    prefetch: int
    """Messages that are handled side by side."""
    most: int = 10_000
    """Documents of a round that it gets: what is slow shows that with fewer."""


ENTRANTS = (
    Entrant(name="FastStream, signxml and xmlschema, one at a time", checks="signxml", prefetch=1, most=300),
    Entrant(name="FastStream, signxml and xmlschema, 200 side by side", checks="signxml", prefetch=200),
    Entrant(name="FastStream, the axis's checks, one at a time", checks="project", prefetch=1, most=300),
    Entrant(name="FastStream, the axis's checks, 200 side by side", checks="project", prefetch=200),
)


async def run_entrant(place: Place, entrant: Entrant, bodies: Sequence[bytes]) -> Relayed:
    """Fill a quorum queue and let *entrant* drain it into another; then all must be there, once."""
    async with place.broker() as channel, _a_database(place) as dsn:
        await fill_bare(place, bodies)
        await until_depth(channel, SOURCE, len(bodies))
        taken, used = await _consume_in_a_process(place, entrant, len(bodies), dsn)
        await until_depth(channel, TARGET, len(bodies))
        await _check_rows(dsn, len(bodies))
        for queue in (SOURCE, TARGET):
            await channel.queue_delete(queue)
    return Relayed(
        messages=len(bodies),
        seconds=taken["last"] - taken["first"],
        cpu_seconds={"consumer": taken["cpu_seconds"], **used},
    )


async def receive_and_sign(bodies: Sequence[bytes]) -> dict[str, float | str]:
    """Return the milliseconds of the AS2 and AS4 libraries for one message, or why there are none."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.peers.receivers",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    given = json.dumps([base64.b64encode(body).decode() for body in bodies]).encode()
    told, _ = await asyncio.wait_for(process.communicate(given), LONGEST)
    if process.returncode:
        raise BenchFailed(f"the AS2 and AS4 libraries ended with {process.returncode}")
    costs: dict[str, float | str] = json.loads(told)
    return costs


@asynccontextmanager
async def _a_database(place: Place) -> AsyncIterator[str]:
    """Make an empty database beside the axis's, on the same server with the same settings."""
    async with place.database() as connection:
        await connection.execute(f"drop database if exists {DATABASE}")
        await connection.execute(f"create database {DATABASE}")
        product = await connection.fetchval("select current_database()")
    dsn = place.axis.dsn("postgres").replace(f"/{product}", f"/{DATABASE}")
    own = await asyncpg.connect(dsn)
    await own.execute(TABLE)
    await own.close()
    yield dsn
    async with place.database() as connection:
        await connection.execute(f"drop database {DATABASE}")


async def _check_rows(dsn: str, count: int) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetchval("select count(*) from taken")
    finally:
        await connection.close()
    if rows != count:
        raise BenchFailed(f"the peer stored {rows} of {count} messages")


async def _consume_in_a_process(
    place: Place, entrant: Entrant, count: int, dsn: str
) -> tuple[dict[str, float], dict[str, float]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.peers.consumer",
        SOURCE, TARGET, str(count), str(entrant.prefetch), entrant.checks, str(_trusted(place, entrant)),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "BENCH_AMQP_URL": place.admin_url, "BENCH_DSN": dsn},
    )  # fmt: skip
    if process.stdin is None or process.stdout is None or await process.stdout.readline() != b"ready\n":
        raise BenchFailed(f"{entrant.name} did not start")
    before = _others(place)
    process.stdin.write(b"\n")
    line = await asyncio.wait_for(process.stdout.readline(), LONGEST)
    used = {part: seconds - before[part] for part, seconds in _others(place).items()}
    if await process.wait():
        raise BenchFailed(f"{entrant.name} ended with {process.returncode}")
    return json.loads(line), used


def _others(place: Place) -> dict[str, float]:
    return {"broker": seconds_of(place.broker_pid), "database": seconds_of(place.database_pid)}


def _trusted(place: Place, entrant: Entrant) -> Path:
    """Return what the checks trust: the roots, or the sender's one certificate."""
    if entrant.checks == "project":
        return Path(place.axis.settings().trust_anchors)
    file = place.axis.home / "sender.pem"
    certificate = read_settings(place.sender.kit_file).keys.own.certificate
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    return file
