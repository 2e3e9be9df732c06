"""Acts on what a mailbox receives: received, handed over, answered, or rejected; one effect each."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, StrEnum, auto
from typing import Self
from uuid import UUID

from adapters.kit.delivery import ArrivedReceipt, ArrivedStatus, Consignment, Delivery
from hub.message.edxml import DocumentHeader, MessageKind
from hub.message.identifiers import (
    AgencyCode,
    AgencyKey,
    DeliveryId,
    Digest,
    DocumentId,
    ReceiptId,
    SubmissionId,
    agency_key,
)


class IncomingState(StrEnum):
    """Where a delivery stands with its recipient."""

    RECEIVED = "received"
    """Seen; the handler may have run, but nothing that it wrote was committed."""
    HANDED_OVER = "handed_over"
    """Handled, once; its statuses are on their way."""
    ANSWERED = "answered"
    """Handled, and the broker has every status that the hand-over promised."""
    REJECTED = "rejected"
    """Given back to the axis on the recorded attempt."""


class Standing(Enum):
    """What to do with a delivery that has come in."""

    OFFER = auto()
    DROP = auto()
    """Handled before: acknowledge it, and let its statuses go out once more."""
    REJECT = auto()
    """Rejected before on this very attempt, and that reject was lost."""
    EXHAUSTED = auto()
    """Offered so often without an end that it, or something beside it, seems to kill the process."""


class AlreadyHandled(Exception):
    """Another consumer of this mailbox was first; what this one's handler wrote is rolled back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedDocument:
    """What a status says about the document that it is about."""

    delivery_id: DeliveryId
    sender: AgencyCode
    recipient: AgencyCode
    document_id: DocumentId
    document_code: str
    promulgated_on: date | None

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Return what a status about *delivery* has to name."""
        header = delivery.header
        return cls(
            delivery_id=delivery.delivery_id,
            sender=header.sender,
            recipient=recipient_code(header, delivery.recipient),
            document_id=header.document_id,
            document_code=_document_code(header),
            promulgated_on=header.promulgated_on,
        )


def receive(
    connection: sqlite3.Connection, arrival: Delivery | ArrivedStatus, *, max_offers: int, at: datetime
) -> Standing:
    """Record that *arrival* came in and say what to do with it; unique keys decide between consumers."""
    consignment = arrival.consignment
    row = connection.execute(
        "SELECT state, attempt, offers FROM incoming WHERE delivery_id = ?", (str(consignment.delivery_id),)
    ).fetchone()
    if row is None:
        _insert(connection, arrival, at=at)
        return Standing.OFFER
    state, attempt, offers = IncomingState(row[0]), int(row[1]), int(row[2])
    if state in (IncomingState.HANDED_OVER, IncomingState.ANSWERED):
        return Standing.DROP
    is_newer = consignment.attempt > attempt
    if state is IncomingState.REJECTED and not is_newer:
        return Standing.REJECT
    if offers >= max_offers and not is_newer:
        return Standing.EXHAUSTED
    _offer_again(connection, arrival, offers=1 if is_newer else offers + 1, at=at)
    return Standing.OFFER


def _insert(connection: sqlite3.Connection, arrival: Delivery | ArrivedStatus, *, at: datetime) -> None:
    values: dict[str, object] = {
        "delivery_id": str(arrival.consignment.delivery_id),
        "state": IncomingState.RECEIVED.value,
        "attempt": arrival.consignment.attempt,
        "offers": 1,
        "received_at": at.isoformat(),
        **_columns(arrival),
    }
    names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    connection.execute(f"INSERT INTO incoming ({names}) VALUES ({places})", values)  # noqa: S608 - our own names


def _offer_again(
    connection: sqlite3.Connection, arrival: Delivery | ArrivedStatus, *, offers: int, at: datetime
) -> None:
    values: dict[str, object] = {
        "state": IncomingState.RECEIVED.value,
        "offers": offers,
        "received_at": at.isoformat(),
        **_columns(arrival),
    }
    places = ", ".join(f"{name} = :{name}" for name in values)
    connection.execute(
        f"UPDATE incoming SET attempt = max(attempt, :newest), {places} WHERE delivery_id = :delivery_id",  # noqa: S608 - our own names
        {
            **values,
            "delivery_id": str(arrival.consignment.delivery_id),
            "newest": arrival.consignment.attempt,
        },
    )


def _columns(arrival: Delivery | ArrivedStatus) -> dict[str, object]:
    consignment, header = arrival.consignment, arrival.header
    common: dict[str, object] = {
        "digest": arrival.digest,
        "message_id": str(consignment.message_id),
        "sender": consignment.sender,
        "recipient": consignment.recipient,
        "lane": consignment.lane,
        "lane_number": consignment.lane_number,
        "sender_code": header.sender,
        "document_id": header.document_id,
    }
    match arrival:
        case Delivery():
            return common | _document_columns(consignment, arrival.header)
        case ArrivedStatus():
            return common | {"kind": MessageKind.STATUS.value, "status_code": arrival.header.status.value}


def _document_columns(consignment: Consignment, header: DocumentHeader) -> dict[str, object]:
    return {
        "kind": MessageKind.DOCUMENT.value,
        "recipient_code": recipient_code(header, consignment.recipient),
        "document_code": _document_code(header),
        "promulgated_on": header.promulgated_on.isoformat() if header.promulgated_on else None,
    }


def _document_code(header: DocumentHeader) -> str:
    return f"{header.code_number}/{header.code_notation}"


def recipient_code(header: DocumentHeader, recipient: AgencyKey) -> AgencyCode:
    """Return the code of *recipient* as the sender wrote it, so that the answer speaks the sender's form."""
    written = (code for code in header.recipients if agency_key(code) == recipient)
    return next(written, AgencyCode(recipient))


