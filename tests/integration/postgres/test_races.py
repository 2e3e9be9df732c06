"""What two hub processes do at the same time: the keys decide, and nobody waits in a circle."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from hub.errors import RejectionCode
from hub.message.decision import Accepted, Committed, Outcome, Rejected, Repeated
from hub.message.edxml import MessageKind, StatusCode
from hub.message.outbox import OutboxEntry
from hub.message.receipt import ReceiptEvent
from tests.support.decisions import Submission, a_submission, again, signed_again
from tests.support.store import (
    HubProcess,
    PostgresUnderTest,
    answered,
    documents,
    of_kind,
    receipts,
    retry_at_once,
    returned,
)

pytestmark = pytest.mark.integration


async def at_once(*commits: object) -> list[Committed]:
    return list(await asyncio.gather(*commits))


def outcomes(committed: Sequence[Committed]) -> list[Outcome]:
    return [outcome for each in committed for outcome in each.outcomes]


def handed_over(committed: Sequence[Committed]) -> list[OutboxEntry]:
    return [entry for each in committed for entry in each.handed_over]


async def two(store: PostgresUnderTest) -> tuple[HubProcess, HubProcess]:
    return await store.process(), await store.process()


async def test_one_submission_in_two_processes_has_one_effect(postgres_store: PostgresUnderTest) -> None:
    one, other = await two(postgres_store)
    batch = [a_submission(submission_id=str(number)) for number in range(20)]

    committed = await at_once(
        one.commit(*(each.admitted() for each in batch)),
        other.commit(*(again(each).admitted() for each in reversed(batch))),
    )

    kinds = Counter(type(outcome) for outcome in outcomes(committed))
    assert kinds == {Accepted: 20, Repeated: 20}
    assert len({outcome.message_id for outcome in outcomes(committed)}) == 20
    letters = of_kind(handed_over(committed), MessageKind.RECEIPT)
    assert answered(letters) >= {str(number) for number in range(20)}
    assert len(letters) == 2, "one that accepts, and one that says so again"
    assert len({letter.body for letter in letters}) == 1
    rows = await postgres_store.fetch("select count(*) from deliveries where kind = 'document'")
    assert rows == [(20,)]


async def test_one_id_with_two_contents_in_two_processes_is_a_conflict_for_one(
    postgres_store: PostgresUnderTest,
) -> None:
    one, other = await two(postgres_store)

    committed = await at_once(
        one.commit(a_submission(submission_id="same").admitted()),
        other.commit(a_submission(submission_id="same").admitted()),
    )

    assert Counter(type(outcome) for outcome in outcomes(committed)) == {Accepted: 1, Rejected: 1}


async def test_one_content_under_two_ids_in_two_processes_has_one_effect(
    postgres_store: PostgresUnderTest,
) -> None:
    """The ids are so chosen that each process enters first what the other one enters second."""
    one, other = await two(postgres_store)
    first, second = a_submission(), a_submission()

    committed = await at_once(
        one.commit(
            first.with_(submission_id="b").admitted(), again(second).with_(submission_id="c").admitted()
        ),
        other.commit(
            second.with_(submission_id="a").admitted(), again(first).with_(submission_id="d").admitted()
        ),
    )

    kinds = Counter(type(outcome) for outcome in outcomes(committed))
    assert kinds == {Accepted: 2, Repeated: 2}
    assert answered(handed_over(committed)) >= {"a", "b", "c", "d"}


async def test_the_same_new_content_from_two_processes_is_sent_once_and_leaves_no_gap(
    postgres_store: PostgresUnderTest,
) -> None:
    one, other = await two(postgres_store)
    submission = a_submission()

    committed = await at_once(
        one.commit(submission.admitted(), a_submission().admitted()),
        other.commit(signed_again(submission).admitted(), a_submission().admitted()),
    )

    assert {type(outcome) for outcome in outcomes(committed)} == {Accepted}
    numbers = await postgres_store.fetch(
        "select lane_number from deliveries where kind = 'document' order by lane_number"
    )
    assert numbers == [(1,), (2,), (3,)]


async def test_two_contents_under_one_document_id_from_two_processes_clash(
    postgres_store: PostgresUnderTest,
) -> None:
    one, other = await two(postgres_store)
    submission = a_submission()

    committed = await at_once(
        one.commit(submission.admitted()),
        other.commit(signed_again(submission).with_(content="khác").admitted()),
    )

    rejected = [outcome for outcome in outcomes(committed) if isinstance(outcome, Rejected)]
    assert [each.violations[0].code for each in rejected] == [RejectionCode.DOCUMENT_ID_REUSED]


async def test_one_handover_is_told_though_two_processes_hear_of_it(
    postgres_store: PostgresUnderTest,
) -> None:
    one, other = await two(postgres_store)
    submission = a_submission()
    _, entries = await one.accept(submission.admitted())
    await one.deliver(entries)

    committed = await at_once(
        one.commit(submission.status(StatusCode.ARRIVED, by="H41")),
        other.commit(submission.status(StatusCode.ACCEPTED, by="H41")),
    )

    assert len(receipts(handed_over(committed), ReceiptEvent.CONTENT_HANDOVER)) == 1


async def test_an_acknowledgement_and_a_return_at_the_same_time_end_in_one_of_both(
    postgres_store: PostgresUnderTest,
) -> None:
    one, other = await two(postgres_store)
    batch = [a_submission() for _ in range(10)]
    deliveries = []
    for submission in batch:
        accepted, entries = await one.accept(submission.admitted())
        await one.deliver(entries)
        deliveries += accepted.deliveries

    await asyncio.gather(
        *(one.commit(each.status(StatusCode.ARRIVED, by="H41")) for each in batch),
        *(other.come_back(returned(each), recover=retry_at_once) for each in deliveries),
    )

    states = await postgres_store.fetch("select distinct state from deliveries where kind = 'document'")
    assert states == [("arrived",)]
    assert documents(await one.claim()) == []


async def test_no_two_processes_claim_the_same_entry(postgres_store: PostgresUnderTest) -> None:
    hubs = [await postgres_store.process() for _ in range(3)]
    committed = await hubs[0].commit(
        *(a_submission().to(to).admitted() for to in ("H41", "H14", "H29") for _ in range(20))
    )
    await hubs[0].outbox.release(committed.handed_over)

    claimed: list[OutboxEntry] = []
    while taken := [
        entry for each in await asyncio.gather(*(hub.claim(limit=7) for hub in hubs)) for entry in each
    ]:
        claimed += taken
        await asyncio.gather(
            *(hub.record([e for e in taken if e in taken[i::3]]) for i, hub in enumerate(hubs))
        )

    ids = [entry.entry_id for entry in claimed if entry.kind is MessageKind.DOCUMENT]
    assert len(ids) == len(set(ids)) == 60


@pytest.mark.parametrize("seed", range(4))
async def test_random_batches_from_four_processes_leave_lanes_dense_and_nobody_stuck(
    postgres_store: PostgresUnderTest, seed: int
) -> None:
    chance = random.Random(seed)
    hubs = [await postgres_store.process() for _ in range(4)]
    known: list[Submission] = [a_submission() for _ in range(3)]

    async with asyncio.timeout(60):
        for _ in range(6):
            await asyncio.gather(*(_work(hub, chance, known) for hub in hubs))

    gaps = await postgres_store.fetch(
        "select sender, recipient, is_urgent from deliveries where lane_number > 0"
        " group by 1, 2, 3 having count(*) <> max(lane_number) or min(lane_number) <> 1"
        " or count(distinct lane_number) <> count(*)"
    )
    assert gaps == []
    twice = await postgres_store.fetch(
        "select 1 from deliveries where kind = 'document' and is_current"
        " group by sender, document_id, business_type, content_digest, recipient having count(*) > 1"
    )
    assert twice == []
    unanswered = await postgres_store.fetch(
        "select message_id from messages m where kind = 'document' and not exists"
        " (select from receipts r where r.message_id = m.message_id)"
    )
    assert unanswered == []


async def _work(hub: HubProcess, chance: random.Random, known: list[Submission]) -> None:
    """Submit new, repeated, contradicting and re-signed documents and statuses, then record some."""
    decisions = []
    for _ in range(chance.randint(1, 12)):
        old = chance.choice(known)
        recipients = tuple(chance.sample(("H41", "H14", "H29"), chance.randint(1, 3)))
        new = a_submission(priority=chance.randint(0, 1)).to(*recipients)
        known.append(new)
        decisions.append(
            chance.choice(
                (
                    new.admitted(),
                    again(old).admitted(),
                    again(old).with_(submission_id="other").admitted(),
                    signed_again(old).admitted(),
                    signed_again(old).with_(content="khác").admitted(),
                    old.refused(),
                    old.status(chance.choice(list(StatusCode)), by=old.recipients[0]),
                )
            )
        )
    committed = await hub.commit(*decisions)
    told = await hub.record(committed.handed_over)
    back = [each for each in documents(committed.handed_over) if chance.random() < 0.3]
    await hub.come_back(*(returned(each.delivery_id) for each in back), recover=retry_at_once)
    await hub.record([*told, *await hub.claim(limit=5)])
