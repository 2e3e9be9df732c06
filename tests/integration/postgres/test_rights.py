"""What each role may do to the database, and nothing beyond it: listed, and tried."""

import re
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import pytest

from hub.backends.postgres.administration import Login
from hub.backends.postgres.migrating import FOLDER
from tests.support.database import HUB, OPERATOR, OWNER, SEALER, PrivateDatabase

pytestmark = pytest.mark.integration

STATEMENTS = FOLDER.parent / "sql"
EVIDENCE = {
    "attempts",
    "case_notes",
    "event_seals",
    "events",
    "hub_certificates",
    "hub_validations",
    "messages",
    "operator_actions",
    "receipt_sheets",
    "receipt_subjects",
    "receipts",
    "refusals",
    "reject_reasons",
    "route_overlays",
    "stamped_sheets",
    "statuses",
    "time_stamps",
    "trust_objects",
    "validations",
}
"""What is appended to and never changed."""
EXPECTED = {
    "truc_hub": {
        "alert_notices": "INSERT, UPDATE(attempts, due_at, last_error, sent_at)",
        "alerts": "INSERT, UPDATE(closed_at, detail)",
        "attempts": "INSERT",
        "bodies": "DELETE, INSERT(digest, mailbox, octets), UPDATE(accepted_at, received, state, touched_at)",
        "cases": "INSERT, UPDATE(closed_at, outcome)",
        "certificate_warnings": "INSERT",
        "deliveries": "INSERT, UPDATE(acknowledged_at, attempt, closed_at, consigned_at, first_attempt,"
        " is_current, lane_number, state)",
        "documents": "INSERT, UPDATE(content_digest)",
        "events": "INSERT(delivery_id, detail, message_id, name)",
        "hub_certificates": "INSERT",
        "hub_validations": "INSERT",
        "invalid_messages": "INSERT, UPDATE(times)",
        "lanes": "INSERT, UPDATE",
        "mailboxes": "UPDATE(breaker, drain_allowance, failing_deliveries, failing_since, failures,"
        " failures_in_a_row, heard_at, parked_because, parked_since, parked_until, pauses, probe)",
        "messages": "INSERT",
        "outbox_entries": "DELETE, INSERT, UPDATE",
        "receipt_sheets": "INSERT",
        "receipt_subjects": "INSERT",
        "receipts": "INSERT",
        "refusals": "INSERT",
        "reject_reasons": "INSERT(attempt, delivery_id, mailbox, reason)",
        "revocation_sources": "DELETE, INSERT, UPDATE",
        "stamped_sheets": "INSERT",
        "statuses": "INSERT",
        "submissions": "DELETE, INSERT",
        "time_stamps": "INSERT",
        "trust_objects": "INSERT",
        "validations": "INSERT",
    },
    "truc_operator": {
        "accounts": "INSERT, UPDATE(agencies, disabled_at, display_name, oidc_subject, password_hash, role)",
        "agencies": "INSERT, UPDATE(closed_at, code, name, parent, successor)",
        "alert_notices": "INSERT",
        "alerts": "INSERT",
        "api_tokens": "INSERT, UPDATE(revoked_at)",
        "attempts": "INSERT",
        "bodies": "INSERT(digest, mailbox, octets, received, state),"
        " UPDATE(accepted_at, received, state, touched_at)",
        "campaign_items": "INSERT, UPDATE(at, attempt, state, step, why, would_pass)",
        "campaigns": "INSERT, UPDATE(confirmed_by, done, ended_at, failed_again, is_canary, items, judged,"
        " judged_at, rate_per_minute, reason, refused, sent, started_at, started_by, state, step,"
        " step_sent_at, stopped_because, would_pass)",
        "case_notes": "INSERT(case_id, delivery_id, operator, text)",
        "cases": "INSERT, UPDATE(closed_at, outcome, owner, snoozed_until, ticket)",
        "certificates": "INSERT, UPDATE(kind, retired_at, revoked_at)",
        "deliveries": "INSERT, UPDATE(acknowledged_at, attempt, closed_at, consigned_at, episode, expires_at,"
        " first_attempt, is_current, mailbox, state)",
        "document_search": "INSERT",
        "documents": "INSERT, UPDATE(content_digest)",
        "events": "INSERT(delivery_id, detail, message_id, name)",
        "issuing_certificates": "INSERT",
        "lanes": "INSERT, UPDATE",
        "login_failures": "DELETE, INSERT",
        "mailbox_sightings": "INSERT, UPDATE(seen_at)",
        "mailboxes": "INSERT, UPDATE(closed_at, kind)",
        "mandates": "INSERT, UPDATE(valid_to)",
        "messages": "INSERT",
        "operator_actions": "INSERT(action, case_id, delivery_id, detail, operator, reason)",
        "outbox_entries": "DELETE, INSERT, UPDATE",
        "queue_losses": "INSERT(deliveries, kind, mailbox, since), UPDATE(deliveries, ended_at,"
        " ended_because, ended_by, noticed_at, since)",
        "queue_watches": "INSERT, UPDATE(counted_at, depth, empty_at, event_id, mark, marked_at, published,"
        " taken)",
        "receipt_sheets": "INSERT",
        "receipt_subjects": "INSERT",
        "receipts": "INSERT",
        "refusals": "INSERT",
        "route_overlays": "INSERT",
        "sessions": "DELETE, INSERT, UPDATE(expires_at, seen_at)",
        "statuses": "INSERT",
        "submissions": "DELETE, INSERT",
        "trust_objects": "INSERT",
        "validations": "INSERT",
    },
    "truc_sealer": {"event_seals": "INSERT"},
}
"""Every right to change something, by role and table, of the whole table or of columns."""
READABLE = {"truc_sealer": {"event_seals", "events", "events_event_id_seq"}}
UNREADABLE = {
    "truc_hub": {
        "accounts",
        "api_tokens",
        "campaign_items",
        "campaigns",
        "case_notes",
        "login_failures",
        "operator_actions",
        "sessions",
    }
}
COMING = {
    "accounts",
    "api_tokens",
    "login_failures",
    "sessions",
}
"""Tables of the operators' desk whose statements are being written; who writes them takes it out of here."""
_ON_TABLES = """
select coalesce(r.rolname, 'public') as role, c.relname::text as table, a.privilege_type as right
  from pg_class c cross join lateral aclexplode(c.relacl) a left join pg_roles r on r.oid = a.grantee
 where c.relnamespace = 'public'::regnamespace and a.grantee <> c.relowner
"""
_ON_COLUMNS = """
select coalesce(r.rolname, 'public') as role, c.relname::text as table, a.privilege_type as right,
       array_agg(t.attname::text order by t.attname) as columns
  from pg_class c join pg_attribute t on t.attrelid = c.oid cross join lateral aclexplode(t.attacl) a
  left join pg_roles r on r.oid = a.grantee
 where c.relnamespace = 'public'::regnamespace and a.grantee <> c.relowner
 group by 1, 2, 3
"""
_ON_FUNCTIONS = """
select coalesce(r.rolname, 'public') as role, p.proname::text as function
  from pg_proc p cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
  left join pg_roles r on r.oid = a.grantee
 where p.pronamespace = 'public'::regnamespace and a.grantee <> p.proowner
"""
_ON_THE_REST = """
select 'schema' as what, r.rolname::text as role, a.privilege_type as right
  from pg_namespace n cross join lateral aclexplode(n.nspacl) a join pg_roles r on r.oid = a.grantee
 where n.nspname = 'public' and r.rolname like 'truc%'
union
select 'schema', 'public', a.privilege_type
  from pg_namespace n cross join lateral aclexplode(n.nspacl) a where n.nspname = 'public' and a.grantee = 0
union
select 'database', coalesce(r.rolname, 'public'), a.privilege_type
  from pg_database d cross join lateral aclexplode(d.datacl) a left join pg_roles r on r.oid = a.grantee
 where d.datname = current_database() and a.grantee <> d.datdba
union
select 'role', rolname, 'more than a login' from pg_roles
 where rolname in ('truc_hub', 'truc_operator', 'truc_sealer')
   and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)
union
select 'role', m.rolname, 'member of ' || g.rolname
  from pg_auth_members a join pg_roles m on m.oid = a.member join pg_roles g on g.oid = a.roleid
 where m.rolname in ('truc_hub', 'truc_operator', 'truc_sealer')
"""


