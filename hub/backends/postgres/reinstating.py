"""What a restore has lost and others can prove, written again: its own names, the bytes that were signed.

Nothing here is accepted anew and no receipt is signed twice: messages, deliveries, receipts and lane numbers
come back as they were. What was never told to anybody gets its receipt now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from hub.backends.postgres import enlisting, issuing, message_rows, posting, reporting
from hub.backends.postgres.catching_up import catch_up, owe_alone
from hub.backends.postgres.claimant import Claimant
from hub.backends.postgres.enlisting import Admission
from hub.backends.postgres.issuing import NewId
from hub.backends.postgres.message_rows import accepted_row, refused_row
from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.posting import Lane, NewDelivery
from hub.backends.postgres.proven import ProvenReceipt, keep_consigned, keep_receipts
from hub.backends.postgres.reporting import Move, Report
from hub.backends.postgres.trail import Event, append
from hub.errors import OperationRefused
from hub.message.decision import Refuse
from hub.message.edxml import StatusHeader
from hub.message.evidence import Submitted, subject
from hub.message.hindsight import Fact
from hub.message.identifiers import AgencyKey, DeliveryId, MessageId, ReceiptId
from hub.message.receipt import Receipt, ReceiptEvent
from hub.ports import Attest

NOBODY: Final = Claimant(number=0)
"""Holds nothing: whatever is promised in its name is anybody's at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostDocument:
    """An accepted document, with everything that is known of its deliveries."""

    admission: Admission
    deliveries: tuple[NewDelivery, ...]
    """Without a lane number where nobody has heard of one."""
    receipts: tuple[ProvenReceipt, ...]
    facts: Mapping[DeliveryId, tuple[Fact, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LostStatus:
    """An accepted status, and the delivery that took it to the document's sender."""

    admission: Admission
    about: DeliveryId
    forwarded: NewDelivery
    arrived_at: datetime


@dataclass(slots=True, kw_only=True)
class Reinstating:
    """One transaction that brings something back."""

    transaction: Transaction
    attest: Attest
    new_id: NewId
    now: datetime
    receipts: list[Receipt] = field(default_factory=list)
    """Owed, and never issued before."""

    async def document(self, lost: LostDocument) -> None:
        """Bring an accepted document back; raises `OperationRefused` where it clashes with later ones."""
        await self._enlist(lost.admission)
        if clashing := await enlisting.enlist_documents(self.transaction, [lost.admission]):
            raise OperationRefused(clashing[lost.admission.message_id].en)
        await message_rows.insert(self.transaction, [accepted_row(lost.admission)])
        deliveries = await self._numbered(lost.deliveries)
        await self._enter(deliveries)
        await keep_receipts(self.transaction, lost.receipts)
        await self.settle(lost.facts, owing=frozenset(each.delivery_id for each in deliveries))
        if not any(each.receipt.event is ReceiptEvent.SUBMISSION_ACCEPTANCE for each in lost.receipts):
            self.receipts.append(_acceptance(lost, deliveries, ReceiptId(self.new_id()), self.now))
        await self._tell("message.reinstated", lost.admission.message_id, {"deliveries": len(deliveries)})

    async def refusal(
        self, message_id: MessageId, refusal: Refuse, receipts: Sequence[ProvenReceipt]
    ) -> None:
        """Bring a refusal back, with the receipt that told it."""
        await message_rows.insert(self.transaction, [refused_row(message_id, refusal)])
        await keep_receipts(self.transaction, receipts)
        await self._tell("message.reinstated", message_id, {"refused": True})

    async def status(self, lost: LostStatus) -> None:
        """Bring an accepted status back, and what it did to its delivery."""
        await self._enlist(lost.admission)
        await message_rows.insert(self.transaction, [accepted_row(lost.admission)])
        await keep_consigned(self.transaction, [(lost.forwarded, lost.arrived_at)])
        for move in await self._moved(lost):
            if move.proves_handover:
                self.receipts += await owe_alone(
                    self.transaction,
                    ReceiptEvent.CONTENT_HANDOVER,
                    [move.before],
                    at=self.now,
                    new_id=self.new_id,
                )
        await self._tell("message.reinstated", lost.admission.message_id, {"about_delivery": str(lost.about)})

    async def settle(
        self, facts: Mapping[DeliveryId, Sequence[Fact]], *, owing: frozenset[DeliveryId]
    ) -> None:
        """Let deliveries stand where *facts* put them; see `catching_up.catch_up`."""
        self.receipts += await catch_up(self.transaction, facts, owing=owing, at=self.now, new_id=self.new_id)

    async def finish(self) -> None:
        """Sign what is owed, and promise it to whichever hub process comes first."""
        letters = await issuing.issue(self.transaction, self.receipts, self.attest, self.new_id)
        await posting.enter(self.transaction, letters)
        await posting.promise(self.transaction, letters, NOBODY)

    async def _enlist(self, admission: Admission) -> None:
        repeated, clashing = await enlisting.enlist_submissions(self.transaction, [admission])
        if repeated:
            raise OperationRefused(
                f"the same bytes were accepted again since, as message {repeated[admission.message_id]}"
            )
        if clashing:
            raise OperationRefused(clashing[admission.message_id].en)

    async def _numbered(self, deliveries: Sequence[NewDelivery]) -> list[NewDelivery]:
        """Give the next numbers of their lanes to those of which nobody has heard."""
        new = [each for each in deliveries if each.lane_number == 0]
        lanes = [Lane(each.sender or AgencyKey(""), each.recipient, each.is_urgent) for each in new]
        numbers = dict(
            zip(
                [each.delivery_id for each in new],
                await posting.number(self.transaction, lanes),
                strict=True,
            )
        )
        return [
            replace(each, lane_number=numbers.get(each.delivery_id, each.lane_number)) for each in deliveries
        ]

    async def _enter(self, deliveries: Sequence[NewDelivery]) -> None:
        entered = await posting.enter(self.transaction, deliveries)
        for each in deliveries:
            if each.delivery_id not in entered:
                raise OperationRefused(
                    f"{each.recipient} got the same content through another delivery since: "
                    "two deliveries of it cannot both stand"
                )
        await posting.promise(self.transaction, deliveries, NOBODY)

    async def _moved(self, lost: LostStatus) -> Sequence[Move]:
        header = lost.admission.admit.authorized.valid.header
        if not isinstance(header, StatusHeader):
            raise OperationRefused(f"message {lost.admission.message_id} is no status")
        report = Report(admission=lost.admission, header=header, delivery_id=lost.about)
        locked = await reporting.lock(self.transaction, [lost.about])
        if lost.about not in locked:
            raise OperationRefused(f"delivery {lost.about}, which it is about, is not known")
        return await reporting.apply(self.transaction, [report], locked, lost.arrived_at, is_news=False)

    async def _tell(self, name: str, message_id: MessageId, detail: dict[str, object]) -> None:
        await append(self.transaction, [Event(name=name, message_id=message_id, detail=detail)])


def _acceptance(
    lost: LostDocument, deliveries: Sequence[NewDelivery], receipt_id: ReceiptId, at: datetime
) -> Receipt:
    authorized = lost.admission.admit.authorized
    received = authorized.valid.verified.received
    submitted = Submitted(
        message_id=lost.admission.message_id,
        mailbox=received.mailbox,
        submission_id=received.submission_id,
        digest=received.digest,
        sender=authorized.sender,
        document_id=authorized.valid.header.document_id,
    )
    subjects = [
        subject(each.recipient, each.delivery_id, lane_number=each.lane_number) for each in deliveries
    ]
    return submitted.receipt(
        ReceiptEvent.SUBMISSION_ACCEPTANCE, receipt_id=receipt_id, at=at, subjects=subjects
    )
