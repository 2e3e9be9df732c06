"""What the database has lost and the agencies hold, on a real database."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub.backends.blobs import BlobPlace, BlobStore
from hub.backends.postgres.pool import Database
from hub.errors import OperationRefused
from hub.message.claim import read_claim
from hub.message.delivery_state import DeliveryState
from hub.message.edxml import MessageKind, StatusCode
from hub.message.identifiers import MailboxName, digest_of
from hub.message.large_body import BodyKey
from hub.message.outbox import OutboxEntry
from hub.message.receipt import ReceiptEvent
from hub.operations.large_reading import Originals
from hub.operations.reconcile import LANE_GAP
from hub.operations.reconcile_step import RecordRefusal, Reinstate, ReinstateStatus, Settle, Submit
from tests.support.database import HUB, PrivateDatabase
from tests.support.loss import Agencies, Loss, events_of
from tests.support.memory_hub import a_register
from tests.support.store import PostgresUnderTest, documents, give_up, receipts, returned

CONSIGNMENT = ReceiptEvent.CONTENT_CONSIGNMENT
_COLUMNS = "delivery_id, mailbox, sender, recipient, is_urgent, lane_number, attempt"


@pytest.fixture
async def loss(
    private_database: PrivateDatabase, hub_database: Database, operators: Database, tmp_path: Path
) -> AsyncIterator[Loss]:
    store = PostgresUnderTest(private_database, hub_database)
    await store.register(*a_register())
    hub = await store.process()
    yield Loss(store=store, hub=hub, operators=operators, agencies=Agencies(folder=tmp_path))
    await store.close()


def the_document(entries: list[OutboxEntry] | tuple[OutboxEntry, ...]) -> OutboxEntry:
    (entry,) = documents(entries)
    return entry


async def test_a_delivered_document_comes_back_under_its_own_names(loss: Loss) -> None:
    entry = the_document(await loss.deliver(await loss.accept("H41")))
    await loss.forget()

    await loss.reconcile()

    row = (
        await loss.store.fetch(
            "select message_id, state, lane_number from deliveries where kind = 'document'"
        )
    )[0]
    assert row == (entry.message_id, "consigned", entry.lane_number)
    assert await loss.stored_receipts() == await loss.held_receipts()
    assert await loss.published() == []


async def test_looking_changes_nothing(loss: Loss) -> None:
    await loss.deliver(await loss.accept("H41", "H14"))
    await loss.forget()

    plan = await loss.look()

    assert [type(each) for each in plan.steps] == [Reinstate]
    assert await loss.store.fetch("select 1 from messages") == []
    assert await loss.actions() == []


async def test_an_accepted_document_that_nobody_got_is_delivered_under_its_own_id(loss: Loss) -> None:
    handed_over = await loss.accept("H41")
    entry = the_document(handed_over)
    loss.agencies.take([each for each in handed_over if each.kind is MessageKind.RECEIPT])
    await loss.forget()

    await loss.reconcile()

    published = the_document(await loss.published())
    assert (published.delivery_id, published.lane_number) == (entry.delivery_id, entry.lane_number)
    assert published.body == entry.body


async def test_what_a_recipient_took_and_nobody_was_told_of_gets_its_receipts_now(loss: Loss) -> None:
    entry = the_document(await loss.accept("H41"))
    loss.agencies.take([entry])
    await loss.forget()

    await loss.reconcile()

    published = await loss.published()
    assert documents(published) == []
    told = receipts(published)
    assert events_of(told) == ["ContentConsignment", "SubmissionAcceptance"]
    assert {each.message_id for each in told} == {entry.message_id}
    assert {subject.delivery_id for each in told for subject in each.subjects} == {entry.delivery_id}


async def test_what_nobody_has_heard_of_is_submitted_once(loss: Loss) -> None:
    await loss.accept("H41")
    await loss.forget()

    assert [type(each) for each in (await loss.look()).steps] == [Submit]
    await loss.reconcile()

    published = await loss.published()
    assert len(documents(published)) == 1
    assert events_of(receipts(published)) == ["ContentConsignment", "SubmissionAcceptance"]


async def test_statuses_come_back_and_their_handover_is_not_told_twice(loss: Loss) -> None:
    entry = the_document(await loss.deliver(await loss.accept("H41")))
    await loss.deliver(await loss.report(entry, StatusCode.ARRIVED))
    await loss.deliver(await loss.report(entry, StatusCode.ACCEPTED))
    await loss.forget()

    plan = await loss.look()
    await loss.reconcile()

    assert [type(each) for each in plan.steps] == [Reinstate, ReinstateStatus, ReinstateStatus]
    assert await loss.store.state_of(entry.delivery_id) is DeliveryState.ACCEPTED
    assert await loss.stored_receipts() == await loss.held_receipts()
    assert await loss.published() == []


async def test_a_status_that_did_not_reach_the_sender_is_forwarded_once(loss: Loss) -> None:
    entry = the_document(await loss.deliver(await loss.accept("H41")))
    await loss.report(entry, StatusCode.ARRIVED)
    await loss.forget()

    await loss.reconcile()

    published = await loss.published()
    assert [each.kind for each in published if each.kind is not MessageKind.RECEIPT] == [MessageKind.STATUS]
    assert events_of(receipts(published)) == ["ContentHandover"]
    assert await loss.store.state_of(entry.delivery_id) is DeliveryState.ARRIVED


async def test_a_refusal_comes_back_with_its_receipt(loss: Loss) -> None:
    await loss.deliver(await loss.refuse())
    await loss.forget()

    plan = await loss.look()
    await loss.reconcile()

    assert [type(each) for each in plan.steps] == [RecordRefusal]
    assert await loss.stored_receipts() == await loss.held_receipts()


async def test_a_signed_failure_comes_back_as_a_dead_letter(loss: Loss) -> None:
    published = await loss.deliver(await loss.accept("H41"))
    entry = the_document(published)
    await loss.deliver(await loss.hub.come_back(returned(entry.delivery_id), recover=give_up))
    await loss.forget()

    await loss.reconcile()

    assert await loss.store.state_of(entry.delivery_id) is DeliveryState.DEAD
    assert list(await loss.store.open_cases()) == [entry.delivery_id]
    assert await loss.published() == []


async def test_a_delivery_that_the_database_still_means_to_send_is_not_sent_twice(loss: Loss) -> None:
    entry = the_document(await loss.deliver(await loss.accept("H41")))
    await the_delivery_was_not_published_yet(loss)

    plan = await loss.look()
    await loss.reconcile()

    assert Settle in {type(each) for each in plan.steps}
    assert await loss.store.state_of(entry.delivery_id) is DeliveryState.CONSIGNED
    assert await loss.stored_receipts() == await loss.held_receipts()
    assert await loss.published() == []


async def test_without_the_senders_evidence_it_is_sent_again_under_the_same_id(loss: Loss) -> None:
    entry = the_document(await loss.deliver(await loss.accept("H41")))
    await the_delivery_was_not_published_yet(loss)

    plan = await loss.look("H41")

    assert plan.steps == ()
    assert [each.is_harmless for each in plan.missing] == [True]
    assert the_document(await loss.hub.deliver_all()).delivery_id == entry.delivery_id


async def test_an_attempt_that_was_given_back_is_followed_by_the_next(loss: Loss) -> None:
    handed_over = await loss.accept("H41")
    entry = the_document(handed_over)
    await loss.hub.deliver(handed_over)
    loss.agencies.take([each for each in handed_over if each.kind is MessageKind.RECEIPT])
    loss.agencies.take([entry], give_back=True)
    await loss.forget()

    await loss.reconcile()

    published = the_document(await loss.published())
    assert (published.delivery_id, published.attempt) == (entry.delivery_id, entry.attempt + 1)


async def test_without_all_evidence_no_lane_number_is_given_twice(loss: Loss) -> None:
    entry = the_document(await loss.deliver(await loss.accept("H41")))
    await loss.deliver(await loss.accept("H14"))
    await loss.forget()

    plan = await loss.look("G22")
    await loss.reconcile("G22")
    await loss.reconcile("G22")
    later = [the_document(await loss.accept(code)) for code in ("H41", "H14")]

    assert plan.lane_gap == LANE_GAP
    assert sorted(plan.incomplete) == ["H14", "H41"]
    assert [each.lane_number for each in later] == [LANE_GAP + entry.lane_number + 1] * 2
    assert (await loss.actions()).count("reconcile.lanes") == 1


async def test_a_lane_that_nobody_remembers_begins_beyond_what_was_given(loss: Loss) -> None:
    await loss.deliver(await loss.accept("H41"))
    await loss.forget()

    await loss.reconcile("H14")

    assert the_document(await loss.accept("H41")).lane_number == LANE_GAP + 1


async def test_with_all_evidence_the_lanes_go_on_without_a_gap(loss: Loss) -> None:
    entry = the_document(await loss.deliver(await loss.accept("H41")))
    await loss.forget()

    await loss.reconcile()

    assert the_document(await loss.accept("H41")).lane_number == entry.lane_number + 1


async def test_bytes_that_nobody_handed_in_are_asked_for(loss: Loss) -> None:
    await loss.deliver(await loss.accept("H41"))
    await loss.forget()

    plan = await loss.look("H41")

    assert plan.steps == ()
    assert ["in no journal" in each.why for each in plan.missing] == [True]


async def test_an_undecided_document_waits_for_the_evidence_of_its_recipients(loss: Loss) -> None:
    await loss.accept("H41")
    await loss.forget()

    plan = await loss.look("G22")

    assert plan.steps == ()
    assert [each.needs for each in plan.missing] == [("H41",)]


async def test_what_the_restored_registry_would_refuse_is_named_with_the_code(loss: Loss) -> None:
    await loss.deliver(await loss.accept("H41"))
    await loss.forget()
    await loss.store.fetch("update agencies set closed_at = now() - interval '1 year' where key = 'H41'")

    plan = await loss.look()

    assert plan.steps == ()
    assert ["HUB-6002" in each.why for each in plan.missing] == [True]


async def test_what_was_sent_again_meanwhile_is_left_and_named(loss: Loss) -> None:
    await loss.deliver(await loss.accept("H41"))
    plan_for = loss.agencies.sent[0]
    await loss.forget()
    plan = await loss.look()
    await loss.reconcile()

    applied = await loss.desk().apply(plan)

    assert [plan_for.submission_id in each.what for each in applied.refused] == [True]
    assert len(await loss.store.fetch("select 1 from messages")) == 1


async def test_nothing_is_looked_at_while_a_hub_is_at_work(loss: Loss) -> None:
    with pytest.raises(OperationRefused, match="hub processes work on this database"):
        await loss.desk(hub_role=HUB.role).look(loss.agencies.evidence(), {})


async def test_every_step_leaves_who_did_it(loss: Loss) -> None:
    await loss.deliver(await loss.accept("H41"))
    await loss.forget()

    await loss.reconcile()

    rows = await loss.store.fetch("select operator, action, reason from operator_actions")
    assert rows == [("Lan", "reconcile.document", "drill")]


async def the_delivery_was_not_published_yet(loss: Loss) -> None:
    """Put the database back to the instant after the acceptance."""
    await loss.store.private.rewrite(
        f"delete from receipts where event = '{CONSIGNMENT.value}'",
        "delete from receipt_subjects",
        "delete from deliveries where kind = 'receipt' and sheet_id not in (select sheet_id from receipts)",
        "delete from receipt_sheets where sheet_id not in (select sheet_id from receipts)",
    )
    await loss.store.fetch(
        "update deliveries set state = 'waiting', consigned_at = null where kind = 'document'"
    )
    await loss.store.fetch(
        f"insert into outbox_entries ({_COLUMNS}, octets) select {_COLUMNS}, 1000"
        " from deliveries where kind = 'document'"
    )


@pytest.fixture
def large(loss: Loss, tmp_path: Path) -> Loss:
    blobs = BlobStore.open(BlobPlace(url=(tmp_path / "bodies").as_uri()))
    return replace(loss, originals=Originals(blobs=blobs))


async def test_a_large_document_comes_back_and_keeps_its_body(large: Loss) -> None:
    entry = the_document(await large.deliver(await large.accept_large("H41")))
    await large.forget()

    await large.reconcile()

    assert read_claim(entry.body).octets
    assert await large.store.fetch("select message_id, state from deliveries where kind = 'document'") == [
        (entry.message_id, "consigned")
    ]
    assert await large.store.fetch("select state, accepted_at is not null from bodies") == [
        ("complete", True)
    ]


async def test_a_large_document_that_nobody_has_heard_of_is_submitted(large: Loss) -> None:
    await large.accept_large("H41")
    await large.forget()

    await large.reconcile()

    assert len(documents(await large.published())) == 1
    assert await large.store.fetch("select state, accepted_at is not null from bodies") == [
        ("complete", True)
    ]


async def test_a_large_document_that_the_store_has_lost_too_comes_from_its_sender(large: Loss) -> None:
    entry = the_document(await large.deliver(await large.accept_large("H41")))
    await large.forget()
    blobs, claim = large.originals.blobs, read_claim(entry.body)
    assert blobs is not None
    key = BodyKey(mailbox=MailboxName("G22"), digest=claim.digest)
    await blobs.delete([key.name])

    await large.reconcile()

    original = await large.originals.open(key.mailbox, entry.body)
    assert digest_of(await original.whole()) == claim.digest


async def test_without_the_blob_store_a_large_document_is_named_as_missing(large: Loss) -> None:
    await large.accept_large("H41")
    await large.forget()

    plan = await replace(large, originals=Originals(blobs=None)).look()

    assert plan.steps == ()
    assert ["bodies_store" in each.why for each in plan.missing] == [True]
