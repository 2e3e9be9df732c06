"""The whole life of a document as one timeline."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.backends.postgres.pool import Database
from hub.backends.postgres.tracing import Dossier, StoredDelivery, StoredEvent, find_messages, read_dossier
from hub.message.identifiers import AgencyKey, DeliveryId
from hub.message.receipt_xml import VIETNAM_TIME
from hub.message.signature_facts import HANDED_OVER, MANDATED_FOR

_SAID_BY_OTHERS = frozenset(
    {
        "delivery.consigned",
        "delivery.reported",
        "delivery.reported_late",
        "delivery.replayed",
        "delivery.discarded",
        "delivery.restored",
        "delivery.rerouted",
        "delivery.sent_again",
    }
)
_IN_A_LINE_OF_ITS_OWN = frozenset({MANDATED_FOR, HANDED_OVER})


class Source(StrEnum):
    """Which record a line of a timeline comes from, in the order in which lines of one instant are shown."""

    MESSAGE = "message"
    EVENT = "event"
    ATTEMPT = "attempt"
    STATUS = "status"
    RECEIPT = "receipt"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One line of a timeline."""

    at: datetime
    source: Source
    what: str
    recipient: AgencyKey | None
    """The recipient whose delivery it is about; None where it is about all of them."""
    delivery_id: DeliveryId | None
    detail: str
    is_repetition: bool = False
    """Whether another line says the same: an event beside the attempt, status or act that it records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A document, what became of each of its deliveries, and how."""

    dossier: Dossier
    moments: tuple[Moment, ...]


async def trace(database: Database, name: str) -> tuple[Trace, ...]:
    """Return the life of every message that *name* may mean (see `find_messages`)."""
    async with database.connection() as connection:
        found = await find_messages(connection, name)
        dossiers = [await read_dossier(connection, message_id) for message_id in found]
    return tuple(Trace(dossier=each, moments=timeline(each)) for each in dossiers)


def timeline(dossier: Dossier) -> tuple[Moment, ...]:
    """Merge all that is known into one line of time."""
    by_id = {each.delivery_id: each for each in dossier.deliveries}
    order = list(Source)
    moments = [
        _arrival(dossier),
        *_events(dossier, by_id),
        *_attempts(dossier, by_id),
        *_statuses(dossier, by_id),
        *_receipts(dossier, by_id),
        *_actions(dossier, by_id),
        *_overlays(dossier, by_id),
    ]
    return tuple(sorted(moments, key=lambda moment: (moment.at, order.index(moment.source))))


def _arrival(dossier: Dossier) -> Moment:
    message = dossier.message
    return Moment(
        at=message.received_at,
        source=Source.MESSAGE,
        what="received",
        recipient=None,
        delivery_id=None,
        detail=f"from {message.mailbox}, {message.octets} bytes, SHA-256 {message.digest.hex()[:16]}…",
    )


def _events(dossier: Dossier, by_id: Mapping[DeliveryId, StoredDelivery]) -> Iterator[Moment]:
    for each in dossier.events:
        delivery = by_id.get(each.delivery_id) if each.delivery_id is not None else None
        yield Moment(
            at=each.at,
            source=Source.EVENT,
            what=each.name,
            recipient=delivery.recipient if delivery is not None else None,
            delivery_id=each.delivery_id,
            detail=_detail(each.detail),
            is_repetition=each.name in _SAID_BY_OTHERS or _is_of_status(dossier, each),
        )
        yield from _mandate(dossier, each)


def _mandate(dossier: Dossier, event: StoredEvent) -> Iterator[Moment]:
    """Say by itself that a gateway signed, and for which system: its signature states so."""
    told = event.detail or {}
    if MANDATED_FOR in told and HANDED_OVER in told:
        yield Moment(
            at=event.at,
            source=Source.EVENT,
            what="signed under mandate",
            recipient=None,
            delivery_id=None,
            detail="cổng ký thay theo ủy quyền / by the gateway under mandate,"
            f" cho hệ thống / for system {told[MANDATED_FOR]};"
            f" SHA-256 {str(told[HANDED_OVER])[:16]}…",
            is_repetition=_is_of_status(dossier, event),
        )


