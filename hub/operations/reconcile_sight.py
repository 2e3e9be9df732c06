"""What the database knows of what the evidence names, and at which mailboxes more may be known."""

from collections.abc import Mapping
from datetime import UTC, datetime

from hub.backends.postgres import recollecting
from hub.backends.postgres.pool import Transaction
from hub.message.identifiers import MailboxName
from hub.operations.reconcile_evidence import Evidence
from hub.operations.reconcile_plan import Known, KnownDelivery


async def known_of(connection: Transaction, evidence: Evidence) -> Known:
    """Return what the database knows of everything that *evidence* names."""
    deliveries = {each.delivery_id for each in evidence.received}
    deliveries |= {each.about for each in evidence.sent if each.about is not None}
    messages = {each.message_id for each in evidence.received}
    for held in evidence.held:
        messages.add(held.receipt.message_id)
        deliveries.add(held.sheet.delivery_id)
        deliveries |= {each.delivery_id for each in held.receipt.subjects if each.delivery_id is not None}
    stored = await recollecting.known_deliveries(connection, sorted(deliveries))
    submitted = sorted({(each.mailbox, each.digest) for each in evidence.sent})
    return Known(
        receipts=await recollecting.known_receipts(
            connection, sorted({each.receipt.receipt_id for each in evidence.held})
        ),
        messages=await recollecting.known_messages(connection, sorted(messages)),
        submissions=await recollecting.known_submissions(connection, submitted),
        deliveries={
            name: KnownDelivery(
                kind=each.kind, state=each.state, attempt=each.attempt, submitted_by=each.submitted_by
            )
            for name, each in stored.items()
        },
    )


async def incomplete_mailboxes(
    connection: Transaction, evidence: Evidence, depths: Mapping[MailboxName, int | None]
) -> dict[MailboxName, str]:
    """Return the mailboxes at which more may be known than was handed in, and why."""
    held_at = await recollecting.last_hold(connection)
    latest = held_at or max(evidence.exported_at.values(), default=datetime.now(UTC))
    restored_to = await recollecting.last_event_before(connection, latest)
    found = {}
    for mailbox, depth in sorted(depths.items()):
        if (why := _why_incomplete(mailbox, depth, evidence, held_at, restored_to)) is not None:
            found[mailbox] = why
    return found


def _why_incomplete(
    mailbox: MailboxName,
    depth: int | None,
    evidence: Evidence,
    held_at: datetime | None,
    restored_to: datetime | None,
) -> str | None:
    exported_at = evidence.exported_at.get(mailbox)
    if exported_at is None:
        return "its evidence was not handed in"
    if held_at is not None and exported_at < held_at:
        return "its evidence was exported before the restore: export it again"
    since = evidence.since.get(mailbox)
    if since is not None and (restored_to is None or since > restored_to):
        return f"its evidence begins at {since.isoformat()}, after the instant that was restored"
    if depth is None:
        return "the broker does not say what its queue holds"
    if depth:
        return f"its queue still holds {depth}: let it read them, then export again"
    return None
