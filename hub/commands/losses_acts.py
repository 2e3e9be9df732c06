"""What `truc losses` does."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hub.backends.clock import SystemClock
from hub.backends.postgres.queue_watching import QueueLoss
from hub.backends.rabbitmq.management import ManagementApi
from hub.backends.rabbitmq.queue_facts import queue_exists
from hub.commands.agency_acts import management_of_settings
from hub.commands.place import load_settings, operators_database
from hub.commands.shown import VIETNAM
from hub.commands.topology_acts import apply_registry
from hub.errors import OperationRefused
from hub.message.identifiers import MailboxName
from hub.operations.queue_losses import LossDesk, LossPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class MendingTerms:
    """What was asked for."""

    is_dry: bool
    since: datetime | None
    per_minute: int
    reason: str | None
    operator: str


async def find_losses(
    home: Path | None, settings: Path | None, *, is_open: bool, limit: int
) -> tuple[QueueLoss, ...]:
    """Return losses, the newest first."""
    async with operators_database(load_settings(home, settings)) as database:
        return await LossDesk(database, operator="", clock=SystemClock()).losses(is_open=is_open, limit=limit)


async def mend_queue(
    home: Path | None,
    settings: Path | None,
    mailbox: str,
    terms: MendingTerms,
    progress: Callable[[int], None],
) -> tuple[LossPlan, int]:
    """Make the queue of *mailbox* where it is missing, and send again what may have been lost out of it.

    Raises `OperationRefused` where the queue cannot be made: its mailbox is closed, or unknown.
    """
    since = terms.since
    if since is not None:
        since = (since if since.tzinfo is not None else since.replace(tzinfo=VIETNAM)).astimezone(UTC)
    async with operators_database(load_settings(home, settings)) as database:
        desk = LossDesk(database, operator=terms.operator, clock=SystemClock())
        plan = await desk.plan(MailboxName(mailbox), since=since)
        if terms.is_dry:
            return plan, 0
        await _ensure_queue(home, settings, MailboxName(mailbox))
        sent = await desk.send_again(
            plan, reason=terms.reason, per_minute=terms.per_minute, progress=progress
        )
    return plan, sent


async def dismiss_loss(
    home: Path | None, settings: Path | None, mailbox: str, reason: str, operator: str
) -> None:
    """End an open loss without sending anything."""
    async with operators_database(load_settings(home, settings)) as database:
        await LossDesk(database, operator=operator, clock=SystemClock()).dismiss(MailboxName(mailbox), reason)


async def _ensure_queue(home: Path | None, settings: Path | None, mailbox: MailboxName) -> None:
    async with ManagementApi(management_of_settings(load_settings(home, settings))) as api:
        if await queue_exists(api, mailbox):
            return
        await apply_registry(home, settings)
        if not await queue_exists(api, mailbox):
            raise OperationRefused(
                f"{mailbox} has no queue, and the registry asks for none: see `truc topology check`"
            )
