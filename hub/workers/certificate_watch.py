"""The watch over certificates that end soon: whoever keeps the axis hears of it in time, and once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias

import structlog

from hub.errors import StorageRefused, TemporaryFailure
from hub.message.directory import Directory, RegisteredCertificate
from hub.message.identifiers import Fingerprint
from hub.ports import Clock, Registry
from hub.signature.expiry import THRESHOLDS, Warned, days_left, due_warnings, is_in_use
from hub.workers import measures
from hub.workers.waiting import wait

log = structlog.get_logger(__name__)
_EVERY: Final = timedelta(minutes=10)
_AFTER_FAILURE: Final = timedelta(seconds=10)
Remember: TypeAlias = Callable[[Sequence[Warned]], Awaitable[Sequence[Warned]]]
"""Notes warnings and returns those that nobody had noted before: only these are given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateWatch:
    """Warns 60, 30 and 7 days before a registered certificate ends: once each, by one process."""

    registry: Registry
    remember: Remember
    clock: Clock

    async def run(self, stop: asyncio.Event) -> None:
        """Look every few minutes until *stop*; an outage of the database is sat out."""
        while not stop.is_set():
            try:
                await self.look()
            except (TemporaryFailure, StorageRefused) as failure:
                log.warning("certificates.not_watched", reason=str(failure))
                await wait(stop, _AFTER_FAILURE)
            else:
                await wait(stop, _EVERY)

    async def look(self) -> None:
        """Warn of what ends soon and was not warned of, and count for the metric."""
        directory, now = await self.registry.directory(), self.clock.now()
        used = [each for each in directory.certificates() if is_in_use(each, now)]
        for days in THRESHOLDS:
            ending = [each for each in used if days_left(each, now) < days]
            measures.CERTIFICATES_EXPIRING.labels(str(days)).set(len(ending))
        due = due_warnings(used, now)
        for warned in await self.remember(due) if due else ():
            _warn(_found(directory, warned.fingerprint), warned)


def _found(directory: Directory, fingerprint: Fingerprint) -> RegisteredCertificate | None:
    return directory.certificate(fingerprint)


def _warn(certificate: RegisteredCertificate | None, warned: Warned) -> None:
    if certificate is None:
        return
    log.warning(
        "certificate.expiring",
        agency=certificate.agency,
        subject=certificate.subject,
        fingerprint=warned.fingerprint.hex(),
        within_days=warned.days,
        not_after=certificate.not_after.isoformat(),
    )
