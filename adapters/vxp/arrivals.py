"""From the axis to the systems: what comes is filed, then noted in the commit that records the hand-over."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from typing import Final

import structlog

from adapters.kit.crash import crash_point
from adapters.kit.delivery import Accepted, Answer, ArrivedReceipt, ArrivedStatus, Delivery, Retry
from adapters.kit.error import DeliveryRejected
from adapters.kit.transaction import Transaction
from adapters.vxp import books
from adapters.vxp.books import Arrival
from adapters.vxp.crash import CrashPoint
from adapters.vxp.departures import notation_of, title_of
from adapters.vxp.filing import Cabinet
from adapters.vxp.gateway import PacketKind, TransportStatus
from adapters.vxp.systems import Systems
from hub.message.edxml import DocumentHeader, StatusCode, StatusHeader
from hub.message.identifiers import AgencyCode, AgencyKey, agency_key
from hub.message.receipt import Receipt, ReceiptEvent
from hub.message.refusal import presentable

_log = structlog.get_logger("adapters.vxp")
_LONGEST: Final = 1_000


class Arrivals:
    """Keeps what comes until a system has fetched it."""

    def __init__(
        self, cabinet: Cabinet, systems: Callable[[], Systems], arrived: Callable[[AgencyKey], None]
    ) -> None:
        """File in *cabinet*; *arrived* hears for whom something has come."""
        self._cabinet = cabinet
        self._systems = systems
        self._arrived = arrived

    async def handle_document(self, delivery: Delivery, transaction: Transaction) -> Answer:
        """Keep a document; its sender is told 01 when the system reports `done`."""
        recipient = delivery.recipient
        if self._systems().serving(recipient) is None:
            return Retry(reason=f"no system of this gateway speaks for {recipient}")
        arrival = _document(delivery)
        try:
            await asyncio.to_thread(self._cabinet.file, arrival.digest, delivery.open)
        except OSError as error:
            _log.error("cabinet.failed", reason=error.strerror, advice="see to the disk of the gateway")
            return Retry(reason="the gateway cannot write to its disk at present")
        self._note(arrival, transaction)
        return Accepted(statuses=())

    async def handle_status(self, arrived: ArrivedStatus, transaction: Transaction) -> None:
        """Keep a status for the system, and note what it says of the document that the system sent."""
        recipient = arrived.consignment.recipient
        if self._systems().serving(recipient) is None:
            raise DeliveryRejected(f"no system of this gateway speaks for {recipient}")
        arrival = _status(arrived)
        await asyncio.to_thread(self._cabinet.file, arrival.digest, partial(BytesIO, arrived.body))
        self._note(arrival, transaction)
        transaction.write(partial(_tell_of_status, header=arrived.header))

    async def handle_receipt(self, arrived: ArrivedReceipt, transaction: Transaction) -> None:
        """Note what the axis says of what a system sent."""
        transaction.write(partial(_tell_of_receipt, receipt=arrived.receipt))

    def _note(self, arrival: Arrival, transaction: Transaction) -> None:
        crash_point(CrashPoint.AFTER_FILED_BEFORE_COMMIT)
        transaction.write(partial(books.receive, arrival=arrival, at=datetime.now(UTC)))
        self._arrived(arrival.recipient)
        _log.info("packet.arrived", doc_id=str(arrival.delivery_id), recipient=arrival.recipient)


def _document(delivery: Delivery) -> Arrival:
    header = delivery.header
    return Arrival(
        delivery_id=delivery.delivery_id,
        kind=PacketKind.EDOC,
        sender=agency_key(header.sender),
        sender_code=header.sender,
        recipient=delivery.recipient,
        recipient_code=_as_written(header, delivery.recipient),
        document_id=header.document_id,
        title=title_of(header),
        notation=notation_of(header),
        digest=delivery.digest,
        octets=delivery.octets,
    )


def _status(arrived: ArrivedStatus) -> Arrival:
    header, recipient = arrived.header, arrived.consignment.recipient
    return Arrival(
        delivery_id=arrived.delivery_id,
        kind=PacketKind.STATUS,
        sender=agency_key(header.sender),
        sender_code=header.sender,
        recipient=recipient,
        recipient_code=header.original_sender,
        document_id=header.document_id,
        title=title_of(header),
        notation=notation_of(header),
        digest=arrived.digest,
        octets=len(arrived.body),
    )


def _as_written(header: DocumentHeader, recipient: AgencyKey) -> AgencyCode:
    written = (code for code in header.recipients if agency_key(code) == recipient)
    return next(written, AgencyCode(recipient))


def _tell_of_status(connection: sqlite3.Connection, *, header: StatusHeader) -> None:
    if header.status is StatusCode.RECALL_REQUESTED:
        return  # it is about what came here, not about what went
    is_refused = header.status is StatusCode.REFUSED
    books.told_about(
        connection,
        header.document_id,
        sender=agency_key(header.original_sender),
        recipient=agency_key(header.sender),
        status=TransportStatus.FAIL if is_refused else TransportStatus.DONE,
        description=title_of(header),
        at=datetime.now(UTC),
    )


def _tell_of_receipt(connection: sqlite3.Connection, *, receipt: Receipt) -> None:
    submission = receipt.submission_id
    match receipt.event:
        case ReceiptEvent.SUBMISSION_ACCEPTANCE:
            for each in receipt.subjects:
                books.accepted(connection, submission, each.recipient, each.delivery_id)
        case ReceiptEvent.SUBMISSION_REJECTION:
            books.refused(connection, submission, reasons_of(receipt))
        case _:
            for each in receipt.subjects:
                status, text, at = _progress(receipt)
                books.came_to(connection, submission, each.recipient, status, text, at=at)


def _progress(receipt: Receipt) -> tuple[TransportStatus, str, datetime | None]:
    match receipt.event:
        case ReceiptEvent.CONTENT_HANDOVER:
            return TransportStatus.DONE, "", receipt.issued_at
        case ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE:
            cause = presentable(f"{receipt.failure}: {receipt.cause or ''}", longest=_LONGEST)
            return TransportStatus.FAIL, cause, None
        case _:
            return TransportStatus.INITIAL, "", None


def reasons_of(receipt: Receipt) -> str:
    """Return why the axis has refused a submission, in its own words."""
    said = "; ".join(f"{each.code}: {each.vi} / {each.en}" for each in receipt.violations)
    return presentable(said, longest=_LONGEST)
