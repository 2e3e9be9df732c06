"""The journey of a document: to several recipients, with every receipt, and the answers back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from hub.commands.local_axis import LocalAgency
from hub.message.edxml import StatusCode
from hub.message.identifiers import digest_of
from hub.message.receipt import ReceiptEvent
from hub.signature.signing import sign_envelope
from tests.acceptance.speaking import a_letter, an_hour_later, codes, report
from tests.support.axis import World, new_agency
from tests.support.envelopes import a_status
from tests.support.raw_agency import Arrived, RawAgency
from tests.support.waiting import until

ACCEPTANCE, REJECTION = ReceiptEvent.SUBMISSION_ACCEPTANCE, ReceiptEvent.SUBMISSION_REJECTION
CONSIGNMENT, HANDOVER = ReceiptEvent.CONTENT_CONSIGNMENT, ReceiptEvent.CONTENT_HANDOVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """A sender, an agency with a queue of its own, and two units behind one LGSP."""

    ministry: RawAgency
    agency: RawAgency
    lgsp: RawAgency
    unit: LocalAgency
    subunit: LocalAgency

    @property
    def recipients(self) -> tuple[LocalAgency, ...]:
        return self.agency.agency, self.lgsp.agency, self.unit, self.subunit


@pytest.fixture(scope="module")
def province(town: World) -> tuple[LocalAgency, ...]:
    """Enter the parties once and start the hub that serves them."""

    async def prepare() -> tuple[LocalAgency, ...]:
        lgsp = new_agency(is_lgsp=True)
        unit = new_agency(parent=lgsp, is_connected=False)
        subunit = new_agency(parent=unit, is_connected=False)
        added = await town.add(new_agency(), new_agency(), lgsp, unit, subunit)
        await town.hub()
        return added

    return asyncio.run(prepare())


@pytest.fixture
async def parties(province: tuple[LocalAgency, ...]) -> AsyncIterator[Parties]:
    """Open the mailboxes."""
    ministry, agency, lgsp, unit, subunit = province
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(RawAgency.open(each)) for each in (ministry, agency, lgsp)]
        yield Parties(ministry=opened[0], agency=opened[1], lgsp=opened[2], unit=unit, subunit=subunit)


async def delivered(parties: Parties) -> Arrived:
    """Send a document to the directly connected agency and return it as it arrived there."""
    letter = a_letter(parties.ministry.agency, parties.agency.agency).unsigned()
    await parties.ministry.submit_signed(letter)
    return (await parties.agency.arrival("document"))[-1]


async def statuses(raw: RawAgency, count: int) -> list[bytes]:
    return [each.body for each in await raw.arrival("status", count)]


async def test_every_recipient_gets_the_senders_exact_bytes(parties: Parties) -> None:
    letter = a_letter(parties.ministry.agency, *parties.recipients).unsigned()
    body = sign_envelope(letter, parties.ministry.key)

    await parties.ministry.submit(body)

    direct = await parties.agency.arrival("document")
    behind_lgsp = await parties.lgsp.arrival("document", 3)
    assert [each.body for each in (*direct, *behind_lgsp)] == [body] * 4


async def test_each_delivery_says_beside_the_bytes_what_it_is_and_for_whom(parties: Parties) -> None:
    letter = a_letter(parties.ministry.agency, *parties.recipients)

    submission = await parties.ministry.submit_signed(letter.unsigned())

    accepted = await parties.ministry.receipt(submission, ACCEPTANCE)
    arrived = [*await parties.agency.arrival("document"), *await parties.lgsp.arrival("document", 3)]
    assert {(each.headers["x-recipient"], each.delivery_id) for each in arrived} == {
        (subject.recipient, str(subject.delivery_id)) for subject in accepted.subjects
    }
    for each in arrived:
        assert each.headers["x-sender"] == parties.ministry.agency.key
        assert each.headers["x-document-id"] == letter.draft.document_id
        assert each.headers["x-message-id"] == str(accepted.message_id) == each.correlation_id
        assert str(each.headers["traceparent"]).split("-")[1] == accepted.message_id.hex
        assert (each.headers["x-attempt"], each.headers["x-lane"]) == (1, "ordinary")
        assert isinstance(each.headers["x-lane-number"], int)
        assert each.is_persistent
        assert each.content_type == "application/xml"
    assert len({each.message_id for each in arrived}) == 4


async def test_the_sender_gets_signed_receipts_for_acceptance_consignment_and_handover(
    parties: Parties,
) -> None:
    body = sign_envelope(
        a_letter(parties.ministry.agency, *parties.recipients).unsigned(), parties.ministry.key
    )

    submission = await parties.ministry.submit(body)

    accepted = await parties.ministry.receipt(submission, ACCEPTANCE)
    assert (accepted.digest, accepted.mailbox) == (digest_of(body), parties.ministry.agency.mailbox)
    assert {each.recipient for each in accepted.subjects} == {each.key for each in parties.recipients}
    await every_recipient_is_told_of(parties, submission, CONSIGNMENT)
    for raw, document in [
        *((parties.agency, each) for each in await parties.agency.arrival("document")),
        *((parties.lgsp, each) for each in await parties.lgsp.arrival("document", 3)),
    ]:
        await report(
            raw,
            document,
            StatusCode.ARRIVED,
            by=recipient_of(parties, document),
            sent_by=parties.ministry.agency,
        )
    await every_recipient_is_told_of(parties, submission, HANDOVER)
    events = [each.event for each in parties.ministry.receipts(submission)]
    assert events[0] is ACCEPTANCE
    assert events.index(CONSIGNMENT) < events.index(HANDOVER)


async def every_recipient_is_told_of(parties: Parties, submission: str, event: ReceiptEvent) -> None:
    def told() -> list[str]:
        receipts = parties.ministry.receipts(submission, event)
        return sorted(subject.recipient for receipt in receipts for subject in receipt.subjects)

    await until(lambda: len(told()) >= 4, what=lambda: f"{event} for all, so far {told()}")
    assert told() == sorted(each.key for each in parties.recipients)


def recipient_of(parties: Parties, document: Arrived) -> LocalAgency:
    return next(each for each in parties.recipients if each.key == document.headers["x-recipient"])


async def test_statuses_travel_back_to_the_sender_as_the_recipients_exact_bytes(parties: Parties) -> None:
    document = await delivered(parties)

    said = [
        await report(
            parties.agency,
            document,
            StatusCode(code),
            by=parties.agency.agency,
            sent_by=parties.ministry.agency,
        )
        for code in ("01", "03", "04", "05", "06")
    ]

    assert await statuses(parties.ministry, 5) == said
    assert parties.agency.of_kind("receipt") == [], "an accepted status is answered by nothing"


async def test_a_unit_behind_an_lgsp_answers_in_its_own_name(parties: Parties) -> None:
    await parties.ministry.submit_signed(a_letter(parties.ministry.agency, parties.subunit).unsigned())
    (document,) = await parties.lgsp.arrival("document")

    said = await report(
        parties.lgsp, document, StatusCode.ACCEPTED, by=parties.subunit, sent_by=parties.ministry.agency
    )

    assert await statuses(parties.ministry, 1) == [said]
    (status,) = parties.ministry.of_kind("status")
    assert status.headers["x-sender"] == parties.subunit.key


async def test_a_refusal_by_the_recipient_is_told_and_frees_the_content_for_another_try(
    parties: Parties,
) -> None:
    letter = a_letter(parties.ministry.agency, parties.agency.agency)
    await parties.ministry.submit_signed(letter.unsigned())
    (document,) = await parties.agency.arrival("document")

    said = await report(
        parties.agency,
        document,
        StatusCode.REFUSED,
        by=parties.agency.agency,
        sent_by=parties.ministry.agency,
        description="Gửi nhầm đơn vị",
    )
    assert await statuses(parties.ministry, 1) == [said]
    again = await parties.ministry.submit_signed(an_hour_later(letter).unsigned())

    accepted = await parties.ministry.receipt(again, ACCEPTANCE)
    assert [each.already_had_it for each in accepted.subjects] == [False]
    _, second = await parties.agency.arrival("document", 2)
    assert second.delivery_id != document.delivery_id


@pytest.mark.parametrize("answer", [StatusCode.CHANGE_ACCEPTED, StatusCode.CHANGE_REFUSED])
async def test_a_recall_is_asked_of_the_recipient_and_answered(parties: Parties, answer: StatusCode) -> None:
    document = await delivered(parties)
    ministry, agency = parties.ministry.agency, parties.agency.agency

    asked = await report(parties.ministry, document, StatusCode.RECALL_REQUESTED, by=ministry, sent_by=agency)
    assert await statuses(parties.agency, 1) == [asked]
    answered = await report(parties.agency, document, answer, by=agency, sent_by=ministry)

    assert await statuses(parties.ministry, 1) == [answered]


async def test_late_and_repeated_statuses_are_forwarded_recorded_and_move_nothing(
    parties: Parties, town: World
) -> None:
    document = await delivered(parties)

    said = [
        await report(
            parties.agency,
            document,
            StatusCode(code),
            by=parties.agency.agency,
            sent_by=parties.ministry.agency,
            description=f"lần {turn}",
        )
        for turn, code in enumerate(("03", "01", "03", "06", "02"))
    ]

    assert await statuses(parties.ministry, 5) == said
    query = "select code, moved from statuses where delivery_id = $1 order by at, message_id"
    recorded = [tuple(row) for row in await town.rows(query, document.delivery_id)]
    assert recorded == [("03", True), ("01", False), ("03", False), ("06", True), ("02", False)]
    assert len(parties.ministry.receipts(await submission_of(parties, document), HANDOVER)) == 1


async def submission_of(parties: Parties, document: Arrived) -> str:
    found = [
        each.submission_id
        for each in parties.ministry.all_receipts()
        if document.delivery_id in {str(about.delivery_id) for about in each.subjects}
    ]
    return str(found[0])


async def test_a_status_about_a_document_of_others_is_refused(parties: Parties) -> None:
    await delivered(parties)
    letter = a_letter(parties.ministry.agency, parties.agency.agency)
    stranger = a_status().from_(parties.lgsp.agency.code)
    said = stranger.for_(str(letter.draft.document_id), sent_by=parties.ministry.agency.code).unsigned()

    submission = await parties.lgsp.submit(sign_envelope(said, parties.lgsp.key), kind="status")

    assert codes(await parties.lgsp.receipt(submission, REJECTION)) == ["HUB-4005"]


async def test_a_status_that_overtakes_its_document_waits_for_it(parties: Parties) -> None:
    letter = a_letter(parties.ministry.agency, parties.agency.agency)
    said = a_status().from_(parties.agency.agency.code)
    early = sign_envelope(
        said.for_(str(letter.draft.document_id), sent_by=parties.ministry.agency.code).unsigned(),
        parties.agency.key,
    )

    submission = await parties.agency.submit(early, kind="status")
    await parties.ministry.submit_signed(letter.unsigned())

    assert await statuses(parties.ministry, 1) == [early]
    assert parties.agency.receipts(submission) == []
