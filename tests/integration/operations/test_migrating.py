import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from deploy.local import LocalStack
from hub.backends.postgres.administration import Login, drop_database, ensure_database
from hub.backends.postgres.migrating import FOLDER, migrate, newest, revision
from hub.errors import TemporaryFailure
from tests.support.database import HUB, OPERATOR, OWNER, SEALER, administrator_dsn, dsn_of


@pytest.fixture
async def empty(database_template: LocalStack) -> AsyncIterator[str]:
    """Make a database without a schema; gives its owner's address."""
    address, name = database_template.address(), f"test_{uuid4().hex[:12]}"
    await ensure_database(administrator_dsn(address), name=name, owner=OWNER, others=(HUB, OPERATOR, SEALER))
    yield dsn_of(address, OWNER, name)
    await drop_database(administrator_dsn(address), name=name)


async def migrated(dsn: str) -> str:
    return await migrate(dsn, hub_role=HUB.role, operator_role=OPERATOR.role, sealer_role=SEALER.role)


async def schema(dsn: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        query = (
            "select c.oid, c.relname, c.relacl::text, a.attname, a.attacl::text from pg_class c"
            " left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0"
            " where c.relnamespace = 'public'::regnamespace order by 1, 4"
        )
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def test_an_empty_database_gets_the_newest_schema(empty: str) -> None:
    before = await revision(empty)

    after = await migrated(empty)

    assert (before, after, await revision(empty)) == (None, newest(), newest())


async def test_migrating_again_changes_nothing(empty: str) -> None:
    await migrated(empty)
    before = await schema(empty)

    await migrated(empty)

    assert await schema(empty) == before


async def test_of_those_who_migrate_at_once_one_does_it(empty: str) -> None:
    found = await asyncio.gather(*(migrated(empty) for _ in range(4)))

    assert set(found) == {newest()}


ONE_RECEIPT_OF_THE_FIRST_VERSION = """
    create table alembic_version (version_num varchar(32) primary key);
    insert into alembic_version values ('0001');
    insert into messages (message_id, kind, verdict, mailbox, submission_id, digest, octets, received_at,
                          body)
        values ('{message}', 'document', 'accepted', 'H49', 's-1', 'digest', 4, now(), 'body');
    insert into receipts (receipt_id, message_id, event, mailbox, issued_at, body)
        values ('{receipt}', '{message}', 'SubmissionAcceptance', 'H49', now(), '<signed/>');
    insert into deliveries (delivery_id, message_id, receipt_id, kind, mailbox, recipient, is_urgent,
                            lane_number, correlation_id, event)
        values ('{delivery}', '{message}', '{receipt}', 'receipt', 'H49', 'H49', false, 1, 's-1',
                'SubmissionAcceptance');
"""


async def test_receipts_of_the_first_version_keep_their_bytes_and_their_way_out(empty: str) -> None:
    message, receipt, delivery = uuid4(), uuid4(), uuid4()
    connection = await asyncpg.connect(empty)
    await connection.execute((FOLDER / "0001_the_seam.sql").read_text("utf-8"))
    await connection.execute(
        ONE_RECEIPT_OF_THE_FIRST_VERSION.format(message=message, receipt=receipt, delivery=delivery)
    )

    await migrated(empty)

    row = await connection.fetchrow(
        "select r.message_id, d.delivery_id, s.event, s.body from receipts r"
        " join receipt_sheets s using (sheet_id) join deliveries d using (sheet_id) where r.receipt_id = $1",
        receipt,
    )
    await connection.close()
    assert row is not None
    assert tuple(row) == (message, delivery, "SubmissionAcceptance", b"<signed/>")


async def test_nobody_but_the_roles_of_the_axis_may_connect(
    database_template: LocalStack, empty: str
) -> None:
    address, name = database_template.address(), empty.rpartition("/")[2]
    stranger = Login(role="stranger", password="stranger")
    other = f"test_{uuid4().hex[:12]}"
    await ensure_database(administrator_dsn(address), name=other, owner=stranger, others=())

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(dsn_of(address, stranger, name))

    await drop_database(administrator_dsn(address), name=other)


async def test_a_lost_password_is_replaced(database_template: LocalStack) -> None:
    address = database_template.address()
    role, database = f"role_{uuid4().hex[:8]}", f"test_{uuid4().hex[:12]}"
    administrator = administrator_dsn(address)
    await ensure_database(administrator, name=database, owner=Login(role=role, password="old'"), others=())
    fresh = Login(role=role, password='new "one\\')

    await ensure_database(administrator, name=database, owner=fresh, others=())

    connection = await asyncpg.connect(dsn_of(address, fresh, database))
    await connection.close()
    await drop_database(administrator, name=database)


async def test_a_database_that_is_away_is_a_temporary_failure() -> None:
    with pytest.raises(TemporaryFailure):
        await migrated("postgresql://nobody:nothing@127.0.0.1:9/nowhere")
