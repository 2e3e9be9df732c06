"""The one commit of intake, in the twin."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hub.backends.memory_evidence import again, issue, owe
from hub.backends.memory_store import MemoryStore, StoredDelivery, Tables, enter
from hub.errors import RejectionCode, Violation
from hub.message.decision import (
    Accepted,
    Admit,
    Committed,
    Decision,
    Outcome,
    Postponed,
    Refuse,
    Rejected,
    Repeated,
)
from hub.message.delivery_state import ACKNOWLEDGED, CLOSED, advance, trigger_of
from hub.message.edxml import BusinessType, DocumentHeader, MessageKind, StatusCode, StatusHeader
from hub.message.evidence import Submitted, subject
from hub.message.identifiers import AgencyKey, DeliveryId, MailboxName, MessageId, ReceiptId, agency_key
from hub.message.patience import may_wait
from hub.message.receipt import Receipt, ReceiptEvent, ReceiptSubject
from hub.message.refusal import violation
from hub.message.stages import AuthorizedMessage, ReceivedMessage
from hub.ports import Attest


class MemorySeam:
    """Implements `hub.ports.Seam`."""

    def __init__(
        self,
        store: MemoryStore,
        *,
        claimant: int,
        lease: timedelta,
        delivery_lifetime: timedelta,
        status_patience: timedelta,
    ) -> None:
        """Commit to *store* on behalf of *claimant*."""
        self._store = store
        self._claimant = claimant
        self._lease = lease
        self._delivery_lifetime = delivery_lifetime
        self._status_patience = status_patience

    async def commit(self, decisions: Sequence[Decision], attest: Attest) -> Committed:
        """Commit all *decisions*, or none."""
        async with self._store.transaction() as tables:
            now = self._store.clock.now()
            work = _Work(
                store=self._store,
                tables=tables,
                now=now,
                expires_at=now + self._delivery_lifetime,
                patience=self._status_patience,
            )
            outcomes = [work.decide(decision) for decision in decisions]
            receipts = await issue(self._store, tables, work.owed, attest)
            repeated = again(self._store, tables, work.repeated)
            leaving = [*work.outgoing, *receipts, *repeated]
            handed_over = self._store.promise(tables, leaving, self._claimant, self._lease)
        return Committed(outcomes=tuple(outcomes), handed_over=handed_over)


@dataclass(slots=True, kw_only=True)
class _Work:
    """One commit on its way."""

    store: MemoryStore
    tables: Tables
    now: datetime
    expires_at: datetime
    patience: timedelta
    outgoing: list[StoredDelivery] = field(default_factory=list)
    owed: list[Receipt] = field(default_factory=list)
    repeated: list[Submitted] = field(default_factory=list)
    waiting: Counter[MailboxName] = field(default_factory=Counter)

    def decide(self, decision: Decision) -> Outcome:
        message_id = MessageId(self.store.new_id())
        if isinstance(decision, Refuse):
            return self._refuse(message_id, decision)
        received = decision.authorized.valid.verified.received
        delivery = self._reported(decision.authorized)
        if _is_status(decision) and delivery is None and self._may_wait(received):
            self.waiting[received.mailbox] += 1
            return Postponed()
        if (earlier := self._earlier(decision)) is not None:
            return self._repeat(earlier, received, decision.authorized.sender)
        if (broken := self._broken(decision, delivery)) is not None:
            refusal = Refuse(
                received=received,
                violations=(broken,),
                sender=decision.authorized.sender,
                header=decision.authorized.valid.header,
            )
            return self._refuse(message_id, refusal)
        return self._accept(message_id, decision.authorized, delivery)

    def _may_wait(self, received: ReceivedMessage) -> bool:
        age = self.now - received.received_at
        return may_wait(age, patience=self.patience, waiting=self.waiting[received.mailbox])

    def _earlier(self, decision: Admit) -> MessageId | None:
        received = decision.authorized.valid.verified.received
        known = self.tables.submissions.get(
            (received.mailbox, decision.authorized.sender, received.submission_id)
        )
        if known is not None:
            digest, message_id = known
            return message_id if digest == received.digest else None
        same_bytes = self.tables.digests.get((received.mailbox, received.digest))
        if same_bytes is not None:
            return same_bytes
        return self.tables.refusals.get((received.mailbox, received.transport_id, received.digest))

    def _broken(self, decision: Admit, delivery: StoredDelivery | None) -> Violation | None:
        authorized = decision.authorized
        received, header = authorized.valid.verified.received, authorized.valid.header
        if isinstance(header, StatusHeader) and delivery is None:
            return violation(
                RejectionCode.NO_SUCH_DELIVERY,
                path="ResponseFor",
                rule="only a party to a delivery reports on it",
                document_id=header.document_id,
                sender=header.sender,
                other=header.original_sender,
            )
        if (received.mailbox, authorized.sender, received.submission_id) in self.tables.submissions:
            return violation(
                RejectionCode.SUBMISSION_ID_REUSED,
                path="AMQP correlation_id",
                rule="one submission id, one content",
                submission_id=received.submission_id,
            )
        if self._reuses_document_id(authorized):
            return violation(
                RejectionCode.DOCUMENT_ID_REUSED,
                path="DocumentId",
                rule="one DocumentId, one content",
                document_id=header.document_id,
            )
        return None

    def _reuses_document_id(self, authorized: AuthorizedMessage) -> bool:
        header, digest = authorized.valid.header, authorized.valid.content_digest
        if not isinstance(header, DocumentHeader) or header.business_type is not BusinessType.NEW:
            return False
        stands_for = self.tables.documents.get((authorized.sender, header.document_id), digest)
        if stands_for == digest:
            return False
        known = [
            each
            for each in self.tables.deliveries.values()
            if each.kind is MessageKind.DOCUMENT
            and (each.sender, each.document_id) == (authorized.sender, header.document_id)
            and each.business_type is BusinessType.NEW
        ]
        return any(_clashes(route.recipient, digest, known) for route in authorized.routes)

    def _accept(
        self, message_id: MessageId, authorized: AuthorizedMessage, reported: StoredDelivery | None
    ) -> Accepted:
        received, header = authorized.valid.verified.received, authorized.valid.header
        self.tables.submissions[received.mailbox, authorized.sender, received.submission_id] = (
            received.digest,
            message_id,
        )
        self.tables.digests[received.mailbox, received.digest] = message_id
        if isinstance(header, DocumentHeader) and header.business_type is BusinessType.NEW:
            self.tables.documents[authorized.sender, header.document_id] = authorized.valid.content_digest
        if reported is not None and isinstance(header, StatusHeader):
            self._move(reported, header.status)
            self._calm(reported, header.status)
        entered: list[StoredDelivery] = []
        about: list[ReceiptSubject] = []
        for wanted in self._deliveries(_submitted(message_id, received, authorized), authorized):
            new = enter(self.tables, [wanted])
            entered += new
            about.append(_subject_of(wanted.recipient, new))
        self.outgoing += entered
        if isinstance(header, DocumentHeader):
            self.owed.append(
                _submitted(message_id, received, authorized).receipt(
                    ReceiptEvent.SUBMISSION_ACCEPTANCE,
                    receipt_id=ReceiptId(self.store.new_id()),
                    at=self.now,
                    subjects=about,
                )
            )
        return Accepted(message_id=message_id, deliveries=tuple(each.delivery_id for each in entered))

    def _calm(self, reported: StoredDelivery, status: StatusCode) -> None:
        """Let the breaker of a recipient's mailbox hear that the recipient said something."""
        if status is not StatusCode.RECALL_REQUESTED:
            breaker = self.tables.breaker_of(reported.mailbox).acknowledged(
                {reported.delivery_id: reported.consigned_at}, self.now
            )
            self.tables.put_breaker(reported.mailbox, breaker)

    def _deliveries(self, submitted: Submitted, authorized: AuthorizedMessage) -> list[StoredDelivery]:
        header = authorized.valid.header
        document = header if isinstance(header, DocumentHeader) else None
        is_new = document is not None and document.business_type is BusinessType.NEW
        return [
            StoredDelivery(
                delivery_id=DeliveryId(self.store.new_id()),
                submitted=submitted,
                kind=MessageKind.STATUS if document is None else MessageKind.DOCUMENT,
                mailbox=route.mailbox,
                sender=authorized.sender,
                recipient=route.recipient,
                document_id=header.document_id,
                correlation_id=str(submitted.message_id),
                body=authorized.valid.verified.received.body,
                business_type=None if document is None else document.business_type,
                content_digest=None if document is None else authorized.valid.content_digest,
                is_urgent=document is not None and is_new and document.is_urgent,
                expires_at=self.expires_at,
            )
            for route in authorized.routes
        ]

    def _move(self, before: StoredDelivery, status: StatusCode) -> None:
        after = advance(before.state, trigger_of(status))
        if status in {StatusCode.ARRIVED, StatusCode.ACCEPTED}:
            self.owed += owe(self.store, self.tables, ReceiptEvent.CONTENT_HANDOVER, [[before]])
        if after is None:
            return
        is_over = after in CLOSED and after not in ACKNOWLEDGED
        moved = replace(before, state=after)
        is_current = not is_over and (before.is_current or not self.tables.has_same_content(moved))
        self.tables.deliveries[before.delivery_id] = replace(moved, is_current=is_current)
        if after in ACKNOWLEDGED | CLOSED:
            self.tables.drop_entry_of(before.delivery_id, even_claimed=False)
            self.tables.close_cases(before.delivery_id)

    def _refuse(self, message_id: MessageId, refusal: Refuse) -> Outcome:
        received = refusal.received
        key = (received.mailbox, received.transport_id, received.digest)
        if received.transport_id and key in self.tables.refusals:
            return self._repeat(self.tables.refusals[key], received, refusal.sender)
        if received.transport_id:
            self.tables.refusals[key] = message_id
        submitted = Submitted(
            message_id=message_id,
            mailbox=received.mailbox,
            submission_id=received.submission_id,
            digest=received.digest,
            sender=refusal.sender,
            document_id=None if refusal.header is None else refusal.header.document_id,
        )
        self.owed.append(
            submitted.receipt(
                ReceiptEvent.SUBMISSION_REJECTION,
                receipt_id=ReceiptId(self.store.new_id()),
                at=self.now,
                violations=refusal.violations,
            )
        )
        return Rejected(message_id=message_id, violations=refusal.violations)

    def _repeat(self, earlier: MessageId, received: ReceivedMessage, sender: AgencyKey | None) -> Repeated:
        self.repeated.append(
            Submitted(
                message_id=earlier,
                mailbox=MailboxName(received.mailbox),
                submission_id=received.submission_id,
                digest=received.digest,
                sender=sender,
                document_id=None,
            )
        )
        return Repeated(message_id=earlier)

    def _reported(self, authorized: AuthorizedMessage) -> StoredDelivery | None:
        header = authorized.valid.header
        if not isinstance(header, StatusHeader):
            return None
        parties = (agency_key(header.original_sender), authorized.sender)
        if header.status is StatusCode.RECALL_REQUESTED:
            parties = (parties[1], parties[0])
        claimed = authorized.valid.verified.received.reported_delivery
        found = [
            each
            for each in self.tables.deliveries.values()
            if each.kind is MessageKind.DOCUMENT
            and each.document_id == header.document_id
            and (each.sender, each.recipient) == parties
        ]
        return max(found, key=lambda each: (each.delivery_id == claimed, each.delivery_id), default=None)


def _is_status(decision: Admit) -> bool:
    return isinstance(decision.authorized.valid.header, StatusHeader)


def _clashes(recipient: AgencyKey, digest: bytes, known: Sequence[StoredDelivery]) -> bool:
    """Whether *recipient* holds other content, or somebody does where *recipient* never had anything."""
    own = [each for each in known if each.recipient == recipient]
    if own:
        return any(each.is_current and each.content_digest != digest for each in own)
    return any(each.is_current and each.content_digest != digest for each in known)


def _submitted(message_id: MessageId, received: ReceivedMessage, authorized: AuthorizedMessage) -> Submitted:
    return Submitted(
        message_id=message_id,
        mailbox=received.mailbox,
        submission_id=received.submission_id,
        digest=received.digest,
        sender=authorized.sender,
        document_id=authorized.valid.header.document_id,
    )


def _subject_of(recipient: AgencyKey, entered: Sequence[StoredDelivery]) -> ReceiptSubject:
    if not entered:
        return ReceiptSubject(recipient=recipient, already_had_it=True)
    return subject(recipient, entered[0].delivery_id, lane_number=entered[0].lane_number)
