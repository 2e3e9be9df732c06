"""Latency: documents at a steady pace, from the broker's confirm for the sender to the recipient's queue."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from aio_pika.abc import AbstractIncomingMessage

from adapters.kit.broker import SubmitChannel
from adapters.kit.outgoing import Outgoing
from adapters.kit.settings import read_settings
from hub.commands.local_axis import LocalAgency
from hub.message.edxml import MessageKind
from hub.message.identifiers import SubmissionId, digest_of
from hub.message.receipt import ReceiptEvent
from tests.benchmarks.checking import BenchFailed, Expected, Found, check_everything, consuming, found_in
from tests.benchmarks.place import Place
from tests.support.hub_process import hub_processes
from tests.support.waiting import until

PER_SECOND: Final = 50
WARM_UP: Final = PER_SECOND
"""The first documents are sent and checked like the others, but not timed: caches and pools fill."""
PATIENCE: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds after the broker had confirmed the submission."""

    documents: int
    p50: float
    p99: float
    longest: float
    acceptance_p50: float
    """Until the signed acceptance was in the sender's queue."""
    consignment_p50: float


@dataclass(slots=True)
class _Arrivals:
    """What came into one agency's queue, and when, by the monotonic clock that also times the submissions."""

    found: list[Found] = field(default_factory=list)
    seen_at: list[float] = field(default_factory=list)
    receipts: int = 0

    async def take(self, message: AbstractIncomingMessage) -> None:
        self.seen_at.append(time.monotonic())
        await message.ack()
        found = found_in(message)
        self.found.append(found)
        self.receipts += found.body.count(b"</ReceiptId>")

    def at(self) -> dict[tuple[str, str], float]:
        """By submission and event of a receipt; by digest, and no event, of a document."""
        instants: dict[tuple[str, str], float] = {}
        for found, instant in zip(self.found, self.seen_at, strict=True):
            names = [(each.submission_id, each.event.value) for each in found.receipts]
            for name in names or [(found.digest.hex(), "")]:
                instants.setdefault(name, instant)
        return instants


async def measure_latency(
    place: Place, bodies: Sequence[bytes], *, hubs: int, pool: ProcessPoolExecutor
) -> Latency:
    """Submit *bodies* at `PER_SECOND`, whatever the axis does, and time each one's arrival."""
    recipient = place.recipients[0]
    received, answered = _Arrivals(), _Arrivals()
    with hub_processes(place.axis.settings_file, place.axis.home) as start:
        running = [start() for _ in range(hubs)]
        for hub in running:
            await hub.ready()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(consuming(recipient, received.take))
            await stack.enter_async_context(consuming(place.sender, answered.take))
            confirmed = await _submit_steadily(place.sender, bodies)
            await until(
                lambda: len(received.found) >= len(bodies) and answered.receipts >= 2 * len(bodies),
                what="the arrival of everything that was submitted",
                seconds=PATIENCE,
            )
        if any([await hub.stop() for hub in running]):
            raise BenchFailed("a hub process did not end well")
    expected = Expected(
        digests={one: digest_of(body) for (one, _), body in zip(confirmed, bodies, strict=True)},
        recipients=(recipient.key,),
    )
    taken = {recipient.mailbox: received.found, place.sender.mailbox: answered.found}
    await check_everything(place, expected, pool, taken)
    return _latency(expected, confirmed[WARM_UP:], received, answered)


async def _submit_steadily(sender: LocalAgency, bodies: Sequence[bytes]) -> list[tuple[SubmissionId, float]]:
    """Return each submission and when the broker had confirmed it.

    The kit's own channel publishes; its journal is left out, because its fsync would come after the confirm.
    """
    channel = await SubmitChannel.open(read_settings(sender.kit_file).broker)
    begun = time.monotonic()
    try:
        async with asyncio.TaskGroup() as tasks:
            pending = []
            for number, body in enumerate(bodies):
                await asyncio.sleep(max(0.0, begun + number / PER_SECOND - time.monotonic()))
                pending.append(tasks.create_task(_submit(channel, body)))
    finally:
        await channel.close()
    return [task.result() for task in pending]


async def _submit(channel: SubmitChannel, body: bytes) -> tuple[SubmissionId, float]:
    outgoing = Outgoing(
        submission_id=SubmissionId(str(uuid4())),
        kind=MessageKind.DOCUMENT,
        digest=digest_of(body),
        about_delivery=None,
        body=body,
    )
    await channel.submit(outgoing)
    return outgoing.submission_id, time.monotonic()


def _latency(
    expected: Expected,
    confirmed: Sequence[tuple[SubmissionId, float]],
    received: _Arrivals,
    answered: _Arrivals,
) -> Latency:
    arrived, told = received.at(), answered.at()
    documents = sorted(1000 * (arrived[expected.digests[one].hex(), ""] - at) for one, at in confirmed)

    def until_receipt(event: ReceiptEvent) -> float:
        return statistics.median(1000 * (told[one, event.value] - at) for one, at in confirmed)

    return Latency(
        documents=len(documents),
        p50=statistics.median(documents),
        p99=documents[min(len(documents) - 1, int(len(documents) * 0.99))],
        longest=documents[-1],
        acceptance_p50=until_receipt(ReceiptEvent.SUBMISSION_ACCEPTANCE),
        consignment_p50=until_receipt(ReceiptEvent.CONTENT_CONSIGNMENT),
    )
