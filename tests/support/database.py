"""A database of its own for each test, copied from a template that a session migrates once."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote
from uuid import uuid4

import asyncpg
import pytest

from deploy.local import LocalStack, StackAddress
from hub.backends.postgres.administration import Login, copy_database, drop_database, ensure_database
from hub.backends.postgres.migrating import migrate
from hub.backends.postgres.pool import Database

TEMPLATE = "truc_template"
OWNER = Login(role="truc_owner", password="owner of the test database")
HUB = Login(role="truc_hub", password="hub of the test database")
OPERATOR = Login(role="truc_operator", password="operator of the test database")
SEALER = Login(role="truc_sealer", password="sealer of the test database")


EMPTY = """
do $$ declare each text; begin
    set local session_replication_role = replica;
    for each in select tablename from pg_tables where schemaname = 'public'
        and tablename not in ('registry_versions', 'revocation_versions', 'alembic_version')
    loop execute format('delete from %I', each); end loop;
end $$
"""
"""In one transaction, without the triggers of foreign keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateDatabase:
    """One test's database, and who may come in."""

    stack: LocalStack
    address: StackAddress
    name: str

    def dsn(self, login: Login = HUB) -> str:
        return dsn_of(self.address, login, self.name)

    @asynccontextmanager
    async def connect(self, login: Login = OWNER) -> AsyncIterator[asyncpg.Connection]:
        """Speak to it without the hub's own code; the owner may look at and change everything."""
        connection = await asyncpg.connect(self.dsn(login))
        try:
            yield connection
        finally:
            await connection.close()

    async def rewrite(self, *statements: str) -> None:
        """Change evidence, which the owner of the tables cannot do by mistake: the administrator can."""
        login = Login(role=self.address.postgres_superuser, password=self.address.postgres_password)
        async with self.connect(login) as connection, connection.transaction():
            await connection.execute("set local session_replication_role = replica")
            for each in statements:
                await connection.execute(each)


def dsn_of(address: StackAddress, login: Login, database: str) -> str:
    place = f"{address.postgres_host}:{address.postgres_port}"
    return f"postgresql://{login.role}:{quote(login.password, safe='')}@{place}/{database}"


def administrator_dsn(address: StackAddress) -> str:
    login = Login(role=address.postgres_superuser, password=address.postgres_password)
    return dsn_of(address, login, "postgres")


async def make_template(address: StackAddress) -> None:
    """Migrate an empty database with the migrations as they are now."""
    administrator = administrator_dsn(address)
    await drop_database(administrator, name=TEMPLATE)
    await ensure_database(administrator, name=TEMPLATE, owner=OWNER, others=(HUB, OPERATOR, SEALER))
    await migrate(
        dsn_of(address, OWNER, TEMPLATE),
        hub_role=HUB.role,
        operator_role=OPERATOR.role,
        sealer_role=SEALER.role,
    )


@pytest.fixture(scope="session")
def database_template(local_stack: LocalStack) -> LocalStack:
    """Make the template once in a session."""
    asyncio.run(make_template(local_stack.up()))
    return local_stack


@pytest.fixture(scope="session")
def empty_databases(database_template: LocalStack) -> Iterator[list[str]]:
    """Keep the databases that tests have left empty: emptying one is ten times quicker than copying."""
    names: list[str] = []
    yield names
    asyncio.run(drop_all(database_template.up(), names))


@pytest.fixture
async def private_database(
    database_template: LocalStack, empty_databases: list[str]
) -> AsyncIterator[PrivateDatabase]:
    """Give an empty database: the copy that an earlier test emptied, or a new one."""
    address = database_template.address()
    name = empty_databases.pop() if empty_databases else await copy_template(address)
    yield PrivateDatabase(stack=database_template, address=address, name=name)
    await empty(address, name)
    empty_databases.append(name)


async def drop_all(address: StackAddress, names: Sequence[str]) -> None:
    for name in names:
        await drop_database(administrator_dsn(address), name=name)


async def copy_template(address: StackAddress) -> str:
    name = f"test_{uuid4().hex[:12]}"
    await copy_database(
        administrator_dsn(address),
        template=TEMPLATE,
        name=name,
        may_connect=[HUB.role, OPERATOR.role, SEALER.role],
    )
    return name


async def empty(address: StackAddress, name: str) -> None:
    """Delete every row but the version of the registry, as only the administrator can."""
    login = Login(role=address.postgres_superuser, password=address.postgres_password)
    connection = await asyncpg.connect(dsn_of(address, login, name))
    try:
        await connection.execute(EMPTY)
    finally:
        await connection.close()


@pytest.fixture
async def hub_database(private_database: PrivateDatabase) -> AsyncIterator[Database]:
    """Open the pool of a hub process."""
    database = await Database.open(private_database.dsn(), name="truc test")
    yield database
    await database.close()
