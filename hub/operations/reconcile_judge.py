"""Decides about each thing that the database has lost: what is to be done, or why it cannot be done yet."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hub.backends.postgres.enlisting import Admission
from hub.backends.postgres.issuing import NewId
from hub.backends.postgres.posting import NewDelivery
from hub.backends.postgres.proven import ProvenReceipt
from hub.backends.postgres.reinstating import LostDocument, LostStatus
from hub.intake.line import Failed, IntakeLine
from hub.message.claim import read_claim
from hub.message.decision import Admit, Decision, Refuse
from hub.message.directory import Directory
from hub.message.edxml import BusinessType, DocumentHeader, MessageKind
from hub.message.identifiers import AgencyKey, DeliveryId, MailboxName, MessageId
from hub.message.large_body import LargeEnvelope
from hub.message.properties import looks_like_claim
from hub.message.receipt_sheet import ReceiptSheet
from hub.message.stages import ReceivedMessage, Route
from hub.operations.reconcile_evidence import Held
from hub.operations.reconcile_plan import Advanced, KnownDelivery, Lost, Missing, facts_of
from hub.operations.reconcile_step import (
    RecordRefusal,
    Reinstate,
    ReinstateStatus,
    Settle,
    Step,
    Submit,
    name_of,
)

_NO_STORE: Final = "it is larger than the database keeps, and the settings name no bodies_store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Decides about each difference; pure but for the names it draws for what never had one."""

    line: IntakeLine
    directory: Directory
    incomplete: Mapping[MailboxName, str]
    """Mailboxes of which not everything is known, and why; the others are known to hold nothing more."""
    complete: frozenset[MailboxName]
    new_id: NewId
    now: datetime
    lifetime: timedelta
    takes_large: bool = False
    """Whether there is a blob store for what is larger than the database keeps."""

    def document(self, lost: Lost) -> Step | Missing:
        """Say what is to be done about a lost document."""
        decision = self._examined(lost)
        if isinstance(decision, Failed):
            return Missing(what=name_of(lost, lost.message_id), why=decision.error)
        if lost.rejection is not None and lost.message_id is not None:
            return RecordRefusal(
                lost=lost,
                message_id=lost.message_id,
                refusal=_refusal(lost, decision),
                receipts=_proven(lost.receipts),
            )
        is_told = bool(lost.receipts or lost.received)
        if isinstance(decision, Refuse):
            if not is_told:
                return Submit(lost=lost, decision=decision)
            return Missing(what=name_of(lost, lost.message_id), why=_against(decision))
        return self._accepted(lost, decision, is_told=is_told)

    def status(self, lost: Lost, deliveries: Collection[DeliveryId]) -> Step | Missing:
        """Say what is to be done about a lost status; *deliveries* are those that will be known."""
        name = name_of(lost, lost.message_id)
        decision = self._examined(lost)
        if isinstance(decision, Failed):
            return Missing(what=name, why=decision.error)
        if isinstance(decision, Refuse):
            return Missing(what=name, why=_against(decision))
        if lost.sent.about is not None and lost.sent.about not in deliveries:
            return Missing(what=name, why=f"the delivery {lost.sent.about} that it is about is not known")
        (route,) = decision.authorized.routes
        if (why := self._unknown(route.mailbox)) is not None:
            return Missing(what=name, why=why, needs=(route.mailbox,))
        if not lost.received or lost.message_id is None or lost.sent.about is None:
            return Submit(lost=lost, decision=decision)
        return self._known_status(lost, decision, route)

    def settle(self, advanced: Advanced, known: KnownDelivery) -> Settle | Missing:
        """Say what is to be done about a delivery that has got further."""
        submitted_by = known.submitted_by
        is_known = known.kind is not MessageKind.DOCUMENT or submitted_by in self.complete
        proven = tuple(
            each for each in advanced.facts if each.event is not None or each.is_rejected or is_known
        )
        if not proven:
            return Missing(
                what=f"delivery {advanced.delivery_id}",
                why="it was taken; whether its sender holds the receipt is not known: it is published again "
                "under the same id, and dropped",
                needs=(submitted_by,) if submitted_by is not None else (),
                is_harmless=True,
            )
        return Settle(advanced=advanced, facts=proven, receipts=_proven(advanced.receipts), owes=is_known)

    def _examined(self, lost: Lost) -> Decision | Failed:
        sent = lost.sent
        body = sent.body(largest=self.line.parse_limits.octets)
        received = ReceivedMessage(
            body=body,
            digest=sent.digest,
            mailbox=sent.mailbox,
            submission_id=sent.submission_id,
            transport_id="",
            reported_delivery=sent.about,
            received_at=lost.at,
        )
        if not looks_like_claim(body):
            return self.line.examine(received, self.directory)
        if not self.takes_large:
            return Failed(received=received, error=_NO_STORE, trace="")
        large = LargeEnvelope(octets=read_claim(body).octets, read=sent.read)
        return self.line.examine(replace(received, large=large), self.directory)

    def _accepted(self, lost: Lost, decision: Admit, *, is_told: bool) -> Step | Missing:
        places = dict(_places(lost))
        routes = [each for each in decision.authorized.routes if each.recipient not in _had_it(lost)]
        asked = [lost.sent.mailbox, *(each.mailbox for each in routes if each.recipient not in places)]
        reasons = {each: why for each in asked if (why := self._unknown(each)) is not None}
        if reasons:
            return Missing(
                what=name_of(lost, lost.message_id), why="; ".join(reasons.values()), needs=tuple(reasons)
            )
        if not is_told:
            return Submit(lost=lost, decision=decision)
        message_id = lost.message_id or MessageId(self.new_id())
        admission = Admission(message_id=message_id, admit=decision)
        document = LostDocument(
            admission=admission,
            deliveries=tuple(self._delivery(admission, route, places) for route in routes),
            receipts=_proven(lost.receipts),
            facts=facts_of(lost.receipts, lost.received),
        )
        return Reinstate(lost=lost, document=document)

    def _delivery(
        self, admission: Admission, route: Route, places: Mapping[AgencyKey, "_Place"]
    ) -> NewDelivery:
        authorized = admission.admit.authorized
        header = authorized.valid.header
        place = places.get(route.recipient) or _Place(delivery_id=DeliveryId(self.new_id()))
        return NewDelivery(
            delivery_id=place.delivery_id,
            message_id=admission.message_id,
            kind=MessageKind.DOCUMENT,
            mailbox=route.mailbox,
            sender=authorized.sender,
            recipient=route.recipient,
            correlation_id=str(admission.message_id),
            body=authorized.valid.verified.received.body,
            document_id=header.document_id,
            business_type=header.business_type if isinstance(header, DocumentHeader) else None,
            content_digest=authorized.valid.content_digest,
            is_urgent=_is_urgent(header),
            lane_number=place.lane_number,
            expires_at=self.now + self.lifetime,
        )

    def _known_status(self, lost: Lost, decision: Admit, route: Route) -> Step | Missing:
        taken = lost.received[0]
        authorized = decision.authorized
        admission = Admission(message_id=taken.message_id, admit=decision)
        forwarded = NewDelivery(
            delivery_id=taken.delivery_id,
            message_id=taken.message_id,
            kind=MessageKind.STATUS,
            mailbox=route.mailbox,
            sender=authorized.sender,
            recipient=route.recipient,
            correlation_id=str(taken.message_id),
            body=authorized.valid.verified.received.body,
            document_id=authorized.valid.header.document_id,
            lane_number=taken.lane_number,
        )
        about = lost.sent.about or DeliveryId(UUID(int=0))
        status = LostStatus(admission=admission, about=about, forwarded=forwarded, arrived_at=taken.at)
        return ReinstateStatus(lost=lost, status=status)

    def _unknown(self, mailbox: MailboxName) -> str | None:
        """Return why more may be known at *mailbox* than was handed in; None where nothing is."""
        if mailbox in self.complete:
            return None
        return f"{mailbox}: {self.incomplete.get(mailbox, 'its evidence was not handed in')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What somebody has heard of a delivery."""

    delivery_id: DeliveryId
    lane_number: int = 0


