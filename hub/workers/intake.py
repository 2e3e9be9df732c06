"""The intake worker: one batch is examined while the one before it is committed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias, assert_never
from uuid import UUID

import structlog

from hub.crash import crash_point
from hub.errors import RejectionCode, TemporaryFailure
from hub.intake.line import Failed, IntakeLine, Result, Uncommitted, commit
from hub.message import properties
from hub.message.decision import (
    Accepted,
    Admit,
    Committed,
    Decision,
    Outcome,
    Postponed,
    Rejected,
    Repeated,
)
from hub.message.directory import Directory
from hub.message.edxml import MessageKind, StatusHeader
from hub.message.identifiers import DeliveryId, MailboxName, SubmissionId, digest_of
from hub.message.refusal import SENTENCES
from hub.message.reject_reason import REJECT_REASON, RejectReason
from hub.message.stages import ReceivedMessage
from hub.ports import (
    Attest,
    Clock,
    Consumer,
    Inbound,
    InvalidMessage,
    Quarantine,
    Registry,
    RejectReasons,
    Seam,
)
from hub.workers import measures
from hub.workers.checks import Checks
from hub.workers.large_intake import ExamineClaim
from hub.workers.relay import Relay
from hub.workers.waiting import until_it_works

log = structlog.get_logger(__name__)
_POSTPONED_FOR: Final = timedelta(milliseconds=300)
Pair: TypeAlias = tuple[Inbound, Decision]
Batch: TypeAlias = list[tuple[Inbound, Result]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What the intake worker works with."""

    consumer: Consumer
    line: IntakeLine
    seam: Seam
    quarantine: Quarantine
    reject_reasons: RejectReasons
    registry: Registry
    relay: Relay
    attest: Attest
    clock: Clock
    executor: Executor
    examine_claim: ExamineClaim
    """What decides about large envelopes, which come as claim checks."""
    probe: Callable[[], Awaitable[bool]]
    """Whether the database answers."""


