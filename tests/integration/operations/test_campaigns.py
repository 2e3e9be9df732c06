"""Campaigns over dead letters, on a real database, beside a hub process."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hub.backends.clock import SystemClock, new_id
from hub.backends.postgres.campaigning import Campaign, CampaignTerms
from hub.backends.postgres.desk import CaseFilter
from hub.backends.postgres.registry import PostgresRegistry
from hub.crash import CAMPAIGN_POINTS, VARIABLE
from hub.errors import OperationRefused, StorageRefused
from hub.message.campaign import CampaignKind, CampaignState
from hub.message.decision import Accepted, Admit
from hub.message.delivery_state import DeliveryState
from hub.message.directory import Directory
from hub.message.edxml import StatusCode
from hub.message.identifiers import DeliveryId, MailboxName, SubmissionId, digest_of
from hub.message.outbox import OutboxEntry
from hub.message.receipt import FailureKind, ReceiptEvent
from hub.message.stages import ReceivedMessage
from hub.operations.campaign_runner import CampaignRunner, CampaignTools
from hub.operations.campaigns import CampaignDesk
from tests.integration.operations.conftest import Office
from tests.support.authority import session_anchors
from tests.support.database import OPERATOR
from tests.support.decisions import plain_pen, plain_seal
from tests.support.envelopes import a_document, a_status
from tests.support.memory_hub import a_line, a_register, signed
from tests.support.store import documents, give_up, returned
from tests.support.waiting import until

LINE = a_line()
MENDED = """update mailboxes set breaker = 'closed', failures = 0, failing_since = null,
    drain_allowance = null, parked_since = null, parked_until = null, parked_because = null"""
"""Many who come back one after the other have parked their mailbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headquarters:
    """Who decides about campaigns and who works on them, and the hub whose dead letters they are about."""

    office: Office
    runner: CampaignRunner

    def desk(self, operator: str = "Lan", *, second_person_above: int = 100) -> CampaignDesk:
        return CampaignDesk(self.office.database, operator=operator, second_person_above=second_person_above)

    async def dead_letter(self, *to: str) -> OutboxEntry:
        """Let a document be accepted and die at *to*, H41 if nobody is named."""
        document = signed(a_document().identified_by(f"G22,{uuid4().hex}").to(*(to or ("H41",))))
        await self.office.store.fetch(MENDED)
        hub = self.office.hub
        _, handed_over = await hub.accept(await self.admitted(document, "G22"))
        await hub.deliver(handed_over)
        (dying,) = documents(handed_over)
        await hub.deliver(await hub.come_back(returned(dying.delivery_id), recover=give_up))
        return dying

    async def admitted(self, body: bytes, mailbox: str, about: DeliveryId | None = None) -> Admit:
        received = ReceivedMessage(
            body=body,
            digest=digest_of(body),
            mailbox=MailboxName(mailbox),
            submission_id=SubmissionId(uuid4().hex),
            transport_id="",
            reported_delivery=about,
            received_at=SystemClock().now(),
        )
        decision = LINE.examine(received, await self.office.store.registry().directory())
        assert isinstance(decision, Admit), decision
        return decision

    async def dead_letters(self, number: int) -> list[OutboxEntry]:
        return [await self.dead_letter() for _ in range(number)]

    async def judged(self, campaign: Campaign) -> Campaign:
        while await self.runner.work():
            pass
        return (await self.desk().show(campaign.campaign_id)).campaign

    async def asked(self, chosen: CaseFilter | None = None, terms: CampaignTerms | None = None) -> Campaign:
        """Ask for a campaign as Lan and have it judged."""
        return await self.judged(await self.desk().ask(chosen or CaseFilter(), terms or CampaignTerms()))

    async def round(self) -> list[OutboxEntry]:
        """Let whoever works on campaigns, then the hub, do what there is to do now; return what went out."""
        while await self.runner.work():
            pass
        return documents(await self.office.published())

    async def finished(self, campaign: Campaign) -> Campaign:
        for _ in range(20):
            await self.round()
            found = (await self.desk().show(campaign.campaign_id)).campaign
            if found.ended_at is not None:
                return found
        raise AssertionError(found)


