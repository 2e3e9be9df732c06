"""A mailbox on the axis, as an adapter's twenty lines see it: send, learn the outcome, receive, report."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar
from uuid import uuid4

import structlog

from adapters.kit import incoming, outgoing
from adapters.kit.answering import compose_report
from adapters.kit.broker import Arrived, MailboxQueue, SubmitChannel
from adapters.kit.delivery import ArrivedReceipt, ArrivedSheet, ArrivedStatus, Delivery
from adapters.kit.draft import DocumentDraft, StatusDraft
from adapters.kit.envelope import compose_document, compose_status
from adapters.kit.error import DeliveryRejected, UnfitDraft, single_error
from adapters.kit.incoming import ReportedDocument
from adapters.kit.inspection import inspect
from adapters.kit.journal import Journal
from adapters.kit.keyring import seal
from adapters.kit.large_bodies import LargeBodies, Sendable
from adapters.kit.outgoing import Outgoing, OutgoingState
from adapters.kit.reception import HandleDelivery, HandleReceipt, Handlers, HandleStatus, Reception
from adapters.kit.relay import Relay
from adapters.kit.reporting import Reporter
from adapters.kit.settings import KitSettings
from adapters.kit.spool import Spool, pieces_of
from adapters.kit.transaction import Transaction
from hub.errors import MalformedMessage, RejectionCode, TemporaryFailure
from hub.message.claim import is_claim, read_claim
from hub.message.edxml import DocumentHeader, Header, MessageKind, StatusCode
from hub.message.edxml_reading import read_header
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import DeliveryId, ReceiptId, SubmissionId, digest_of
from hub.message.mandate_role import MandateRole
from hub.message.properties import looks_like_claim
from hub.message.receipt import Receipt, ReceiptEvent
from hub.message.receipt_xml import find_receipt
from hub.message.refusal import violation
from hub.message.reject_reason import RejectReason
from hub.message.skimming import skim
from hub.signature.role_claim import RoleClaim
from hub.signature.skimmed import read_skeleton

T = TypeVar("T")

_log = structlog.get_logger("adapters.kit")

_DECISIONS: Final = (ReceiptEvent.SUBMISSION_ACCEPTANCE, ReceiptEvent.SUBMISSION_REJECTION)
_POLL_SECONDS: Final = 1.0
"""How often the journal is asked for a receipt that another process of this mailbox may have received."""
_SHORTEST_POLL_SECONDS: Final = 0.02
_WITH_THE_BROKER: Final = (OutgoingState.CONFIRMED, OutgoingState.ACCEPTED, OutgoingState.REFUSED)
_EXPLAIN_SECONDS: Final = 3.0
"""How long a reject waits for its reason to be taken."""
_CHUNK: Final = 200
_CPU_THREADS: Final = 2


async def _ignore_status(_status: ArrivedStatus, _transaction: Transaction) -> None:
    """Leave a status to the journal, which has its code."""


async def _ignore_receipt(_receipt: ArrivedReceipt, _transaction: Transaction) -> None:
    """Leave a receipt to the journal, which has its bytes."""


class Mailbox(Reporter):
    """One mailbox in one process: `async with Mailbox.open(settings) as mailbox`.

    What `post` returned for is safe and goes out, through crashes and outages, until the broker has it.
    What a handler wrote into its transaction is written once for each delivery.
    """

    def __init__(self, settings: KitSettings, journal: Journal, relay: Relay) -> None:
        """Put the parts together; `open` makes and starts them."""
        super().__init__(journal)
        self.consuming: Final = asyncio.Event()
        """Set once `run` reads the mailbox's queue."""
        self._settings = settings
        self._spool = Spool(settings.journal)
        self._relay = relay
        self._channel: SubmitChannel | None = None
        self._large: LargeBodies | None = None
        self._threads = ThreadPoolExecutor(_CPU_THREADS, thread_name_prefix=f"kit {settings.mailbox}")
        self._outcomes: dict[SubmissionId, set[asyncio.Future[None]]] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: KitSettings, *, tables: Sequence[str] = ()) -> AsyncIterator["Mailbox"]:
        """Open the journal and publish what it still holds; the broker may be away meanwhile.

        *tables* are statements for the adapter's own tables in the journal (`CREATE TABLE IF NOT EXISTS …`).
        """
        journal = await Journal.open(settings.journal, tables=tables)
        relay = Relay(journal, window=settings.window)
        mailbox = cls(settings, journal, relay)
        try:
            with single_error():
                async with (
                    LargeBodies.open(settings, journal, mailbox._spool, relay.wake) as large,
                    asyncio.TaskGroup() as tasks,
                ):
                    mailbox._large = large
                    working = [tasks.create_task(mailbox._publish())]
                    working += [tasks.create_task(large.run())] if large is not None else []
                    try:
                        yield mailbox
                    finally:
                        for task in working:
                            task.cancel()
        finally:
            mailbox._threads.shutdown(wait=False, cancel_futures=True)
            await relay.stop()
            await journal.close()

    async def send(
        self,
        draft: Sendable,
        *,
        about: DeliveryId | None = None,
        submission: SubmissionId | None = None,
        role: MandateRole | None = None,
    ) -> SubmissionId:
        """Sign, journal, publish; return once the broker has confirmed. What it means follows: `outcome`."""
        message = await self._prepare(draft, about, submission, role)
        confirmed = self._relay.confirmation(message.submission_id)
        await self._journal_one(message)
        await confirmed
        return message.submission_id

    async def post(
        self,
        draft: Sendable,
        *,
        about: DeliveryId | None = None,
        submission: SubmissionId | None = None,
        role: MandateRole | None = None,
    ) -> SubmissionId:
        """Sign and journal; it is published in the background, also where the broker is away just now.

        *submission* is a fresh name of the adapter's own making, for one that writes its books first; the
        kit makes one up where nothing is given. Raises `UnfitDraft` for one that the journal has already.
        *role* is for a gateway that signs under mandate what a system handed to it, and says so in the
        signature; what is signed already travels as it is.
        """
        message = await self._prepare(draft, about, submission, role)
        await self._journal_one(message)
        return message.submission_id

    async def post_file(
        self, path: Path, *, submission: SubmissionId | None = None, role: MandateRole | None = None
    ) -> SubmissionId:
        """Post the envelope that lies at *path*, signed or not, however large: it is never held in memory.

        Afterwards the file is the caller's again: what travels is the kit's own copy.
        """
        return await self.post(path, submission=submission, role=role)

    async def confirmed(self, submission: SubmissionId) -> None:
        """Wait until the broker has what was posted as *submission*: for a program that ends afterwards.

        Raises `UnfitDraft` for a name that the journal does not know.
        """
        pause = _SHORTEST_POLL_SECONDS
        while (state := await self.state(submission)) not in _WITH_THE_BROKER:
            if state is None:
                raise UnfitDraft(f"the journal has no submission {submission}")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _POLL_SECONDS)

    async def send_signed_many(
        self, bodies: Sequence[bytes], *, kind: MessageKind = MessageKind.DOCUMENT
    ) -> Sequence[SubmissionId]:
        """Journal and publish envelopes that are signed already; return once all are confirmed.

        They share commits and travel side by side: this is the way for thousands.
        """
        sent: list[SubmissionId] = []
        before: Awaitable[object] | None = None
        for chunk in _chunks(bodies, _CHUNK):
            messages = [self._message(body, kind, about=None) for body in chunk]
            confirmed = asyncio.gather(*[self._relay.confirmation(each.submission_id) for each in messages])
            await self._relay.journal_all(messages)
            if before is not None:  # one chunk travels while the next is journalled
                await before
            before = confirmed
            sent += [each.submission_id for each in messages]
        if before is not None:
            await before
        return sent

    async def report(
        self, delivery_id: DeliveryId, status: StatusCode, description: str = ""
    ) -> SubmissionId:
        """Tell the sender what became of a delivery (02 to 06, 15, 16); confirmed on return.

        Raises `UnfitDraft` where this mailbox has not received that delivery.
        """
        return await self.send(await self.report_on(delivery_id, status, description), about=delivery_id)

    async def sent_header(self, submission: SubmissionId) -> DocumentHeader:
        """Return what the document sent as *submission* says of itself; raises `UnfitDraft` for none."""
        body = await self.journal.write(
            lambda connection: outgoing.body_of_submission(connection, submission)
        )
        header = await self._off_the_loop(lambda: self._header_of(body)) if body else None
        if not isinstance(header, DocumentHeader):
            raise UnfitDraft(f"this mailbox has sent no document as {submission}")
        return header

    def _header_of(self, body: bytes) -> Header:
        if not looks_like_claim(body):
            return read_header(parse_hardened(body))
        lies = self._spool.sent(read_claim(body).digest)
        return read_header(read_skeleton(skim(pieces_of(lies))))

    async def outcome(self, submission: SubmissionId) -> Receipt:
        """Wait for the axis's signed acceptance or refusal; some process of this mailbox must be in `run`."""
        while (decision := await self._decision(submission)) is None:
            news = asyncio.get_running_loop().create_future()
            self._outcomes.setdefault(submission, set()).add(news)
            await asyncio.wait([news], timeout=_POLL_SECONDS)
            self._outcomes.get(submission, set()).discard(news)
        return decision

    async def _decision(self, submission: SubmissionId) -> Receipt | None:
        receipts = await self.receipts(submission)
        return next((receipt for receipt in receipts if receipt.event in _DECISIONS), None)

    async def receipts(self, submission: SubmissionId) -> Sequence[Receipt]:
        """Return the receipts about *submission* that were verified and stored, oldest first."""
        stored = await self._stored_receipts(submission)
        return [find_receipt(parse_hardened(body), receipt_id) for receipt_id, body in stored]

    async def receipt_bodies(self, submission: SubmissionId) -> Sequence[bytes]:
        """Return the exact bytes of those receipts, or of the sheets they stand on: the evidence."""
        return list(dict.fromkeys(body for _, body in await self._stored_receipts(submission)))

    async def _stored_receipts(self, submission: SubmissionId) -> Sequence[tuple[ReceiptId, bytes]]:
        return await self.journal.write(lambda connection: incoming.receipts_of(connection, submission))

    async def state(self, submission: SubmissionId) -> OutgoingState | None:
        """Return where *submission* stands; None where this journal does not know it."""
        return await self.journal.write(lambda connection: outgoing.state_of(connection, submission))

    async def run(
        self,
        document: HandleDelivery,
        *,
        status: HandleStatus = _ignore_status,
        receipt: HandleReceipt = _ignore_receipt,
    ) -> None:
        """Consume until cancelled: verify, drop what was handled, hand over, answer, acknowledge."""
        reception = Reception(
            journal=self.journal,
            relay=self._relay,
            inspect=self._inspect,
            compose=self._compose_answer,
            handlers=Handlers(document=document, status=status, receipt=receipt),
            acknowledge_with=self._settings.acknowledge_with,
            max_offers=self._settings.max_offers,
            decided=self._tell,
            explain=self._explain,
            leave=self._leave,
        )
        queue = await MailboxQueue.open(self._settings.broker, prefetch=self._settings.prefetch)
        self.consuming.set()
        try:
            with single_error():
                await reception.run(queue)
        finally:
            self.consuming.clear()
            await queue.close()

    async def _publish(self) -> None:
        channel = await SubmitChannel.open(self._settings.broker)
        self._channel = channel
        try:
            await self._relay.run(channel.submit)
        finally:
            self._channel = None
            await channel.close()

    async def _explain(self, reason: RejectReason) -> None:
        """Tell the axis why a delivery is rejected; a broker that is away or blocked keeps nobody waiting."""
        if self._channel is None:
            return
        try:
            async with asyncio.timeout(_EXPLAIN_SECONDS):
                await self._channel.explain(reason)
        except (TemporaryFailure, TimeoutError) as failure:
            _log.info("reject.unexplained", delivery_id=str(reason.delivery_id), reason=repr(failure))

    async def _prepare(
        self,
        draft: Sendable,
        about: DeliveryId | None,
        submission: SubmissionId | None = None,
        role: MandateRole | None = None,
    ) -> Outgoing:
        claim = RoleClaim(role=role, at=datetime.now(UTC)) if role is not None else None
        large, source = self._large, None
        if large is not None:
            source = await self._off_the_loop(partial(large.source_of, draft))
        if large is not None and source is not None:
            checked = await self._off_the_loop(partial(large.seal, source, claim))
            return Outgoing(
                submission_id=submission or _new_name(),
                kind=checked.kind,
                digest=checked.claim.digest,
                about_delivery=about,
                body=checked.claim.as_body(),
            )
        sealed = await self._off_the_loop(lambda: seal(_compose(draft), self._settings.keys, claim))
        return self._message(sealed.body, sealed.kind, about, submission)

    async def _journal_one(self, message: Outgoing) -> None:
        await self._relay.journal_all([message])
        if message.is_large and self._large is not None:
            self._large.wake()

    def _message(
        self,
        body: bytes,
        kind: MessageKind,
        about: DeliveryId | None,
        submission: SubmissionId | None = None,
    ) -> Outgoing:
        limit = self._settings.max_octets
        if len(body) > limit:
            code, rule = RejectionCode.MESSAGE_TOO_LARGE, "the kit's limit, below the hub's"
            raise MalformedMessage([violation(code, path="/", rule=rule, size=len(body), limit=limit)])
        return Outgoing(
            submission_id=submission or _new_name(),
            kind=kind,
            digest=digest_of(body),
            about_delivery=about,
            body=body,
        )

    async def _inspect(self, arrived: Arrived) -> Delivery | ArrivedStatus | ArrivedSheet:
        if is_claim(arrived.content_type):
            if self._large is None:
                raise DeliveryRejected("a large body, and the settings name no service to fetch it: bodies")
            return await self._large.inspect(arrived)
        return await self._off_the_loop(partial(inspect, arrived, self._settings.trust, datetime.now(UTC)))

    async def _leave(self, arrival: Delivery | ArrivedStatus | ArrivedSheet) -> None:
        if self._large is not None:
            await self._large.leave(arrival)

    async def _compose_answer(
        self, delivery: Delivery, statuses: Sequence[StatusCode], description: str
    ) -> Sequence[Outgoing]:
        document = ReportedDocument.of(delivery)
        now = datetime.now(UTC)
        return [
            await self._prepare(compose_report(document, status, description, now), delivery.delivery_id)
            for status in statuses
        ]

    async def _off_the_loop(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _tell(self, submission: SubmissionId) -> None:
        for future in self._outcomes.pop(submission, ()):
            if not future.done():
                future.set_result(None)


def _new_name() -> SubmissionId:
    return SubmissionId(str(uuid4()))


def _compose(draft: Sendable) -> bytes:
    match draft:
        case DocumentDraft():
            return compose_document(draft)
        case StatusDraft():
            return compose_status(draft)
        case bytes():
            return draft
        case Path():
            return draft.read_bytes()


def _chunks(bodies: Sequence[bytes], size: int) -> Iterator[list[bytes]]:
    rest = iter(bodies)
    while chunk := list(islice(rest, size)):
        yield chunk
