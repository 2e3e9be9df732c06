"""The machine's clock, and identifiers that grow with it."""

from datetime import UTC, datetime
from uuid import UUID

import asyncpg.pgproto.pgproto
import uuid_utils


class SystemClock:
    """Tells the machine's time; every hub machine must be synchronised (QĐ 28/2018 Art. 14.4)."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)


def new_id() -> UUID:
    """Return a fresh UUIDv7: later ones sort behind earlier ones, so that indexes grow at their end.

    It is of the driver's kind, as those that the database returns: made, hashed, compared and written in C.
    """
    fresh: UUID = asyncpg.pgproto.pgproto.UUID(uuid_utils.uuid7().bytes)
    return fresh
