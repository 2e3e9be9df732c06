"""Where the effects of recipients lie: in the journal's transaction, or in a register of their own."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias
from uuid import UUID

from adapters.kit.delivery import Delivery
from hub.message.identifiers import AgencyKey, DeliveryId, DocumentId, digest_of
from tests.chaos.ledger import Effected, now

Row: TypeAlias = dict[str, object]
Handler: TypeAlias = Literal["journal", "idempotent"]

_COLUMNS: Final = (
    "delivery_id",
    "sender",
    "recipient",
    "document_id",
    "digest",
    "lane",
    "lane_number",
    "attempt",
    "is_redelivered",
    "consumer",
    "at",
)
_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS effects (
        ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
        delivery_id TEXT NOT NULL {key},
        sender TEXT NOT NULL,
        recipient TEXT NOT NULL,
        document_id TEXT NOT NULL,
        digest TEXT NOT NULL,
        lane TEXT NOT NULL,
        lane_number INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        is_redelivered INTEGER NOT NULL,
        consumer TEXT NOT NULL,
        at TEXT NOT NULL
    ) STRICT
"""
TABLES: Final = (_TABLE.format(key=""),)
"""For the journal: under no unique key, so that a second effect would show."""
INSERT: Final = (
    f"INSERT INTO effects ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"
)


def row_of(delivery: Delivery, consumer: str) -> Row:
    """Return what is written down about the effect of *delivery*, done now by *consumer*."""
    consignment = delivery.consignment
    return {
        "delivery_id": str(consignment.delivery_id),
        "sender": consignment.sender,
        "recipient": consignment.recipient,
        "document_id": delivery.header.document_id,
        "digest": digest_of(delivery.body).hex(),
        "lane": consignment.lane,
        "lane_number": consignment.lane_number,
        "attempt": consignment.attempt,
        "is_redelivered": int(consignment.is_redelivered),
        "consumer": consumer,
        "at": now().isoformat(),
    }


def read(
    connection: sqlite3.Connection, *, consumer: str, after: int, handler: Handler = "journal"
) -> Sequence[Effected]:
    """Return what *consumer* did after the effect numbered *after*, in the order of the commits."""
    rows = connection.execute(
        f"SELECT ordinal, {', '.join(_COLUMNS)} FROM effects"
        " WHERE consumer = ? AND ordinal > ? ORDER BY ordinal",
        (consumer, after),
    ).fetchall()
    return [_effected(dict(zip(("ordinal", *_COLUMNS), row, strict=True)), handler) for row in rows]


def _effected(row: Row, handler: Handler) -> Effected:
    return Effected(
        delivery_id=DeliveryId(UUID(str(row["delivery_id"]))),
        sender=AgencyKey(str(row["sender"])),
        recipient=AgencyKey(str(row["recipient"])),
        document_id=DocumentId(str(row["document_id"])),
        digest=str(row["digest"]),
        lane=str(row["lane"]),
        lane_number=int(str(row["lane_number"])),
        attempt=int(str(row["attempt"])),
        is_redelivered=bool(row["is_redelivered"]),
        consumer=str(row["consumer"]),
        ordinal=int(str(row["ordinal"])),
        handler=handler,
        at=_instant(row["at"]),
    )


def _instant(value: object) -> datetime:
    return datetime.fromisoformat(str(value))


class Register:
    """Effects outside the journal, under the delivery's id: writing one again changes nothing."""

    def __init__(self, path: Path) -> None:
        """Open or create the file at *path*; several processes may."""
        self._path = path
        with closing(self._connect()) as connection:
            connection.execute(_TABLE.format(key="UNIQUE"))

    def write(self, row: Row) -> None:
        """Do the effect, unless it is done; durable on return."""
        with closing(self._connect()) as connection:
            connection.execute(INSERT.replace("INSERT", "INSERT OR IGNORE", 1), row)

    def read(self, *, consumer: str, after: int) -> Sequence[Effected]:
        """Return what *consumer* did after the effect numbered *after*."""
        with closing(self._connect()) as connection:
            return read(connection, consumer=consumer, after=after, handler="idempotent")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, timeout=60)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection
