"""With hundreds of thousands of rows every statement of the lines still finds its way by an index."""

import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from deploy.local import LocalStack
from hub.backends.postgres.claimant import CLASS_OF_CLAIMANTS
from hub.backends.postgres.pool import Database
from hub.backends.postgres.statements import statement
from tests.support.database import Login, PrivateDatabase, copy_template, drop_all
from tests.support.decisions import a_submission
from tests.support.store import LEASE, HubProcess, PostgresUnderTest, documents

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ROWS = 200_000
PARKED = 100_000
BIG = (
    "deliveries",
    "messages",
    "outbox_entries",
    "submissions",
    "receipts",
    "receipt_sheets",
    "events",
    "attempts",
)

FILL = f"""
set session_replication_role = replica; -- without the triggers of foreign keys, which take most of the time
insert into agencies (key, code, name, level) values ('H41', 'H41', 'H41', 1), ('H14', 'H14', 'H14', 1);
insert into mailboxes (name, agency, kind) values ('H41', 'H41', 'agency'), ('H14', 'H14', 'agency');
insert into mailboxes (name, agency, kind) values ('G22', 'H41', 'agency');
insert into mailboxes (name, agency, kind)
    select 'M' || n, 'H41', 'agency' from generate_series(0, 99) n;
insert into messages (message_id, kind, verdict, mailbox, submission_id, digest, octets, sender, document_id,
        business_type, content_digest, received_at, body)
    select ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'document', 'accepted', 'G22',
        n::text, sha256(n::text::bytea), 10, 'S' || n % 50, 'D' || n, 0, sha256(n::text::bytea), now(), 'body'
    from generate_series(1, {ROWS}) n;
insert into submissions (mailbox, sender, submission_id, digest, message_id)
    select mailbox, sender, submission_id, digest, message_id from messages;
insert into documents (sender, document_id, content_digest)
    select sender, document_id, content_digest from messages;
insert into deliveries (delivery_id, message_id, kind, mailbox, sender, recipient, document_id, business_type,
        content_digest, is_urgent, lane_number, correlation_id, expires_at)
    select message_id, message_id, 'document', 'M' || n % 100, sender, 'R' || n % 500, document_id, 0,
        content_digest, false, n, message_id::text, now() + interval '15 days'
    from (select m.*, row_number() over () as n from messages m) m;
insert into outbox_entries (delivery_id, mailbox, sender, recipient, is_urgent, lane_number, attempt, octets,
        expires_at, is_fresh, not_before)
    select delivery_id, case when lane_number <= {PARKED} then 'M0' else mailbox end, sender,
        case when lane_number <= {PARKED} then 'P' else '' end || recipient, is_urgent, lane_number,
        1, 4, expires_at, true, now()
    from deliveries order by lane_number;
insert into lanes select 'S' || n % 50, 'R' || n, false, 1000000 from generate_series(1, 500) n;
insert into receipts (receipt_id, message_id, event, mailbox, issued_at, sheet_id)
    select message_id, message_id, 'SubmissionAcceptance', 'G22', now(), message_id from messages;
insert into receipt_sheets (sheet_id, event, body)
    select message_id, 'SubmissionAcceptance', 'body' from messages;
insert into receipt_subjects (delivery_id, event, episode, receipt_id)
    select message_id, 'ContentConsignment', 1, message_id from messages;
insert into events (name, message_id, delivery_id)
    select 'message.accepted', message_id, message_id from messages;
insert into attempts (delivery_id, attempt, episode, at, outcome)
    select delivery_id, 1, 1, now(), 'unknown' from deliveries;
update mailboxes set parked_until = now() + interval '1 day', parked_since = now(), breaker = 'open'
    where name = 'M0';
"""


@pytest.fixture
async def crowded(database_template: LocalStack) -> AsyncIterator[PostgresUnderTest]:
    """Fill a database of its own, half of the outbox with what waits for one parked mailbox, at its head."""
    address = database_template.address()
    name = await copy_template(address)
    private = PrivateDatabase(stack=database_template, address=address, name=name)
    administrator = Login(role=address.postgres_superuser, password=address.postgres_password)
    async with private.connect(administrator) as connection:
        await connection.execute(FILL, timeout=240)
        await connection.execute("analyze")
    database = await Database.open(private.dsn(), name="truc test")
    under_test = PostgresUnderTest(private, database)
    yield under_test
    await under_test.close()
    await database.close()
    await drop_all(address, [name])