@pytest.fixture
async def headquarters(office: Office) -> AsyncIterator[Headquarters]:
    _, mandates, certificates = a_register()
    await office.store.register([], mandates, certificates)
    with ThreadPoolExecutor(1) as executor:
        tools = CampaignTools(
            line=LINE,
            registry=PostgresRegistry(office.database, clock=SystemClock(), max_age=timedelta()),
            attest=plain_pen,
            seal=plain_seal,
            clock=SystemClock(),
            new_id=new_id,
            executor=executor,
            canary_patience=timedelta(),
            second_person_above=100,
        )
        yield Headquarters(office=office, runner=CampaignRunner(office.database, tools))


async def test_a_dry_run_says_how_many_would_pass_and_why_others_would_not(
    headquarters: Headquarters,
) -> None:
    await headquarters.dead_letters(2)
    held = await headquarters.dead_letter("H14")
    await headquarters.office.store.fetch("update mandates set valid_to = now() where mailbox = 'H14'")
    await headquarters.office.store.close_mailbox(MailboxName("H14"))

    campaign = await headquarters.asked()

    file = await headquarters.desk().show(campaign.campaign_id)
    assert (campaign.state, campaign.items, campaign.would_pass) == (CampaignState.READY, 3, 2)
    assert [(each.count, "nobody receives" in each.why) for each in file.reasons] == [(1, True)]
    assert await headquarters.office.store.state_of(held.delivery_id) is DeliveryState.DEAD
    assert documents(await headquarters.office.published()) == []


async def test_what_is_signed_with_a_certificate_that_was_revoked_since_would_not_pass(
    headquarters: Headquarters,
) -> None:
    await headquarters.dead_letter()
    await headquarters.office.store.fetch("update certificates set revoked_at = now() where agency = 'G22'")

    campaign = await headquarters.asked()

    (reason,) = (await headquarters.desk().show(campaign.campaign_id)).reasons
    assert campaign.would_pass == 0
    assert "HUB-2010" in reason.why
    assert " / " in reason.why


async def test_a_canary_lets_one_out_then_ten_then_the_rest_and_everything_once(
    headquarters: Headquarters,
) -> None:
    dead = await headquarters.dead_letters(14)
    campaign = await headquarters.asked()
    await headquarters.office.store.fetch(MENDED)
    await headquarters.desk().start(campaign.campaign_id)

    rounds = [await headquarters.round() for _ in range(3)]
    done = await headquarters.finished(campaign)

    assert [len(each) for each in rounds] == [1, 10, 3]
    assert sorted(each.delivery_id for went in rounds for each in went) == sorted(
        each.delivery_id for each in dead
    )
    assert {each.attempt for went in rounds for each in went} == {2}
    assert (done.state, done.sent, done.done, done.failed_again) == (CampaignState.DONE, 14, 14, 0)
    assert await headquarters.office.cases() == []


async def test_every_replay_of_a_campaign_is_recorded_in_the_name_of_who_asked(
    headquarters: Headquarters,
) -> None:
    await headquarters.dead_letters(2)
    campaign = await headquarters.asked(terms=CampaignTerms(reason="their server is back", is_canary=False))

    await headquarters.desk("Minh").start(campaign.campaign_id)
    await headquarters.finished(campaign)

    actions = [each[:3] for each in await headquarters.office.actions()]
    assert actions == [
        ("Lan", "campaign.ask", "their server is back"),
        ("Minh", "campaign.start", "their server is back"),
        *[("Lan", "replay", "their server is back")] * 2,
    ]


