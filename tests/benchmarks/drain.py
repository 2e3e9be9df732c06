"""Throughput: a full queue is drained, by the axis and by the bare relay; generating load does not count."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import aio_pika
import asyncpg
from aio_pika.abc import AbstractChannel

from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import read_settings
from hub.message.identifiers import digest_of
from hub.message.properties import INTAKE_QUEUE
from tests.benchmarks.checking import BenchFailed, Expected, check_everything
from tests.benchmarks.place import Place, depth, depth_of
from tests.benchmarks.processor_time import Sampler, seconds_of
from tests.benchmarks.profiling import Profiler
from tests.support.hub_process import HubProcess, hub_processes
from tests.support.waiting import until

LONGEST: Final = 600.0
SOURCE, TARGET = "bench.source", "bench.target"
PARTS = ("hub", "broker", "database")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """One drain of the axis: from the start of the hub's work to the last confirm of all."""

    hubs: int
    documents: int
    deliveries: int
    receipts: int
    octets: int
    seconds: float
    start_seconds: float
    """From the start of the process to that of its work: interpreter, imports, connections."""
    cpu_seconds: dict[str, float]
    resident: tuple[int, ...]
    """The most that each hub process held, in octets."""

    @property
    def per_second(self) -> float:
        """Documents carried in a second."""
        return self.documents / self.seconds

    def cpu_ms(self) -> dict[str, float]:
        """Return the processor milliseconds of each part for one document."""
        shares = {part: 1000 * self.cpu_seconds[part] / self.documents for part in PARTS}
        return {**shares, "total": sum(shares.values())}


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """One drain by the bare relay, or by a peer that takes messages from one queue to another."""

    messages: int
    seconds: float
    cpu_seconds: dict[str, float]

    @property
    def per_second(self) -> float:
        """Messages passed on in a second."""
        return self.messages / self.seconds

    def cpu_ms(self) -> dict[str, float]:
        """Return the processor milliseconds of each part for one message."""
        shares = {part: 1000 * seconds / self.messages for part, seconds in self.cpu_seconds.items()}
        return {**shares, "total": sum(shares.values())}


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Signed envelopes that all go to the first *recipients* recipients."""

    bodies: Sequence[bytes]
    recipients: int = 1


async def drain(
    place: Place, load: Load, *, hubs: int, pool: ProcessPoolExecutor, profiler: Profiler | None = None
) -> Drained:
    """Fill `hub.intake` while no hub runs, start *hubs* of them, wait until all is done, check everything."""
    expected = await _fill(place, load)
    trees = {"broker": place.broker_pid, "database": place.database_pid}
    with hub_processes(place.axis.settings_file, place.axis.home) as start, Sampler(trees) as sampler:
        started_at = time.time()
        running = [start(HUB_LOG_LEVEL="info") for _ in range(hubs)]
        for number, hub in enumerate(running):
            sampler.add(f"hub {number}", hub.pid)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(profiler.attached(running[0]) if profiler else nullcontext())
            await _until_drained(place, load, running)
        outcome = await _outcome(place, started_at)
        begun = {f"hub {number}": _begun_at(hub) for number, hub in enumerate(running)}
        codes = [await hub.stop() for hub in running]
    if any(codes):
        raise BenchFailed(f"a hub process ended with {codes}")
    receipts = await check_everything(place, expected, pool, {})
    _check_counts(outcome, load, receipts)
    return _drained(load, outcome, started_at, begun, sampler)


def _begun_at(hub: HubProcess) -> float:
    """Return when *hub* said that it takes messages from now on; its log has its predecessors' words, too."""
    return datetime.fromisoformat(str(hub.lines("hub.started")[-1]["timestamp"])).timestamp()


def _drained(
    load: Load, outcome: asyncpg.Record, started_at: float, begun: Mapping[str, float], sampler: Sampler
) -> Drained:
    first, last = min(begun.values()), outcome["last"]
    return Drained(
        hubs=len(begun),
        documents=len(load.bodies),
        deliveries=outcome["documents"],
        receipts=outcome["receipts"],
        octets=sum(map(len, load.bodies)),
        seconds=last - first,
        start_seconds=first - started_at,
        cpu_seconds={
            "hub": sum(sampler.used(name, since, last) for name, since in begun.items()),
            "broker": sampler.used("broker", first, last),
            "database": sampler.used("database", first, last),
        },
        resident=tuple(sampler.most_resident(name) for name in begun),
    )


