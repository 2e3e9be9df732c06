"""The revocation worker: keeps CRLs and OCSP responses fresh, beside the main line and never on it."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from cryptography import x509

from hub.backends.postgres.revocation import PostgresRevocation
from hub.backends.web import WebClient
from hub.errors import StorageRefused, TemporaryFailure
from hub.message.trust import TrustMaterial, TrustObject, TrustObjectKind
from hub.ports import Clock, Registry
from hub.signature.certificates import TrustAnchors
from hub.signature.inquiry import Inquiry, named_for_deltas, plan
from hub.signature.revocation import in_force_until, made_at
from hub.workers import measures
from hub.workers.waiting import wait

log = structlog.get_logger(__name__)
_PAUSE: Final = timedelta(seconds=2)
"""Between two looks at what is due."""
_PLAN_EVERY: Final = timedelta(minutes=10)
"""Certificates end by themselves; otherwise the plan is made anew when the registry changes."""
_AT_A_TIME: Final = 8
_LEASE: Final = timedelta(minutes=2)
"""Longer than an inquiry may take: a process that dies gives its sources back after so long."""
_SOONEST: Final = timedelta(seconds=30)
_LEAST_PAUSE: Final = timedelta(seconds=1)
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class RevocationWorker:
    """Asks every source again before what it said is over; one process at a time asks the same source."""

    store: PostgresRevocation
    registry: Registry
    anchors: TrustAnchors
    web: WebClient
    clock: Clock
    executor: Executor
    """Where certificates are looked through: it is work of seconds for a large registry."""
    interval: timedelta
    """How often a source is asked that would have nothing new for longer."""
    _plan: Mapping[str, Inquiry] = field(default_factory=dict)
    _planned_at: datetime = _LONG_AGO
    _planned_for: int = -1
    """The version of the registry."""
    _planned_deltas: frozenset[str] = frozenset()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*; an outage of the database or of a source is told, and sat out."""
        while not stop.is_set():
            try:
                await self.refresh()
            except (TemporaryFailure, StorageRefused) as failure:
                log.warning("revocation.paused", reason=str(failure))
            except Exception:
                log.exception("revocation.failed")
            await wait(stop, min(_PAUSE, self.interval))

    async def refresh(self) -> None:
        """Ask whoever is due, once."""
        await self._renew_plan((await self.registry.directory()).material)
        while self._plan and (
            due := await self.store.claim(self._plan.keys(), limit=_AT_A_TIME, lease=_LEASE)
        ):
            material = (await self.registry.directory()).material
            ended = await asyncio.gather(
                *(self._inquire(key, self._plan[key], material) for key in due), return_exceptions=True
            )
            for failure in filter(None, ended):
                raise failure

    async def _renew_plan(self, material: TrustMaterial) -> None:
        version, now, deltas = (
            await self.store.registry_version(),
            self.clock.now(),
            named_for_deltas(material),
        )
        is_the_same = version == self._planned_for and deltas == self._planned_deltas
        if is_the_same and now - self._planned_at < _PLAN_EVERY:
            return
        certificates = await self.store.certificates()
        good, issuers = ([x509.load_der_x509_certificate(der) for der in each] for each in certificates)
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(self.executor, plan, good, issuers, self.anchors, now, material)
        forbidden = sorted({each.url for each in made.values() if not each.is_allowed})
        if forbidden:
            log.warning("revocation.not_allowed", urls=forbidden[:_AT_A_TIME], count=len(forbidden))
        self._plan = {key: each for key, each in made.items() if each.is_allowed}
        await self.store.enter(self._plan.values())
        self._planned_at, self._planned_for, self._planned_deltas = now, version, deltas

    async def _inquire(self, key: str, inquiry: Inquiry, material: TrustMaterial) -> None:
        try:
            data = await self._fetch(inquiry)
            kept = _newest(inquiry, material)
            await self._check(inquiry, data, kept, material)
        except TemporaryFailure as failure:
            count = await self.store.note_failure(key, str(failure), due_in=self._retry_in(inquiry, material))
            measures.REVOCATION_FETCHES.labels(inquiry.kind.value, "failed").inc()
            log.warning("revocation.not_fetched", url=inquiry.url, times=count, reason=str(failure))
            return
        measures.REVOCATION_FETCHES.labels(inquiry.kind.value, "fetched").inc()
        until = in_force_until(data)
        due_in = self._due_in(until)
        if kept == data:
            await self.store.confirm(key, due_in=due_in)
            return
        await self.store.keep(key, data, next_update=until, due_in=due_in)
        log.info("revocation.fetched", url=inquiry.url, octets=len(data.body), until=str(until))

    async def _fetch(self, inquiry: Inquiry) -> TrustObject:
        request = inquiry.request()
        if request is None:
            body = await self.web.get(inquiry.url, hosts=inquiry.hosts)
        else:
            body = await self.web.post(
                inquiry.url, request, content_type="application/ocsp-request", hosts=inquiry.hosts
            )
        return TrustObject.of(inquiry.kind, body)

    async def _check(
        self, inquiry: Inquiry, data: TrustObject, kept: TrustObject | None, material: TrustMaterial
    ) -> None:
        """Raise `TemporaryFailure` where *data* do not answer, or are older than what is *kept*.

        Whoever can answer in the place of the source must not be able to take from the hub what it knows.
        """
        now = self.clock.now()
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(self.executor, inquiry.is_answered_by, data, now, material):
            raise TemporaryFailure("the answer is not signed by who may, or is not in force")
        before, after = made_at(kept) if kept is not None else None, made_at(data)
        if before is not None and (after is None or after < before):
            raise TemporaryFailure(f"the answer is of {after}, older than what was said at {before}")

    def _due_in(self, until: datetime | None) -> timedelta:
        """Return when to ask again: in time to try several times before the answer is over."""
        remaining = (until - self.clock.now()) / 2 if until is not None else self.interval
        return max(min(self.interval, remaining), min(_SOONEST, self.interval), _LEAST_PAUSE)

    def _retry_in(self, inquiry: Inquiry, material: TrustMaterial) -> timedelta:
        """Return when to try again: soon where nothing is known, otherwise without haste."""
        soon = min(_SOONEST, self.interval)
        return soon if _newest(inquiry, material) is None else max(soon, self.interval / 4)


def _newest(inquiry: Inquiry, material: TrustMaterial) -> TrustObject | None:
    if inquiry.kind is TrustObjectKind.CRL or inquiry.fingerprint is None:
        return material.crls.get(inquiry.url)
    return material.responses.get(inquiry.fingerprint)
