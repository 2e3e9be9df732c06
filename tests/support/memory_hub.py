"""A whole hub process over the twins: the workers as they are, everything outside in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from uuid import uuid4

from hub.backends.clock import SystemClock, new_id
from hub.backends.memory_broker import MemoryBroker, StoredMessage
from hub.backends.memory_outbox import MemoryOutbox
from hub.backends.memory_quarantine import MemoryQuarantine
from hub.backends.memory_registry import MemoryRegistry
from hub.backends.memory_reject_reasons import MemoryRejectReasons
from hub.backends.memory_returns import MemoryReturns
from hub.backends.memory_seam import MemorySeam
from hub.backends.memory_store import MemoryStore
from hub.catalogue import Catalogue
from hub.delivery.line import DeliveryLine
from hub.delivery.recover import RecoveryPolicy, RetryRule
from hub.intake.line import IntakeLine
from hub.intake.parse import ParseLimits
from hub.intake.validate import ContentLimits
from hub.message.directory import Agency, Mandate, RegisteredCertificate
from hub.message.edxml import MessageKind
from hub.message.identifiers import AgencyCode, AgencyKey, MailboxName
from hub.message.properties import INTAKE_QUEUE, RETURNED_QUEUE, queue_of
from hub.ports import Attest, BatchLimits, Outbox, Publisher, Recover, Returns, Seam
from hub.signature.signing import sign_envelope
from hub.workers.intake import Intake, IntakeWorker
from hub.workers.large_intake import takes_no_claims
from hub.workers.relay import Relay, RelayLimits
from hub.workers.returns import ReturnsWorker
from tests.support.authority import LIFETIME, SINCE, agency_signing_key, session_anchors
from tests.support.decisions import plain_pen
from tests.support.envelopes import DocumentBuilder, StatusBuilder, a_document

AGENCIES = ("G22", "H41", "H14")
LARGEST = 12_000_000
LIMITS = BatchLimits(linger=timedelta(milliseconds=1))
QUICK = RelayLimits(linger=timedelta(milliseconds=1), poll_interval=timedelta(milliseconds=20))
LEASE = timedelta(seconds=60)


@cache
def a_catalogue() -> Catalogue:
    return Catalogue()


def a_line() -> IntakeLine:
    return IntakeLine(
        anchors=session_anchors(),
        catalogue=a_catalogue(),
        parse_limits=ParseLimits(),
        content_limits=ContentLimits(),
    )


def a_register() -> tuple[list[Agency], list[Mandate], list[RegisteredCertificate]]:
    """Name three connected agencies, each with the certificate of its session key."""
    keys = [AgencyKey(code) for code in AGENCIES]
    return (
        [Agency(key=key, code=AgencyCode(key), name=f"Cơ quan {key}", parent=None) for key in keys],
        [Mandate(mailbox=MailboxName(key), root=key, valid_from=SINCE) for key in keys],
        [
            RegisteredCertificate(
                fingerprint=agency_signing_key(key).fingerprint,
                agency=key,
                subject=f"CN={key}",
                not_before=SINCE,
                not_after=SINCE + LIFETIME,
            )
            for key in keys
        ],
    )


def a_registry() -> MemoryRegistry:
    """Enter the agencies of `a_register`."""
    registry = MemoryRegistry()
    registry.register(*a_register())
    return registry


def signed(envelope: DocumentBuilder | StatusBuilder, *, by: str = "G22") -> bytes:
    return sign_envelope(envelope.unsigned(), agency_signing_key(by))


def a_signed_document(*, about: str = "Thử", to: Sequence[str] = ("H41",), priority: int = 0) -> bytes:
    document = a_document().identified_by(f"G22,{uuid4().hex}").about(about)
    return signed(document.to(*to).with_priority(priority))


@dataclass(slots=True, kw_only=True)
class MemoryHub:
    """One hub process; `running` runs it."""

    store: MemoryStore = field(default_factory=lambda: MemoryStore(clock=SystemClock(), new_id=new_id))
    broker: MemoryBroker = field(
        default_factory=lambda: MemoryBroker(map(MailboxName, AGENCIES), clock=SystemClock())
    )
    registry: MemoryRegistry = field(default_factory=a_registry)
    limits: RelayLimits = QUICK
    delays: tuple[timedelta, ...] = (timedelta(), timedelta())
    attest: Attest = plain_pen
    publisher: Publisher | None = None
    seam: Seam | None = None
    outbox: Outbox | None = None
    returns: Returns | None = None
    line: IntakeLine = field(default_factory=a_line)
    status_patience: timedelta = timedelta(seconds=10)
    relay: Relay = field(init=False)
    claimant: int = field(init=False)

    def __post_init__(self) -> None:
        self.claimant = self.store.join()
        self.relay = Relay(
            line=DeliveryLine(publisher=self.publisher or self.broker.publisher(), clock=SystemClock()),
            outbox=self.outbox or self.memory_outbox(),
            registry=self.registry,
            recover=self.recover,
            attest=self.attest,
            limits=self.limits,
        )

    @property
    def recover(self) -> Recover:
        return RecoveryPolicy(otherwise=RetryRule(delays=self.delays)).drawing(lambda: 0.0)

    def memory_seam(self) -> MemorySeam:
        return MemorySeam(
            self.store,
            claimant=self.claimant,
            lease=LEASE,
            delivery_lifetime=timedelta(days=15),
            status_patience=self.status_patience,
        )

    def memory_outbox(self) -> MemoryOutbox:
        return MemoryOutbox(
            self.store, claimant=self.claimant, lease=LEASE, park_time=timedelta(milliseconds=50)
        )

    def memory_returns(self) -> MemoryReturns:
        return MemoryReturns(self.store, claimant=self.claimant, lease=LEASE)

    def intake_worker(self, executor: ThreadPoolExecutor) -> IntakeWorker:
        return IntakeWorker(
            Intake(
                consumer=self.broker.consumer(INTAKE_QUEUE, prefetch=100, limits=LIMITS),
                line=self.line,
                seam=self.seam or self.memory_seam(),
                quarantine=MemoryQuarantine(self.store),
                reject_reasons=MemoryRejectReasons(self.store),
                registry=self.registry,
                relay=self.relay,
                attest=self.attest,
                clock=SystemClock(),
                executor=executor,
                examine_claim=takes_no_claims(LARGEST),
                probe=self.store.probe,
            )
        )

    def returns_worker(self) -> ReturnsWorker:
        return ReturnsWorker(
            consumer=self.broker.consumer(RETURNED_QUEUE, prefetch=100, limits=LIMITS),
            returns=self.returns or self.memory_returns(),
            quarantine=MemoryQuarantine(self.store),
            relay=self.relay,
            recover=self.recover,
            attest=self.attest,
            clock=SystemClock(),
            probe=self.store.probe,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run every worker; at the end they stop in the order of the composition root."""
        stop, taken_in = asyncio.Event(), asyncio.Event()
        with ThreadPoolExecutor(max_workers=1) as executor:
            async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
                workers = (self.intake_worker(executor), self.returns_worker())
                relaying = tasks.create_task(self.relay.run(taken_in))
                taking_in = [tasks.create_task(worker.run(stop)) for worker in workers]
                try:
                    yield
                finally:
                    stop.set()
                    await asyncio.wait(taking_in)
                    taken_in.set()
                    await asyncio.wait([relaying])

    def submit(self, body: bytes, *, by: str = "G22", **properties: object) -> None:
        message = StoredMessage(
            body=body, user_id=by, routing_key=by, message_id=uuid4().hex, correlation_id=uuid4().hex
        )
        self.broker.put(INTAKE_QUEUE, replace(message, **properties))

    def delivered(self, mailbox: str, kind: MessageKind | None = None) -> list[StoredMessage]:
        """Look at what waits in a mailbox's queue."""
        ready = self.broker.queues[queue_of(MailboxName(mailbox))].ready
        return [message for message in ready if kind is None or message.kind == kind.value]

    def reject(self, mailbox: str) -> None:
        """Let *mailbox* reject the first message of its queue."""
        queue = self.broker.queues[queue_of(MailboxName(mailbox))]
        self.broker.dead_letter(queue, queue.ready.popleft(), "rejected")
