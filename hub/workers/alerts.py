"""Looks for what somebody has to hear of, and tells it: once when it begins and once when it is over."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from hub.backends.alert_channels import Channel
from hub.backends.postgres import alerting, queue_watching
from hub.backends.postgres.audit_log import read_log_state
from hub.backends.postgres.gauges import MailboxBacklog, read_backlog
from hub.backends.postgres.pool import Database
from hub.backends.postgres.queue_watching import QueueLoss
from hub.backends.postgres.traffic import FailingMailbox, read_failing_mailboxes
from hub.errors import StorageRefused, TemporaryFailure
from hub.message.alert import AXIS, AlertKind, AlertTerms, Incident
from hub.message.alert_text import letter
from hub.message.lateness import Today
from hub.ports import Clock, Registry
from hub.signature.expiry import days_left, is_in_use
from hub.workers import measures
from hub.workers.waiting import wait

log = structlog.get_logger(__name__)
ALERTING_DAYS: Final = (30, 7)
"""Days before the end of a certificate that somebody is told; 60 days before, the log says so."""
MOST_TOGETHER: Final = 10_000
"""Notices in one letter: what begins together is read together, if every mailbox fails at once."""
_HORIZON: Final = timedelta(days=60)
_AFTER_FAILURE: Final = timedelta(seconds=30)
_PAUSES: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 60))
"""After attempts that failed; the last one for all that follow."""


@dataclass(slots=True, kw_only=True)
class AlertWorker:
    """One process at a time looks; whichever comes first tells."""

    database: Database
    registry: Registry
    channels: Sequence[Channel]
    terms: AlertTerms
    clock: Clock
    interval: timedelta = timedelta(seconds=15)
    _gone_since: dict[tuple[str, str], datetime] = field(default_factory=dict)

    async def run(self, stop: asyncio.Event) -> None:
        """Look and tell until *stop*; an outage of the database is sat out."""
        while not stop.is_set():
            pause = self.interval
            try:
                await self.look()
                await self.tell()
            except (TemporaryFailure, StorageRefused) as failure:
                log.warning("alerts.paused", reason=str(failure))
                pause = _AFTER_FAILURE
            await wait(stop, pause)

    async def look(self) -> None:
        """Begin and end incidents; nothing where another process looks at this moment."""
        present = await self._present()
        names = [each.name for each in self.channels]
        async with alerting.watching(self.database) as transaction:
            if transaction is None:
                return
            await alerting.open_alerts(transaction, present, names)
            known = await alerting.read_open(transaction)
            measures.OPEN_ALERTS.set(len(known))
            over = self._over([each for each in known if each.key not in {one.key for one in present}])
            await alerting.close_alerts(transaction, over, names)

    def _over(self, gone: Sequence[alerting.OpenAlert]) -> list[int]:
        """Return those of *gone* that have been gone for long enough."""
        now = self.clock.now()
        self._gone_since = {each.key: self._gone_since.get(each.key, now) for each in gone}
        return [each.alert_id for each in gone if now - self._gone_since[each.key] >= self._calm(each)]

    def _calm(self, alert: alerting.OpenAlert) -> timedelta:
        """Return how long it has to be gone: a test is over at once."""
        return timedelta() if alert.key[0] == AlertKind.TEST.value else self.terms.calm

    async def _present(self) -> tuple[Incident, ...]:
        now = self.clock.now()
        failing, backlog = await read_failing_mailboxes(self.database), await read_backlog(self.database)
        log_state = await read_log_state(self.database)
        async with self.database.transaction() as transaction:
            trouble = await alerting.count_recent_trouble(transaction, now - timedelta(hours=1))
            at_risk = await alerting.count_deadlines_at_risk(
                transaction, Today.at(now + timedelta(days=1)).date, now - _HORIZON
            )
            losses = await queue_watching.read_losses(transaction, is_open=True)
        return (
            *_failing(failing),
            *(_lost(each) for each in losses),
            *self._growing(backlog.mailboxes, {each.mailbox for each in failing}),
            *await self._ending(now),
            *(_due(each) for each in at_risk),
            *_counted(AlertKind.INVALID_RISING, trouble.invalid_messages, self.terms.invalid_per_hour),
            *_counted(AlertKind.CASES_RISING, trouble.cases, self.terms.cases_per_hour),
            *_unsealed(log_state.lag_seconds, self.terms),
        )

    def _growing(self, mailboxes: Sequence[MailboxBacklog], failing: set[str]) -> tuple[Incident, ...]:
        """Return what waits too long or too much; a mailbox that is parked has its own incident."""
        return tuple(
            Incident(
                kind=AlertKind.QUEUE_GROWING,
                subject=each.mailbox,
                detail={"waiting": each.waiting, "oldest_seconds": int(each.oldest_seconds)},
            )
            for each in mailboxes
            if each.mailbox not in failing
            and (
                each.oldest_seconds >= self.terms.waiting.total_seconds()
                or each.waiting >= self.terms.waiting_count
            )
        )

    async def _ending(self, now: datetime) -> tuple[Incident, ...]:
        directory = await self.registry.directory()
        used = [each for each in directory.certificates() if is_in_use(each, now)]
        return tuple(
            Incident(
                kind=AlertKind.CERTIFICATE_ENDING,
                subject=f"{each.fingerprint.hex()[:16]}… ({each.agency}), {days} ngày / days",
                detail={"agency": each.agency, "not_after": each.not_after.isoformat()},
            )
            for each in used
            for days in ALERTING_DAYS
            if days_left(each, now) < days
        )

    async def tell(self) -> None:
        """Send what is due; channels do not wait for one another, and one that fails is tried again later.

        Where the database fails one of them, the others end what they have begun before that is raised.
        """
        ended = await asyncio.gather(*(self._tell_on(each) for each in self.channels), return_exceptions=True)
        for failure in filter(None, ended):
            raise failure

    async def _tell_on(self, channel: Channel) -> None:
        async with self.database.transaction() as transaction:
            due = await alerting.claim_notices(transaction, channel.name, limit=MOST_TOGETHER)
            if not due:
                return
            trouble: str | None = None
            try:
                await channel.send(letter(due), due)
            except TemporaryFailure as failure:
                trouble = str(failure)
                log.warning("alert.unsent", channel=channel.name, notices=len(due), reason=trouble)
            measures.ALERT_NOTICES.labels(channel.name, "failed" if trouble else "sent").inc(len(due))
            pause = _PAUSES[min(due[0].attempts, len(_PAUSES) - 1)]
            await alerting.settle_notices(
                transaction, due, trouble=trouble, again_at=self.clock.now() + pause
            )


def _failing(mailboxes: Sequence[FailingMailbox]) -> tuple[Incident, ...]:
    return tuple(
        Incident(
            kind=AlertKind.RECIPIENT_FAILING,
            subject=each.mailbox,
            detail={
                "because": each.parked_because or each.breaker,
                "failures": each.failures,
                "waiting": each.waiting,
            },
        )
        for each in mailboxes
    )


def _lost(loss: QueueLoss) -> Incident:
    detail: dict[str, str | int] = {
        "how": loss.kind.value,
        "deliveries": loss.deliveries,
        "noticed_at": loss.noticed_at.isoformat(),
    }
    return Incident(kind=AlertKind.QUEUE_LOST, subject=loss.mailbox, detail=detail)


def _due(risk: alerting.AtRisk) -> Incident:
    detail: dict[str, str | int] = {"documents": risk.documents, "earliest": risk.earliest.isoformat()}
    return Incident(kind=AlertKind.DEADLINE_AT_RISK, subject=risk.recipient, detail=detail)


def _counted(kind: AlertKind, count: int, limit: int) -> tuple[Incident, ...]:
    return (Incident(kind=kind, subject=AXIS, detail={"within_an_hour": count}),) if count >= limit else ()


def _unsealed(seconds: float, terms: AlertTerms) -> tuple[Incident, ...]:
    if seconds < terms.unsealed.total_seconds():
        return ()
    return (Incident(kind=AlertKind.AUDIT_UNSEALED, subject=AXIS, detail={"for_seconds": int(seconds)}),)
