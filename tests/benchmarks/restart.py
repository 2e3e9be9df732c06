"""Restart: a hub is killed amid its work; timed until the next one has delivered something."""

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import asyncpg

from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import read_settings
from hub.commands.local_axis import LocalAgency
from hub.message.identifiers import digest_of
from tests.benchmarks.checking import BenchFailed, Expected, Found, check_everything, collect
from tests.benchmarks.place import Place
from tests.support.hub_process import hub_processes
from tests.support.waiting import until

PATIENCE = 120.0
DELIVERED = """
    select count(*) as documents, extract(epoch from min(consigned_at))::float8 as first
    from deliveries where kind = 'document' and consigned_at > to_timestamp($1)
"""


async def measure_restart(place: Place, bodies: Sequence[bytes], pool: ProcessPoolExecutor) -> float:
    """Return the seconds from the kill of a hub to the first document that its successor delivers.

    A backlog waits all the time. What was under way when it was killed may arrive twice under one delivery
    id, as promised; so the recipient's queue is compared by delivery.
    """
    recipient = place.recipients[0]
    async with Mailbox.open(read_settings(place.sender.kit_file)) as mailbox:
        submissions = await mailbox.send_signed_many(bodies)
    expected = Expected(
        digests={one: digest_of(body) for one, body in zip(submissions, bodies, strict=True)},
        recipients=(recipient.key,),
    )
    begun_at = time.time()
    with hub_processes(place.axis.settings_file, place.axis.home) as start:
        async with place.database() as database:

            async def delivered(since: float) -> asyncpg.Record:
                return await database.fetchrow(DELIVERED, since)

            async def has_begun() -> bool:
                return bool((await delivered(begun_at))["documents"])

            async def is_drained() -> bool:
                return bool((await delivered(begun_at))["documents"] == len(bodies))

            first = start()
            await until(has_begun, what="the first delivery", seconds=PATIENCE, pause=0.01)
            killed_at = time.time()
            first.kill()
            second = start()
            await until(is_drained, what="the rest of the backlog", seconds=PATIENCE, pause=0.1)
            delivered_at = (await delivered(killed_at))["first"]
            if delivered_at is None:
                raise BenchFailed("the backlog was gone before the hub was killed: make a longer one")
            await until(lambda: _is_empty(database), what="an empty outbox", seconds=PATIENCE)
        if await second.stop():
            raise BenchFailed("a hub process did not end well")
    taken = {each.mailbox: await _once(place, each) for each in (recipient, place.sender)}
    await check_everything(place, expected, pool, taken)
    return float(delivered_at - killed_at)


async def _is_empty(database: asyncpg.Connection) -> bool:
    return not await database.fetchval("select exists (select from outbox_entries)")


async def _once(place: Place, agency: LocalAgency) -> list[Found]:
    """Take what *agency* received as its journal would: each delivery once, and the same receipts once.

    What was committed and not yet settled when the hub was killed is handed in again, and answered again with
    the stored receipts, under another delivery id.
    """
    found = await collect(place, agency)
    return list({each.body or each.delivery_id: each for each in found}.values())