async def test_a_campaign_stops_at_the_first_failure_and_goes_on_with_it_when_it_is_resumed(
    headquarters: Headquarters,
) -> None:
    await headquarters.dead_letters(3)
    campaign = await headquarters.asked()
    await headquarters.desk().start(campaign.campaign_id)
    (canary,) = await headquarters.round()
    await headquarters.office.hub.come_back(returned(canary.delivery_id, attempt=2), recover=give_up)

    assert await headquarters.round() == []

    stopped = (await headquarters.desk().show(campaign.campaign_id)).campaign
    assert (stopped.state, stopped.failed_again) == (CampaignState.STOPPED, 1)
    assert "rejected" in (stopped.stopped_because or "")
    await headquarters.desk().resume(campaign.campaign_id)
    done = await headquarters.finished(campaign)
    assert (done.state, done.items, done.done, done.failed_again) == (CampaignState.DONE, 4, 3, 1)
    assert await headquarters.office.cases() == []


async def test_a_delivery_that_is_tried_again_by_itself_has_failed_again(headquarters: Headquarters) -> None:
    await headquarters.dead_letters(3)
    campaign = await headquarters.asked()
    await headquarters.desk().start(campaign.campaign_id)
    (canary,) = await headquarters.round()
    await headquarters.office.hub.come_back(returned(canary.delivery_id, attempt=2))

    await headquarters.runner.work()

    assert (await headquarters.desk().show(campaign.campaign_id)).campaign.state is CampaignState.STOPPED


async def test_what_the_recipient_acknowledges_is_done_without_waiting(headquarters: Headquarters) -> None:
    await headquarters.dead_letters(2)
    campaign = await headquarters.asked()
    await headquarters.desk().start(campaign.campaign_id)
    (canary,) = await headquarters.round()
    assert canary.document_id is not None
    status = a_status(StatusCode.ARRIVED).from_("H41").for_(canary.document_id, sent_by="G22")
    admitted = await headquarters.admitted(signed(status, by="H41"), "H41", canary.delivery_id)
    accepted, _ = await headquarters.office.hub.accept(admitted)
    assert isinstance(accepted, Accepted)

    await headquarters.runner.work()

    (item, *_) = await headquarters.desk().items(campaign.campaign_id, states=["done"])
    assert item.delivery_id == canary.delivery_id


async def test_many_need_a_second_person_who_is_somebody_else(headquarters: Headquarters) -> None:
    await headquarters.dead_letters(3)
    campaign = await headquarters.asked()

    started = await headquarters.desk("Minh", second_person_above=2).start(campaign.campaign_id)

    assert started.state is CampaignState.AWAITING_SECOND
    assert await headquarters.round() == []
    for same in ("Lan", "Minh"):
        with pytest.raises(OperationRefused, match="somebody else"):
            await headquarters.desk(same).confirm(campaign.campaign_id)
    confirmed = await headquarters.desk("Hoa").confirm(campaign.campaign_id)
    assert (confirmed.state, confirmed.confirmed_by) == (CampaignState.CANARY, "Hoa")
    assert len(await headquarters.round()) == 1


async def test_a_paused_campaign_lets_nothing_out_until_it_is_resumed(headquarters: Headquarters) -> None:
    await headquarters.dead_letters(3)
    campaign = await headquarters.asked()
    await headquarters.desk().start(campaign.campaign_id)
    await headquarters.round()

    await headquarters.desk().pause(campaign.campaign_id)

    assert await headquarters.round() == []
    await headquarters.desk().resume(campaign.campaign_id)
    assert len(await headquarters.round()) == 2


async def test_a_cancelled_campaign_leaves_the_rest_as_it_is(headquarters: Headquarters) -> None:
    await headquarters.dead_letters(3)
    campaign = await headquarters.asked()
    await headquarters.desk().start(campaign.campaign_id)
    await headquarters.round()

    cancelled = await headquarters.desk().cancel(campaign.campaign_id)

    assert cancelled.ended_at is not None
    assert await headquarters.round() == []
    assert len(await headquarters.office.cases()) == 2
    with pytest.raises(OperationRefused, match="cancelled"):
        await headquarters.desk().resume(campaign.campaign_id)


