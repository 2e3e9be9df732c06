"""The composition root: settings → back ends → lines → workers."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from secrets import SystemRandom
from types import MappingProxyType
from typing import Final, Protocol

import structlog
from cryptography import x509

from hub.backends.alert_channels import Channel, HookChannel, LogChannel, MailChannel
from hub.backends.blobs import BlobStore
from hub.backends.clock import SystemClock, new_id
from hub.backends.postgres.audit_log import read_log_state
from hub.backends.postgres.claimant import Claimant, Presence
from hub.backends.postgres.gauges import read_backlog
from hub.backends.postgres.hub_certificates import PostgresHubCertificates
from hub.backends.postgres.outbox import PostgresOutbox
from hub.backends.postgres.pool import Database
from hub.backends.postgres.primary import Primary
from hub.backends.postgres.quarantine import PostgresQuarantine
from hub.backends.postgres.registry import PostgresRegistry
from hub.backends.postgres.reject_reasons import PostgresRejectReasons
from hub.backends.postgres.returns import PostgresReturns
from hub.backends.postgres.revocation import PostgresRevocation, remember_warnings
from hub.backends.postgres.room import ADVICE as DATABASE_ADVICE
from hub.backends.postgres.sealing import sealing_session
from hub.backends.postgres.seam import PostgresSeam, Terms
from hub.backends.postgres.stamping import stamping_session
from hub.backends.rabbitmq.alarm import ADVICE as BROKER_ADVICE
from hub.backends.rabbitmq.connection import BrokerAddress, BrokerLink
from hub.backends.rabbitmq.consumer import RabbitConsumer
from hub.backends.rabbitmq.publisher import PublishLimits, RabbitPublisher
from hub.backends.web import WebClient, WebLimits
from hub.bootstrap_blobs import blob_store, body_sweeper, claim_examiner
from hub.catalogue import Catalogue
from hub.delivery.line import DeliveryLine
from hub.errors import ConfigurationError
from hub.intake.attachment_rules import AttachmentLimits
from hub.intake.line import IntakeLine
from hub.intake.parse import ParseLimits
from hub.intake.validate import ContentLimits
from hub.logs import configure
from hub.message import properties
from hub.message.breaker import BreakerState
from hub.ports import BatchLimits, Clock, Consumer
from hub.settings import Settings
from hub.signature.certificates import AnchorPolicy, TrustAnchors
from hub.signature.signing import SigningKey
from hub.signature.verdict import Judge
from hub.transport.mail_server import MailServer
from hub.workers import measures
from hub.workers.alerts import AlertWorker
from hub.workers.attestation import Attestation
from hub.workers.certificate_watch import CertificateWatch
from hub.workers.health import HealthServer
from hub.workers.intake import Intake, IntakeWorker
from hub.workers.own_certificate import OwnCertificateWorker
from hub.workers.quarantine import QuarantineWorker
from hub.workers.relay import Relay, RelayLimits
from hub.workers.returns import ReturnsWorker
from hub.workers.revocation import RevocationWorker
from hub.workers.sealer import SealerWorker
from hub.workers.stamping import StampAuthority, StampWorker
from hub.workers.waiting import wait

log = structlog.get_logger(__name__)
_SHUT: Final = MappingProxyType({BreakerState.CLOSED: 0, BreakerState.OPEN: 2})
JUDGE_REST: Final = timedelta(seconds=15)
JUDGE_SPREAD: Final = timedelta(seconds=10)
SHORT_TURN: Final = timedelta(microseconds=500)
ALERT_CONNECTIONS: Final = 3
STAMP_LIMITS: Final = WebLimits(octets=200_000, silence=timedelta(seconds=150), whole=timedelta(seconds=180))
"""A token with its certificates has some kilobytes; authorities were seen to take two minutes for it."""


class Worker(Protocol):
    """What every worker looks like from outside."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*, then settle what is in hand."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backends:
    """Everything outside the process, connected."""

    database: Database
    alerts: Database
    """The same one; a slow mail server, or a sweep, takes no connection from the lines."""
    presence: Presence
    claimant: Claimant
    consuming: BrokerLink
    publishing: BrokerLink
    publisher: RabbitPublisher
    executor: ThreadPoolExecutor
    pen: ThreadPoolExecutor
    """Where receipts are signed; a token is slow, and has a thread of its own."""
    blobs: BlobStore | None
    """Where large bodies lie, where the hub takes any."""
    reader: ThreadPoolExecutor
    """Where they are read."""


