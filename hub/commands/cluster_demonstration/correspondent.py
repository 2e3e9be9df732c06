"""An agency's software under load: sends at an even pace, and writes down what it receives."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Self

from adapters.kit.delivery import Accepted, Answer, ArrivedReceipt, Delivery
from adapters.kit.draft import DocumentDraft
from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import KitSettings
from adapters.kit.transaction import Transaction
from hub.commands.demonstration import papers
from hub.commands.demonstration.cast import party
from hub.commands.local_axis import NewAgency
from hub.commands.shown import VIETNAM
from hub.message.identifiers import DeliveryId, DocumentId, SubmissionId
from hub.message.receipt import ReceiptEvent

EFFECTS: Final = """
CREATE TABLE IF NOT EXISTS cluster_effects (
    effect INTEGER PRIMARY KEY, document_id TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,
    lane TEXT NOT NULL, lane_number INTEGER NOT NULL, is_redelivered INTEGER NOT NULL
) STRICT
"""
"""Written in the transaction of the hand-over and under no unique key: a doubled effect would show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one document did at one recipient."""

    document_id: str
    sender: str
    recipient: str
    lane: str
    lane_number: int
    is_redelivered: bool
    """Whether the broker says that it may have been handed out before."""


class Correspondent:
    """One mailbox: what it has sent, what the axis has signed for, and what has arrived."""

    def __init__(self, agency: NewAgency, mailbox: Mailbox) -> None:
        """Speak through *mailbox*; `open` makes one and receives."""
        self.agency: Final = agency
        self.sent: dict[SubmissionId, DocumentId] = {}
        self.accepted: set[SubmissionId] = set()
        self.refused: set[SubmissionId] = set()
        self.handed_over: set[DeliveryId] = set()
        self.arrivals: list[float] = []
        """When each document arrived, on the monotonic clock."""
        self._mailbox = mailbox
        self._begun = datetime.now(VIETNAM)

    @classmethod
    @asynccontextmanager
    async def open(cls, agency: NewAgency, settings: KitSettings) -> AsyncIterator[Self]:
        """Open the mailbox and receive until the end of the block."""
        async with Mailbox.open(settings, tables=(EFFECTS,)) as mailbox, asyncio.TaskGroup() as tasks:
            correspondent = cls(agency, mailbox)
            receiving = tasks.create_task(
                mailbox.run(correspondent._document, receipt=correspondent._receipt)
            )
            try:
                yield correspondent
            finally:
                receiving.cancel()

    async def send_until(
        self, stop: asyncio.Event, recipients: Sequence[NewAgency], *, per_second: float
    ) -> None:
        """Post a document every now and then; one that cannot go out at once waits in the journal."""
        while not stop.is_set():
            draft = self._letter(recipients)
            self.sent[await self._mailbox.post(draft)] = draft.document_id
            await asyncio.sleep(1 / per_second)

    async def effects(self) -> Sequence[Effect]:
        """Return what is in the journal, in the order in which it was committed."""
        rows = await self._mailbox.journal.write(
            lambda connection: connection.execute(
                "SELECT document_id, sender, recipient, lane, lane_number, is_redelivered"
                " FROM cluster_effects ORDER BY effect"
            ).fetchall()
        )
        return [
            Effect(
                document_id=document,
                sender=sender,
                recipient=recipient,
                lane=lane,
                lane_number=number,
                is_redelivered=bool(again),
            )
            for document, sender, recipient, lane, number, again in rows
        ]

    def _letter(self, recipients: Sequence[NewAgency]) -> DocumentDraft:
        number = f"{self._begun:%d%H%M%S}{len(self.sent):05}"
        draft = papers.letter(
            number=number,
            subject="V/v kiểm tra khả năng chịu lỗi của Trục liên thông",
            recipients=recipients,
            at=datetime.now(UTC),
        )
        document_id = DocumentId(draft.document_id.replace(draft.sender.code, self.agency.code))
        return replace(draft, sender=party(self.agency), document_id=document_id)

    async def _document(self, delivery: Delivery, transaction: Transaction) -> Answer:
        where = delivery.consignment
        transaction.execute(
            "INSERT INTO cluster_effects"
            " (document_id, sender, recipient, lane, lane_number, is_redelivered) VALUES (?, ?, ?, ?, ?, ?)",
            (
                delivery.header.document_id,
                where.sender,
                where.recipient,
                where.lane,
                where.lane_number,
                where.is_redelivered,
            ),
        )
        self.arrivals.append(time.monotonic())
        return Accepted()

    async def _receipt(self, arrived: ArrivedReceipt, _transaction: Transaction) -> None:
        receipt = arrived.receipt
        match receipt.event:
            case ReceiptEvent.SUBMISSION_ACCEPTANCE:
                self.accepted.add(receipt.submission_id)
            case ReceiptEvent.SUBMISSION_REJECTION:
                self.refused.add(receipt.submission_id)
            case ReceiptEvent.CONTENT_HANDOVER:
                self.handed_over |= {
                    each.delivery_id for each in receipt.subjects if each.delivery_id is not None
                }
            case _:
                pass
