"""Who is connected, and how each is: from the database, and from the broker where it answers."""

from dataclasses import dataclass

from hub.backends.postgres.connected import ConnectedMailbox, read_connected
from hub.backends.postgres.pool import Database
from hub.backends.rabbitmq.depths import QueueDepth, queue_depths
from hub.backends.rabbitmq.management import ManagementAddress, ManagementApi
from hub.errors import ConfigurationError, TemporaryFailure
from hub.message.identifiers import MailboxName


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """Every mailbox, with its queue where the broker told about it."""

    mailboxes: tuple[ConnectedMailbox, ...]
    depths: dict[MailboxName, QueueDepth | None]
    """By mailbox; None for a queue that does not exist. Empty where the broker was not asked or is away."""
    broker_silent_because: str | None
    """Why `depths` is empty: unknown is never shown as nought."""


async def connected(database: Database, address: ManagementAddress | None) -> Connected:
    """Return who is connected; a broker that is away takes nothing away but its own figures."""
    mailboxes = await read_connected(database)
    depths: dict[MailboxName, QueueDepth | None] = {}
    silent = None
    if address is None:
        silent = "management_url is not set"
    else:
        try:
            async with ManagementApi(address) as api:
                depths = await queue_depths(api, [each.mailbox for each in mailboxes if not each.closed_at])
        except (TemporaryFailure, ConfigurationError) as failure:
            silent = str(failure)
    return Connected(mailboxes=mailboxes, depths=depths, broker_silent_because=silent)
