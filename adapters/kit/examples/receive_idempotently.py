"""Receive documents into a database of the agency's own, once each, by the delivery's name.

    python -m adapters.kit.examples.receive_idempotently kit.toml agency.db

A handler that writes elsewhere than into the journal may be asked about the same delivery again, where the
process died between the two commits. With the delivery's name as a key over there, that changes nothing.
"""

import asyncio
import sqlite3
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

from adapters.kit.delivery import Accepted, Answer, Delivery, Refused, Retry
from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import read_settings
from adapters.kit.transaction import Transaction

TABLE = "CREATE TABLE IF NOT EXISTS documents (delivery_id TEXT PRIMARY KEY, subject TEXT, envelope BLOB)"
ENTER = "INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT (delivery_id) DO NOTHING"


def enter(database: str, delivery: Delivery) -> None:
    """Write the document with the exact bytes that were signed: they are the evidence."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(TABLE)
        connection.execute(ENTER, (str(delivery.delivery_id), delivery.header.subject, delivery.body))


async def take(database: str, delivery: Delivery, _transaction: Transaction) -> Answer:
    """Take a document over; the sender is told with 01, or 02 and the reason."""
    if not delivery.attachments:
        return Refused(reason="Văn bản không có tệp đính kèm")  # for good; the sender has to send another
    try:
        await asyncio.to_thread(enter, database, delivery)
    except sqlite3.OperationalError as error:
        return Retry(reason=f"the agency's database: {error}")  # later; operators of the axis see the reason
    return Accepted()


async def main(settings: str, database: str) -> None:
    """Receive until the process is ended."""
    async with Mailbox.open(read_settings(Path(settings))) as mailbox:
        await mailbox.run(partial(take, database))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
