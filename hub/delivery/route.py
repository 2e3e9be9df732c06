"""Which mailbox an accepted delivery goes to today: the registry may have changed since it was accepted."""

from datetime import datetime

from hub.message.directory import Directory
from hub.message.identifiers import MailboxName
from hub.message.outbox import OutboxEntry


def route(entry: OutboxEntry, directory: Directory, at: datetime) -> MailboxName | None:
    """Return the mailbox to publish *entry* to, or None where nobody receives for its recipient any more.

    A delivery stays with the mailbox that it was accepted for as long as that one is open.
    """
    if directory.is_open(entry.mailbox):
        return entry.mailbox
    return directory.mailbox_for(entry.recipient, at)
