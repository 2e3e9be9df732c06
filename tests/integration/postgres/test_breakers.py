"""What the database makes of breakers: events, closed mailboxes, and several processes at a time."""

import asyncio
import json
from datetime import timedelta

import pytest

from hub.backends.postgres.seam import Terms
from hub.message.breaker import BreakerTerms
from hub.message.edxml import StatusCode
from hub.message.identifiers import DeliveryId, MailboxName
from hub.message.outbox import OutboxEntry, PublishResult
from tests.support.decisions import Submission, a_submission
from tests.support.store import SHORT, HubProcess, PostgresUnderTest, documents, returned
from tests.support.waiting import until

pytestmark = pytest.mark.integration
QUICK = Terms(park_time=SHORT, breaker=BreakerTerms(pause=SHORT, longest_pause=SHORT, probe_patience=SHORT))
WAITS_FOR_WORD = Terms(
    breaker=BreakerTerms(pause=SHORT, longest_pause=SHORT, probe_patience=timedelta(hours=1))
)
STAYS_PARKED = Terms(breaker=BreakerTerms(pause=timedelta(hours=1), longest_pause=timedelta(hours=1)))
TOLD = """
select name, detail from events where name in ('mailbox.parked', 'mailbox.resumed') order by event_id
"""


async def consigned(hub: HubProcess, count: int) -> dict[DeliveryId, Submission]:
    sent = {}
    for _ in range(count):
        submission = a_submission()
        accepted, handed_over = await hub.accept(submission.admitted())
        await hub.deliver(handed_over)
        sent[accepted.deliveries[0]] = submission
    return sent


async def told(store: PostgresUnderTest) -> list[tuple[object, dict[str, object]]]:
    return [(row[0], json.loads(str(row[1]))) for row in await store.fetch(TOLD)]


async def claim_some(hub: HubProcess) -> list[OutboxEntry]:
    return documents(await until(hub.claim, what="the end of a pause", pause=0.005))


async def test_the_trail_has_one_event_when_it_begins_and_one_when_it_ends(
    postgres_store: PostgresUnderTest,
) -> None:
    hub = await postgres_store.process(terms=WAITS_FOR_WORD)
    sent = await consigned(hub, 6)
    *opening, last = sent
    await hub.come_back(*map(returned, opening))
    await hub.come_back(returned(last))
    for _ in range(2):
        (probe,) = await claim_some(hub)
        await hub.deliver([probe])
        await hub.come_back(returned(probe.delivery_id, attempt=probe.attempt))

    left = set(sent)
    while left:
        taken = await claim_some(hub)
        await hub.deliver(taken)
        for entry in taken:
            status = sent[entry.delivery_id].status(StatusCode.ARRIVED, by="H41")
            await hub.deliver((await hub.commit(status)).handed_over)
            left.discard(entry.delivery_id)
    await hub.claim()

    began, ended = await told(postgres_store)
    assert began[0] == "mailbox.parked"
    assert (began[1]["mailbox"], began[1]["reason"], began[1]["failures"]) == ("H41", "failing", 5)
    assert ended[0] == "mailbox.resumed"
    assert (ended[1]["mailbox"], ended[1]["reason"], ended[1]["failures"]) == ("H41", "failing", 8)
    assert began[1]["since"]
    assert isinstance(ended[1]["waited"], int)


async def test_what_nobody_receives_any_more_is_an_operators_to_mend(
    postgres_store: PostgresUnderTest,
) -> None:
    hub = await postgres_store.process(terms=STAYS_PARKED)
    committed = await hub.commit(*(a_submission().admitted() for _ in range(6)))
    await postgres_store.close_mailbox(MailboxName("H41"))

    await hub.record(documents(committed.handed_over), PublishResult.UNROUTABLE)

    assert len(documents(await hub.claim())) == 6
    assert await told(postgres_store) == []


async def test_everybody_may_settle_take_in_and_claim_at_once(postgres_store: PostgresUnderTest) -> None:
    """Locks are taken in one order, so that nobody waits in a ring and no race has to be run again."""
    one, other = [await postgres_store.process(terms=QUICK) for _ in range(2)]
    sent = await consigned(one, 40)
    failing, heard = list(sent)[:20], list(sent)[20:]

    for round_ in range(5):
        attempt = round_ + 1
        await asyncio.gather(
            one.come_back(*(returned(each, attempt=attempt) for each in failing[:10])),
            other.come_back(*(returned(each, attempt=attempt) for each in failing[10:])),
            other.commit(
                *(sent[each].status(StatusCode.PROCESSING, by="H41") for each in heard[round_::5]),
            ),
            one.claim(limit=1),
            other.claim(limit=1),
        )
    failures = await postgres_store.fetch("select count(*) from attempts where outcome = 'rejected'")

    assert failures == [(100,)]


async def test_a_breaker_that_is_closed_costs_a_claim_no_look_at_any_mailbox(
    postgres_store: PostgresUnderTest,
) -> None:
    async with postgres_store.private.connect() as connection:
        await connection.execute(
            "insert into agencies (key, code, name, level) select 'M' || n, 'M', 'M', 1"
            " from generate_series(1, 5000) n;"
            " insert into mailboxes (name, agency, kind) select key, key, 'agency' from agencies"
            " where key like 'M%'; analyze mailboxes"
        )
        rows = await connection.fetch(
            "explain select name from mailboxes where breaker <> 'closed' and name <> all('{}'::text[])"
        )

    assert "mailboxes_troubled" in "".join(row[0] for row in rows)
