import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from deploy.local import LocalStack
from hub.backends.postgres.administration import Login, drop_database, ensure_database
from hub.backends.postgres.migrating import migrate, newest, revision
from hub.errors import TemporaryFailure
from tests.support.database import HUB, OPERATOR, OWNER, administrator_dsn, dsn_of


@pytest.fixture
async def empty(database_template: LocalStack) -> AsyncIterator[str]:
    """Make a database without a schema; gives its owner's address."""
    address, name = database_template.address(), f"test_{uuid4().hex[:12]}"
    await ensure_database(administrator_dsn(address), name=name, owner=OWNER, others=(HUB, OPERATOR))
    yield dsn_of(address, OWNER, name)
    await drop_database(administrator_dsn(address), name=name)


async def migrated(dsn: str) -> str:
    return await migrate(dsn, hub_role=HUB.role, operator_role=OPERATOR.role)


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
