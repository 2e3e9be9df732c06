"""How values travel to PostgreSQL: `jsonb` in binary, and arrays that the driver knows from the beginning."""

import json
from collections.abc import Sequence
from typing import Final

import asyncpg
from pydantic_core import to_json

_JSONB_VERSION: Final = b"\x01"
_ARRAYS: Final = {
    "boolean": 1000, "bytea": 1001, "smallint": 1005, "int": 1007, "text": 1009, "bigint": 1016,
    "date": 1182, "timestamptz": 1185, "uuid": 2951, "jsonb": 3807,
}  # fmt: skip
"""The arrays that our statements take, by the numbers that they have in every PostgreSQL."""


class Codecs:
    """Prepares the connections of one pool."""

    def __init__(self) -> None:
        """Know nothing yet: the first connection asks the server for all."""
        self._arrays: Sequence[asyncpg.Record] = ()

    async def prepare(self, connection: asyncpg.Connection) -> None:
        """Teach a new *connection* our types.

        The driver would ask on every connection what an array is, by a query that costs the database 7 ms: a
        hub process opens half a dozen connections in its first moments.
        """
        # In binary an array of it needs no quoting: half a statement's time where each row has one.
        await connection.set_type_codec(
            "jsonb", schema="pg_catalog", encoder=_to_jsonb, decoder=_from_jsonb, format="binary"
        )
        if not self._arrays:
            self._arrays, _ = await connection._introspect_types(_ARRAYS.values(), None)  # noqa: SLF001 - see above
        connection._protocol.get_settings().register_data_types(self._arrays)  # noqa: SLF001 - nothing public does


def _to_jsonb(value: object) -> bytes:
    return _JSONB_VERSION + to_json(value)


def _from_jsonb(value: bytes) -> object:
    return json.loads(value[len(_JSONB_VERSION) :])
