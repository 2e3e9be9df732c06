"""What a mailbox does with envelopes too large for the broker: it is told apart here, and nowhere else."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, Self, TypeAlias

import structlog

from adapters.kit.broker import Arrived
from adapters.kit.checking_in import CheckIn
from adapters.kit.cloakroom import Cloakroom
from adapters.kit.crash import LargeBodyCrashPoint, crash_point
from adapters.kit.delivery import ArrivedSheet, ArrivedStatus, Delivery
from adapters.kit.draft import DocumentDraft, StatusDraft
from adapters.kit.envelope import compose_pieces
from adapters.kit.error import DeliveryRejected, JournalFull
from adapters.kit.journal import Journal
from adapters.kit.large_inspection import FetchedEnvelope, inspect_large
from adapters.kit.octets import InFile
from adapters.kit.sealing import SealedFile, Source, seal_large
from adapters.kit.settings import KitSettings
from adapters.kit.spool import Spool, pieces_of, room
from hub.errors import MalformedMessage, RejectionCode, TemporaryFailure
from hub.message.claim import ClaimCheck, read_claim
from hub.message.refusal import violation
from hub.signature.role_claim import RoleClaim

_log = structlog.get_logger("adapters.kit")

Sendable: TypeAlias = DocumentDraft | StatusDraft | bytes | Path
"""What can be sent: a draft, an envelope, or the file in which an envelope lies."""
_AT_A_TIME: Final = 2
"""Large envelopes that are fetched and read at a time."""
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 60.0
_ENVELOPE: Final = "envelope.edxml"


class LargeBodies:
    """Seals, checks in, redeems and believes large envelopes, through the service that the settings name."""

    def __init__(self, settings: KitSettings, spool: Spool, check_in: CheckIn, cloakroom: Cloakroom) -> None:
        """Put the parts together; `open` makes them."""
        self._settings = settings
        self._spool = spool
        self._check_in = check_in
        self._cloakroom = cloakroom
        self._hands = asyncio.Semaphore(_AT_A_TIME)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: KitSettings, journal: Journal, spool: Spool, done: Callable[[], None]
    ) -> AsyncIterator[Self | None]:
        """Check in what the journal holds, and call *done* whenever a claim check may go out.

        None where the settings name no service.
        """
        if settings.bodies is None:
            yield None
            return
        with room():
            await asyncio.to_thread(spool.make)
        await journal.write(spool.clear)
        async with Cloakroom.open(settings.bodies, settings.mailbox, settings.keys.own) as cloakroom:
            check_in = CheckIn(journal, spool, cloakroom, done)
            yield cls(settings, spool, check_in, cloakroom)

    async def run(self) -> None:
        """Check in what is to be sent, until cancelled."""
        await self._check_in.run()

    def wake(self) -> None:
        """Say that there is something more to check in."""
        self._check_in.wake()

    def source_of(self, draft: Sendable) -> Source | None:
        """Return how to read *draft* piece by piece where it is large; None where it is not.

        Raises `MalformedMessage` where it is too large for the axis.
        """
        octets, source = _measured(draft)
        if octets <= self._settings.large_above or source is None:
            return None
        limit = self._settings.max_large_octets
        if octets > limit:
            code, rule = RejectionCode.MESSAGE_TOO_LARGE, "the kit's limit, below the hub's"
            raise MalformedMessage([violation(code, path="/", rule=rule, size=octets, limit=limit)])
        return source

    def seal(self, source: Source, claim: RoleClaim | None) -> SealedFile:
        """Sign what *source* gives, in this thread; it is in the spool for good then."""
        sealed = seal_large(source, self._settings.keys, claim, self._spool)
        crash_point(LargeBodyCrashPoint.AFTER_SPOOLED_BEFORE_JOURNAL)
        return sealed

    async def inspect(self, arrived: Arrived) -> Delivery | ArrivedStatus:
        """Fetch what *arrived* claims and return it where it can be believed; an outage is waited for.

        Raises `MessageRejected` or `DeliveryRejected` where it cannot. What comes back is to be `leave`d.
        """
        try:
            claim = read_claim(arrived.body)
        except ValueError as error:
            raise DeliveryRejected(str(error)) from error
        async with self._hands:
            pause = _FIRST_PAUSE
            while True:
                try:
                    return await self._inspect_once(arrived, claim)
                except TemporaryFailure as failure:
                    event = "journal.full" if isinstance(failure, JournalFull) else "body.postponed"
                    _log.warning(event, sha256=claim.digest.hex(), reason=str(failure))
                    await asyncio.sleep(pause)
                    pause = min(_LONGEST_PAUSE, 2 * pause)

    async def leave(self, arrival: Delivery | ArrivedStatus | ArrivedSheet) -> None:
        """Let go of the files of what has been handled, or will come again."""
        if isinstance(arrival, Delivery) and isinstance(arrival.envelope, InFile):
            await asyncio.to_thread(self._spool.leave, arrival.envelope.path.parent)
            await asyncio.to_thread(self._spool.forget, arrival.digest)

    async def _inspect_once(self, arrived: Arrived, claim: ClaimCheck) -> Delivery | ArrivedStatus:
        fetched = await self._fetch(claim)
        crash_point(LargeBodyCrashPoint.AFTER_REDEEMED_BEFORE_RECEIVED)
        arrival: Delivery | ArrivedStatus | None = None
        try:
            with room():
                arrival = await asyncio.to_thread(
                    partial(inspect_large, arrived, fetched, self._settings.trust, datetime.now(UTC))
                )
        finally:
            if not isinstance(arrival, Delivery):
                await asyncio.to_thread(self._spool.leave, fetched.path.parent)
                await asyncio.to_thread(self._spool.forget, claim.digest)
        return arrival

    async def _fetch(self, claim: ClaimCheck) -> FetchedEnvelope:
        """Have the envelope of *claim* in a folder of this delivery's own, however often it is claimed."""
        async with self._spool.held(claim.digest):
            whole = self._spool.fetched(claim.digest)
            await self._cloakroom.redeem(claim, whole)
            with room():
                place = await asyncio.to_thread(self._spool.workplace)
                await asyncio.to_thread(os.link, whole, place / _ENVELOPE)
        return FetchedEnvelope(claim=claim, path=place / _ENVELOPE)


def _measured(draft: Sendable) -> tuple[int, Source | None]:
    """Return how long the envelope of *draft* will be, about, and how to read it piece by piece."""
    match draft:
        case bytes():
            return len(draft), partial(_once, draft)
        case Path():
            return draft.stat().st_size, partial(pieces_of, draft)
        case DocumentDraft():
            files = sum(each.octets for each in draft.attachments)
            return files * 4 // 3, partial(compose_pieces, draft)
        case StatusDraft():
            return 0, None


def _once(body: bytes) -> Iterator[bytes]:
    yield body
