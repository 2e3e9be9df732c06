"""After every load: each document was delivered once to each recipient, each receipt is there and true."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from adapters.kit.settings import KitSettings, read_settings
from hub.commands.local_axis import LocalAgency
from hub.message import properties
from hub.message.edxml import MessageKind
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import AgencyKey, Digest, MailboxName, SubmissionId, digest_of
from hub.message.receipt import Receipt, ReceiptEvent
from hub.message.receipt_xml import read_receipts
from hub.signature.receipts import verify_receipts
from tests.benchmarks.place import Place, depth

CHUNK = 500
ACKNOWLEDGE_EVERY = 500
COLLECT_SECONDS = 120.0


class BenchFailed(Exception):
    """The axis lost, doubled or did not prove something: its speed does not matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One message in an agency's queue."""

    kind: str
    delivery_id: str
    digest: Digest
    octets: int
    body: bytes
    """Of receipts only."""

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """What stands on it, not yet verified; nothing where it is no receipt."""
        return read_receipts(parse_hardened(self.body)) if self.body else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What was submitted: each submission's digest, and to whom all of them went."""

    digests: dict[SubmissionId, Digest]
    recipients: tuple[AgencyKey, ...]


async def check_everything(
    place: Place, expected: Expected, pool: ProcessPoolExecutor, taken: Mapping[MailboxName, Sequence[Found]]
) -> int:
    """Empty the agencies' queues and compare, together with what was *taken* out of them before.

    Returns the number of receipts; raises `BenchFailed`.
    """
    for recipient in place.recipients[: len(expected.recipients)]:
        found = [*taken.get(recipient.mailbox, ()), *await collect(place, recipient)]
        _check_documents(found, expected, recipient.key)
    found = [*taken.get(place.sender.mailbox, ()), *await collect(place, place.sender)]
    receipts = await _verified(found, place.sender.kit_file, pool)
    _check_receipts(receipts, expected)
    await _check_database(place)
    return len(receipts)


async def collect(place: Place, agency: LocalAgency) -> list[Found]:
    """Take everything out of the queue of *agency*'s mailbox, as its owner."""
    async with place.broker() as channel:
        count = await depth(channel, agency.mailbox)
    found: list[Found] = []
    complete = asyncio.Event()

    async def take(message: AbstractIncomingMessage) -> None:
        found.append(found_in(message))
        if len(found) % ACKNOWLEDGE_EVERY == 0 or len(found) >= count:
            await message.ack(multiple=True)
        if len(found) >= count:
            complete.set()

    if count:
        async with asyncio.timeout(COLLECT_SECONDS), consuming(agency, take):
            await complete.wait()
    return found


@asynccontextmanager
async def consuming(
    agency: LocalAgency, take: Callable[[AbstractIncomingMessage], Awaitable[None]]
) -> AsyncIterator[None]:
    """Consume the queue of *agency*'s mailbox as its owner; *take* acknowledges."""
    connection = await aio_pika.connect(agency.amqp_url)
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=2 * ACKNOWLEDGE_EVERY)
        queue = await channel.get_queue(properties.queue_of(agency.mailbox), ensure=False)
        tag = await queue.consume(take)
        yield
        await queue.cancel(tag)


def found_in(message: AbstractIncomingMessage) -> Found:
    """Return what the checks need of *message*."""
    return Found(
        kind=str(message.type),
        delivery_id=str(message.headers.get(properties.DELIVERY_ID)),
        digest=digest_of(message.body),
        octets=len(message.body),
        body=message.body if message.type == MessageKind.RECEIPT else b"",
    )


def _check_documents(found: Sequence[Found], expected: Expected, recipient: AgencyKey) -> None:
    wrong = {each.kind for each in found} - {MessageKind.DOCUMENT}
    if wrong:
        raise BenchFailed(f"{recipient} received {wrong}, and only documents were sent")
    if len({each.delivery_id for each in found}) != len(found):
        raise BenchFailed(f"{recipient} received a delivery twice")
    got, wanted = Counter(each.digest for each in found), Counter(expected.digests.values())
    if got != wanted:
        lost, doubled = (wanted - got).total(), (got - wanted).total()
        raise BenchFailed(f"{recipient} is short of {lost} documents and has {doubled} that it should not")


async def _verified(found: Sequence[Found], kit_file: Path, pool: ProcessPoolExecutor) -> list[Receipt]:
    loop = asyncio.get_running_loop()
    bodies = [each.body for each in found]
    chunks = [bodies[start : start + CHUNK] for start in range(0, len(bodies), CHUNK)]
    jobs = [loop.run_in_executor(pool, _verify, kit_file, chunk) for chunk in chunks]
    return [receipt for job in await asyncio.gather(*jobs) for receipt in job]


def _verify(kit_file: Path, bodies: Sequence[bytes]) -> list[Receipt]:
    trust = _settings(kit_file).trust
    now = datetime.now(UTC)
    return [
        receipt
        for body in bodies
        for receipt in verify_receipts(
            body, anchors=trust.hub, hub_certificates=trust.hub_certificates, at=now
        )
    ]


@cache
def _settings(kit_file: Path) -> KitSettings:
    return read_settings(kit_file)


def _check_receipts(receipts: Iterable[Receipt], expected: Expected) -> None:
    accepted: list[SubmissionId] = []
    consigned: list[tuple[SubmissionId, AgencyKey]] = []
    for receipt in receipts:
        if receipt.digest != expected.digests.get(receipt.submission_id):
            raise BenchFailed(f"receipt {receipt.receipt_id} is about bytes that nobody submitted")
        match receipt.event:
            case ReceiptEvent.SUBMISSION_ACCEPTANCE:
                accepted.append(receipt.submission_id)
            case ReceiptEvent.CONTENT_CONSIGNMENT:
                consigned += [(receipt.submission_id, each.recipient) for each in receipt.subjects]
            case other:
                raise BenchFailed(f"receipt {receipt.receipt_id} says {other}")
    _compare("acceptances", accepted, list(expected.digests))
    _compare("consignments", consigned, [(one, to) for one in expected.digests for to in expected.recipients])


def _compare(what: str, got: Iterable[object], wanted: Iterable[object]) -> None:
    there, due = Counter(got), Counter(wanted)
    if there != due:
        missing, surplus = (due - there).total(), (there - due).total()
        raise BenchFailed(f"{missing} {what} are missing, {surplus} are too many")


async def _check_database(place: Place) -> None:
    async with place.database() as connection:
        for table in ("outbox_entries", "cases", "invalid_messages"):
            count = await connection.fetchval(f"select count(*) from {table}")
            if count:
                raise BenchFailed(f"{count} rows are left in {table}")
        refused = await connection.fetchval("select count(*) from messages where verdict <> 'accepted'")
        if refused:
            raise BenchFailed(f"the axis refused {refused} documents")
