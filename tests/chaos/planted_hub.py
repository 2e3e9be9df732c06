"""Faults of a hub, each the opposite of one thing that the design insists on."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Final, TypeAlias
from uuid import uuid4

from hub.backends.postgres import enlisting, giving_up, issuing, outbox, posting, seam
from hub.backends.postgres.enlisting import Admission
from hub.backends.postgres.posting import Lane, NewDelivery
from hub.backends.postgres.reporting import LockedDelivery
from hub.backends.postgres.sealing import SealingSession
from hub.backends.postgres.statements import statement
from hub.backends.rabbitmq import publisher
from hub.backends.rabbitmq.publisher import RabbitPublisher
from hub.message.decision import Committed, Decision
from hub.message.edxml import MessageKind
from hub.message.identifiers import Digest
from hub.message.outbox import OutboxEntry, PublishResult
from hub.message.properties import DELIVERY_ID, headers_of
from hub.message.receipt import Receipt, ReceiptEvent
from hub.ports import Attest
from hub.workers.intake import IntakeWorker, Pair

Plant: TypeAlias = Callable[[], None]


def ack_before_commit() -> None:
    """Settle with the broker what is not committed yet."""
    commit = IntakeWorker._commit

    async def hasty(self: IntakeWorker, pairs: Sequence[Pair]) -> None:
        await self._with.consumer.settle([inbound for inbound, _ in pairs])
        await commit(self, pairs)

    _put(IntakeWorker, "_commit", hasty)


def no_dedupe_key() -> None:
    """Ask no key whether a submission or its content was there before."""
    delivery = seam._Work._delivery

    async def nothing_known(*_: object) -> tuple[dict[object, object], dict[object, object]]:
        return {}, {}

    async def no_document_known(*_: object) -> dict[object, object]:
        return {}

    def unlike_any_other(self: seam._Work, each: Admission, lane: Lane, lane_number: int) -> NewDelivery:
        return replace(delivery(self, each, lane, lane_number), content_digest=Digest(uuid4().bytes * 2))

    _put(enlisting, "enlist_submissions", nothing_known)
    _put(enlisting, "enlist_documents", no_document_known)
    _put(seam._Work, "_delivery", unlike_any_other)


def receipt_before_commit() -> None:
    """Let the signed acceptance leave while its transaction may still fail."""
    run, enter = seam._Work.run, RabbitPublisher.__aenter__
    publishers: list[RabbitPublisher] = []

    async def remembered(self: RabbitPublisher) -> RabbitPublisher:
        publishers.append(self)
        return await enter(self)

    async def talkative(self: seam._Work, decisions: Sequence[Decision], attest: Attest) -> Committed:
        committed = await run(self, decisions, attest)
        receipts = [each for each in committed.handed_over if each.kind is MessageKind.RECEIPT]
        await asyncio.gather(*(publishers[0].publish(each) for each in receipts))
        return committed

    _put(RabbitPublisher, "__aenter__", remembered)
    _put(seam._Work, "run", talkative)


def unconfirmed_counts_as_confirmed() -> None:
    """Record a publish that nobody answered as if the broker had it."""
    _misread({PublishResult.UNKNOWN: PublishResult.CONFIRMED})


def nack_counts_as_confirmed() -> None:
    """Record what the broker refused for a full queue as if the broker had it."""
    _misread({PublishResult.FULL: PublishResult.CONFIRMED})


def outage_counts_as_attempt() -> None:
    """Let a publish that an outage left unanswered use up one of the delivery's tries."""
    _misread({PublishResult.UNKNOWN: PublishResult.FAILED})


def no_lane_guard() -> None:
    """Publish whatever is due, also where something earlier on its lane never was."""
    handed_over = [("coalesce(f.lane_number > h.from_number and f.lane_number > 0, false)", "false")]
    claimed = [
        ("where f.lane_number = 0 or", "where true or"),
        ("where h.from_number is null or", "where true or"),
        ("where m.from_number is null or", "where true or"),
    ]
    _rewrite(posting, "insert_outbox_entries", handed_over)
    _rewrite(outbox, "claim_outbox_entries", claimed)


