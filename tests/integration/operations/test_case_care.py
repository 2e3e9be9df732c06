"""Cases by root cause: shared out, noted on, put off, taken back and sent elsewhere."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from hub.backends.clock import SystemClock, new_id
from hub.backends.postgres.caseload import GroupFilter
from hub.backends.postgres.desk import CaseFilter
from hub.backends.postgres.registry import PostgresRegistry
from hub.errors import OperationRefused
from hub.message.delivery_state import DeliveryState
from hub.message.edxml import StatusCode
from hub.message.identifiers import AgencyKey, MailboxName
from hub.message.receipt import ReceiptEvent
from hub.operations.cases import CaseDesk
from hub.operations.replaying import Detour
from hub.operations.trace import trace
from tests.integration.operations.conftest import Office
from tests.support.decisions import a_submission, plain_pen, plain_seal, signed_again
from tests.support.store import documents, give_up, returned

TOMORROW = timedelta(days=1)


async def test_cases_with_one_cause_are_one_group_with_its_oldest_and_newest(office: Office) -> None:
    for _ in range(2):
        await office.dead_letters(a_submission().to("H41"))
    await office.dead_letters(a_submission().to("H14"))

    first, second = await office.desk().groups()

    assert [(each.mailbox, each.open, each.cause_code) for each in (first, second)] == [
        ("H41", 2, "rejected"),
        ("H14", 1, "rejected"),
    ]
    assert first.oldest_at < first.newest_at
    assert len(await office.desk().find(CaseFilter(group=first.group_key))) == 2
    assert [each.mailbox for each in await office.desk().groups(GroupFilter(mailbox=MailboxName("H14")))] == [
        "H14"
    ]


async def test_cases_are_listed_page_by_page(office: Office) -> None:
    for _ in range(3):
        await office.dead_letters(a_submission())
    desk = office.desk()

    page = await desk.find(CaseFilter(), limit=2)
    rest = await desk.find(CaseFilter(), limit=2, after=page[-1].case_id)

    assert [each.case_id for each in (*page, *rest)] == await office.cases()


async def test_what_comes_back_after_a_replay_is_its_owners_with_ticket_and_notes(office: Office) -> None:
    (dead,) = await office.dead_letters(a_submission())
    (case,) = await office.cases()
    await office.desk().assign([case], "Minh")
    await office.desk().link([case], "https://helpdesk.example.vn/4711")
    await office.desk("Hoa").note([case], "their disk is full")
    await office.desk().replay([case])
    await office.published()
    await office.hub.come_back(returned(dead.delivery_id, attempt=2), recover=give_up)

    (again,) = await office.cases()
    file = await office.desk().show(again)

    assert again != case
    assert (file.case.owner, file.case.ticket, file.case.times_back) == (
        "Minh",
        "https://helpdesk.example.vn/4711",
        1,
    )
    assert [(note.operator, note.text) for note in file.notes] == [("Hoa", "their disk is full")]
    assert {moment.what for moment in file.timeline} >= {"assign by Lan", "note by Hoa", "replay by Lan"}


async def test_what_is_put_off_is_counted_apart_until_its_time(office: Office) -> None:
    await office.dead_letters(a_submission())
    (case,) = await office.cases()

    await office.desk().snooze([case], datetime.now(UTC) + TOMORROW)

    (group,) = await office.desk().groups()
    assert (group.open, group.snoozed) == (0, 1)
    assert await office.desk().find(CaseFilter(is_snoozed=False)) == ()
    await office.desk().snooze([case], None)
    (group,) = await office.desk().groups()
    assert (group.open, group.snoozed) == (1, 0)


async def test_every_act_is_recorded(office: Office) -> None:
    await office.dead_letters(a_submission())
    (case,) = await office.cases()
    desk = office.desk()

    await desk.assign([case], "Minh")
    await desk.snooze([case], datetime.now(UTC) + TOMORROW)
    await desk.link([case], None)
    await desk.note([case], "x")

    assert [each[1] for each in await office.actions()] == ["assign", "snooze", "ticket", "note"]


async def test_what_makes_no_sense_is_refused(office: Office) -> None:
    await office.dead_letters(a_submission())
    cases = await office.cases()

    for refused in (
        office.desk().snooze(cases, datetime.now(UTC) - TOMORROW),
        office.desk().link(cases, "javascript:alert(1)"),
        office.desk().note(cases, "  "),
        office.desk().restore(cases, reason=""),
    ):
        with pytest.raises(OperationRefused):
            await refused
    assert await office.actions() == []


async def test_who_may_see_some_agencies_neither_sees_nor_touches_the_others(office: Office) -> None:
    await office.dead_letters(a_submission().to("H41"))
    await office.dead_letters(a_submission().to("H14"))
    mine, other = await office.cases()
    desk = CaseDesk(
        office.database,
        operator="Lan",
        clock=SystemClock(),
        new_id=new_id,
        visible_to=(AgencyKey("H41"),),
    )

    handled = await desk.replay([mine, other])

    assert (handled.done, [each.reason for each in handled.refused]) == ((mine,), ["no such case"])
    assert await desk.find(CaseFilter(is_open=False, case_ids=(other,))) == ()
    assert await desk.groups() == ()
    with pytest.raises(OperationRefused):
        await desk.show(other)


async def test_too_many_at_once_are_a_campaign(office: Office) -> None:
    for _ in range(3):
        await office.dead_letters(a_submission())
    cases = await office.cases()
    desk = CaseDesk(office.database, operator="Lan", clock=SystemClock(), new_id=new_id, at_most=2)

    with pytest.raises(OperationRefused, match="campaign"):
        await desk.replay(cases)

    assert len((await desk.replay(cases[:2])).done) == 2


async def test_a_discard_that_is_taken_back_is_a_dead_letter_again_and_can_be_replayed(
    office: Office,
) -> None:
    (dead,) = await office.dead_letters(a_submission())
    cases = await office.cases()
    await office.desk().discard(cases, reason="sent by mistake", attest=plain_pen)
    await office.published()

    restored = await office.desk().restore(cases, reason="it was not")

    assert restored.done == tuple(cases)
    assert await office.cases() == cases
    assert await office.store.state_of(dead.delivery_id) is DeliveryState.DEAD
    assert documents(await office.published()) == []
    await office.desk().replay(cases)
    (consigned,) = [
        each for each in await office.receipts() if each.event is ReceiptEvent.CONTENT_CONSIGNMENT
    ]
    assert consigned.supersedes is not None
    assert await office.store.state_of(dead.delivery_id) is DeliveryState.CONSIGNED


async def test_only_a_discard_is_taken_back(office: Office) -> None:
    await office.dead_letters(a_submission())
    cases = await office.cases()

    handled = await office.desk().restore(cases, reason="why not")

    assert "only a discard" in handled.refused[0].reason


async def test_what_was_acknowledged_after_its_discard_is_not_taken_back(office: Office) -> None:
    document = a_submission()
    await office.dead_letters(document)
    cases = await office.cases()
    await office.desk().discard(cases, reason="sent by mistake", attest=plain_pen)
    await office.hub.accept(document.status(StatusCode.ARRIVED, by="H41"))

    handled = await office.desk().restore(cases, reason="it was not")

    assert "acknowledged" in handled.refused[0].reason


async def test_what_was_sent_again_after_its_discard_is_restored_and_not_replayed(office: Office) -> None:
    document = a_submission()
    await office.dead_letters(document)
    cases = await office.cases()
    await office.desk().discard(cases, reason="sent by mistake", attest=plain_pen)
    await office.hub.accept(signed_again(document).admitted())

    restored = await office.desk().restore(cases, reason="it was not")
    replayed = await office.desk().replay(cases)

    assert restored.done == tuple(cases)
    assert "another delivery" in replayed.refused[0].reason


async def test_of_two_who_take_a_discard_back_at_once_one_does(office: Office) -> None:
    await office.dead_letters(a_submission())
    cases = await office.cases()
    await office.desk().discard(cases, reason="sent by mistake", attest=plain_pen)

    both = await asyncio.gather(*(office.desk(who).restore(cases, reason="x") for who in ("Lan", "Minh")))

    assert sorted(len(each.done) for each in both) == [0, 1]


async def test_a_changed_route_shows_in_the_trace_and_the_bytes_stay_as_they_are(office: Office) -> None:
    (dead,) = await office.dead_letters(a_submission())
    await office.store.fetch("insert into mandates (mailbox, root) values ('H29', 'H41')")
    cases = await office.cases()

    handled = await office.desk().reroute(cases, await _detour(office, "H29"), reason="H29 speaks for it")

    (sent,) = documents(await office.published())
    assert handled.done == tuple(cases)
    assert (sent.mailbox, sent.delivery_id, sent.body) == ("H29", dead.delivery_id, dead.body)
    (told,) = await trace(office.database, str(dead.delivery_id))
    (line,) = [each for each in told.moments if each.what == "rerouted by Lan"]
    assert line.detail == "H41 → H29, signed: H29 speaks for it"


async def test_a_route_is_not_changed_to_a_mailbox_without_a_mandate(office: Office) -> None:
    await office.dead_letters(a_submission())
    cases = await office.cases()

    handled = await office.desk().reroute(cases, await _detour(office, "H29"), reason="try it")

    assert "no mandate" in handled.refused[0].reason
    assert await office.cases() == cases


async def _detour(office: Office, mailbox: str) -> Detour:
    registry = PostgresRegistry(office.database, clock=SystemClock(), max_age=timedelta())
    return Detour(
        mailbox=MailboxName(mailbox),
        directory=await registry.directory(),
        seal=plain_seal,
        clock=SystemClock(),
        new_id=new_id,
    )
