"""A claim costs what it takes, however many mailboxes and entries wait, and passes nobody over."""

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

import pytest

from hub.backends.postgres.claimant import CLASS_OF_CLAIMANTS
from hub.backends.postgres.statements import statement
from hub.message.outbox import OutboxEntry
from tests.support.decisions import a_submission
from tests.support.store import LEASE, HubProcess, PostgresUnderTest, documents

pytestmark = pytest.mark.integration

Json: TypeAlias = dict[str, Any]
FEW, SOME, MANY = 100, 250, 1500
"""Mailboxes: fewer than a claim looks at (200), a few more, many more."""
LIMIT = 20
MAILBOXES = """
insert into mailboxes (name, agency, kind) select key, key, 'agency' from agencies where key like 'M%'
on conflict do nothing
"""
AGENCIES = """
insert into agencies (key, code, name, level)
select 'M' || n, 'M' || n, 'M' || n, 1 from generate_series($1::int, $2::int) n
"""
MESSAGE = """
insert into messages (message_id, kind, verdict, mailbox, submission_id, digest, octets, received_at, body)
values ('00000000-0000-7000-8000-000000000000', 'document', 'accepted', 'G22', '1', 'digest', 4, now(),
    'body')
on conflict do nothing
"""
DELIVERIES = """
insert into deliveries (delivery_id, message_id, kind, mailbox, sender, recipient, is_urgent, lane_number,
    correlation_id)
select gen_random_uuid(), '00000000-0000-7000-8000-000000000000', 'document', name, 'G22', name, false,
    number, '1'
from mailboxes cross join generate_series(1, 3) number
where name like 'M%' and name not in (select mailbox from deliveries)
"""
ENTRIES = """
insert into outbox_entries (delivery_id, mailbox, sender, recipient, is_urgent, lane_number, attempt, octets)
select delivery_id, mailbox, sender, recipient, is_urgent, lane_number, 1, 4
from deliveries where delivery_id not in (select delivery_id from outbox_entries)
order by lane_number, mailbox
"""


async def fill(store: PostgresUnderTest, mailboxes: int, *, there_are: int = 0) -> None:
    """Connect mailboxes until there are so many, and let three deliveries wait for each new one."""
    async with store.private.connect() as connection:
        await connection.execute(AGENCIES, there_are + 1, mailboxes)
        for act in (MAILBOXES, MESSAGE, DELIVERIES, ENTRIES, "analyze"):
            await connection.execute(act)


async def explained(store: PostgresUnderTest) -> Json:
    """Return how PostgreSQL goes about a claim, with what it counts; nothing is claimed."""
    # By the plan that suits any values, as a hub has it: `explain` alone would make one for these.
    values = f"1, {LIMIT}, 100000000, '{LEASE}', {CLASS_OF_CLAIMANTS}, '', '{{}}', '{{}}', '{{}}'"
    async with store.private.connect() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("set local plan_cache_mode = force_generic_plan")
        await connection.execute("prepare claim as " + statement("claim_outbox_entries"))
        told = await connection.fetchval(f"explain (analyze, buffers, format json) execute claim ({values})")
        plan: Json = json.loads(told)[0]["Plan"]
        await transaction.rollback()
    assert plan["Actual Rows"] == LIMIT
    return plan


async def looked_at(store: PostgresUnderTest) -> int:
    """Return how many pages a claim reads."""
    plan = await explained(store)
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


def compared_in_vain(plan: Json) -> int:
    """Return how often a row was compared with one that it was not joined with."""
    own = int(plan.get("Rows Removed by Join Filter", 0)) * int(plan["Actual Loops"])
    return own + sum(compared_in_vain(each) for each in plan.get("Plans", ()))


async def claim_all(hub: HubProcess) -> list[Sequence[OutboxEntry]]:
    claims = []
    while claimed := await hub.claim(limit=LIMIT):
        claims.append(claimed)
    return claims


async def test_a_claim_reads_no_more_where_many_more_mailboxes_wait(
    postgres_store: PostgresUnderTest,
) -> None:
    await fill(postgres_store, SOME)
    few = await looked_at(postgres_store)
    await fill(postgres_store, MANY, there_are=SOME)

    assert await looked_at(postgres_store) < 1.5 * few


async def test_a_claim_compares_no_entry_with_the_lanes_of_others(postgres_store: PostgresUnderTest) -> None:
    await fill(postgres_store, SOME)

    assert compared_in_vain(await explained(postgres_store)) < LIMIT


async def test_every_mailbox_has_its_turn_before_any_has_its_second(
    postgres_store: PostgresUnderTest,
) -> None:
    hub = await postgres_store.process()
    await fill(postgres_store, SOME)

    served = [entry.mailbox for claimed in await claim_all(hub) for entry in claimed]

    assert len(served) == 3 * SOME
    assert len(set(served[:SOME])) == SOME


async def test_what_is_urgent_is_found_wherever_it_waits(postgres_store: PostgresUnderTest) -> None:
    hub = await postgres_store.process()
    await fill(postgres_store, FEW)
    _, left = await hub.accept(a_submission(recipients=("H41",), priority=1).admitted())
    await hub.outbox.release(documents(left))
    await postgres_store.fetch("update outbox_entries set mailbox = 'Z' where is_urgent")

    claimed = await hub.claim(limit=LIMIT)

    assert [entry.is_urgent for entry in claimed] == [True] + [False] * (LIMIT - 1)


async def test_who_waits_behind_another_process_keeps_nobody_else_from_being_served(
    postgres_store: PostgresUnderTest,
) -> None:
    hub, other = await postgres_store.process(), await postgres_store.process()
    await fill(postgres_store, FEW)
    held = [entry for _ in range(2) for entry in await other.claim(limit=LIMIT)]

    claimed = await hub.claim(limit=LIMIT)

    assert {entry.mailbox for entry in claimed}.isdisjoint(entry.mailbox for entry in held)
    assert claimed
