"""Has receipt sheets stamped by a time stamp authority outside (RFC 3161), beside the line and never on it.

An authority answers in seconds or minutes, or not at all. So the sheets of a minute share one stamp, over the
list of their digests, and nobody waits for it: a receipt is good without it, and provable for longer with it.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

import structlog
from cryptography import x509
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential

from hub.backends.postgres.stamping import FIRST, KeptStamp, Sheet, StampingSession
from hub.backends.web import WebClient
from hub.errors import StorageRefused, TemporaryFailure
from hub.message.identifiers import SheetId, first_id_of
from hub.ports import Clock
from hub.signature.source import host_of
from hub.signature.stamp_asking import REQUEST_TYPE, StampInquiry, StampRefused, StampTrouble, Token
from hub.workers import measures
from hub.workers.waiting import wait

log = structlog.get_logger(__name__)
BATCH: Final = 4000
"""Sheets of one stamp: the list of them, a quarter of a megabyte, goes into every file of evidence."""
_APPLY_AGAIN: Final = timedelta(seconds=5)
_BACKLOG_PAUSE: Final = timedelta(seconds=1)
"""Between two stamps while more sheets wait than one list takes."""
_LOOK_BACK: Final = timedelta(hours=1)
"""Sheets become visible in another order than their names are given in, but not by that much."""
_LOOK_AT_ALL: Final = timedelta(days=1)
"""What came later under an old name, by reconciling after a restore, is found so."""
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
Connect: TypeAlias = Callable[[], AbstractAsyncContextManager[StampingSession]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StampAuthority:
    """Whom the hub asks, and by which anchors it believes the answer."""

    url: str
    anchors: tuple[x509.Certificate, ...]
    web: WebClient
    clock: Clock

    async def stamp(self, subject: bytes) -> Token:
        """Return a stamp for *subject*; raises `StampRefused` where none is to be had or believed."""
        inquiry = StampInquiry.about(subject)
        hosts = frozenset({host_of(self.url) or ""})
        try:
            answer = await self.web.post(self.url, inquiry.octets, content_type=REQUEST_TYPE, hosts=hosts)
        except TemporaryFailure as failure:
            raise StampRefused(StampTrouble.NO_ANSWER, str(failure)) from failure
        return inquiry.read(answer, self.anchors, self.clock.now())


@dataclass(slots=True, kw_only=True)
class StampWorker:
    """Stands by until it is the one, then has stamped what has no stamp yet while it is connected."""

    connect: Connect
    authority: StampAuthority
    clock: Clock
    interval: timedelta
    """Between two stamps."""
    first_pause: timedelta = timedelta(seconds=5)
    """After an attempt that failed; each further pause is twice as long."""
    longest_pause: timedelta = timedelta(minutes=10)
    _after: SheetId = FIRST
    _looked_at_all: datetime = _LONG_AGO
    _oldest: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*, which ends even the wait for an answer: the stamp is asked for again."""
        measures.STAMP_LAG.set_function(self.lag)
        working = asyncio.ensure_future(self._work(stop))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            working.cancel()
            stopping.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)

    def lag(self) -> float:
        """Return the age of the oldest sheet that waits for its stamp, in seconds, as of the last look."""
        return (self.clock.now() - self._oldest).total_seconds() if self._oldest is not None else 0.0

    async def _work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                async with self.connect() as session:
                    await self._lead(session, stop)
            except (TemporaryFailure, StorageRefused) as failure:
                log.warning("stamp.paused", reason=str(failure))
            except Exception:
                log.exception("stamp.failed")
            self._oldest = None
            await wait(stop, _APPLY_AGAIN)

    async def _lead(self, session: StampingSession, stop: asyncio.Event) -> None:
        while not await session.lead():
            await wait(stop, _APPLY_AGAIN)
            if stop.is_set():
                return
        self._looked_at_all = _LONG_AGO
        attempts = AsyncRetrying(
            wait=wait_exponential(
                multiplier=self.first_pause.total_seconds(), max=self.longest_pause.total_seconds()
            ),
            retry=retry_if_exception_type(StampRefused),
            before_sleep=_tell,
        )
        while not stop.is_set():
            is_more: bool = await attempts(self.stamp_once, session)
            pause = min(_BACKLOG_PAUSE, self.interval) if is_more else self.interval
            await wait(stop, pause)

    async def stamp_once(self, session: StampingSession) -> bool:
        """Have the oldest sheets stamped that wait; whether there may be more of them at once."""
        now = self.clock.now()
        if now - self._looked_at_all >= _LOOK_AT_ALL:
            self._after, self._looked_at_all = FIRST, now
        sheets = await session.unstamped(self._after, limit=BATCH)
        self._oldest = sheets[0].made_at if sheets else None
        if sheets:
            await self._stamp(session, sheets)
        is_more = len(sheets) == BATCH
        self._after = sheets[-1].sheet_id if is_more else SheetId(first_id_of(now - _LOOK_BACK))
        self._oldest = None if not is_more else sheets[-1].made_at
        return is_more

    async def _stamp(self, session: StampingSession, sheets: Sequence[Sheet]) -> None:
        listed = manifest(sheets)
        token = await self.authority.stamp(listed)
        stamp = KeptStamp(at=token.at, authority=self.authority.url, manifest=listed, token=token.octets)
        await session.keep(stamp, [each.sheet_id for each in sheets])
        measures.STAMPS.labels("kept").inc()
        log.info("stamp.kept", sheets=len(sheets), at=token.at.isoformat())


def manifest(sheets: Sequence[Sheet]) -> bytes:
    """Return the list that is stamped: each sheet's SHA-256 in hexadecimal, a line each, sorted."""
    return b"".join(f"{digest}\n".encode() for digest in sorted(each.digest.hex() for each in sheets))


def _tell(state: RetryCallState) -> None:
    failure = state.outcome.exception() if state.outcome is not None else None
    if isinstance(failure, StampRefused):
        measures.STAMPS.labels(failure.trouble.value).inc()
        pause = state.next_action.sleep if state.next_action is not None else 0.0
        log.warning(
            "stamp.refused",
            code=failure.trouble.value,
            reason=failure.reason,
            attempt=state.attempt_number,
            again_in=pause,
        )
