"""A hundred thousand dead letters in a database, with their cases, documents and certificates."""

import asyncpg

ROWS = 100_000
MAILBOXES = 95
RULES = 4

FILL = """
set session_replication_role = replica; -- without the triggers of foreign keys, which take most of the time
insert into agencies (key, code, name, level)
    select 'R' || n, 'R' || n, 'R' || n, 1 from generate_series(0, {mailboxes} - 1) n on conflict do nothing;
insert into mailboxes (name, agency, kind)
    select 'R' || n, 'R' || n, 'agency' from generate_series(0, {mailboxes} - 1) n on conflict do nothing;
insert into messages (message_id, kind, verdict, mailbox, submission_id, digest, octets, sender, document_id,
        business_type, code_number, code_notation, subject, content_digest, signed_by, received_at, body)
    select ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'document', 'accepted', 'G22',
        n::text, sha256(n::text::bytea), octet_length($1::bytea), 'G22', 'D' || n, 0, n::text, 'UBND-VX',
        'Về việc thử nghiệm số ' || n, sha256(n::text::bytea), sha256((n % 3)::text::bytea),
        now() - interval '1 day', $1::bytea
    from generate_series(1, {rows}) n;
insert into deliveries (delivery_id, message_id, kind, mailbox, sender, recipient, document_id, business_type,
        content_digest, is_urgent, lane_number, correlation_id, state, is_current, attempt, expires_at)
    select message_id, message_id, 'document', 'R' || n % {mailboxes}, 'G22', 'R' || n % {mailboxes},
        document_id, 0, content_digest, n % 50 = 0, n, submission_id, 'dead', false, 6,
        now() + interval '14 days'
    from (select m.*, submission_id::int as n from messages m) m;
insert into attempts (delivery_id, attempt, episode, at, outcome)
    select delivery_id, tried, 1, now(), 'rejected' from deliveries, generate_series(5, 6) tried;
insert into cases (delivery_id, mailbox, cause, episode, opened_at, cause_code, cause_rule, certificate,
        sender, recipient)
    select d.delivery_id, d.mailbox, 'rejected at attempt 6', 1,
        now() - d.lane_number * interval '1 second',
        case when d.lane_number % 5 = 0 then 'delivery_limit' else 'rejected' end,
        case when d.lane_number % {rules} > 0 then 'rule ' || d.lane_number % {rules} end,
        m.signed_by, d.sender, d.recipient
    from deliveries d join messages m using (message_id) order by d.delivery_id;
"""


async def crowd(connection: asyncpg.Connection, body: bytes, *, rows: int = ROWS) -> None:
    """Fill the empty database of *connection*, which is its administrator's; every document has *body*."""
    filled = FILL.format(rows=rows, mailboxes=MAILBOXES, rules=RULES).split(";\n")
    for each in filled:
        values = [body] if "$1" in each else []
        if each.strip():
            await connection.execute(each, *values, timeout=240)
    await connection.execute("vacuum analyze", timeout=240)
