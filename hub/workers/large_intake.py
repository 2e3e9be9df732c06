"""What came as a claim check, beside the batches: it takes as long as its body is large, delaying nobody."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Final, TypeAlias

import structlog

from hub.backends.blobs import BlobStore
from hub.backends.postgres import bodies
from hub.backends.postgres.pool import Database
from hub.errors import RejectionCode, TemporaryFailure, Violation
from hub.intake.line import Failed, IntakeLine, Result
from hub.intake.reject import reject
from hub.message.claim import ClaimCheck, read_claim
from hub.message.large_body import BodyKey, CheckedIn
from hub.message.refusal import violation
from hub.message.stages import ReceivedMessage
from hub.operations.large_reading import envelope_of
from hub.ports import Registry
from hub.workers.waiting import until_it_works, wait

log = structlog.get_logger(__name__)
_LOOK_AGAIN: Final = timedelta(milliseconds=500)
_PATH: Final = "/"
_RULE: Final = "1.claim"
_UNREADABLE: Final = violation(
    RejectionCode.WRONG_CLAIM,
    path=_PATH,
    rule=_RULE,
    reason_vi="không đọc được",
    reason_en="it cannot be read",
)
_OTHER_LENGTH: Final = violation(
    RejectionCode.WRONG_CLAIM,
    path=_PATH,
    rule=_RULE,
    reason_vi="sai độ dài",
    reason_en="the body has another length",
)
ExamineClaim: TypeAlias = Callable[[ReceivedMessage, asyncio.Event], Awaitable[Result | None]]
"""Decides about one claim check; None where the process was told to stop before it could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeIntakeTerms:
    """What is taken by claim check."""

    max_octets: int
    patience: timedelta
    """How long a claim waits for its body."""
    side_by_side: int


def takes_no_claims(limit: int) -> ExamineClaim:
    """Return what refuses every claim check, where envelopes above *limit* are not taken at all."""

    async def refuse(received: ReceivedMessage, _stop: asyncio.Event) -> Result:
        try:
            claim = read_claim(received.body)
        except ValueError:
            return reject(received, [_UNREADABLE])
        return reject(replace(received, digest=claim.digest), [_too_large(claim, limit)])

    return refuse


@dataclass(slots=True, kw_only=True)
class LargeIntake:
    """Decides about claim checks, a few at a time, each read from the store in a thread of its own."""

    database: Database
    blobs: BlobStore
    line: IntakeLine
    registry: Registry
    executor: Executor
    terms: LargeIntakeTerms
    _turns: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        """Let as many be read side by side as the terms say."""
        self._turns = asyncio.Semaphore(self.terms.side_by_side)

    async def examine(self, received: ReceivedMessage, stop: asyncio.Event) -> Result | None:
        """Return what the line decides about what *received* claims; None where *stop* came first.

        An outage of the database or of the store is sat out: it settles nothing.
        """
        try:
            claim = read_claim(received.body)
        except ValueError:
            return reject(received, [_UNREADABLE])
        claimed = replace(received, digest=claim.digest)
        if claim.octets > self.terms.max_octets:
            return reject(claimed, [_too_large(claim, self.terms.max_octets)])
        return await until_it_works(partial(self._guarded, claimed, claim, stop), stop, what="blob store")

    async def _guarded(
        self, claimed: ReceivedMessage, claim: ClaimCheck, stop: asyncio.Event
    ) -> Result | None:
        try:
            return await self._decide(claimed, claim, stop)
        except TemporaryFailure:
            raise
        except Exception as error:  # noqa: BLE001 - the net of the line, around one item that is beside it
            told = f"{type(error).__name__}: {error}"
            return Failed(received=claimed, error=told, trace=traceback.format_exc())

    async def _decide(
        self, claimed: ReceivedMessage, claim: ClaimCheck, stop: asyncio.Event
    ) -> Result | None:
        key = BodyKey(mailbox=claimed.mailbox, digest=claim.digest)
        body = await self._body_of(key, stop)
        if stop.is_set() and body is None:
            return None
        if body is None:
            return reject(claimed, [_not_there(key)])
        if body.octets != claim.octets:
            return reject(claimed, [_OTHER_LENGTH])
        received = replace(claimed, large=envelope_of(self.blobs, body))
        async with self._turns:  # not before: whoever claims what never comes would take the others' turns
            directory = await self.registry.directory()
            return await asyncio.get_running_loop().run_in_executor(
                self.executor, self.line.examine, received, directory
            )

    async def _body_of(self, key: BodyKey, stop: asyncio.Event) -> CheckedIn | None:
        """Return the body with *key* once it is complete; None where it is not after our patience."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.terms.patience.total_seconds()
        while (body := await bodies.touch(self.database, key)) is None and loop.time() < until:
            if stop.is_set():
                return None
            await wait(stop, _LOOK_AGAIN)
        return body


def _too_large(claim: ClaimCheck, limit: int) -> Violation:
    code = RejectionCode.MESSAGE_TOO_LARGE
    return violation(code, path=_PATH, rule="1.size", size=claim.octets, limit=limit)


def _not_there(key: BodyKey) -> Violation:
    code = RejectionCode.BODY_NOT_CHECKED_IN
    return violation(code, path=_PATH, rule=_RULE, mailbox=key.mailbox, digest=key.digest.hex())