async def rights_in(connection: asyncpg.Connection) -> dict[str, dict[str, str]]:
    """Return every right but that of reading, as `EXPECTED` is written."""
    found: dict[str, dict[str, list[str]]] = {}
    for row in await connection.fetch(_ON_TABLES):
        found.setdefault(row["role"], {}).setdefault(row["table"], []).append(row["right"])
    for row in await connection.fetch(_ON_COLUMNS):
        right = f"{row['right']}({', '.join(row['columns'])})"
        found.setdefault(row["role"], {}).setdefault(row["table"], []).append(right)
    kept = {
        role: {table: [right for right in rights if right != "SELECT"] for table, rights in tables.items()}
        for role, tables in found.items()
    }
    return {
        role: {table: ", ".join(sorted(rights)) for table, rights in tables.items() if rights}
        for role, tables in kept.items()
    }


async def test_every_right_is_one_that_is_listed_here(private_database: PrivateDatabase) -> None:
    async with private_database.connect() as connection:
        assert await rights_in(connection) == EXPECTED


async def test_reading_is_limited_where_a_role_has_no_business(private_database: PrivateDatabase) -> None:
    async with private_database.connect() as connection:
        rows = await connection.fetch(_ON_TABLES)
        every = {str(row[0]) for row in await connection.fetch(
            "select relname::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
        )}  # fmt: skip
    read = {role: {row["table"] for row in rows if (row["role"], row["right"]) == (role, "SELECT")}
            for role in EXPECTED}  # fmt: skip

    assert read["truc_sealer"] == READABLE["truc_sealer"]
    assert every - read["truc_hub"] == UNREADABLE["truc_hub"]
    assert every == read["truc_operator"]