def _places(lost: Lost) -> Iterator[tuple[AgencyKey, _Place]]:
    """Return what recipients noted, then what the hub has signed, which counts more."""
    for each in lost.received:
        yield each.recipient, _Place(delivery_id=each.delivery_id, lane_number=each.lane_number)
    for held in lost.receipts:
        for subject in held.receipt.subjects:
            if subject.delivery_id is not None and subject.lane_number is not None:
                place = _Place(delivery_id=subject.delivery_id, lane_number=subject.lane_number)
                yield subject.recipient, place


def _had_it(lost: Lost) -> frozenset[AgencyKey]:
    subjects = lost.acceptance.subjects if lost.acceptance is not None else ()
    return frozenset(each.recipient for each in subjects if each.already_had_it)


def _proven(receipts: Sequence[Held]) -> tuple[ProvenReceipt, ...]:
    return tuple(
        ProvenReceipt(
            receipt=each.receipt,
            sheet=ReceiptSheet(receipts=each.sheet.receipts, body=each.sheet.body),
            delivery_id=each.sheet.delivery_id,
            at=each.sheet.at,
        )
        for each in receipts
    )


def _refusal(lost: Lost, decision: Decision) -> Refuse:
    """Return the refusal as it was told, whatever the registry would say today."""
    told = lost.rejection
    violations = told.violations if told is not None else ()
    if isinstance(decision, Refuse):
        return replace(decision, violations=violations)
    authorized = decision.authorized
    return Refuse(
        received=authorized.valid.verified.received,
        violations=violations,
        sender=authorized.sender,
        header=authorized.valid.header,
    )


def _against(refusal: Refuse) -> str:
    told = "; ".join(f"{each.code}: {each.en}" for each in refusal.violations)
    return f"with the registry as it was restored it would be refused ({told}): bring the registry up to date"


def _is_urgent(header: object) -> bool:
    """Say which of its lanes a document took, as its acceptance did."""
    return (
        isinstance(header, DocumentHeader) and header.is_urgent and header.business_type is BusinessType.NEW
    )