async def _fill(place: Place, load: Load) -> Expected:
    async with Mailbox.open(read_settings(place.sender.kit_file)) as mailbox:
        submissions = await mailbox.send_signed_many(load.bodies)
    async with place.broker() as channel:
        await until_depth(channel, INTAKE_QUEUE, len(load.bodies))
    return Expected(
        digests={one: digest_of(body) for one, body in zip(submissions, load.bodies, strict=True)},
        recipients=tuple(each.key for each in place.recipients[: load.recipients]),
    )


async def until_depth(channel: AbstractChannel, queue: str, count: int) -> None:
    """Return once *queue* holds *count* messages."""
    await until(lambda: _has(channel, queue, count), what=f"{count} messages in {queue}", seconds=30)


async def _has(channel: AbstractChannel, queue: str, count: int) -> bool:
    return await depth_of(channel, queue) == count


async def _until_drained(place: Place, load: Load, hubs: Sequence[HubProcess]) -> None:
    """Return when the recipients' queues hold everything and the outbox is empty."""
    async with place.broker() as channel, place.database() as database:

        async def is_drained() -> bool:
            if any(hub.exit_code is not None for hub in hubs):
                raise BenchFailed("a hub process ended; its last lines:\n" + _last_lines(hubs))
            if await database.fetchval("select exists (select from outbox_entries)"):
                return False
            for recipient in place.recipients[: load.recipients]:
                if await depth(channel, recipient.mailbox) < len(load.bodies):
                    return False
            return True

        await until(is_drained, what="the end of the drain", seconds=LONGEST, pause=0.1)


def _last_lines(hubs: Sequence[HubProcess]) -> str:
    return "\n".join(hub.log.read_text("utf-8", "replace")[-2000:] for hub in hubs)


async def _outcome(place: Place, since: float) -> asyncpg.Record:
    """Ask the axis itself when its deliveries were confirmed: each row has the instant of its own confirm."""
    async with place.database() as connection:
        return await connection.fetchrow(
            """
            select extract(epoch from max(consigned_at))::float8 as last,
                   count(*) filter (where kind = 'document') as documents,
                   (select count(*) from receipts where issued_at >= to_timestamp($1)) as receipts,
                   count(*) filter (where consigned_at is null) as unconfirmed
            from deliveries where created_at >= to_timestamp($1)
            """,
            since,
        )


def _check_counts(outcome: asyncpg.Record, load: Load, receipts: int) -> None:
    deliveries = len(load.bodies) * load.recipients
    if (outcome["documents"], outcome["receipts"], outcome["unconfirmed"]) != (deliveries, receipts, 0):
        raise BenchFailed(f"the axis counts {dict(outcome)}, the queues {deliveries} and {receipts}")


async def relay_bare(place: Place, bodies: Sequence[bytes]) -> Relayed:
    """Fill a quorum queue and let the bare relay drain it into another."""
    async with place.broker() as channel:
        await fill_bare(place, bodies)
        await until_depth(channel, SOURCE, len(bodies))
        taken, broker_seconds = await _relay_in_a_process(place, len(bodies))
        await until_depth(channel, TARGET, len(bodies))
        for queue in (SOURCE, TARGET):
            await channel.queue_delete(queue)
    return Relayed(
        messages=len(bodies),
        seconds=taken["last"] - taken["first"],
        cpu_seconds={"relay": taken["cpu_seconds"], "broker": broker_seconds},
    )


async def fill_bare(place: Place, bodies: Sequence[bytes]) -> None:
    """Declare the source and the target, and put *bodies* into the source."""
    async with place.broker() as channel:
        for queue in (SOURCE, TARGET):
            await channel.declare_queue(queue, durable=True, arguments={"x-queue-type": "quorum"})
        for start in range(0, len(bodies), 200):
            async with asyncio.TaskGroup() as tasks:
                for body in bodies[start : start + 200]:
                    message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
                    tasks.create_task(channel.default_exchange.publish(message, SOURCE))


async def _relay_in_a_process(place: Place, count: int) -> tuple[dict[str, float], float]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.bare_relay", SOURCE, TARGET, str(count),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "BENCH_AMQP_URL": place.admin_url},
    )  # fmt: skip
    if process.stdin is None or process.stdout is None or await process.stdout.readline() != b"ready\n":
        raise BenchFailed("the bare relay did not start")
    before = seconds_of(place.broker_pid)
    process.stdin.write(b"\n")
    line = await asyncio.wait_for(process.stdout.readline(), LONGEST)
    used = seconds_of(place.broker_pid) - before
    await process.wait()
    return json.loads(line), used