async def run_hub(settings: Settings, stop: asyncio.Event) -> None:
    """Run one hub process until *stop*; then settle what is in hand and close every connection.

    Raises `ConfigurationError` or `TemporaryFailure` where it cannot start; once started it survives outages.
    """
    configure(settings.log_format, settings.log_level)
    async with _backends(settings) as backends:
        hub = Hub(settings, backends)
        _calm_the_collector()
        log.info("hub.started", claimant=backends.claimant.number)
        await hub.run(stop)
    log.info("hub.stopped")


async def _load_the_judge(catalogue: Catalogue, claimant: int, stop: asyncio.Event) -> None:
    """Load it before anything needs it, and after what waited for this process is under way.

    It takes a third of a second of the processor, and who needs it sooner loads it sooner. Processes that
    began together do not load it together; and while one does, its event loop does not wait for each turn as
    long as Python lets it by default: a document needs some twenty-five of them.
    """
    await wait(stop, JUDGE_REST + claimant % JUDGE_SPREAD.seconds * timedelta(seconds=1))
    if stop.is_set():
        return
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SHORT_TURN.total_seconds())
    try:
        await asyncio.to_thread(catalogue.warm)
    finally:
        sys.setswitchinterval(usual)


def _calm_the_collector() -> None:
    """Look for cycles seldom, and never in what lives as long as the process: trees of XML make no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)


class Hub:
    """The lines and workers of one process, wired."""

    def __init__(self, settings: Settings, backends: Backends) -> None:
        """Wire; nothing runs yet."""
        self._settings = settings
        self._backends = backends
        self._clock = SystemClock()
        self._attest = Attestation(key=hub_key(settings), executor=backends.pen)
        self._recover = settings.recovery_policy.drawing(SystemRandom().random)
        self._registry = PostgresRegistry(
            backends.database, clock=self._clock, max_age=settings.registry_interval
        )
        self._quarantine = PostgresQuarantine(backends.database)
        self._terms = Terms(
            delivery_lifetime=settings.delivery_lifetime,
            status_patience=settings.status_patience,
            park_time=settings.park_time,
            breaker=settings.breaker_terms,
        )
        self._relay = self._make_relay()

    async def run(self, stop: asyncio.Event) -> None:
        """Run every worker until *stop*: what takes in ends first, then the relay empties its hands."""
        taken_in, relayed = asyncio.Event(), asyncio.Event()
        line = intake_line(self._settings)
        workers: list[Worker] = [
            self._intake_worker(line),
            self._returns_worker(),
            *self._quarantine_workers(),
        ]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_load_the_judge(line.catalogue, self._backends.claimant.number, stop))
            tasks.create_task(self._backends.presence.keep(relayed))
            tasks.create_task(self._health().run(relayed))
            tasks.create_task(self._keep_revocation_fresh(line.anchors, relayed))
            tasks.create_task(self._certificate_watch().run(relayed))
            tasks.create_task(self._own_certificate_worker(line.anchors).run(relayed))
            tasks.create_task(self._seal(relayed))
            tasks.create_task(self._have_receipts_stamped(line.stamp_anchors, relayed))
            tasks.create_task(self._alert(relayed))
            tasks.create_task(self._sweep_bodies(relayed))
            relaying = tasks.create_task(self._relay.run(taken_in))
            taking_in = [tasks.create_task(worker.run(stop)) for worker in workers]
            await asyncio.wait(taking_in)
            taken_in.set()
            self._backends.publisher.wait_for_no_alarm()
            await relaying
            relayed.set()

    async def _keep_revocation_fresh(self, anchors: TrustAnchors, stop: asyncio.Event) -> None:
        async with WebClient.open() as web:
            worker = RevocationWorker(
                store=PostgresRevocation(self._backends.database),
                registry=self._registry,
                anchors=anchors,
                web=web,
                clock=self._clock,
                executor=self._backends.executor,
                interval=self._settings.revocation_interval,
            )
            await worker.run(stop)

    def _certificate_watch(self) -> CertificateWatch:
        return CertificateWatch(
            registry=self._registry,
            remember=partial(remember_warnings, self._backends.database),
            clock=self._clock,
        )

    def _own_certificate_worker(self, anchors: TrustAnchors) -> OwnCertificateWorker:
        return OwnCertificateWorker(
            key=self._attest.key,
            store=PostgresHubCertificates(self._backends.database),
            registry=self._registry,
            judge=Judge(anchors),
            clock=self._clock,
            executor=self._backends.executor,
        )

    async def _seal(self, stop: asyncio.Event) -> None:
        """Seal what is committed, to the end; a hub without the sealer's user leaves it to others."""
        dsn = self._settings.sealer_dsn
        if dsn is None:
            log.warning("audit.not_sealed", reason="sealer_dsn is not set")
            return
        primary = Primary(dsn.get_secret_value())
        await SealerWorker(connect=lambda: sealing_session(primary), clock=self._clock).run(stop)

    async def _have_receipts_stamped(
        self, anchors: tuple[x509.Certificate, ...], stop: asyncio.Event
    ) -> None:
        """Have receipts stamped by the authority that the settings name, if they name one."""
        settings = self._settings
        if settings.time_stamp_authority is None:
            return
        primary = Primary(settings.postgres_dsn.get_secret_value())
        async with WebClient.open(STAMP_LIMITS) as web:
            worker = StampWorker(
                connect=lambda: stamping_session(primary),
                authority=StampAuthority(
                    url=settings.time_stamp_authority, anchors=anchors, web=web, clock=self._clock
                ),
                clock=self._clock,
                interval=settings.time_stamp_interval,
            )
            await worker.run(stop)

    async def _alert(self, stop: asyncio.Event) -> None:
        settings = self._settings
        worker = AlertWorker(
            database=self._backends.alerts,
            registry=self._registry,
            channels=alert_channels(settings, self._clock),
            terms=settings.alert_terms,
            clock=self._clock,
            interval=settings.alert_interval,
        )
        await worker.run(stop)

    async def _sweep_bodies(self, stop: asyncio.Event) -> None:
        if (blobs := self._backends.blobs) is not None:
            database = self._backends.alerts
            await body_sweeper(self._settings, blobs, database=database, clock=self._clock).run(stop)

    def _make_relay(self) -> Relay:
        settings = self._settings
        return Relay(
            line=DeliveryLine(publisher=self._backends.publisher, clock=self._clock),
            outbox=PostgresOutbox(
                self._backends.database,
                claimant=self._backends.claimant,
                clock=self._clock,
                new_id=new_id,
                terms=self._terms,
            ),
            registry=self._registry,
            recover=self._recover,
            attest=self._attest,
            limits=RelayLimits(
                entries=settings.handed_over_limit,
                octets=settings.handed_over_octets,
                in_flight=settings.publish_window * 2,
                poll_interval=settings.poll_interval,
            ),
        )

    def _intake_worker(self, line: IntakeLine) -> IntakeWorker:
        return IntakeWorker(
            Intake(
                consumer=self._consumer(properties.INTAKE_QUEUE),
                line=line,
                seam=PostgresSeam(
                    self._backends.database,
                    claimant=self._backends.claimant,
                    clock=self._clock,
                    new_id=new_id,
                    terms=self._terms,
                ),
                quarantine=self._quarantine,
                reject_reasons=PostgresRejectReasons(self._backends.database),
                registry=self._registry,
                relay=self._relay,
                attest=self._attest,
                clock=self._clock,
                executor=self._backends.executor,
                examine_claim=claim_examiner(
                    self._settings,
                    self._backends.blobs,
                    database=self._backends.database,
                    line=line,
                    registry=self._registry,
                    executor=self._backends.reader,
                ),
                probe=self._is_able,
            )
        )

    def _returns_worker(self) -> ReturnsWorker:
        return ReturnsWorker(
            consumer=self._consumer(properties.RETURNED_QUEUE),
            returns=PostgresReturns(
                self._backends.database,
                claimant=self._backends.claimant,
                clock=self._clock,
                new_id=new_id,
                breaker=self._terms.breaker,
            ),
            quarantine=self._quarantine,
            relay=self._relay,
            recover=self._recover,
            attest=self._attest,
            clock=self._clock,
            probe=self._is_able,
        )

    async def _is_able(self) -> bool:
        """Whether what was put off can be done now: kept, and answered with a signature."""
        return await self._backends.database.is_up() and await self._attest.works()

    def _quarantine_workers(self) -> list[QuarantineWorker]:
        reasons = {
            properties.INVALID_QUEUE: "nobody vouches for it: no route from the exchange it was published to",
            properties.DEAD_LETTER_QUEUE: "the hub failed on it",
        }
        return [
            QuarantineWorker(
                queue=queue,
                reason=reason,
                consumer=self._consumer(queue),
                quarantine=self._quarantine,
                clock=self._clock,
            )
            for queue, reason in reasons.items()
        ]

    def _consumer(self, queue: str) -> Consumer:
        settings = self._settings
        limits = BatchLimits(
            count=settings.batch_count, octets=settings.batch_octets, linger=settings.batch_linger
        )
        return RabbitConsumer(self._backends.consuming, queue, prefetch=settings.prefetch, limits=limits)

    def _health(self) -> HealthServer:
        async def database() -> bool:
            return await self._backends.database.is_up()

        async def broker() -> bool:
            return self._backends.consuming.is_up and self._backends.publisher.is_up

        checks = {"database": database, "broker": broker}
        if self._settings.key_source.is_in_token:
            checks["token"] = self._attest.works
        return HealthServer(
            host=self._settings.http_host,
            port=self._settings.http_port,
            checks=checks,
            advice=self._advice,
            refresh=self._refresh_gauges,
        )

    def _advice(self) -> dict[str, str]:
        """Say what an operator can do about a server without room."""
        alarm, room = self._backends.publishing.alarm, self._backends.database.room
        advice = {}
        if alarm.reason is not None:
            advice["broker"] = f"{BROKER_ADVICE} ({alarm.reason})"
        if room.shortage is not None:
            advice["database"] = f"{DATABASE_ADVICE} ({room.shortage})"
        return advice

    async def _refresh_gauges(self) -> None:
        measures.TASKS.set(len(asyncio.all_tasks()))
        measures.BROKER_BLOCKED.set(self._backends.publishing.alarm.is_raised)
        measures.DATABASE_FULL.set(self._backends.database.room.shortage is not None)
        backlog = await read_backlog(self._backends.database)
        measures.AUDIT_LAG.set((await read_log_state(self._backends.database)).lag_seconds)
        measures.HELD.set(self._relay.held)
        measures.OPEN_CASES.set(backlog.open_cases)
        measures.INVALID.set(backlog.invalid_messages)
        for each in backlog.mailboxes:
            measures.OLDEST_WAITING.labels(each.mailbox).set(each.oldest_seconds)
            measures.WAITING.labels(each.mailbox).set(each.waiting)
            measures.BREAKER.labels(each.mailbox).set(_SHUT.get(each.breaker, 1))


