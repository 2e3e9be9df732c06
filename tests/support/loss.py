"""An axis that loses what its database knew, while its agencies keep what they hold."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hub.backends.clock import SystemClock, new_id
from hub.backends.postgres import bodies
from hub.backends.postgres.pool import Database
from hub.backends.postgres.seam import Terms
from hub.message.claim import ClaimCheck
from hub.message.decision import Accepted, Admit, Refuse, Rejected
from hub.message.edxml import MessageKind, StatusCode
from hub.message.identifiers import DeliveryId, Digest, MailboxName, SubmissionId, digest_of
from hub.message.large_body import BodyKey
from hub.message.outbox import OutboxEntry
from hub.message.receipt import Receipt
from hub.message.stages import ReceivedMessage
from hub.operations.large_reading import IN_ROWS, Originals
from hub.operations.reconcile import Applied, Plan, ReconcileDesk
from hub.operations.reconcile_evidence import Evidence, Held, Received, Sent, Sheet
from tests.support.decisions import plain_pen, read_all
from tests.support.envelopes import a_document, a_status
from tests.support.memory_hub import AGENCIES, a_line, signed
from tests.support.store import HubProcess, PostgresUnderTest

FORGOTTEN = (
    "truncate outbox_entries, cases, deliveries, messages, receipts, receipt_sheets, receipt_subjects,"
    " submissions, documents, lanes, statuses, events, event_seals, attempts, refusals, operator_actions,"
    " case_notes, campaigns, campaign_items, route_overlays, document_search,"
    " reject_reasons, bodies"
)
EMPTY = {MailboxName(each): 0 for each in AGENCIES}
NOBODY = "truc_absent"
LINE = a_line()


@dataclass(slots=True, kw_only=True)
class Agencies:
    """What each agency sent and took from its queue, as their journals would have it."""

    folder: Path
    sent: list[Sent] = field(default_factory=list)
    taken: list[tuple[OutboxEntry, bool]] = field(default_factory=list)
    """And whether it was given back."""

    def submit(
        self, mailbox: str, body: bytes, kind: MessageKind, *, about: DeliveryId | None = None
    ) -> ReceivedMessage:
        """Journal *body* and return it as the hub receives it."""
        digest = digest_of(body)
        file = self.folder / f"{digest.hex()}.edxml"
        file.write_bytes(body)
        name = SubmissionId(f"{mailbox}-{len(self.sent)}")
        at = datetime.now(UTC)
        self.sent.append(
            Sent(
                mailbox=MailboxName(mailbox),
                submission_id=name,
                kind=kind,
                digest=digest,
                about=about,
                is_decided=False,
                at=at,
                file=file,
            )
        )
        return ReceivedMessage(
            body=body,
            digest=digest,
            mailbox=MailboxName(mailbox),
            submission_id=name,
            transport_id="",
            reported_delivery=about,
            received_at=at,
        )

    def take(self, entries: Sequence[OutboxEntry], *, give_back: bool = False) -> None:
        """Take *entries* from their queues."""
        self.taken += [(entry, give_back) for entry in entries]

    def evidence(self, *mailboxes: str) -> Evidence:
        """Hand in what everybody holds, or only *mailboxes*."""
        names = {MailboxName(each) for each in mailboxes or AGENCIES}
        now = datetime.now(UTC)
        sheets = [_sheet(entry) for entry, _ in self.taken if entry.kind is MessageKind.RECEIPT]
        return Evidence(
            exported_at=dict.fromkeys(names, now),
            sent=[each for each in self.sent if each.mailbox in names],
            received=[
                _received(entry, given_back)
                for entry, given_back in self.taken
                if entry.kind is not MessageKind.RECEIPT and entry.mailbox in names
            ],
            held=[
                Held(receipt=receipt, sheet=sheet)
                for sheet in sheets
                if sheet.mailbox in names
                for receipt in sheet.receipts
            ],
        )


@dataclass(slots=True, kw_only=True)
class Loss:
    """A hub, its agencies, and the desk that brings back what the hub's database loses."""

    store: PostgresUnderTest
    hub: HubProcess
    operators: Database
    agencies: Agencies
    originals: Originals = IN_ROWS

    async def accept_large(self, *to: str) -> tuple[OutboxEntry, ...]:
        """Let G22 check a document in and submit the claim check for it."""
        document = a_document().identified_by(f"G22,{new_id().hex}").to(*to).without_attachments()
        body = signed(document.with_attachment("ban-ve.pdf", b"%PDF" + b"0" * 10_000_000))
        received = self.agencies.submit("G22", body, MessageKind.DOCUMENT)
        claim = ClaimCheck(digest=received.digest, octets=len(body))
        blobs, key = self.originals.blobs, BodyKey(mailbox=received.mailbox, digest=claim.digest)
        assert blobs is not None
        await blobs.put(key.name, body)
        async with self.operators.transaction() as transaction:
            await bodies.reinstate(transaction, key, len(body))
        large = self.originals.envelope(key.mailbox, claim.as_body())
        admit = await self.admit(replace(received, body=claim.as_body(), large=large))
        outcome, handed_over = await self.hub.accept(admit)
        assert isinstance(outcome, Accepted)
        return handed_over

    async def accept(self, *to: str, priority: int = 0) -> tuple[OutboxEntry, ...]:
        """Let G22 submit a document; return what is to be published for it."""
        document = a_document().identified_by(f"G22,{new_id().hex}").to(*to).with_priority(priority)
        received = self.agencies.submit("G22", signed(document), MessageKind.DOCUMENT)
        outcome, handed_over = await self.hub.accept(await self.admit(received))
        assert isinstance(outcome, Accepted)
        return handed_over

    async def report(self, entry: OutboxEntry, code: StatusCode) -> tuple[OutboxEntry, ...]:
        """Let the recipient of *entry* report on it."""
        assert entry.document_id is not None
        status = a_status(code).from_(entry.mailbox).for_(entry.document_id, sent_by="G22")
        body = signed(status, by=entry.mailbox)
        received = self.agencies.submit(entry.mailbox, body, MessageKind.STATUS, about=entry.delivery_id)
        outcome, handed_over = await self.hub.accept(await self.admit(received))
        assert isinstance(outcome, Accepted)
        return handed_over

    async def refuse(self) -> tuple[OutboxEntry, ...]:
        """Let G22 submit something that is refused."""
        body = signed(a_document().to("H99"))
        received = self.agencies.submit("G22", body, MessageKind.DOCUMENT)
        decision = LINE.examine(received, await self.store.registry().directory())
        assert isinstance(decision, Refuse)
        committed = await self.hub.commit(decision)
        assert isinstance(committed.outcomes[0], Rejected)
        return committed.handed_over

    async def admit(self, received: ReceivedMessage) -> Admit:
        decision = LINE.examine(received, await self.store.registry().directory())
        assert isinstance(decision, Admit), decision
        return decision

    async def deliver(self, entries: Sequence[OutboxEntry]) -> list[OutboxEntry]:
        """Publish *entries* and what follows, and let everybody take it; return it all."""
        published = [*entries, *await self.hub.deliver(entries)]
        self.agencies.take(published)
        return published

    async def forget(self) -> None:
        """Lose everything but the registry."""
        await self.store.private.rewrite(FORGOTTEN)

    def desk(self, *, hub_role: str = NOBODY) -> ReconcileDesk:
        return ReconcileDesk(
            self.operators,
            operator="Lan",
            hub_role=hub_role,
            line=LINE,
            attest=plain_pen,
            clock=SystemClock(),
            new_id=new_id,
            terms=Terms(status_patience=timedelta()),
            originals=self.originals,
        )

    async def look(self, *mailboxes: str) -> Plan:
        return await self.desk().look(self.agencies.evidence(*mailboxes), EMPTY)

    async def reconcile(self, *mailboxes: str) -> Applied:
        """Bring back what *mailboxes*, or all, can prove; nothing is left to do then."""
        applied = await self.desk().apply(await self.look(*mailboxes), reason="drill")
        assert applied.refused == ()
        assert (await self.look(*mailboxes)).steps == ()
        return applied

    async def published(self) -> list[OutboxEntry]:
        """Let the hub publish all that waits, and everybody take it."""
        published = await self.hub.deliver_all()
        self.agencies.take(published)
        return published

    async def stored_receipts(self) -> dict[str, bytes]:
        query = "select r.receipt_id::text, s.body from receipts r join receipt_sheets s using (sheet_id)"
        return {str(name): bytes(body) for name, body in await self.store.fetch(query)}  # type: ignore[call-overload]

    async def held_receipts(self) -> dict[str, bytes]:
        held = self.agencies.evidence().held
        return {str(each.receipt.receipt_id): each.sheet.body for each in held}

    async def actions(self) -> list[str]:
        rows = await self.store.fetch("select action from operator_actions order by action_id")
        return [str(row[0]) for row in rows]


def events_of(receipts: Sequence[Receipt]) -> list[str]:
    return sorted(each.event.value for each in receipts)


def decided(sent: Sent) -> Sent:
    return replace(sent, is_decided=True)


def _sheet(entry: OutboxEntry) -> Sheet:
    return Sheet(
        digest=Digest(digest_of(entry.body)),
        body=entry.body,
        delivery_id=entry.delivery_id,
        mailbox=entry.mailbox,
        receipts=read_all(entry.body),
        at=datetime.now(UTC),
    )


def _received(entry: OutboxEntry, given_back: bool) -> Received:  # noqa: FBT001
    assert entry.message_id is not None
    assert entry.sender is not None
    return Received(
        mailbox=entry.mailbox,
        delivery_id=entry.delivery_id,
        kind=entry.kind,
        attempt=entry.attempt,
        is_rejected=given_back,
        digest=digest_of(entry.body),
        message_id=entry.message_id,
        sender=entry.sender,
        recipient=entry.recipient,
        is_urgent=entry.is_urgent,
        lane_number=entry.lane_number,
        at=datetime.now(UTC),
    )
