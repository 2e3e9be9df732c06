"""What stands in the members of evidence: names, and what the axis wrote beside the signed bytes."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hub.evidence.chain import EventRow

DOCUMENT: Final = "document.xml"
RECEIPTS: Final = "receipts/"
STATUSES: Final = "statuses/"
CERTIFICATES: Final = "certificates/"
REVOCATION: Final = "revocation/"
STAMPS: Final = "stamps/"
"""A list of digests (`.txt`) and the time stamp over it (`.tst`), both called after the list's SHA-256."""
OVERLAYS: Final = "overlays/"
"""Routes that an operator changed, as the hub signed them."""
EVENTS: Final = "events.json"
RECORD: Final = "record.json"
"""The axis's own record of the message, its deliveries and attempts: for people, proved by nothing here."""
_KNOWN: Final = re.compile(
    r"document\.xml|events\.json|record\.json|(receipts|statuses|overlays)/[0-9a-f-]{36}\.xml"
    r"|certificates/[0-9a-f]{64}\.der|revocation/[0-9a-f]{64}\.(crl|ocsp)"
    r"|stamps/[0-9a-f]{64}\.(txt|tst)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedEvent:
    """An event with its place in the audit log, where it was sealed when the evidence was exported."""

    row: EventRow
    position: int | None
    before: bytes | None
    link: bytes | None


def is_known(name: str) -> bool:
    """Whether evidence has a member of that name."""
    return _KNOWN.fullmatch(name) is not None


def below(members: Mapping[str, bytes], folder: str) -> Iterator[tuple[str, bytes]]:
    """Yield the members in *folder*, in the order of their names."""
    return ((name, members[name]) for name in sorted(members) if name.startswith(folder))


def write_events(events: Iterator[SealedEvent]) -> bytes:
    """Return *events* as JSON."""
    written = [
        {
            "event_id": each.row.event_id,
            "at": each.row.at.isoformat(),
            "name": each.row.name,
            "message_id": None if each.row.message_id is None else str(each.row.message_id),
            "delivery_id": None if each.row.delivery_id is None else str(each.row.delivery_id),
            "detail": each.row.detail,
            "position": each.position,
            "before": None if each.before is None else each.before.hex(),
            "link": None if each.link is None else each.link.hex(),
        }
        for each in events
    ]
    return json.dumps(written, indent=1, ensure_ascii=False).encode()


def read_events(octets: bytes) -> list[SealedEvent]:
    """Return the events in *octets*; raises `ValueError` where they are not such as `write_events` writes."""
    try:
        events = [_event(each) for each in json.loads(octets)]
    except (LookupError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(str(error)) from error
    if not events:
        raise ValueError("no event")
    return events


def _event(written: Mapping[str, str | int | None]) -> SealedEvent:
    def octets(name: str) -> bytes | None:
        return None if written[name] is None else bytes.fromhex(str(written[name]))

    def uuid(name: str) -> UUID | None:
        return None if written[name] is None else UUID(str(written[name]))

    at = datetime.fromisoformat(str(written["at"]))
    if at.tzinfo is None:
        raise ValueError("an instant without a zone")
    return SealedEvent(
        row=EventRow(
            event_id=int(written["event_id"] or 0),
            at=at,
            name=str(written["name"]),
            message_id=uuid("message_id"),
            delivery_id=uuid("delivery_id"),
            detail=None if written["detail"] is None else str(written["detail"]),
        ),
        position=None if written["position"] is None else int(written["position"]),
        before=octets("before"),
        link=octets("link"),
    )
