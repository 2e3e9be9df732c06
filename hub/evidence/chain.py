"""How the audit log is chained: the one definition, which the database follows and verifiers check.

Each event becomes a leaf, SHA-256 over 0x00 and its canonical form; each link is SHA-256 over 0x02, the link
before it and its leaf. 0x00 and 0x01 are the leaves and inner nodes of a Merkle tree as in RFC 9162 (section
2.1.1): a tree head may be signed over the same leaves without touching what is sealed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

LEAF: Final = b"\x00"
LINK: Final = b"\x02"
GENESIS: Final = bytes(32)
"""What stands before the first link."""
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_NULL: Final = b"\xff\xff\xff\xff"
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event as it is stored."""

    event_id: int
    at: datetime
    name: str
    message_id: UUID | None
    delivery_id: UUID | None
    detail: str | None
    """The text of the `jsonb` value, as PostgreSQL writes it."""


def canonical(row: EventRow) -> bytes:
    """Return the fields of *row* in their order, each with its length: as COPY BINARY writes them.

    Numbers have 8 octets, most significant first; an instant counts microseconds since 2000 in UTC; a null
    has the length -1. No two rows have the same form.
    """
    return canonical_fields(
        row.event_id.to_bytes(8, signed=True),
        ((row.at - _EPOCH) // _MICROSECOND).to_bytes(8, signed=True),
        row.name.encode(),
        None if row.message_id is None else row.message_id.bytes,
        None if row.delivery_id is None else row.delivery_id.bytes,
        None if row.detail is None else row.detail.encode(),
    )


def canonical_fields(*fields: bytes | None) -> bytes:
    """Return *fields* with their lengths."""
    return b"".join([_NULL if each is None else len(each).to_bytes(4) + each for each in fields])


def leaf(form: bytes) -> bytes:
    """Return the leaf of an event in its canonical *form*."""
    return sha256(LEAF + form).digest()


def link(before: bytes, after: bytes) -> bytes:
    """Return the link of the leaf *after*, which follows the link *before*."""
    return sha256(LINK + before + after).digest()