async def test_only_the_sealer_runs_functions_and_nobody_makes_anything(
    private_database: PrivateDatabase,
) -> None:
    async with private_database.connect() as connection:
        functions = {tuple(row) for row in await connection.fetch(_ON_FUNCTIONS)}
        rest = {tuple(row) for row in await connection.fetch(_ON_THE_REST)}

    assert functions == {
        ("truc_sealer", name) for name in ("event_field", "event_leaf", "event_link", "link_events")
    }
    assert rest == {
        *(("schema", role, "USAGE") for role in EXPECTED),
        *(("database", role, "CONNECT") for role in EXPECTED),
    }


def test_nobody_changes_evidence() -> None:
    changed = {
        (role, table)
        for role, tables in EXPECTED.items()
        for table, rights in tables.items()
        if table in EVIDENCE and ("UPDATE" in rights or "DELETE" in rights)
    }

    assert changed == set()


def test_every_right_is_needed_by_some_statement() -> None:
    """A right that no statement of ours uses any more has to go."""
    text = "\n".join(path.read_text("utf-8") for path in sorted(STATEMENTS.glob("*.sql")))
    text += "\n".join(path.read_text("utf-8") for path in Path(STATEMENTS.parent).glob("*.py"))
    needless = [
        (role, table, right)
        for role, tables in EXPECTED.items()
        for table, rights in tables.items()
        for right in re.findall("INSERT|UPDATE|DELETE", rights)
        if table not in COMING and not _is_used(text, table, right)
    ]

    assert needless == []


def _is_used(text: str, table: str, right: str) -> bool:
    upsert = rf"insert into {table}\b(?:(?!insert into)[^;])*?do update"
    pattern = {
        "INSERT": rf'insert into {table}\b|copy_records_to_table\(\s*"{table}"',
        "UPDATE": rf"update {table}\b|{upsert}",
        "DELETE": rf"delete from {table}\b",
    }[right]
    return re.search(pattern, text, re.IGNORECASE | re.DOTALL) is not None


FORBIDDEN = [
    *((role, f"{change} {table}{rest}") for role in (HUB, OPERATOR, SEALER) for table in sorted(EVIDENCE)
      for change, rest in (("update", " set {} = {}"), ("delete from", ""), ("truncate", ""))),
    *((role, act) for role in (HUB, OPERATOR) for act in (
        "insert into events (event_id, name) overriding system value values (1, 'message.accepted')",
        "insert into events (name, at) values ('message.accepted', '2020-01-01')",
        "insert into event_seals (position, event_id, link) values (1, 1, sha256(''))",
        "select setval('events_event_id_seq', 1)",
        "select nextval('events_event_id_seq')",
        "alter table events disable trigger append_only",
        "select event_link(null, sha256(''), sha256(''))",
        "set session_replication_role = replica",
        "create table public.forged ()",
        "create temporary table forged ()",
        "create or replace function event_field(value bytea) returns bytea language sql return value",
        "drop trigger append_only on events",
        "update alembic_version set version_num = '0001'",
        "set role truc_owner",
        "set role truc_sealer",
        "copy events to program 'true'",
        "select pg_read_file('/etc/passwd')",
        "lock table events in exclusive mode",
    )),
    *((HUB, act) for act in (
        "insert into agencies (key, code, name, level) values ('x', 'x', 'x', 1)",
        "update certificates set revoked_at = null",
        "insert into mandates (mailbox, root) values ('x', 'x')",
        "insert into operator_actions (operator, action) values ('x', 'x')",
        "select * from operator_actions",
        "select * from accounts",
        "select * from sessions",
        "insert into accounts (login, display_name, role) values ('x', 'x', 'administrator')",
        "insert into campaigns (kind, state, asked_by, selection) values ('replay', 'running', 'x', '[]')",
        "insert into route_overlays select from route_overlays",
        "update deliveries set mailbox = mailbox",
        "update cases set owner = owner",
        "update deliveries set message_id = message_id",
        "update deliveries set recipient = recipient",
        "delete from deliveries",
        "delete from cases",
    )),
    *((OPERATOR, act) for act in (
        "update accounts set login = login",
        "delete from accounts",
        "delete from cases",
        "delete from deliveries",
        "delete from campaigns",
        "delete from campaign_items",
        "delete from alerts",
        "update alerts set closed_at = now()",
        "update mailboxes set breaker = 'closed'",
        "update campaigns set asked_by = 'somebody else'",
        "insert into case_notes (case_id, operator, text, at) values (1, 'x', 'x', '2020-01-01')",
        "create extension file_fdw",
    )),
    *((SEALER, act) for act in (
        "insert into events (name) values ('message.accepted')",
        "select * from messages",
        "select * from receipt_sheets",
        "select setval('events_event_id_seq', 1)",
        "select nextval('events_event_id_seq')",
        "alter table event_seals disable trigger append_only",
        "create table public.forged ()",
        "create temporary table forged ()",
        "set role truc_owner",
        "set role truc_hub",
    )),
]  # fmt: skip


async def test_each_forbidden_act_is_refused(private_database: PrivateDatabase) -> None:
    allowed = []
    for login in (HUB, OPERATOR, SEALER):
        acts = [act for role, act in FORBIDDEN if role is login]
        allowed += [(login.role, act) for act in await _allowed(private_database, login, acts)]

    assert allowed == []


async def _allowed(private: PrivateDatabase, login: Login, acts: Sequence[str]) -> list[str]:
    """Try *acts*, each in a transaction that is rolled back; return those that nobody refused."""
    allowed = []
    async with private.connect() as owner, private.connect(login) as connection:
        for act in acts:
            written = act.format(*[await _a_column_of(owner, act)] * 2) if "{}" in act else act
            transaction = connection.transaction()
            await transaction.start()
            try:
                await connection.execute(written)
                allowed.append(written)
            except asyncpg.InsufficientPrivilegeError:
                pass
            finally:
                await transaction.rollback()
    return allowed


async def _a_column_of(owner: asyncpg.Connection, act: str) -> str:
    query = "select attname::text from pg_attribute where attrelid = $1::regclass and attnum = 2"
    return str(await owner.fetchval(query, act.split()[1]))


@pytest.mark.parametrize("table", sorted(EVIDENCE - {"messages"}))
async def test_the_owner_changes_evidence_only_on_purpose(
    private_database: PrivateDatabase, table: str
) -> None:
    async with private_database.connect(OWNER) as connection:
        for change in (f"delete from {table}", f"truncate {table}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="appended to, never changed"):
                await connection.execute(change)


async def test_what_was_granted_before_and_is_not_needed_is_taken_away(
    private_database: PrivateDatabase,
) -> None:
    from hub.backends.postgres.migrating import migrate

    async with private_database.connect() as connection:
        await connection.execute(
            "grant update, delete on events, receipts, attempts to truc_hub;"
            "grant update (link) on event_seals to truc_sealer;"
            "grant create on schema public to truc_operator"
        )
        await migrate(
            private_database.dsn(OWNER),
            hub_role=HUB.role,
            operator_role=OPERATOR.role,
            sealer_role=SEALER.role,
        )

        assert await rights_in(connection) == EXPECTED
        assert {
            tuple(row) for row in await connection.fetch(_ON_THE_REST) if row["right"] == "CREATE"
        } == set()
