"""What a recipient gives back, crashes on, never collects or has no room for."""

import json
import signal

import pytest

from hub.message.receipt import FailureKind, ReceiptEvent
from tests.acceptance.speaking import a_letter
from tests.support.axis import World
from tests.support.ledger import (
    FAILURE,
    HANDOVER,
    AgencyProcess,
    assert_in_order,
    every_document_has_its_effects,
)
from tests.support.raw_agency import RawAgency
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(180)


async def test_a_rejected_delivery_comes_again_after_a_delay_and_arrives(world: World) -> None:
    sender, recipient = await world.connected(2)
    software = world.software(recipient, policy="fail", until_attempt=1)
    await world.hub()
    source = world.software(sender, sends=3, to=(recipient,))

    await until(lambda: len(software.effects()) == 3, what="three effects")

    await until(lambda: len(source.receipts(HANDOVER)) == 3, what="three handovers")
    assert [line["attempt"] for line in software.effects()] == [2, 2, 2]
    first = {line["delivery_id"]: line for line in software.lines("offered") if line["attempt"] == 1}
    assert {line["delivery_id"] for line in software.effects()} == set(first)
    assert source.receipts(FAILURE) == []
    assert await world.cases() == []


async def test_what_is_always_rejected_becomes_a_case_and_a_replay_delivers_it(world: World) -> None:
    sender, recipient = await world.connected(2)
    software = world.software(recipient, policy="fail", until_attempt=3)
    await world.hub()

    async with RawAgency.open(sender) as raw:
        submission = await raw.submit_signed(a_letter(sender, recipient).unsigned())
        failure = await raw.receipt(submission, ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE)
        (case,) = await world.cases()
        assert (failure.failure, failure.episode) == (FailureKind.NOT_DELIVERED, 1)
        assert [about.delivery_id for about in failure.subjects] == [case["delivery_id"]]

        code, told = await world.truc("deadletter", "replay", str(case["case_id"]), "--operator", "kiểm thử")
        assert code == 0, told
        await raw.receipt(submission, ReceiptEvent.CONTENT_HANDOVER)

        consigned = raw.receipts(submission, ReceiptEvent.CONTENT_CONSIGNMENT)
        assert [(each.episode, each.supersedes) for each in consigned] == [(1, None), (2, failure.receipt_id)]
    (effect,) = software.effects()
    assert (effect["delivery_id"], effect["attempt"]) == (str(case["delivery_id"]), 4)
    assert [line["attempt"] for line in software.lines("offered")] == [1, 2, 3, 4]
    (closed,) = await world.cases()
    assert closed["outcome"] == "replayed"


async def test_replay_of_a_filtered_set_and_discard_of_another(world: World) -> None:
    sender, one, other = await world.connected(3)
    softwares = [world.software(each, policy="fail", until_attempt=3) for each in (one, other)]
    await world.hub(HUB_BREAKER_FAILURES="0")
    source = world.software(sender, sends=4, to=(one, other))
    await until(lambda: len(source.receipts(FAILURE)) == 8, what="eight failures", seconds=60)

    code, told = await world.truc("deadletter", "replay", "--mailbox", one.mailbox, "--operator", "kiểm thử")
    assert code == 0, told
    code, told = await world.truc(
        "deadletter", "discard", "--mailbox", other.mailbox, "--reason", "gửi nhầm", "--operator", "kiểm thử"
    )
    assert code == 0, told

    await until(lambda: len(softwares[0].effects()) == 4, what="four replayed")
    await until(lambda: len(source.receipts(FAILURE)) == 12, what="four discards told")
    assert softwares[1].effects() == []
    outcomes = {(case["mailbox"], case["outcome"]) for case in await world.cases()}
    assert outcomes == {(one.mailbox, "replayed"), (other.mailbox, "discarded")}
    code, told = await world.truc("deadletter", "list", "--mailbox", one.mailbox, "--json")
    assert (code, json.loads(told)) == (0, [])