def event_not_written() -> None:
    """Record what the broker confirmed everywhere but in the event trail."""
    _rewrite(outbox, "confirm_deliveries", [("order by published_at", "where false order by published_at")])


def handover_when_consigned() -> None:
    """Take the broker's word for the recipient's."""
    owe = issuing.owe

    async def credulous(
        transaction: object, event: ReceiptEvent, groups: Sequence[Sequence[LockedDelivery]], **how: object
    ) -> list[Receipt]:
        is_consignment = event is ReceiptEvent.CONTENT_CONSIGNMENT
        said = ReceiptEvent.CONTENT_HANDOVER if is_consignment else event
        return await owe(transaction, said, groups, **how)  # type: ignore[arg-type]

    _put(issuing, "owe", credulous)


def gives_up_without_a_case() -> None:
    """Sign the failure of a dead letter, and let no operator hear of it."""
    values = "unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[])"
    _put(giving_up, "statement", _answering("open_cases", f"select from {values} where false"))


def fresh_delivery_id() -> None:
    """Publish under another delivery id each time, so that no recipient can know it again."""

    def renamed(entry: OutboxEntry, *, span: str) -> dict[str, str | int]:
        fresh = {DELIVERY_ID: str(uuid4())} if entry.kind is MessageKind.DOCUMENT else {}
        return {**headers_of(entry, span=span), **fresh}

    _put(publisher, "headers_of", renamed)


def seals_past_writers() -> None:
    """Seal up to the highest number that there is, though somebody may still hold a lower one."""

    async def impatient(self: SealingSession) -> None:
        self._horizon = int(str(await self._connection.fetchval(statement("read_allocated_event"))))

    _put(SealingSession, "_look", impatient)


FAULTS: Final[dict[str, Plant]] = {
    "ack-before-commit": ack_before_commit,
    "no-dedupe-key": no_dedupe_key,
    "receipt-before-commit": receipt_before_commit,
    "unconfirmed-counts-as-confirmed": unconfirmed_counts_as_confirmed,
    "nack-counts-as-confirmed": nack_counts_as_confirmed,
    "outage-counts-as-attempt": outage_counts_as_attempt,
    "no-lane-guard": no_lane_guard,
    "event-not-written": event_not_written,
    "handover-when-consigned": handover_when_consigned,
    "gives-up-without-a-case": gives_up_without_a_case,
    "fresh-delivery-id": fresh_delivery_id,
    "seals-past-writers": seals_past_writers,
}


def _put(owner: object, name: str, replacement: object) -> None:
    """Put *replacement* in the place of what is there; fails where there is nothing of that name."""
    if not hasattr(owner, name):
        raise LookupError(f"{owner} has nothing by the name of {name}: plant the fault anew")
    setattr(owner, name, replacement)


def _misread(results: dict[PublishResult, PublishResult]) -> None:
    publish = RabbitPublisher.publish

    async def misread(self: RabbitPublisher, entry: OutboxEntry) -> PublishResult:
        result = await publish(self, entry)
        return results.get(result, result) if entry.kind is MessageKind.DOCUMENT else result

    _put(RabbitPublisher, "publish", misread)


def _rewrite(module: ModuleType, act: str, changes: Sequence[tuple[str, str]]) -> None:
    """Let *module* run another SQL for *act*; fails where that no longer says what is to be changed."""
    text = statement(act)
    for old, new in changes:
        if old not in text:
            raise LookupError(f"{act}.sql no longer says {old!r}: plant the fault anew")
        text = text.replace(old, new)
    _put(module, "statement", _answering(act, text))


def _answering(act: str, text: str) -> Callable[[str], str]:
    return lambda wanted: text if wanted == act else statement(wanted)