def alert_channels(settings: Settings, clock: Clock) -> tuple[Channel, ...]:
    """Return the ways to tell people that *settings* name; the log is always one."""
    channels: list[Channel] = [LogChannel()]
    server, sender = settings.alert_mail_server, settings.alert_mail_from
    if server is not None and sender is not None:
        channels.append(
            MailChannel(
                server=MailServer.parse(server.get_secret_value()),
                sender=sender,
                recipients=settings.alert_mail_to,
                authorities=str(settings.alert_mail_ca) if settings.alert_mail_ca is not None else None,
                clock=clock,
            )
        )
    if settings.alert_webhook is not None:
        key = settings.alert_webhook_key
        channels.append(
            HookChannel(
                url=settings.alert_webhook.get_secret_value(),
                key=key.get_secret_value().encode() if key is not None else None,
                clock=clock,
            )
        )
    return tuple(channels)


def intake_line(settings: Settings) -> IntakeLine:
    """Return the checks that *settings* describe."""
    catalogue = Catalogue(settings.schemas) if settings.schemas is not None else Catalogue()
    stamps = settings.time_stamp_anchors
    return IntakeLine(
        anchors=trust_anchors(settings),
        stamp_anchors=() if stamps is None else TrustAnchors.from_bytes(stamps.read_bytes()).certificates,
        catalogue=catalogue,
        parse_limits=ParseLimits(octets=settings.max_message_octets),
        content_limits=ContentLimits(
            recipients=settings.max_recipients,
            attachments=AttachmentLimits(octets=settings.max_attachment_octets),
            large_attachments=AttachmentLimits(
                octets=settings.max_large_octets, unpacked_octets=2 * settings.max_large_octets
            ),
        ),
    )


