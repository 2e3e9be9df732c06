"""The same submission, however often and however concurrently, has one effect and one answer."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from hub.commands.local_axis import LocalAgency
from hub.message.receipt import ReceiptEvent
from hub.signature.signing import sign_envelope
from tests.acceptance.speaking import a_letter, an_hour_later, codes
from tests.support.axis import World, new_agency
from tests.support.raw_agency import RawAgency, key_of
from tests.support.waiting import until

ACCEPTANCE, REJECTION = ReceiptEvent.SUBMISSION_ACCEPTANCE, ReceiptEvent.SUBMISSION_REJECTION
CONSIGNMENT = ReceiptEvent.CONTENT_CONSIGNMENT
Pair = tuple[RawAgency, RawAgency]


@pytest.fixture(scope="module")
def neighbours(town: World) -> tuple[LocalAgency, ...]:
    """Two agencies and an LGSP with two units, served by two hub processes."""

    async def prepare() -> tuple[LocalAgency, ...]:
        lgsp = new_agency(is_lgsp=True)
        units = [new_agency(parent=lgsp, is_connected=False) for _ in range(2)]
        added = await town.add(new_agency(), new_agency(), new_agency(), lgsp, *units)
        hubs = [town.launch_hub() for _ in range(2)]
        await asyncio.gather(*(hub.ready() for hub in hubs))
        return added

    return asyncio.run(prepare())


@pytest.fixture
async def pair(neighbours: tuple[LocalAgency, ...]) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        sender, recipient = [await stack.enter_async_context(RawAgency.open(each)) for each in neighbours[:2]]
        yield sender, recipient


async def answers(raw: RawAgency, submission: str, event: ReceiptEvent, count: int) -> list[bytes]:
    """Wait for *count* copies of receipts of one event and return their bytes."""

    def came() -> list[bytes]:
        return [
            each.body
            for each in raw.of_kind("receipt")
            if event in {told.event for told in raw.told(each, submission)}
        ]

    await until(lambda: len(came()) >= count, what=lambda: f"{count} {event}, so far {len(came())}")
    return came()


async def test_the_same_submission_again_gets_the_same_receipt_and_is_delivered_once(
    pair: Pair, town: World
) -> None:
    sender, recipient = pair
    body = sign_envelope(a_letter(sender.agency, recipient.agency).unsigned(), sender.key)
    submission = await sender.submit(body)
    first = await answers(sender, submission, ACCEPTANCE, 1)
    await sender.receipt(submission, CONSIGNMENT)

    await sender.submit(body, submission)

    assert await answers(sender, submission, ACCEPTANCE, 2) == first * 2
    await town.nothing_waits()
    assert [each.body for each in recipient.of_kind("document")] == [body]
    assert len(sender.receipts(submission, CONSIGNMENT)) == 1


async def test_a_submission_id_with_other_content_is_refused(pair: Pair) -> None:
    sender, recipient = pair
    submission = await sender.submit_signed(a_letter(sender.agency, recipient.agency).unsigned())
    await sender.receipt(submission, ACCEPTANCE)

    await sender.submit_signed(a_letter(sender.agency, recipient.agency).unsigned(), submission)

    assert codes(await sender.receipt(submission, REJECTION)) == ["HUB-5001"]
    assert len(await recipient.arrival("document")) == 1


async def test_a_document_id_with_other_content_is_refused(pair: Pair) -> None:
    sender, recipient = pair
    letter = a_letter(sender.agency, recipient.agency)
    await sender.receipt(await sender.submit_signed(letter.unsigned()), ACCEPTANCE)

    submission = await sender.submit_signed(letter.about("V/v một việc khác").unsigned())

    assert codes(await sender.receipt(submission, REJECTION)) == ["HUB-5002"]


async def test_the_same_content_anew_goes_to_new_recipients_only_and_the_receipt_says_so(
    pair: Pair, neighbours: tuple[LocalAgency, ...], town: World
) -> None:
    sender, recipient = pair
    third = neighbours[2]
    letter = a_letter(sender.agency, recipient.agency)
    await sender.receipt(await sender.submit_signed(letter.unsigned()), CONSIGNMENT)

    async with RawAgency.open(third) as newcomer:
        again = an_hour_later(letter).to(recipient.agency.code, third.code)
        submission = await sender.submit_signed(again.unsigned())

        accepted = await sender.receipt(submission, ACCEPTANCE)
        assert {each.recipient: each.already_had_it for each in accepted.subjects} == {
            recipient.agency.key: True,
            third.key: False,
        }
        await newcomer.arrival("document")
    await town.nothing_waits()
    assert len(recipient.of_kind("document")) == 1


async def test_the_same_submission_on_two_connections_at_once_is_accepted_once(
    pair: Pair, town: World
) -> None:
    sender, recipient = pair
    bodies = [
        sign_envelope(a_letter(sender.agency, recipient.agency).unsigned(), sender.key) for _ in range(20)
    ]

    async with RawAgency.open(sender.agency, consumes=False) as twin:
        for number, body in enumerate(bodies):
            await asyncio.gather(
                *(each.submit(body, f"race-{sender.agency.code}-{number}") for each in (sender, twin, sender))
            )

    await recipient.arrival("document", len(bodies))
    await town.nothing_waits()
    for number in range(len(bodies)):
        copies = await answers(sender, f"race-{sender.agency.code}-{number}", ACCEPTANCE, 1)
        assert len(set(copies)) == 1, "however often, it is the very same receipt"
    assert Counter(each.body for each in recipient.of_kind("document")) == Counter(bodies)


async def test_of_two_contents_under_one_submission_id_at_once_exactly_one_is_accepted(
    pair: Pair, town: World
) -> None:
    sender, recipient = pair
    names = [f"clash-{sender.agency.code}-{number}" for number in range(12)]

    async with RawAgency.open(sender.agency, consumes=False) as twin:
        for name in names:
            letters = [a_letter(sender.agency, recipient.agency).unsigned() for _ in range(2)]
            await asyncio.gather(sender.submit_signed(letters[0], name), twin.submit_signed(letters[1], name))

    for name in names:
        await answers(sender, name, ACCEPTANCE, 1)
        refusals = await answers(sender, name, REJECTION, 1)
        assert len(refusals) == 1
        assert codes(sender.receipts(name, REJECTION)[0]) == ["HUB-5001"]
        assert len(sender.receipts(name, ACCEPTANCE)) == 1
    await town.nothing_waits()
    assert len(recipient.of_kind("document")) == len(names)


async def test_two_units_behind_one_lgsp_may_use_the_same_submission_id(
    pair: Pair, neighbours: tuple[LocalAgency, ...]
) -> None:
    _, recipient = pair
    lgsp, *units = neighbours[3:]
    async with RawAgency.open(lgsp) as gateway:
        for unit in units:
            letter = sign_envelope(a_letter(unit, recipient.agency).unsigned(), key_of(unit))
            await gateway.submit(letter, "1")

        accepted = await answers(gateway, "1", ACCEPTANCE, 2)
        assert len(set(accepted)) == 2
        assert {each.sender for each in gateway.receipts("1", ACCEPTANCE)} == {unit.key for unit in units}
    documents = await recipient.arrival("document", 2)
    assert {each.headers["x-sender"] for each in documents} == {unit.key for unit in units}
