"""How values travel, and that the driver asks the server only once what they are."""

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from asyncpg.pool import PoolConnectionProxy

from hub.backends.postgres.pool import Database
from hub.errors import StorageRefused

VALUES: dict[str, list[object]] = {
    "boolean": [True, None, False],
    "bytea": [b"\x00\xff", None, b""],
    "smallint": [1, None, -1],
    "int": [1, None, -(2**31)],
    "text": ["công văn", None, 'a "quoted" \\ one'],
    "bigint": [1, None, 2**62],
    "date": [date(2026, 11, 22), None],
    "timestamptz": [datetime(2026, 11, 22, 19, 0, 0, 123456, tzinfo=UTC), None],
    "uuid": [uuid4(), None],
    "jsonb": [{"a": 'công "văn" \\', "b": [1, None, True]}, None, {}],
}


async def test_values_of_every_array_come_back_as_they_were(hub_database: Database) -> None:
    async with hub_database.connection() as connection:
        found = {
            name: await connection.fetchval(f"select $1::{name}[]", values) for name, values in VALUES.items()
        }

    assert found == VALUES


async def test_only_the_first_connection_asks_what_arrays_are(hub_database: Database) -> None:
    async with hub_database.connection() as first, hub_database.connection() as second:
        assert isinstance(second, PoolConnectionProxy)
        seen = await first.fetchval(
            "select query from pg_stat_activity where pid = $1", second.get_server_pid()
        )
        asked: list[str] = []
        with second.query_logger(lambda record: asked.append(record.query)):
            for name, values in VALUES.items():
                await second.fetchval(f"select $1::{name}[]", values)

    # The first question of every connection, and the last before ours.
    assert "pg_is_in_recovery" in str(seen)
    assert asked == [f"select $1::{name}[]" for name in VALUES]


async def test_a_detail_that_is_no_json_is_refused(hub_database: Database) -> None:
    with pytest.raises(StorageRefused):
        async with hub_database.connection() as connection:
            await connection.fetchval("select $1::jsonb", object())
