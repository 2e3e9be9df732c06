"""What others hold and the database shall know again: receipts, deliveries that arrived, lane numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.posting import NewDelivery
from hub.backends.postgres.statements import columns, statement
from hub.message.edxml import MessageKind
from hub.message.identifiers import AgencyKey, DeliveryId
from hub.message.receipt import Receipt
from hub.message.receipt_sheet import ReceiptSheet


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenReceipt:
    """A receipt that an agency holds, on the sheet that it was signed on."""

    receipt: Receipt
    sheet: ReceiptSheet
    delivery_id: DeliveryId
    """The delivery that brought it."""
    at: datetime
    """When the agency received it."""


async def keep_receipts(transaction: Transaction, receipts: Sequence[ProvenReceipt]) -> None:
    """Store receipts that were issued before, their bytes as they were signed, and that they have arrived."""
    if not receipts:
        return
    rows = [_receipt_row(each.receipt, each.sheet) for each in receipts]
    sheets = {each.sheet.sheet_id: each for each in receipts}
    sheet_rows = [(sheet_id, each.sheet.event, each.sheet.body) for sheet_id, each in sheets.items()]
    await transaction.execute(statement("keep_receipts"), *columns(rows, 7), *columns(sheet_rows, 3))
    await keep_consigned(
        transaction,
        [(_delivery_of(each.sheet, each.delivery_id), each.at) for each in sheets.values()],
    )


async def keep_consigned(transaction: Transaction, arrived: Sequence[tuple[NewDelivery, datetime]]) -> None:
    """Enter deliveries that have reached their mailboxes."""
    rows = [
        (
            each.delivery_id,
            each.message_id,
            each.sheet_id,
            each.kind.value,
            each.mailbox,
            each.sender,
            each.recipient,
            each.document_id,
            each.is_urgent,
            each.lane_number,
            each.correlation_id,
            at,
        )
        for each, at in arrived
    ]
    await transaction.execute(statement("keep_consigned_deliveries"), *columns(rows, 12))


async def advance_lanes(
    transaction: Transaction, highest: Mapping[tuple[AgencyKey, AgencyKey, bool], int]
) -> None:
    """Let every lane go on above the highest number that anybody has seen."""
    rows = [(*lane, number) for lane, number in highest.items()]
    await transaction.execute(statement("advance_lanes"), *columns(rows, 4))


async def let_lanes_jump(transaction: Transaction, gap: int) -> int:
    """Let all lanes, those to come included, leave out *gap* numbers; returns how many lanes there are."""
    return int(str(await transaction.fetchval(statement("let_lanes_jump"), gap)))


def _receipt_row(receipt: Receipt, sheet: ReceiptSheet) -> tuple[object, ...]:
    return (
        receipt.receipt_id,
        receipt.message_id,
        receipt.event.value,
        receipt.mailbox,
        receipt.issued_at,
        receipt.supersedes,
        sheet.sheet_id,
    )


def _delivery_of(sheet: ReceiptSheet, delivery_id: DeliveryId) -> NewDelivery:
    return NewDelivery(
        delivery_id=delivery_id,
        message_id=sheet.message_id,
        sheet_id=sheet.sheet_id,
        kind=MessageKind.RECEIPT,
        mailbox=sheet.mailbox,
        sender=None,
        recipient=sheet.recipient,
        document_id=sheet.document_id,
        correlation_id=sheet.correlation_id,
        body=sheet.body,
    )