def hand_over(
    connection: sqlite3.Connection, delivery_id: DeliveryId, *, is_answered: bool, at: datetime
) -> None:
    """Record that the delivery was handled; raises `AlreadyHandled` where another consumer was first.

    Another's failure is no hindrance: its reject may never have reached the broker.
    """
    state = IncomingState.ANSWERED if is_answered else IncomingState.HANDED_OVER
    changed = connection.execute(
        "UPDATE incoming SET state = ?, handled_at = ?, answered_at = ?"
        " WHERE delivery_id = ? AND state IN ('received', 'rejected')",
        (state.value, at.isoformat(), at.isoformat() if is_answered else None, str(delivery_id)),
    ).rowcount
    if changed != 1:
        raise AlreadyHandled(str(delivery_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Which delivery, on which attempt, is given back."""

    delivery_id: DeliveryId
    kind: str
    attempt: int


def reject(connection: sqlite3.Connection, rejection: Rejection, *, note: str, at: datetime) -> None:
    """Record that an attempt was given back, and why; what was handled stays handled."""
    connection.execute(
        "INSERT INTO incoming (delivery_id, kind, attempt, state, note, received_at)"
        " VALUES (?, ?, ?, 'rejected', ?, ?) ON CONFLICT (delivery_id) DO UPDATE"
        " SET state = 'rejected', attempt = excluded.attempt, note = excluded.note"
        " WHERE state IN ('received', 'rejected') AND excluded.attempt >= incoming.attempt",
        (str(rejection.delivery_id), rejection.kind, rejection.attempt, note, at.isoformat()),
    )


def reported_document(connection: sqlite3.Connection, delivery_id: DeliveryId) -> ReportedDocument | None:
    """Return what a status about that delivery has to name, where this mailbox has received it."""
    row = connection.execute(
        "SELECT sender_code, recipient_code, document_id, document_code, promulgated_on FROM incoming"
        " WHERE delivery_id = ? AND kind = 'document' AND document_id IS NOT NULL",
        (str(delivery_id),),
    ).fetchone()
    if row is None:
        return None
    return ReportedDocument(
        delivery_id=delivery_id,
        sender=AgencyCode(row[0]),
        recipient=AgencyCode(row[1]),
        document_id=DocumentId(row[2]),
        document_code=row[3],
        promulgated_on=date.fromisoformat(row[4]) if row[4] else None,
    )


def known_receipts(connection: sqlite3.Connection, receipts: Iterable[ReceiptId]) -> frozenset[ReceiptId]:
    """Return which of *receipts* are stored already."""
    query = "SELECT 1 FROM receipts WHERE receipt_id = ?"
    return frozenset(each for each in receipts if connection.execute(query, (str(each),)).fetchone())


def keep_receipt(
    connection: sqlite3.Connection, arrived: ArrivedReceipt, *, sheet: Digest, at: datetime
) -> bool:
    """Store the receipt with the exact bytes of its *sheet*; False for one that is stored already."""
    receipt = arrived.receipt
    connection.execute(
        "INSERT INTO receipt_sheets (digest, body) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING",
        (sheet, arrived.body),
    )
    return (
        connection.execute(
            "INSERT INTO receipts"
            " (receipt_id, delivery_id, submission_id, event, issued_at, received_at, sheet)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (receipt_id) DO NOTHING",
            (
                str(receipt.receipt_id),
                str(arrived.consignment.delivery_id),
                receipt.submission_id,
                receipt.event.value,
                receipt.issued_at.isoformat(),
                at.isoformat(),
                sheet,
            ),
        ).rowcount
        == 1
    )


def answer_repeated(
    connection: sqlite3.Connection, submission: SubmissionId, receipts: Iterable[ReceiptId]
) -> None:
    """Record that *submission* repeats an earlier one under another name: *receipts* answer it too."""
    connection.executemany(
        "INSERT OR IGNORE INTO repeated_submissions (submission_id, receipt_id) VALUES (?, ?)",
        [(submission, str(each)) for each in receipts],
    )


def receipts_of(
    connection: sqlite3.Connection, submission: SubmissionId
) -> Sequence[tuple[ReceiptId, bytes]]:
    """Return the stored receipts about *submission*, oldest first, each with the sheet that it stands on."""
    rows = connection.execute(
        "SELECT receipt_id, body FROM receipts JOIN receipt_sheets ON digest = sheet"
        " WHERE submission_id = ?1 OR receipt_id IN"
        " (SELECT receipt_id FROM repeated_submissions WHERE submission_id = ?1)"
        " ORDER BY issued_at, receipt_id",
        (submission,),
    )
    return [(ReceiptId(UUID(row[0])), row[1]) for row in rows]
