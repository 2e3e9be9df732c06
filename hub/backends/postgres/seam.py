"""The one commit of intake: documents, deliveries, promises and signed receipts, all or nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from hub.backends.postgres import bodies, enlisting, issuing, message_rows, posting, reporting, validating
from hub.backends.postgres.claimant import Claimant
from hub.backends.postgres.enlisting import Admission
from hub.backends.postgres.issuing import Asked, NewId
from hub.backends.postgres.message_rows import accepted_row, refused_row
from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.posting import Lane, NewDelivery
from hub.backends.postgres.reporting import LockedDelivery, Move, Report
from hub.backends.postgres.trail import Event, append
from hub.backends.postgres.validating import KeptValidations
from hub.crash import crash_point
from hub.errors import RejectionCode, TemporaryFailure, Violation
from hub.message.breaker import BreakerTerms
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
from hub.message.edxml import BusinessType, DocumentHeader, MessageKind, StatusHeader
from hub.message.evidence import Submitted, subject
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    MailboxName,
    MessageId,
    ReceiptId,
    agency_key,
)
from hub.message.large_body import BodyKey
from hub.message.patience import may_wait
from hub.message.receipt import Receipt, ReceiptEvent, ReceiptSubject
from hub.message.refusal import violation
from hub.message.stages import ReceivedMessage
from hub.message.trust import Validation
from hub.ports import Attest, Clock

_RACES_RUN_AGAIN: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the hub promises about time."""

    delivery_lifetime: timedelta = timedelta(days=15)
    status_patience: timedelta = timedelta(seconds=10)
    park_time: timedelta = timedelta(seconds=15)
    breaker: BreakerTerms = field(default_factory=BreakerTerms)


class PostgresSeam:
    """Implements `hub.ports.Seam`."""

    def __init__(
        self, database: Database, *, claimant: Claimant, clock: Clock, new_id: NewId, terms: Terms
    ) -> None:
        """Commit to *database* on behalf of *claimant*."""
        self._database = database
        self._claimant = claimant
        self._clock = clock
        self._new_id = new_id
        self._terms = terms
        self._kept = KeptValidations()

    async def commit(self, decisions: Sequence[Decision], attest: Attest) -> Committed:
        """Commit all *decisions* in one transaction; a lost race is run again."""
        for last in (False,) * (_RACES_RUN_AGAIN - 1) + (True,):
            try:
                return await self._commit(decisions, attest)
            except TemporaryFailure as failure:
                self._kept.forget()
                if last or failure.retry_after != timedelta():
                    raise
        raise AssertionError  # the loop returns or raises

    async def _commit(self, decisions: Sequence[Decision], attest: Attest) -> Committed:
        new = self._kept.missing(_validation(each) for each in decisions)
        async with self._database.transaction() as transaction:
            await validating.keep(transaction, new)
            work = _Work(
                transaction=transaction,
                claimant=self._claimant,
                new_id=self._new_id,
                terms=self._terms,
                now=self._clock.now(),
            )
            committed = await work.run(decisions, attest)
            crash_point("intake.inside_commit")
        self._kept.remember(new)
        return committed


