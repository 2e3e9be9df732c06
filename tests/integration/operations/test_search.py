import asyncio
from datetime import timedelta

import pytest

from hub.backends.clock import SystemClock
from hub.backends.postgres.searching import DocumentFilter, find_documents
from hub.errors import OperationRefused, StatementTooSlow
from hub.message.delivery_state import DeliveryState
from hub.message.identifiers import AgencyKey
from hub.operations.search import MOST, search
from hub.workers.search_index import SearchIndexer
from tests.integration.operations.conftest import Office
from tests.support.decisions import a_submission
from tests.support.waiting import until

PLAN = (
    a_submission()
    .with_(subject="Kế hoạch Đầu tư công năm 2026", code=("123", "KH-UBND"), document_id="G22-KH-2026-01")
    .to("H41", "H14")
)
LETTER = a_submission().with_(sender="H41", mailbox="H41", subject="Công văn về đất đai").to("G22")


@pytest.fixture
async def indexer(office: Office) -> SearchIndexer:
    return SearchIndexer(database=office.database, clock=SystemClock())


@pytest.fixture
async def indexed(office: Office, indexer: SearchIndexer) -> Office:
    """Accept two documents and index them."""
    for each in (PLAN, LETTER):
        await office.hub.accept(each.admitted())
    await indexer.catch_up(asyncio.Event())
    return office


async def subjects(office: Office, **wanted: object) -> list[str | None]:
    page = await search(office.database, DocumentFilter(**wanted))  # type: ignore[arg-type]
    return [each.subject for each in page.documents]


@pytest.mark.parametrize(
    "words",
    [
        "kế hoạch",
        "ke hoach",
        "KẾ HOẠCH 2026",
        "dau tu cong",
        "123/KH",
        "123/KH-UBND",
        "hoach đầ",
        "G22-KH-2026-01",
    ],
)
async def test_a_document_is_found_by_what_people_type(indexed: Office, words: str) -> None:
    assert await subjects(indexed, text=words) == [PLAN.subject]


@pytest.mark.parametrize(
    "words", ["ke hoach dat dai", "456", "ke:* <-> hoach 9", "\\", "hoac kế", "!ke", "'"]
)
async def test_what_does_not_fit_is_not_found_and_signs_have_no_meaning(indexed: Office, words: str) -> None:
    found = await subjects(indexed, text=words)

    assert found == ([PLAN.subject] if words == "!ke" else [])


async def test_parties_states_and_dates_narrow_a_search(indexed: Office) -> None:
    now = PLAN.received_at

    assert await subjects(indexed, sender=AgencyKey("H41")) == [LETTER.subject]
    assert await subjects(indexed, recipient=AgencyKey("H14")) == [PLAN.subject]
    assert await subjects(indexed, recipient=AgencyKey("H99")) == []
    assert await subjects(indexed, since=now + timedelta(minutes=1)) == []
    assert await subjects(indexed, until=now - timedelta(minutes=1)) == []
    assert await subjects(indexed, is_refused=True) == []
    assert await subjects(indexed, states=(DeliveryState.DEAD,)) == []
    assert len(await subjects(indexed, states=(DeliveryState.WAITING,))) == 2


async def test_who_may_see_some_agencies_finds_what_these_send_and_receive(indexed: Office) -> None:
    assert await subjects(indexed, visible_to=(AgencyKey("H14"),)) == [PLAN.subject]
    assert await subjects(indexed, visible_to=(AgencyKey("H41"),)) == [LETTER.subject, PLAN.subject]
    assert await subjects(indexed, visible_to=()) == []


async def test_a_found_document_tells_where_it_stands_at_each_recipient(indexed: Office) -> None:
    page = await search(indexed.database, DocumentFilter(text="kế hoạch"))

    assert page.documents[0].recipients == (
        (AgencyKey("H14"), DeliveryState.WAITING),
        (AgencyKey("H41"), DeliveryState.WAITING),
    )
    assert page.documents[0].document_code == "123/KH-UBND"


async def test_pages_follow_one_another_without_gap_or_repetition(
    office: Office, indexer: SearchIndexer
) -> None:
    documents = [a_submission().with_(subject=f"Báo cáo {number}") for number in range(5)]
    for each in documents:
        await office.hub.accept(each.admitted())
    await indexer.catch_up(asyncio.Event())

    found: list[str | None] = []
    page = await search(office.database, DocumentFilter(text="bao cao"), limit=2)
    found += [each.subject for each in page.documents]
    while page.next_older_than is not None:
        page = await search(
            office.database, DocumentFilter(text="bao cao"), limit=2, older_than=page.next_older_than
        )
        found += [each.subject for each in page.documents]

    assert found == [each.subject for each in reversed(documents)]


async def test_a_page_has_an_end(office: Office) -> None:
    with pytest.raises(OperationRefused):
        await search(office.database, DocumentFilter(), limit=MOST + 1)


async def test_the_indexer_follows_what_is_accepted_and_notes_who_was_heard_of(
    office: Office, indexer: SearchIndexer
) -> None:
    stop = asyncio.Event()
    indexer.interval = timedelta(milliseconds=20)
    running = asyncio.create_task(indexer.run(stop))
    await office.hub.accept(LETTER.admitted())

    async def is_found() -> bool:
        return bool(await subjects(office, text="dat dai"))

    await until(is_found, what="the document in the index")
    stop.set()
    await running
    seen = await office.store.fetch("select mailbox, seen_at from mailbox_sightings")
    assert seen == [("H41", LETTER.received_at)]


async def test_what_a_restore_brings_back_under_an_old_name_is_indexed_within_a_day(
    office: Office, indexer: SearchIndexer
) -> None:
    await office.hub.accept(PLAN.admitted())
    await office.store.fetch(
        "insert into messages select (overlay(message_id::text placing '0180' from 1 for 4))::uuid, kind,"
        " verdict, mailbox, 'older', digest, octets, sender, 'older', business_type, priority, '9', 'OLD',"
        " 'Rất cũ', promulgated_on, due_on, content_digest, signed_by, received_at, decided_at, body"
        " from messages"
    )

    await indexer.catch_up(asyncio.Event())

    assert await subjects(office, text="rat cu") == ["Rất cũ"]


async def test_a_search_that_takes_too_long_is_given_up(indexed: Office) -> None:
    async with indexed.store.private.connect() as locking, locking.transaction():
        await locking.execute("lock table document_search in access exclusive mode")
        with pytest.raises(StatementTooSlow):
            await find_documents(indexed.database, DocumentFilter(), patience=timedelta(milliseconds=50))
