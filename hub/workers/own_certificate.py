"""Watches the certificate that the hub signs receipts with: what is known of it is kept for evidence."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from hub.backends.postgres.hub_certificates import PostgresHubCertificates
from hub.backends.postgres.validating import KeptVerdict
from hub.errors import StorageRefused, TemporaryFailure
from hub.message.identifiers import Digest
from hub.message.trust import Indication, Validation
from hub.ports import Clock, Registry
from hub.signature.presented import presented
from hub.signature.signing import SigningKey
from hub.signature.verdict import Judge
from hub.workers.waiting import wait

log = structlog.get_logger(__name__)
_PAUSE: Final = timedelta(seconds=2)
"""Between two looks at what is known; to look costs nothing while nothing is new."""


@dataclass(slots=True, kw_only=True)
class OwnCertificateWorker:
    """Keeps each new verdict on the hub's own certificate, by the data that the revocation worker fetches.

    Beside the line and never on it: receipts are signed whatever the verdict is, and who reads them judges.
    """

    key: SigningKey
    store: PostgresHubCertificates
    registry: Registry
    judge: Judge
    clock: Clock
    executor: Executor
    _is_entered: bool = False
    _last: Digest | None = None
    _is_told: bool = False

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*; an outage of the database is told, and sat out."""
        while not stop.is_set():
            try:
                await self.look()
            except (TemporaryFailure, StorageRefused) as failure:
                log.warning("own_certificate.not_watched", reason=str(failure))
            except Exception:
                log.exception("own_certificate.failed")
            await wait(stop, _PAUSE)

    async def look(self) -> None:
        """Judge the certificate now, and keep the verdict where it is a new one."""
        if not self._is_entered:
            await self.store.enter(self.key.certificate, self.key.chain)
            self._is_entered = True
        material, now = (await self.registry.directory()).material, self.clock.now()
        loop = asyncio.get_running_loop()
        own = presented(self.key.certificate, self.key.chain)
        found = await loop.run_in_executor(self.executor, self.judge.judge, own, now, material)
        if found.validation is None:
            self._tell_of_no_path()
        elif found.validation.validation_id != self._last:
            await self.store.keep(
                self.key.fingerprint, KeptVerdict(received_at=now, validation=found.validation)
            )
            self._last = found.validation.validation_id
            _tell(found.validation)

    def _tell_of_no_path(self) -> None:
        if not self._is_told:
            self._is_told = True
            log.warning(
                "own_certificate.leads_nowhere",
                fingerprint=self.key.fingerprint.hex(),
                advice="put its root into trust_anchors: else evidence has no revocation data about it",
            )


def _tell(validation: Validation) -> None:
    tell = log.error if validation.indication is Indication.FAILED else log.info
    tell(
        "own_certificate.judged",
        indication=validation.indication.value,
        sub_indication=validation.sub_indication,
        note=validation.note,
    )