@dataclass(slots=True, kw_only=True)
class _Work:
    """One commit on its way; its lists become rows at the end."""

    transaction: Transaction
    claimant: Claimant
    new_id: NewId
    terms: Terms
    now: datetime
    outcomes: dict[MessageId, Outcome] = field(default_factory=dict)
    admissions: list[Admission] = field(default_factory=list)
    refusals: list[tuple[MessageId, Refuse]] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    outgoing: list[NewDelivery] = field(default_factory=list)
    owed: list[Receipt] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    repeated: list[Asked] = field(default_factory=list)

    async def run(self, decisions: Sequence[Decision], attest: Attest) -> Committed:
        """Decide every race by its key, write everything, and hand over what may leave at once."""
        order = self._name(decisions)
        reports = await self._match_statuses()
        await self._drop_repeated()
        await self._drop_clashing_documents()
        await self._drop_repeated_refusals()
        await self._keep_bodies()
        await self._write_messages()
        admitted = {each.message_id for each in self.admissions}
        await self._move_deliveries([each for each in reports if each.admission.message_id in admitted])
        await self._enter_deliveries()
        self._owe_rejections()
        receipts = await issuing.issue(self.transaction, self.owed, attest, self.new_id)
        receipts += await issuing.again(self.transaction, self.repeated, self.new_id)
        await posting.enter(self.transaction, receipts)
        await append(self.transaction, self.events)
        leaving = [*self.outgoing, *receipts]
        handed_over = await posting.promise(self.transaction, leaving, self.claimant)
        return Committed(
            outcomes=tuple(self.outcomes[each] for each in order),
            handed_over=handed_over,
            left_as_rows=len(leaving) - len(handed_over),
        )

    def _name(self, decisions: Sequence[Decision]) -> list[MessageId]:
        order = [MessageId(self.new_id()) for _ in decisions]
        for message_id, decision in zip(order, decisions, strict=True):
            if isinstance(decision, Admit):
                self.admissions.append(Admission(message_id=message_id, admit=decision))
            else:
                self.refusals.append((message_id, decision))
        return order

    async def _match_statuses(self) -> list[Report]:
        statuses = [each for each in self.admissions if each.document is None]
        found = await reporting.match(self.transaction, statuses)
        reports = []
        waiting: Counter[MailboxName] = Counter()
        for each in statuses:
            header = each.admit.authorized.valid.header
            if each.message_id in found and isinstance(header, StatusHeader):
                reports.append(Report(admission=each, header=header, delivery_id=found[each.message_id]))
            elif may_wait(
                self.now - each.received.received_at,
                patience=self.terms.status_patience,
                waiting=waiting[each.received.mailbox],
            ):
                waiting[each.received.mailbox] += 1
                self._drop(each, Postponed())
            else:
                self._refuse(each, _no_such_delivery(each))
        return reports

    async def _drop_repeated(self) -> None:
        repeated, clashing = await enlisting.enlist_submissions(self.transaction, self.admissions)
        for each in [each for each in self.admissions if each.message_id in clashing]:
            self._refuse(each, clashing[each.message_id])
        for each in [each for each in self.admissions if each.message_id in repeated]:
            self._drop(
                each, self._repeat(repeated[each.message_id], each.received, each.admit.authorized.sender)
            )

    async def _drop_clashing_documents(self) -> None:
        clashing = await enlisting.enlist_documents(self.transaction, self.admissions)
        for each in [each for each in self.admissions if each.message_id in clashing]:
            self._refuse(each, clashing[each.message_id])

    async def _drop_repeated_refusals(self) -> None:
        repeated = await enlisting.enlist_refusals(self.transaction, self.refusals)
        for message_id, refusal in [each for each in self.refusals if each[0] in repeated]:
            self.outcomes[message_id] = self._repeat(repeated[message_id], refusal.received, refusal.sender)
        self.refusals = [each for each in self.refusals if each[0] not in repeated]

    async def _keep_bodies(self) -> None:
        """Keep large bodies as long as their messages; they were there when the messages were examined."""
        large = {
            BodyKey(mailbox=each.received.mailbox, digest=each.received.digest)
            for each in self.admissions
            if each.received.large is not None
        }
        if large and large != await bodies.accept(self.transaction, tuple(large)):
            raise TemporaryFailure("a large body has left while its message was examined")

    async def _write_messages(self) -> None:
        rows = [accepted_row(each) for each in self.admissions]
        rows += [refused_row(message_id, refusal) for message_id, refusal in self.refusals]
        if rows:
            await message_rows.insert(self.transaction, rows)

    async def _move_deliveries(self, reports: Sequence[Report]) -> None:
        locked = await reporting.lock(self.transaction, sorted({each.delivery_id for each in reports}))
        self.moves = await reporting.apply(self.transaction, reports, locked, self.now)
        await self._owe_handovers()
        for move in self.moves:
            self.events.append(_moved_event(move))

    async def _owe_handovers(self) -> None:
        """Owe one for each delivery with a signed 01 or 03, also one that comes too late to move anything."""
        first: dict[DeliveryId, LockedDelivery] = {}
        for move in self.moves:
            if move.proves_handover:
                first.setdefault(move.report.delivery_id, move.before)
        self.owed += await issuing.owe(
            self.transaction,
            ReceiptEvent.CONTENT_HANDOVER,
            [[delivery] for delivery in first.values()],
            at=self.now,
            new_id=self.new_id,
        )

    async def _enter_deliveries(self) -> None:
        wanted = [*self._document_lanes(), *self._status_lanes()]
        numbers = await posting.number(self.transaction, [lane for _, lane in wanted])
        built = [self._delivery(*pair, number) for pair, number in zip(wanted, numbers, strict=True)]
        entered = await posting.enter(self.transaction, built)
        if len(entered) < len(built):
            built = await posting.close_gaps(self.transaction, built, entered)
        self.outgoing = [each for each in built if each.delivery_id in entered]
        by_message: dict[MessageId | None, list[NewDelivery]] = {}
        for each in built:
            by_message.setdefault(each.message_id, []).append(each)
        for admission in self.admissions:
            self._accept(admission, by_message.get(admission.message_id, []), entered)

    def _document_lanes(self) -> list[tuple[Admission, Lane]]:
        return [
            (each, Lane(each.admit.authorized.sender, route.recipient, _is_urgent(each.document)))
            for each in self.admissions
            if each.document is not None
            for route in each.admit.authorized.routes
        ]

    def _status_lanes(self) -> list[tuple[Admission, Lane]]:
        return [
            (
                move.report.admission,
                Lane(
                    move.report.admission.admit.authorized.sender,
                    agency_key(move.report.header.original_sender),
                    False,  # noqa: FBT003 - statuses keep the order of ordinary documents
                ),
            )
            for move in self.moves
        ]

    def _delivery(self, each: Admission, lane: Lane, lane_number: int) -> NewDelivery:
        authorized = each.admit.authorized
        valid = authorized.valid
        document = each.document
        mailboxes = {route.recipient: route.mailbox for route in authorized.routes}
        return NewDelivery(
            delivery_id=DeliveryId(self.new_id()),
            message_id=each.message_id,
            kind=MessageKind.STATUS if document is None else MessageKind.DOCUMENT,
            mailbox=mailboxes[lane.recipient],
            sender=authorized.sender,
            recipient=lane.recipient,
            correlation_id=str(each.message_id),
            body=valid.verified.received.body,
            document_id=valid.header.document_id,
            business_type=None if document is None else document.business_type,
            content_digest=None if document is None else valid.content_digest,
            is_urgent=lane.is_urgent,
            lane_number=lane_number,
            expires_at=self.now + self.terms.delivery_lifetime,
        )

    def _accept(self, each: Admission, built: Sequence[NewDelivery], entered: frozenset[DeliveryId]) -> None:
        new = tuple(delivery.delivery_id for delivery in built if delivery.delivery_id in entered)
        self.outcomes[each.message_id] = Accepted(message_id=each.message_id, deliveries=new)
        detail: dict[str, object] = {"deliveries": len(new), "already_there": len(built) - len(new)}
        detail |= each.admit.authorized.valid.verified.signature.as_detail()
        self.events.append(Event(name="message.accepted", message_id=each.message_id, detail=detail))
        if each.document is not None:
            subjects = [_accepted_subject(delivery, delivery.delivery_id in entered) for delivery in built]
            self.owed.append(
                _submitted(each).receipt(
                    ReceiptEvent.SUBMISSION_ACCEPTANCE,
                    receipt_id=ReceiptId(self.new_id()),
                    at=self.now,
                    subjects=subjects,
                )
            )

    def _owe_rejections(self) -> None:
        for message_id, refusal in self.refusals:
            self.outcomes[message_id] = Rejected(message_id=message_id, violations=refusal.violations)
            codes = sorted({each.code.value for each in refusal.violations})
            self.events.append(Event(name="message.rejected", message_id=message_id, detail={"codes": codes}))
            self.owed.append(
                _submitted_refusal(message_id, refusal).receipt(
                    ReceiptEvent.SUBMISSION_REJECTION,
                    receipt_id=ReceiptId(self.new_id()),
                    at=self.now,
                    violations=refusal.violations,
                )
            )

    def _repeat(self, earlier: MessageId, received: ReceivedMessage, sender: AgencyKey | None) -> Repeated:
        self.repeated.append(
            Asked(
                message_id=earlier,
                mailbox=received.mailbox,
                sender=sender,
                submission_id=received.submission_id,
            )
        )
        self.events.append(Event(name="message.repeated", message_id=earlier))
        return Repeated(message_id=earlier)

    def _drop(self, each: Admission, outcome: Outcome) -> None:
        self.admissions.remove(each)
        self.outcomes[each.message_id] = outcome

    def _refuse(self, each: Admission, why: Violation) -> None:
        self.admissions.remove(each)
        authorized = each.admit.authorized
        refusal = Refuse(
            received=authorized.valid.verified.received,
            violations=(why,),
            sender=authorized.sender,
            header=authorized.valid.header,
            validation=authorized.valid.verified.validation,
        )
        self.refusals.append((each.message_id, refusal))