async def test_a_delivery_that_kills_its_consumer_comes_back_from_the_delivery_limit(world: World) -> None:
    sender, recipient = await world.connected(2)
    await world.limit_queue(recipient.mailbox, delivery_limit=2)
    await world.hub()
    async with RawAgency.open(sender) as raw:
        submission = await raw.submit_signed(a_letter(sender, recipient).unsigned())
        await raw.receipt(submission, ReceiptEvent.CONTENT_CONSIGNMENT)
        for _ in range(3):  # one more than the limit
            await dies_of_it(world.software(recipient, environment={"TRUC_CRASH_AT": "after-received"}))

        async def is_back() -> bool:
            return await returned(world, recipient.mailbox)

        await until(is_back, what="the return")
        cured = world.software(recipient)
        await raw.receipt(submission, ReceiptEvent.CONTENT_HANDOVER, seconds=60)
    assert [line["attempt"] for line in cured.effects()] == [2]
    assert await world.cases() == []


async def dies_of_it(software: AgencyProcess) -> None:
    await until(lambda: software.exit_code is not None, what="a crash")
    assert software.exit_code == -signal.SIGKILL


async def returned(world: World, mailbox: str) -> bool:
    query = """select 1 from attempts a join deliveries d using (delivery_id)
        where d.mailbox = $1 and a.outcome = 'delivery_limit'"""
    return bool(await world.rows(query, mailbox))


async def test_what_nobody_collects_expires_for_good_with_a_signed_failure(world: World) -> None:
    sender, recipient = await world.connected(2)
    await world.limit_queue(recipient.mailbox, message_ttl=1500)
    await world.hub()

    async with RawAgency.open(sender) as raw:
        submission = await raw.submit_signed(a_letter(sender, recipient).unsigned())

        failure = await raw.receipt(submission, ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE)
        assert failure.failure is FailureKind.EXPIRED
        assert len(raw.receipts(submission, ReceiptEvent.CONTENT_CONSIGNMENT)) == 1
    assert await world.cases() == []
    await world.nothing_waits()
    assert await world.lying_in_queue(recipient.mailbox) == 0


async def test_a_full_mailbox_is_parked_costs_no_attempt_and_drains_later(world: World) -> None:
    sender, recipient, other = await world.connected(3)
    await world.limit_queue(recipient.mailbox, max_length=5)
    hub = await world.hub()
    quick = world.software(other)
    source = world.software(sender, sends=60, to=(recipient, other))
    query = "select parked_until from mailboxes where name = $1 and parked_since is not null"

    async def parked() -> bool:
        return bool(await world.rows(query, recipient.mailbox))

    await until(parked, what="a parked mailbox")
    await until(lambda: len(quick.effects()) == 60, what="all of it at the one that is not full")

    software = world.software(recipient)
    # A queue at its limit takes some and refuses others: the order of what it refused is not promised.
    await every_document_has_its_effects(source, [software, quick], count=60, seconds=90, in_order=False)
    assert_in_order(quick.effects())
    await world.nothing_waits()
    assert await world.highest_attempt() == 1
    assert await world.cases() == []
    assert not await parked()
    assert hub.lines("message.failed") == []


async def test_a_receipt_itself_never_causes_one(world: World) -> None:
    sender, recipient = await world.connected(2)
    await world.limit_queue(sender.mailbox, message_ttl=1000)
    await world.hub()
    software = await world.software(recipient).ready()
    async with RawAgency.open(sender, consumes=False) as raw:
        await raw.submit_signed(a_letter(sender, recipient).unsigned())

        await until(lambda: len(software.effects()) == 1, what="the effect")
    query = "select state from deliveries where mailbox = $1 and kind = 'receipt'"

    async def expired() -> bool:
        states = [row["state"] for row in await world.rows(query, sender.mailbox)]
        return len(states) >= 3 and set(states) == {"expired"}

    await until(expired, what="three expired receipts, and none about them")
    assert await world.cases() == []