def _is_of_status(dossier: Dossier, event: StoredEvent) -> bool:
    return event.message_id is not None and event.message_id != dossier.message.message_id


def _attempts(dossier: Dossier, by_id: Mapping[DeliveryId, StoredDelivery]) -> Iterator[Moment]:
    for each in dossier.attempts:
        delivery = by_id[each.delivery_id]
        carried = f"status {delivery.status} " if delivery.status is not None else ""
        yield Moment(
            at=each.at,
            source=Source.ATTEMPT,
            what=f"{carried}attempt {each.attempt}: {each.outcome}",
            recipient=delivery.recipient,
            delivery_id=each.delivery_id,
            detail="; ".join(filter(None, [each.note, _in_their_words(each.told)])),
        )


def _in_their_words(told: str | None) -> str | None:
    """Return what the recipient's system says of a reject as somebody else's words: nobody signed them."""
    return f"bên nhận nói / the recipient says: “{told}”" if told else None


def _statuses(dossier: Dossier, by_id: Mapping[DeliveryId, StoredDelivery]) -> Iterator[Moment]:
    for each in dossier.statuses:
        moved = (
            f"{each.state_before} → {each.state_after}" if each.moved else f"late; stays {each.state_before}"
        )
        yield Moment(
            at=each.at,
            source=Source.STATUS,
            what=f"status {each.code}",
            recipient=by_id[each.delivery_id].recipient,
            delivery_id=each.delivery_id,
            detail=f"{moved}. {each.description}".rstrip(". "),
        )


def _receipts(dossier: Dossier, by_id: Mapping[DeliveryId, StoredDelivery]) -> Iterator[Moment]:
    for each in dossier.receipts:
        about = sorted({by_id[delivery].recipient for delivery in each.deliveries if delivery in by_id})
        superseding = f", supersedes {each.supersedes}" if each.supersedes is not None else ""
        stamped = (
            f", stamped {each.stamped_at.astimezone(VIETNAM_TIME).isoformat(' ', 'seconds')}"
            if each.stamped_at is not None
            else ""
        )
        yield Moment(
            at=each.issued_at,
            source=Source.RECEIPT,
            what=each.event,
            recipient=about[0] if len(about) == 1 else None,
            delivery_id=each.deliveries[0] if len(each.deliveries) == 1 else None,
            detail=f"signed, for {each.mailbox}{superseding}{stamped}"
            + (f"; about {', '.join(about)}" if len(about) > 1 else ""),
        )


def _actions(dossier: Dossier, by_id: Mapping[DeliveryId, StoredDelivery]) -> Iterator[Moment]:
    for each in dossier.actions:
        delivery = by_id.get(each.delivery_id) if each.delivery_id is not None else None
        yield Moment(
            at=each.at,
            source=Source.OPERATOR,
            what=f"{each.action} by {each.operator}",
            recipient=delivery.recipient if delivery is not None else None,
            delivery_id=each.delivery_id,
            detail=": ".join(part for part in (f"case {each.case_id}", each.reason) if part),
            is_repetition=each.action == "reroute",  # the overlay says it, with where to
        )


def _overlays(dossier: Dossier, by_id: Mapping[DeliveryId, StoredDelivery]) -> Iterator[Moment]:
    for each in dossier.overlays:
        yield Moment(
            at=each.at,
            source=Source.OPERATOR,
            what=f"rerouted by {each.operator}",
            recipient=by_id[each.delivery_id].recipient,
            delivery_id=each.delivery_id,
            detail=f"{each.from_mailbox} → {each.to_mailbox}, signed: {each.reason}",
        )


def _detail(detail: dict[str, object] | None) -> str:
    told = {name: value for name, value in (detail or {}).items() if name not in _IN_A_LINE_OF_ITS_OWN}
    return ", ".join(f"{name} {_told(name, value)}" for name, value in told.items())


def _told(name: str, value: object) -> str:
    """Write one value of an event; the record keeps an instant in UTC, the timeline shows Vietnam time."""
    if name == "not_before":
        return datetime.fromisoformat(str(value)).astimezone(VIETNAM_TIME).isoformat(" ", "seconds")
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