def _validation(decision: Decision) -> Validation | None:
    if isinstance(decision, Refuse):
        return decision.validation
    return decision.authorized.valid.verified.validation


def _is_urgent(document: DocumentHeader | None) -> bool:
    """Say no for a recall, update or replacement: it keeps its place behind what it is about."""
    return document is not None and document.is_urgent and document.business_type is BusinessType.NEW


def _accepted_subject(delivery: NewDelivery, is_new: bool) -> ReceiptSubject:  # noqa: FBT001
    if not is_new:
        return ReceiptSubject(recipient=delivery.recipient, already_had_it=True)
    return subject(delivery.recipient, delivery.delivery_id, lane_number=delivery.lane_number)


def _submitted(each: Admission) -> Submitted:
    authorized = each.admit.authorized
    received = authorized.valid.verified.received
    return Submitted(
        message_id=each.message_id,
        mailbox=received.mailbox,
        submission_id=received.submission_id,
        digest=received.digest,
        sender=authorized.sender,
        document_id=authorized.valid.header.document_id,
    )


def _submitted_refusal(message_id: MessageId, refusal: Refuse) -> Submitted:
    return Submitted(
        message_id=message_id,
        mailbox=refusal.received.mailbox,
        submission_id=refusal.received.submission_id,
        digest=refusal.received.digest,
        sender=refusal.sender,
        document_id=None if refusal.header is None else refusal.header.document_id,
    )


def _moved_event(move: Move) -> Event:
    detail: dict[str, object] = {
        "status": move.report.header.status.value,
        "before": move.before.state.value,
        "after": move.after.value,
    }
    return Event(
        name="delivery.reported" if move.moved else "delivery.reported_late",
        message_id=move.before.message_id,
        delivery_id=move.report.delivery_id,
        detail=detail,
    )


def _no_such_delivery(each: Admission) -> Violation:
    header = each.admit.authorized.valid.header
    return violation(
        RejectionCode.NO_SUCH_DELIVERY,
        path="/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/ResponseFor",
        rule="only a party to a delivery reports on it",
        document_id=header.document_id,
        sender=header.sender,
        other=header.original_sender if isinstance(header, StatusHeader) else "",
    )
