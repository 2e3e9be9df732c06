"""What becomes of a mailbox that only fails, or is full, of the twin as of the real one."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from hub.backends.postgres.seam import Terms
from hub.message.breaker import BreakerTerms
from hub.message.delivery_state import DeliveryState
from hub.message.edxml import MessageKind, StatusCode
from hub.message.identifiers import DeliveryId
from hub.message.outbox import OutboxEntry, PublishResult, Recovery, ReturnedDelivery, ReturnReason
from tests.support.decisions import Submission, a_submission
from tests.support.store import (
    SHORT,
    HubProcess,
    StoreUnderTest,
    documents,
    give_up,
    retry_at_once,
    returned,
)
from tests.support.waiting import until

LONG = timedelta(hours=1)
STAYS_PARKED = Terms(breaker=BreakerTerms(pause=LONG, longest_pause=LONG))
PROBES_SOON = Terms(breaker=BreakerTerms(pause=SHORT, longest_pause=SHORT, probe_patience=LONG))
FULL_SHORTLY = Terms(park_time=SHORT)
Sent = dict[DeliveryId, Submission]


async def consigned(hub: HubProcess, count: int, *, priority: int = 0) -> Sent:
    """Accept documents for H41 and let the broker have them."""
    sent: Sent = {}
    for _ in range(count):
        submission = a_submission(priority=priority)
        accepted, handed_over = await hub.accept(submission.admitted())
        await hub.deliver(handed_over)
        sent[accepted.deliveries[0]] = submission
    return sent


async def waiting(hub: HubProcess, count: int, *, priority: int = 0) -> Sent:
    """Accept documents for H41 that cannot leave at once."""
    sent: Sent = {}
    for _ in range(count):
        submission = a_submission(priority=priority)
        committed = await hub.commit(submission.admitted())
        assert documents(committed.handed_over) == []
        await hub.deliver(committed.handed_over)
        (outcome,) = committed.outcomes
        sent |= dict.fromkeys(getattr(outcome, "deliveries", ()), submission)
    return sent


async def acknowledge(hub: HubProcess, submission: Submission) -> None:
    committed = await hub.commit(submission.status(StatusCode.ARRIVED, by="H41"))
    await hub.deliver(committed.handed_over)


async def claim_some(hub: HubProcess) -> list[OutboxEntry]:
    return documents(await until(hub.claim, what="the end of a pause", pause=0.005))


def ids(entries: Sequence[OutboxEntry]) -> list[DeliveryId]:
    return [entry.delivery_id for entry in entries]


async def test_a_mailbox_that_only_fails_is_parked_and_others_are_not(store: StoreUnderTest) -> None:
    hub = await store.process(terms=STAYS_PARKED)
    sent = list(await consigned(hub, 5))

    await hub.come_back(*map(returned, sent[:4]))
    before = await hub.claim()
    await hub.outbox.release(before)
    await hub.come_back(returned(sent[4]))

    assert sorted(ids(before)) == sorted(sent[:4])
    assert await hub.claim() == []
    await waiting(hub, 1)
    _, elsewhere = await hub.accept(a_submission().to("H14").admitted())
    assert len(documents(elsewhere)) == 1


async def test_what_comes_back_while_its_mailbox_is_parked_costs_no_try_and_its_attempt_rises(
    store: StoreUnderTest,
) -> None:
    hub = await store.process(terms=STAYS_PARKED)
    *opening, last = await consigned(hub, 6)
    await hub.come_back(*map(returned, opening))

    for attempt in (1, 2, 3):
        assert not await hub.come_back(returned(last, attempt=attempt), recover=give_up)

    assert await store.open_cases() == {}
    assert await store.state_of(last) is DeliveryState.WAITING
    assert [attempt for attempt, outcome in await store.attempts_of(last) if outcome == "rejected"] == [
        1,
        2,
        3,
    ]
    assert await asked_for_tries(hub, last, attempt=4, reason=ReturnReason.HUB_FAILURE) == [1]


async def asked_for_tries(
    hub: HubProcess, delivery: DeliveryId, *, attempt: int, reason: ReturnReason
) -> list[int]:
    tries = []

    def recover(each: ReturnedDelivery, tried: int) -> Recovery:
        tries.append(tried)
        assert each.mailbox == "H41"
        return retry_at_once(each, tried)

    await hub.come_back(returned(delivery, attempt=attempt, reason=reason), recover=recover)
    return tries


async def test_an_expiry_is_final_though_its_mailbox_is_parked(store: StoreUnderTest) -> None:
    hub = await store.process(terms=STAYS_PARKED)
    *opening, last = await consigned(hub, 6)
    await hub.come_back(*map(returned, opening))

    await hub.come_back(returned(last, reason=ReturnReason.EXPIRED), recover=give_up)

    assert await store.state_of(last) is DeliveryState.DEAD


async def test_one_document_that_is_always_rejected_holds_up_no_other(store: StoreUnderTest) -> None:
    hub = await store.process(terms=STAYS_PARKED)
    (bad,) = await consigned(hub, 1)

    for attempt in range(1, 12):
        await hub.come_back(returned(bad, attempt=attempt))

    _, handed_over = await hub.accept(a_submission().admitted())
    assert len(documents(handed_over)) == 1


async def test_many_documents_that_are_always_rejected_end_as_cases_and_hold_up_no_other(
    store: StoreUnderTest,
) -> None:
    """They come back, the mailbox takes others, they come back again: it is not the mailbox."""
    hub = await store.process(terms=STAYS_PARKED)
    bad = list(await consigned(hub, 8))
    for batch, attempt, recover in (
        (bad[:4], 1, None),
        (bad[4:], 1, None),
        (bad, 2, None),
        (bad, 3, give_up),
    ):
        await hub.come_back(*(returned(each, attempt=attempt) for each in batch), recover=recover)
        (good,) = (await consigned(hub, 1)).values()
        await acknowledge(hub, good)

    assert set(await store.open_cases()) == set(bad)
    _, handed_over = await hub.accept(a_submission().admitted())
    assert len(documents(handed_over)) == 1


async def test_where_nothing_but_bad_documents_waits_probes_bring_them_to_an_end(
    store: StoreUnderTest,
) -> None:
    hub = await store.process(terms=PROBES_SOON)
    bad = list(await consigned(hub, 3))
    await hub.come_back(*map(returned, bad))
    await acknowledge(hub, *(await consigned(hub, 1)).values())
    for attempt in (2, 3, 4):  # after the second nobody is heard of any more
        await hub.come_back(*(returned(each, attempt=attempt) for each in bad))

    for _ in bad:
        (probe,) = await claim_some(hub)
        await hub.deliver([probe])
        await hub.deliver(
            await hub.come_back(returned(probe.delivery_id, attempt=probe.attempt), recover=give_up)
        )

    assert set(await store.open_cases()) == set(bad)


async def test_an_acknowledgement_of_what_was_published_meanwhile_ends_a_false_alarm(
    store: StoreUnderTest,
) -> None:
    hub = await store.process(terms=STAYS_PARKED)
    opening = list(await consigned(hub, 5))
    failing_since = [returned(each) for each in opening]
    later = await consigned(hub, 1)
    await hub.come_back(*failing_since)
    assert documents(await hub.claim()) == []

    await acknowledge(hub, *later.values())

    assert len(documents(await hub.claim())) == 1


async def test_failures_with_an_acknowledgement_between_them_park_nobody(store: StoreUnderTest) -> None:
    hub = await store.process(terms=STAYS_PARKED)
    sent = await consigned(hub, 9)
    *failing, good = sent

    await hub.come_back(*map(returned, failing[:4]))
    await acknowledge(hub, sent[good])
    await hub.come_back(*map(returned, failing[4:]))

    assert sorted(ids(await hub.claim())) == sorted(failing)


async def test_a_recall_is_the_senders_word_and_acknowledges_nothing(store: StoreUnderTest) -> None:
    hub = await store.process(terms=STAYS_PARKED)
    sent = await consigned(hub, 6)
    *failing, recalled = sent

    await hub.come_back(*map(returned, failing[:4]))
    await hub.commit(sent[recalled].status(StatusCode.RECALL_REQUESTED, by="H41"))
    await hub.come_back(returned(failing[4]))

    assert documents(await hub.claim()) == []


async def test_a_queue_that_is_gone_opens_the_breaker(
    store: StoreUnderTest,
) -> None:
    hub = await store.process(terms=STAYS_PARKED)
    committed = await hub.commit(*(a_submission().admitted() for _ in range(5)))

    await hub.record(documents(committed.handed_over), PublishResult.UNROUTABLE)

    assert documents(await hub.claim()) == []


async def test_after_the_pause_one_probe_is_sent_the_urgent_one_first(store: StoreUnderTest) -> None:
    hub = await store.process(terms=PROBES_SOON)
    ordinary = await consigned(hub, 5)
    await hub.come_back(*map(returned, ordinary))
    (urgent,) = await waiting(hub, 1, priority=2)

    probe = await claim_some(hub)

    assert ids(probe) == [urgent]
    await hub.deliver(probe)
    assert await hub.claim() == []


async def test_an_urgent_one_that_came_back_is_drained_before_all_others(store: StoreUnderTest) -> None:
    hub = await store.process(terms=PROBES_SOON)
    opening = await consigned(hub, 5)
    (urgent,) = await consigned(hub, 1, priority=1)
    await hub.come_back(*map(returned, opening))
    await hub.come_back(returned(urgent))
    later = await waiting(hub, 3)

    (probe,) = await claim_some(hub)
    await hub.deliver([probe])
    await acknowledge(hub, later[probe.delivery_id])

    assert ids(await claim_some(hub)) == [urgent]


async def test_no_document_is_probed_twice_before_every_other_was_not_even_an_urgent_one(
    store: StoreUnderTest,
) -> None:
    hub = await store.process(terms=PROBES_SOON)
    waits = list(await consigned(hub, 5)) + list(await consigned(hub, 1, priority=1))
    await hub.come_back(*map(returned, waits))
    probed: list[DeliveryId] = []

    for _ in waits:
        (probe,) = await claim_some(hub)
        await hub.deliver([probe])
        await hub.come_back(returned(probe.delivery_id, attempt=probe.attempt))
        probed.append(probe.delivery_id)

    assert sorted(probed) == sorted(waits)


async def test_a_probe_that_comes_back_parks_the_mailbox_again_and_the_next_probe_is_another(
    store: StoreUnderTest,
) -> None:
    hub = await store.process(terms=PROBES_SOON)
    opening = await consigned(hub, 5)
    await hub.come_back(*map(returned, opening))
    first = await claim_some(hub)
    await hub.deliver(first)

    assert not await hub.come_back(returned(first[0].delivery_id, attempt=2), recover=give_up)

    second = await claim_some(hub)
    assert await store.open_cases() == {}
    assert len(second) == 1
    assert ids(second) != ids(first)


async def test_an_acknowledged_probe_begins_a_drain_that_grows_with_every_claim(
    store: StoreUnderTest,
) -> None:
    hub = await store.process(terms=PROBES_SOON)
    opening = await consigned(hub, 5)
    await hub.come_back(*map(returned, opening))
    sent = opening | await waiting(hub, 12)
    (probe,) = await claim_some(hub)
    await hub.deliver([probe])
    sizes: list[int] = []
    order: list[OutboxEntry] = []

    await acknowledge(hub, sent[probe.delivery_id])
    while len(order) < len(sent) - 1:
        taken = await claim_some(hub)
        await hub.deliver(taken)
        await acknowledge(hub, sent[taken[0].delivery_id])
        sizes.append(len(taken))
        order += taken

    assert sizes == [1, 2, 4, 8, 1]
    fresh = [entry.lane_number for entry in order if entry.attempt == 1]
    assert fresh == sorted(fresh)
    assert await store.open_cases() == {}
    await hub.claim()
    _, handed_over = await hub.accept(a_submission().admitted())
    assert len(documents(handed_over)) == 1


async def test_only_one_process_probes(store: StoreUnderTest) -> None:
    hub, other = await store.process(terms=PROBES_SOON), await store.process(terms=PROBES_SOON)
    await hub.come_back(*map(returned, await consigned(hub, 5)))

    taken = await claim_some(hub)

    assert len(taken) == 1
    assert await other.claim() == []


async def test_a_full_mailbox_is_drained_slowly_too(store: StoreUnderTest) -> None:
    hub = await store.process(terms=FULL_SHORTLY)
    _, handed_over = await hub.accept(a_submission().admitted())
    await hub.record(documents(handed_over), PublishResult.FULL)
    await waiting(hub, 9)
    sizes: list[int] = []

    while sum(sizes) < 10:
        taken = await claim_some(hub)
        await hub.record(taken)
        sizes.append(len(taken))

    assert sizes == [1, 2, 4, 3]
    _, later = await hub.accept(a_submission().admitted())
    assert [entry.kind for entry in later].count(MessageKind.DOCUMENT) == 1


@pytest.mark.parametrize("failures", [0, 100])
async def test_a_breaker_opens_as_late_as_the_settings_say(store: StoreUnderTest, failures: int) -> None:
    hub = await store.process(terms=Terms(breaker=BreakerTerms(failures=failures, pause=LONG)))
    sent = await consigned(hub, 20)

    await hub.come_back(*map(returned, sent))

    assert sorted(ids(await hub.claim())) == sorted(sent)
