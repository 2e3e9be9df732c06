"""Fills the axis by SQL: mailboxes, the whole tree of agencies, and a backlog of deliveries that wait."""

from typing import Final

import asyncpg

from hub.commands.local_axis import LocalAxis
from tests.benchmarks.place import SENDER, Place

FANNED_OUT: Final = 100
"""Deliveries of one document at most: a backlog is made of circulars to many."""
OCTETS: Final = 2_000

MAILBOXES: Final = """
with entered as (
    insert into agencies (key, code, name, level)
    select 'S' || lpad(n::text, 5, '0'), 'S' || lpad(n::text, 5, '0'), 'Cơ quan ' || n, 1
    from generate_series(1, $1::int) n
    on conflict do nothing
    returning key
), connected as (
    insert into mailboxes (name, agency, kind) select key, key, 'agency' from entered returning name
)
insert into mandates (mailbox, root) select name, name from connected
"""
AGENCIES: Final = """
insert into agencies (key, code, name, level, parent)
select parent.key || '.' || lpad(n::text, 3, '0'), 'U' || n || '.' || parent.code, 'Đơn vị ' || n,
    parent.level + 1, parent.key
from (select key, code, level from agencies where level = $1::smallint order by key limit $2::int) parent
cross join generate_series(1, $3::int) n
on conflict do nothing
"""
MESSAGES: Final = """
insert into messages (message_id, kind, verdict, mailbox, submission_id, digest, octets, sender, document_id,
    business_type, content_digest, received_at, body)
select gen_random_uuid(), 'document', 'accepted', $1, 'backlog-' || n, sha256(('backlog' || n)::bytea),
    $4::int, $1, 'G22,2026/03/09,backlog/' || n, 0, sha256(('backlog' || n)::bytea), now(), gen_body
from generate_series($2::int, $3::int) n
cross join lateral (select decode(string_agg(md5(random()::text || i || n), ''), 'hex') as gen_body
    from generate_series(1, $4::int / 16) i) b
"""
DELIVERIES: Final = """
with documents as (
    select message_id, document_id, content_digest,
        row_number() over (order by received_at, submission_id) as position
    from messages
    where submission_id = any (select 'backlog-' || n from generate_series($1::int, $2::int) n)
), recipients as (
    select array_agg(name order by name) as names from mailboxes where name like 'S_____'
), pairs as (
    select d.message_id, d.document_id, d.content_digest, d.position * $3::int + i as position,
        (d.position * $3::int + i) / cardinality(r.names) as nth,
        r.names[1 + (d.position * $3::int + i) % cardinality(r.names)] as name
    from documents d
    cross join recipients r
    cross join generate_series(0, $3::int - 1) i
), entered as (
    insert into deliveries (delivery_id, message_id, kind, mailbox, sender, recipient, document_id,
        business_type, content_digest, is_urgent, lane_number, correlation_id, expires_at)
    select ('01900000-0000-7000-8000-' || lpad(to_hex($1::bigint * $3::int + p.position), 12, '0'))::uuid,
        p.message_id, 'document', p.name, $4, p.name, p.document_id, 0, p.content_digest,
        false, coalesce(l.next_number, 1) + p.nth, p.message_id::text, now() + interval '15 days'
    from pairs p
    left join lanes l on l.sender = $4 and l.recipient = p.name and not l.is_urgent
    order by p.position
    returning delivery_id, mailbox, sender, recipient, is_urgent, lane_number, expires_at
), promised as (
    insert into outbox_entries (delivery_id, mailbox, sender, recipient, is_urgent, lane_number, attempt,
        octets, expires_at)
    select delivery_id, mailbox, sender, recipient, is_urgent, lane_number, 1, $5::int, expires_at
    from entered
)
insert into lanes (sender, recipient, is_urgent, next_number)
select sender, recipient, false, max(lane_number) + 1 from entered group by sender, recipient
on conflict (sender, recipient, is_urgent) do update set next_number = excluded.next_number
"""
"""The hub's identifiers grow with time, and so do these: an index grows at its end."""


async def connect_mailboxes(axis: LocalAxis, count: int) -> None:
    """Enter mailboxes until there are *count* besides the bench's own; the broker does not have them yet."""
    connection = await asyncpg.connect(axis.dsn("postgres"))
    try:
        await connection.execute(MAILBOXES, count)
    finally:
        await connection.close()


async def enter_agencies(place: Place, count: int) -> int:
    """Enter units below the connected agencies, four levels deep, until there are about *count*."""
    async with place.database() as connection:
        connected = await connection.fetchval("select count(*) from agencies where level = 1")
        wide = max(2, round((count / connected / 10) ** 0.5))
        for level, parents, children in (
            (1, connected, 10),
            (2, connected * 10, wide),
            (3, connected * 10 * wide, wide),
        ):
            missing = count - await connection.fetchval("select count(*) from agencies")
            if missing > 0:
                await connection.execute(AGENCIES, level, min(parents, -(-missing // children)), children)
        await connection.execute("analyze agencies")
        return int(await connection.fetchval("select count(*) from agencies"))


async def pile_up(place: Place, count: int) -> int:
    """Let *count* deliveries wait, spread evenly over all mailboxes; returns how many there are."""
    async with place.database() as connection:
        waiting = await connection.fetchval("select count(*) from outbox_entries")
        recipients = await connection.fetchval("select count(*) from mailboxes where name like 'S_____'")
        each = min(FANNED_OUT, recipients)
        first = await connection.fetchval(
            "select count(*) + 1 from messages where submission_id like 'backlog-%'"
        )
        last = first - 1 + max(0, -(-(count - waiting) // each))
        await connection.execute("set session_replication_role = replica")  # foreign keys hold by themselves
        await connection.execute(MESSAGES, SENDER, first, last, OCTETS, timeout=1800)
        await connection.execute(DELIVERIES, first, last, each, SENDER, OCTETS, timeout=1800)
        await connection.execute("vacuum analyze", timeout=1800)
        return int(await connection.fetchval("select count(*) from outbox_entries"))


async def clear(place: Place) -> None:
    """Forget every document; mailboxes and agencies stay."""
    async with place.database() as connection:
        await connection.execute("set session_replication_role = replica")  # evidence keeps itself
        await connection.execute(
            "truncate messages, deliveries, outbox_entries, lanes, documents, submissions, receipts,"
            " receipt_sheets, receipt_subjects, refusals, statuses, attempts, events, event_seals,"
            " cases cascade"
        )
        await connection.execute("vacuum analyze")
