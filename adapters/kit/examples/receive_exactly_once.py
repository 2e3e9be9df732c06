"""Receive documents and statuses into tables of one's own, each exactly once, whatever crashes when.

    python -m adapters.kit.examples.receive_exactly_once kit.toml

The tables live in the journal: what a handler writes through its transaction is committed together with the
hand-over, or not at all. The sender of a document is told with 01; statuses about ours land in `answers`.
"""

import asyncio
import sys
from pathlib import Path

from adapters.kit.delivery import Accepted, Answer, ArrivedStatus, Delivery
from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import read_settings
from adapters.kit.transaction import Transaction

TABLES = (
    "CREATE TABLE IF NOT EXISTS arrivals (delivery_id TEXT, sender TEXT, recipient TEXT, subject TEXT)",
    "CREATE TABLE IF NOT EXISTS answers (document_id TEXT, sender TEXT, code TEXT, description TEXT)",
)


async def take(delivery: Delivery, transaction: Transaction) -> Answer:
    """Enter a document whose signature holds."""
    row = (str(delivery.delivery_id), delivery.header.sender, delivery.recipient, delivery.header.subject)
    transaction.execute("INSERT INTO arrivals VALUES (?, ?, ?, ?)", row)
    return Accepted()


async def note(status: ArrivedStatus, transaction: Transaction) -> None:
    """Enter what a recipient says about a document of ours, or a sender that wants its own back (13)."""
    told = status.header
    row = (told.document_id, told.sender, told.status.value, told.description)
    transaction.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", row)


async def main(settings: str) -> None:
    """Receive until the process is ended, in whatever way: nothing has to be tidied up."""
    async with Mailbox.open(read_settings(Path(settings)), tables=TABLES) as mailbox:
        await mailbox.run(take, status=note)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