def trust_anchors(settings: Settings) -> TrustAnchors:
    """Return the anchors with what the settings ask below each; raises `ConfigurationError`."""
    return TrustAnchors.from_bytes(
        settings.trust_anchors.read_bytes(),
        policies={
            prefix: AnchorPolicy(revocation=each.revocation, hosts=frozenset(each.hosts))
            for prefix, each in settings.anchor_policies.items()
        },
        otherwise=AnchorPolicy(revocation=settings.revocation, hosts=frozenset(settings.revocation_hosts)),
    )


def hub_key(settings: Settings) -> SigningKey:
    """Return the key that the hub signs its receipts with; raises `ConfigurationError`."""
    return settings.key_source.load()


def broker_address(settings: Settings) -> BrokerAddress:
    """Return where the broker is and how the connection to it is protected."""
    return BrokerAddress(url=settings.amqp_url.get_secret_value(), tls=settings.broker_tls)


@asynccontextmanager
async def _backends(settings: Settings) -> AsyncIterator[Backends]:
    dsn = settings.postgres_dsn.get_secret_value()
    address = broker_address(settings)
    user = address.user
    if not user:
        raise ConfigurationError("amqp_url names no user: the broker must know the hub by name")
    address.warn()
    async with AsyncExitStack() as stack:
        executor = stack.enter_context(ThreadPoolExecutor(max_workers=2, thread_name_prefix="checks"))
        reader = stack.enter_context(
            ThreadPoolExecutor(settings.bodies_side_by_side, thread_name_prefix="large")
        )
        pen = executor
        if settings.key_source.is_in_token:
            pen = stack.enter_context(ThreadPoolExecutor(max_workers=1, thread_name_prefix="token"))
        database = await Database.open(dsn, name="truc hub", plans_once=True)
        stack.push_async_callback(database.close)
        alerts = await Database.open(dsn, name="truc alerts", size=ALERT_CONNECTIONS)
        stack.push_async_callback(alerts.close)
        consuming = await stack.enter_async_context(BrokerLink(address, purpose="hub consuming"))
        publishing = await stack.enter_async_context(BrokerLink(address, purpose="hub publishing"))
        for link in (consuming, publishing):
            await link.wait_ready(timedelta(seconds=30))
        publisher = await stack.enter_async_context(
            RabbitPublisher(
                publishing,
                user=user,
                clock=SystemClock(),
                limits=PublishLimits(window=settings.publish_window),
            )
        )
        claimant = Claimant.draw()
        yield Backends(
            database=database,
            alerts=alerts,
            presence=Presence(dsn, claimant),
            claimant=claimant,
            consuming=consuming,
            publishing=publishing,
            publisher=publisher,
            executor=executor,
            pen=pen,
            blobs=blob_store(settings),
            reader=reader,
        )