async def test_a_crowded_database_is_worked_on_by_index_and_fast(crowded: PostgresUnderTest) -> None:
    """One filling serves every question: it takes a while."""
    hub = await crowded.process()

    await _claims_are_fast(crowded, hub)
    await _commits_are_fast(hub)
    await _statements_use_indexes(crowded)


async def _claims_are_fast(store: PostgresUnderTest, hub: HubProcess) -> None:
    await hub.claim(limit=1)
    began = time.perf_counter()
    claimed = await hub.claim(limit=200)
    took = time.perf_counter() - began

    assert len(claimed) == 200
    assert {entry.mailbox for entry in claimed} != {"M0"}
    assert took < 0.25, f"a claim took {took:.3f} s"
    began = time.perf_counter()
    await hub.record(claimed)
    assert time.perf_counter() - began < 1.0


async def _commits_are_fast(hub: HubProcess) -> None:
    batch = [a_submission().to("H41", "H14").admitted() for _ in range(64)]
    began = time.perf_counter()
    committed = await hub.commit(*batch)

    assert len(documents(committed.handed_over)) == 128
    assert time.perf_counter() - began < 1.0


async def _statements_use_indexes(store: PostgresUnderTest) -> None:
    found = {act: await _scanned(store, act, values) for act, values in _questions().items()}

    assert {act: tables for act, tables in found.items() if tables} == {}


async def _scanned(store: PostgresUnderTest, act: str, values: tuple[object, ...]) -> set[str]:
    """Return which big tables *act* would read from one end to the other."""
    async with store.private.connect() as connection:
        await connection.execute("set plan_cache_mode = force_generic_plan")
        prepared = await connection.prepare("explain " + statement(act))
        lines = [row[0] for row in await prepared.fetch(*values)]
    return {table for line in lines for table in BIG if f"Seq Scan on {table}" in line}


def _questions() -> dict[str, tuple[object, ...]]:
    """Ask as the lines do, with 64 of everything."""
    uuids = [uuid4() for _ in range(64)]
    texts, digests = [str(each) for each in uuids], [each.bytes * 2 for each in uuids]
    numbers, states = list(range(64)), ["consigned"] * 64
    nothing: list[object] = [None] * 64
    yes = [True] * 64
    return {
        "claim_outbox_entries": (1, 200, 10**8, LEASE, CLASS_OF_CLAIMANTS, "", [], [], []),
        "confirm_deliveries": (numbers, numbers, uuids, nothing),
        "release_outbox_entries": (numbers, numbers, 1),
        "renew_outbox_entries": (numbers, numbers, 1, LEASE),
        "delete_needless_outbox_entries": (numbers,),
        "delete_idle_outbox_entries": (uuids,),
        "delete_outbox_entries_of_deliveries": (uuids,),
        "find_expired_deliveries": (200,),
        "find_unconfirmed_deliveries": (uuids,),
        "lock_deliveries": (uuids,),
        "update_deliveries": (uuids, states, numbers, yes, nothing, nothing, nothing, numbers),
        "find_earlier_submissions": (texts, texts, texts, digests, uuids),
        "find_earlier_refusals": (texts, texts, digests, uuids),
        "find_document_conflicts": (uuids, texts, texts, digests, texts),
        "lock_documents": (texts, texts),
        "find_reported_deliveries": (uuids, texts, texts, texts, uuids),
        "find_answers": (uuids,),
        "read_receipt_sheets": (uuids,),
        "trace_deliveries": (uuids[0],),
        "trace_receipts": (uuids[0],),
        "read_stamps_of_message": (uuids[0],),
        "read_unstamped_sheets": (uuids[0], 4000),
        "find_messages_by_uuid": (uuids[0],),
        "find_sheet_of_delivery": (uuids[0],),
        "enlist_receipt_subjects": (uuids, texts, numbers, uuids),
        "number_lanes": (texts, texts, yes, numbers),
        "shorten_lanes": (texts, texts, yes, numbers),
        "renumber_deliveries": (uuids, numbers),
    }