class IntakeWorker:
    """Takes batches from `hub.intake`; answers nothing and settles nothing before the commit."""

    def __init__(self, intake: Intake) -> None:
        """Wire the worker; nothing runs yet."""
        self._with = intake
        self._checks = Checks(line=intake.line, executor=intake.executor)
        self._examined: asyncio.Queue[Batch | None] = asyncio.Queue(maxsize=1)
        self._postponed: list[Pair] = []
        self._may_consume = asyncio.Event()
        self._may_consume.set()
        self._stop = asyncio.Event()
        self._claims: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*, then settle what is in hand."""
        self._stop = stop
        async with asyncio.TaskGroup() as tasks:
            examining = tasks.create_task(self._examine_forever(stop, tasks))
            tasks.create_task(self._commit_forever())
            await stop.wait()
            await self._with.consumer.pause()
            self._may_consume.set()
            await examining
            await asyncio.gather(*self._claims)
            await self._examined.put(None)

    async def _examine_forever(self, stop: asyncio.Event, tasks: asyncio.TaskGroup) -> None:
        while not stop.is_set():
            await self._may_consume.wait()
            async for batch in self._with.consumer.batches():
                try:
                    examined = await self._examine(batch, await self._with.registry.directory(), tasks)
                except TemporaryFailure as failure:
                    log.warning("intake.paused", reason=str(failure))
                    await self._sit_out(batch)
                else:
                    await self._examined.put(examined)

    async def _examine(
        self, batch: Sequence[Inbound], directory: Directory, tasks: asyncio.TaskGroup
    ) -> list[tuple[Inbound, Result]]:
        vouched = [inbound for inbound in batch if _is_vouched_for(inbound, directory)]
        strangers = [inbound for inbound in batch if not _is_vouched_for(inbound, directory)]
        if strangers:
            await self._quarantine(strangers, SENTENCES[RejectionCode.NOT_VOUCHED_FOR].en)
        if any(inbound.kind == REJECT_REASON for inbound in vouched):
            vouched = await self._keep_reasons(vouched)
        claims = [inbound for inbound in vouched if properties.looks_like_claim(inbound.body)]
        if claims:
            vouched = [inbound for inbound in vouched if not properties.looks_like_claim(inbound.body)]
        now = self._with.clock.now()
        received = [received_message(inbound, now) for inbound in vouched]
        results = await self._checks.examine(received, directory)
        for inbound in claims:
            claim = tasks.create_task(self._examine_claim(inbound, received_message(inbound, now)))
            self._claims.add(claim)
            claim.add_done_callback(self._claims.discard)
        return list(zip(vouched, results, strict=True))

    async def _examine_claim(self, inbound: Inbound, received: ReceivedMessage) -> None:
        """Have one decided beside the batches; it is committed among them when it is its turn."""
        result = await self._with.examine_claim(received, self._stop)
        if result is None:
            await self._with.consumer.give_back([inbound])
        else:
            await self._examined.put([(inbound, result)])

    async def _keep_reasons(self, batch: Sequence[Inbound]) -> list[Inbound]:
        """Keep what recipients say about their rejects; return everything else."""
        said = [inbound for inbound in batch if inbound.kind == REJECT_REASON]
        read = [(inbound, RejectReason.read(inbound.body)) for inbound in said]
        told = [(MailboxName(each.user_id or ""), reason) for each, reason in read if reason is not None]
        await self._with.reject_reasons.keep(told)
        await self._with.consumer.settle([inbound for inbound, reason in read if reason is not None])
        for mailbox, reason in told:
            log.info("reject.explained", delivery_id=str(reason.delivery_id), mailbox=mailbox)
        if strange := [inbound for inbound, reason in read if reason is None]:
            await self._quarantine(strange, "not a reject reason, although it is called one")
        return [inbound for inbound in batch if inbound.kind != REJECT_REASON]

    async def _quarantine(self, strangers: Sequence[Inbound], reason: str) -> None:
        now = self._with.clock.now()
        messages = [
            InvalidMessage(
                queue=properties.INVALID_QUEUE, body=each.body, claimed_by=each.user_id, reason=reason, at=now
            )
            for each in strangers
        ]
        await self._with.quarantine.keep(messages)
        await self._with.consumer.settle(strangers)
        measures.QUARANTINED.inc(len(strangers))
        log.warning("message.quarantined", count=len(strangers), reason=reason)

    async def _commit_forever(self) -> None:
        while (batch := await self._next_batch()) is not None:
            await self._handle(
                [(inbound, each) for inbound, each in batch if not isinstance(each, Failed)],
                [(inbound, each) for inbound, each in batch if isinstance(each, Failed)],
            )
        await self._with.consumer.give_back([inbound for inbound, _ in self._postponed])

    async def _next_batch(self) -> Batch | None:
        """Return what was examined, an empty batch when postponed statuses are due again, None at the end."""
        if not self._postponed:
            return await self._examined.get()
        try:
            async with asyncio.timeout(_POSTPONED_FOR.total_seconds()):
                return await self._examined.get()
        except TimeoutError:
            return []

    async def _handle(self, decided: Sequence[Pair], failed: Sequence[tuple[Inbound, Failed]]) -> None:
        pairs = [*self._postponed, *decided]
        self._postponed = []
        try:
            await self._commit(pairs)
        except TemporaryFailure as failure:
            log.warning("intake.paused", reason=str(failure))
            self._postponed = []  # what was concluded one by one before the outage is given back, too
            await self._sit_out([inbound for inbound, _ in (*pairs, *failed)])
            return
        for inbound, each in failed:
            await self._fail(inbound, each)

    async def _commit(self, pairs: Sequence[Pair]) -> None:
        if not pairs:
            return
        await self._with.relay.room(self._stop)
        crash_point("intake.before_commit")
        async with self._with.relay.claiming():
            with measures.COMMIT_SECONDS.time():
                result = await commit([each for _, each in pairs], self._with.seam, self._with.attest)
            if isinstance(result, Committed):
                self._with.relay.offer(result.handed_over)
        match result:
            case Committed():
                measures.BATCH_MESSAGES.observe(len(pairs))
                await self._conclude(pairs, result)
            case Uncommitted(error=error) if len(pairs) > 1:
                log.error("intake.batch_failed", count=len(pairs), error=error)
                for pair in pairs:
                    await self._commit([pair])
            case Uncommitted():
                await self._fail(pairs[0][0], result)
            case _:
                assert_never(result)

    async def _fail(self, inbound: Inbound, why: Failed | Uncommitted) -> None:
        """Leave to the operators what the hub itself failed on."""
        await self._with.consumer.reject([inbound])
        measures.FAILED.inc()
        log.error("message.failed", submission_id=inbound.correlation_id, error=why.error, trace=why.trace)

    async def _conclude(self, pairs: Sequence[Pair], committed: Committed) -> None:
        if committed.left_as_rows:
            self._with.relay.expect_rows()
        crash_point("intake.after_commit_before_ack")
        settled = []
        for (inbound, decision), outcome in zip(pairs, committed.outcomes, strict=True):
            if isinstance(outcome, Postponed):
                self._postponed.append((inbound, decision))
            else:
                settled.append(inbound)
                _tell(inbound, decision, outcome)
        await self._with.consumer.settle(settled)

    async def _sit_out(self, held: Sequence[Inbound]) -> None:
        """Stop consuming, give back everything in hand once, and go on when the database answers again."""
        self._may_consume.clear()
        await self._with.consumer.pause()
        await self._with.consumer.give_back(held)
        while not self._examined.empty():
            batch = self._examined.get_nowait()
            if batch is None:
                self._examined.put_nowait(None)
                return
            await self._with.consumer.give_back([inbound for inbound, _ in batch])
        await until_it_works(self._probe, self._stop, what="database")
        if not self._stop.is_set():
            await self._with.consumer.resume()
        if self._stop.is_set():  # it came while we resumed
            await self._with.consumer.pause()
        self._may_consume.set()

    async def _probe(self) -> None:
        if not await self._with.probe():
            raise TemporaryFailure("the database is away or has no room, or the hub's key is away")


def received_message(inbound: Inbound, now: datetime) -> ReceivedMessage:
    """Return *inbound* as the first stage of intake; its digest is its id where the sender chose none."""
    digest = digest_of(inbound.body)
    return ReceivedMessage(
        body=inbound.body,
        digest=digest,
        mailbox=MailboxName(inbound.user_id or ""),
        submission_id=SubmissionId(_storable(inbound.correlation_id or digest.hex())),
        transport_id=_storable(inbound.message_id or ""),
        reported_delivery=_reported_delivery(inbound),
        received_at=now,
    )


def _storable(name: str) -> str:
    """Return *name* as the database can hold it: SUBSTITUTE, as short on the wire, stands for each NUL."""
    return name.replace("\x00", "\x1a")


def _reported_delivery(inbound: Inbound) -> DeliveryId | None:
    claimed = inbound.headers.get(properties.DELIVERY_ID)
    try:
        return DeliveryId(UUID(claimed)) if isinstance(claimed, str) else None
    except ValueError:
        return None


def _is_vouched_for(inbound: Inbound, directory: Directory) -> bool:
    """Whether the broker vouches for a connected mailbox that used its own routing key."""
    user = inbound.user_id
    return user is not None and user == inbound.routing_key and directory.is_open(MailboxName(user))


def _tell(inbound: Inbound, decision: Decision, outcome: Outcome) -> None:
    match outcome:
        case Accepted(message_id=message_id, deliveries=deliveries):
            measures.ACCEPTED.labels(_kind(decision)).inc()
            log.info(
                "message.accepted",
                message_id=str(message_id),
                mailbox=inbound.user_id,
                deliveries=len(deliveries),
            )
        case Rejected(message_id=message_id, violations=violations):
            measures.REJECTED.labels(violations[0].code.value).inc()
            codes = [each.code.value for each in violations]
            log.info("message.rejected", message_id=str(message_id), mailbox=inbound.user_id, codes=codes)
        case Repeated(message_id=message_id):
            measures.REPEATED.inc()
            log.info("message.repeated", message_id=str(message_id), mailbox=inbound.user_id)
        case Postponed():
            pass


def _kind(decision: Decision) -> str:
    """Return what the message is; what its sender calls it (AMQP `type`) could be a new label each time."""
    is_status = isinstance(decision, Admit) and isinstance(decision.authorized.valid.header, StatusHeader)
    return (MessageKind.STATUS if is_status else MessageKind.DOCUMENT).value