async def test_each_mailbox_gets_no_more_than_its_rate(headquarters: Headquarters) -> None:
    for mailbox in ("H41", "H41", "H41", "H14", "H14"):
        await headquarters.dead_letter(mailbox)
    terms = CampaignTerms(is_canary=False, rate_per_minute=2)
    campaign = await headquarters.asked(terms=terms)
    await headquarters.desk().start(campaign.campaign_id)

    first = [each.mailbox for each in await headquarters.round()]
    at_once = await headquarters.round()
    await headquarters.office.store.fetch("update campaign_items set at = at - interval '31 seconds'")
    after_half_a_minute = [each.mailbox for each in await headquarters.round()]

    assert sorted(first) == sorted(after_half_a_minute) == ["H14", "H41"]
    assert at_once == []


async def test_urgent_documents_go_first(headquarters: Headquarters) -> None:
    await headquarters.dead_letters(2)
    urgent = signed(a_document().identified_by(f"G22,{uuid4().hex}").to("H41").with_priority(2))
    hub = headquarters.office.hub
    _, handed_over = await hub.accept(await headquarters.admitted(urgent, "G22"))
    await hub.deliver(handed_over)
    (dying,) = documents(handed_over)
    await hub.deliver(await hub.come_back(returned(dying.delivery_id), recover=give_up))
    campaign = await headquarters.asked()
    await headquarters.desk().start(campaign.campaign_id)

    (canary,) = await headquarters.round()

    assert canary.delivery_id == dying.delivery_id


async def test_a_discard_of_many_tells_every_sender(headquarters: Headquarters) -> None:
    dead = await headquarters.dead_letters(3)
    terms = CampaignTerms(kind=CampaignKind.DISCARD, reason="sent by mistake")
    campaign = await headquarters.asked(terms=terms)
    await headquarters.desk().start(campaign.campaign_id)
    await headquarters.runner.work()

    receipts = await headquarters.office.receipts()

    failures = [each for each in receipts if each.event is ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE]
    assert {each.failure for each in failures} == {FailureKind.DISCARDED}
    assert sorted(subject.delivery_id for each in failures for subject in each.subjects) == sorted(
        each.delivery_id for each in dead
    )
    assert (await headquarters.finished(campaign)).done == 3


async def test_a_campaign_needs_cases_and_a_discard_a_reason(headquarters: Headquarters) -> None:
    with pytest.raises(OperationRefused, match="no open case"):
        await headquarters.desk().ask(CaseFilter(), CampaignTerms())
    with pytest.raises(OperationRefused, match="reason"):
        await headquarters.desk().ask(CaseFilter(), CampaignTerms(kind=CampaignKind.DISCARD))
    assert await headquarters.desk().find() == ()


async def test_two_who_work_on_one_campaign_at_once_send_nothing_twice(headquarters: Headquarters) -> None:
    await headquarters.dead_letters(12)
    await headquarters.office.store.fetch(MENDED)
    campaign = await headquarters.asked(terms=CampaignTerms(is_canary=False))
    await headquarters.desk().start(campaign.campaign_id)

    await asyncio.gather(*(headquarters.runner.work() for _ in range(6)))

    assert len(documents(await headquarters.office.published())) == 12
    assert (await headquarters.finished(campaign)).sent == 12


