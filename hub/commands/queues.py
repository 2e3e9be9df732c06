"""`truc queues`: what waits for whom."""

import asyncio
from typing import TYPE_CHECKING

from hub.commands import shown
from hub.commands.options import AsJson, Home, SettingsFile

if TYPE_CHECKING:
    from hub.operations.queues import MailboxQueue


def queues(home: Home = None, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Show every mailbox: what waits as a row, what lies in its queue, and whether anybody reads it.

    \b
    Example:
      truc queues
    """
    from hub.commands.topology_acts import read_queues

    found = asyncio.run(read_queues(home, settings))
    if as_json:
        shown.emit(found)
        return
    rows = [
        (each.mailbox, each.waiting, each.oldest_waiting_since, each.ready, each.unacknowledged,
         each.consumers,
         _trouble(each),
         "closed" if each.is_closed else None)
        for each in found
    ]  # fmt: skip
    columns = (
        "mailbox",
        "waiting rows",
        "oldest since",
        "ready",
        "unacknowledged",
        "consumers",
        "parked",
        "",
    )
    shown.table(
        "", columns, rows, nothing="no mailbox is connected; `truc agency add CODE NAME` connects one"
    )


def _trouble(mailbox: "MailboxQueue") -> str | None:
    """Say why a mailbox gets nothing, or little, and how long it stays so."""
    if mailbox.breaker == "closed":
        return None
    what = f"{mailbox.parked_because}, {mailbox.breaker.replace('_', ' ')}"
    return what if mailbox.parked_until is None else f"{what} until {shown.instant(mailbox.parked_until)}"
