"""The worker that checks large bodies in with the axis, so that their claim checks may go out."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import uuid4

import structlog

from adapters.kit import outgoing as acts
from adapters.kit.cloakroom import Cloakroom
from adapters.kit.crash import LargeBodyCrashPoint, crash_point
from adapters.kit.journal import Journal
from adapters.kit.outgoing import Outgoing, OutgoingState
from adapters.kit.relay import Backoff, idle
from adapters.kit.spool import Spool
from hub.errors import TemporaryFailure
from hub.message.claim import read_claim

_log = structlog.get_logger("adapters.kit")

_AT_A_TIME: Final = 2
_REMIND_SECONDS: Final = 3_600.0
"""How often the axis is reminded of a body whose claim check waits for the broker: it forgets in a day."""


class CheckIn:
    """Uploads what the journal says is to be uploaded, a few at a time, until the service has all of it."""

    def __init__(
        self, journal: Journal, spool: Spool, cloakroom: Cloakroom, done: Callable[[], None]
    ) -> None:
        """Call *done* whenever another claim check may go out."""
        self._owner = acts.owner_name(uuid4().hex)
        self._journal = journal
        self._spool = spool
        self._cloakroom = cloakroom
        self._done = done
        self._work = asyncio.Event()
        self._backoff = Backoff()
        self._remind_at = 0.0

    def wake(self) -> None:
        """Say that the journal holds something new."""
        self._work.set()

    async def run(self) -> None:
        """Check in until cancelled."""
        try:
            while True:
                await self._backoff.clear()
                await self._remind()
                self._work.clear()
                waiting = await self._claim()
                if not waiting:
                    await idle(self._work)
                async with asyncio.TaskGroup() as tasks:
                    for message in waiting:
                        tasks.create_task(self._check_in(message))
        finally:
            await self._journal.write(lambda connection: acts.release_all(connection, self._owner))

    async def _claim(self) -> Sequence[Outgoing]:
        return await self._journal.write(
            partial(
                acts.claim,
                owner=self._owner,
                limit=_AT_A_TIME,
                at=datetime.now(UTC),
                state=OutgoingState.UPLOADING,
            )
        )

    async def _remind(self) -> None:
        """Check in once more, from time to time, what has been checked in and not been claimed."""
        now = asyncio.get_running_loop().time()
        if now < self._remind_at:
            return
        self._remind_at = now + _REMIND_SECONDS
        for message in await self._journal.write(acts.waiting_large):
            with suppress(TemporaryFailure, OSError):
                await self._cloakroom.check_in(read_claim(message.body), self._spool.sent(message.digest))

    async def _check_in(self, message: Outgoing) -> None:
        submission = message.submission_id
        try:
            await self._cloakroom.check_in(read_claim(message.body), self._spool.sent(message.digest))
        except (TemporaryFailure, OSError) as failure:
            if self._backoff.failed():
                _log.warning("check_in.postponed", submission_id=submission, reason=str(failure))
            await self._journal.write(lambda connection: acts.release(connection, [submission]))
            return
        self._backoff.succeeded()
        crash_point(LargeBodyCrashPoint.AFTER_CHECKED_IN_BEFORE_MARK)
        await self._journal.write(lambda connection: acts.mark_checked_in(connection, submission))
        _log.info("body.checked_in", submission_id=submission, sha256=message.digest.hex())
        self._done()