@pytest.mark.parametrize(
    "point", [f"{point}:{time}" for point in sorted(CAMPAIGN_POINTS) for time in (1, 2, 3)]
)
async def test_whoever_works_on_it_may_be_killed_at_any_point_and_nothing_is_sent_twice_or_left_out(
    headquarters: Headquarters, point: str
) -> None:
    dead = await headquarters.dead_letters(4)
    campaign = await headquarters.desk().ask(CaseFilter(), CampaignTerms(is_canary=False), starts=True)
    environment = os.environ | {
        "TRUC_CAMPAIGN_DSN": headquarters.office.store.private.dsn(OPERATOR),
        VARIABLE: point,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.campaign_process"),
        env=environment,
        stdin=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    anchors = session_anchors().certificates
    process.stdin.write(b"".join(each.public_bytes(Encoding.PEM) for each in anchors))
    process.stdin.close()

    try:
        assert await asyncio.wait_for(process.wait(), 30) == -signal.SIGKILL
    finally:
        if process.returncode is None:
            process.kill()

    done = await headquarters.finished(campaign)
    replayed = await headquarters.office.store.fetch(
        "select delivery_id, count(*) from events where name = 'delivery.replayed' group by 1"
    )
    assert sorted(replayed) == sorted((each.delivery_id, 1) for each in dead)
    assert (done.state, done.sent, done.done, done.refused) == (CampaignState.DONE, 4, 4, 0)


async def test_a_campaign_sends_elsewhere_with_an_overlay_for_each(headquarters: Headquarters) -> None:
    dead = await headquarters.dead_letter()
    await headquarters.office.store.fetch("update mandates set valid_to = now() where mailbox = 'H41'")
    await headquarters.office.store.fetch(
        "insert into mandates (mailbox, root, valid_from) values ('H29', 'H41', now())"
    )
    terms = CampaignTerms(new_mailbox=MailboxName("H29"), reason="H29 speaks for H41 now")
    campaign = await headquarters.asked(terms=terms)
    await headquarters.desk().start(campaign.campaign_id)

    (sent,) = await headquarters.round()

    assert (sent.delivery_id, sent.mailbox, sent.body) == (dead.delivery_id, "H29", dead.body)
    overlays = await headquarters.office.store.fetch(
        "select delivery_id, from_mailbox, to_mailbox, operator from route_overlays"
    )
    assert overlays == [(dead.delivery_id, "H41", "H29", "Lan")]


async def test_a_mailbox_without_a_mandate_is_no_way_round(headquarters: Headquarters) -> None:
    await headquarters.dead_letter()
    terms = CampaignTerms(new_mailbox=MailboxName("H14"), reason="try it")

    campaign = await headquarters.asked(terms=terms)

    (reason,) = (await headquarters.desk().show(campaign.campaign_id)).reasons
    assert (campaign.would_pass, "no mandate" in reason.why) == (0, True)


async def test_runs_until_it_is_stopped(headquarters: Headquarters) -> None:
    await headquarters.dead_letters(2)
    stop = asyncio.Event()
    running = asyncio.create_task(headquarters.runner.run(stop))

    campaign = await headquarters.desk().ask(CaseFilter(), CampaignTerms(is_canary=False), starts=True)

    async def is_sent() -> bool:
        return (await headquarters.desk().show(campaign.campaign_id)).campaign.sent == 2

    await until(is_sent, what="the campaign")
    stop.set()
    await running


@pytest.mark.parametrize("spelling", ["LAN", " lan", "ｌａｎ"])
async def test_the_first_person_is_not_the_second_one_by_another_spelling(
    headquarters: Headquarters, spelling: str
) -> None:
    await headquarters.dead_letters(2)
    campaign = await headquarters.asked()
    first = headquarters.desk("lan", second_person_above=1)
    assert (await first.start(campaign.campaign_id)).state is CampaignState.AWAITING_SECOND

    with pytest.raises(OperationRefused):
        await headquarters.desk(spelling).confirm(campaign.campaign_id)


@pytest.mark.parametrize("state", ["cancelled", "awaiting_second", "paused"])
async def test_work_that_fails_does_not_reopen_what_somebody_ended_meanwhile(
    headquarters: Headquarters, state: str
) -> None:
    await headquarters.dead_letter()
    campaign = await headquarters.desk().ask(CaseFilter(), CampaignTerms())

    class Refusing:
        """A registry that fails for good, while somebody decides about the campaign."""

        async def directory(self) -> Directory:
            raise StorageRefused("broken")

    class Meanwhile(CampaignRunner):
        async def _give_up(self, campaign_id: int, because: str) -> None:
            await headquarters.office.store.fetch(
                "update campaigns set state = $2 where campaign_id = $1", campaign_id, state
            )
            await super()._give_up(campaign_id, because)

    tools = replace(headquarters.runner._tools, registry=Refusing())
    await Meanwhile(headquarters.office.database, tools).work()

    assert (await headquarters.desk().show(campaign.campaign_id)).campaign.state == state
