"""The kit as an adapter under test: `python -m hub.commands.conforming.reference serve|send|effects KIT`.

What a team's own adapter does in its own language, and the proof that the scenarios ask for nothing that
cannot be done.
"""

import asyncio
import os
import signal
import sqlite3
import sys
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from adapters.kit.delivery import Accepted, Answer, Delivery
from adapters.kit.draft import Party
from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import read_settings
from adapters.kit.transaction import Transaction
from hub.commands.conforming.papers import a_draft

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS register (place INTEGER PRIMARY KEY, delivery_id TEXT NOT NULL UNIQUE)",
)


async def register(delivery: Delivery, transaction: Transaction) -> Answer:
    """Enter the document into the agency's own table, in the journal's transaction: once."""
    transaction.execute("INSERT INTO register (delivery_id) VALUES (?)", (str(delivery.delivery_id),))
    return Accepted()


async def serve(kit: Path) -> None:
    """Receive until stopped; what `send` left in the journal goes out from here, too."""
    async with Mailbox.open(read_settings(kit), tables=TABLES) as mailbox:
        receiving = asyncio.create_task(mailbox.run(register))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, receiving.cancel)
        with suppress(asyncio.CancelledError):
            await receiving


async def send(kit: Path) -> None:
    """Journal one document to whom the conformance run names; `serve` publishes it."""
    own, partner = os.environ["TRUC_CONFORMANCE_SENDER"], os.environ["TRUC_CONFORMANCE_RECIPIENT"]
    draft = replace(a_draft(), sender=Party(code=own), recipients=(Party(code=partner),))
    async with Mailbox.open(read_settings(kit), tables=TABLES) as mailbox:
        await mailbox.post(draft)


def effects(kit: Path) -> None:
    """Write the delivery ids of what is in the agency's hands, in their order."""
    with closing(sqlite3.connect(read_settings(kit).journal, timeout=30)) as connection:
        for (delivery_id,) in connection.execute("SELECT delivery_id FROM register ORDER BY place"):
            sys.stdout.write(f"{delivery_id}\n")


def main(act: str, kit: str) -> None:
    """Do one of the three."""
    match act:
        case "serve":
            asyncio.run(serve(Path(kit)))
        case "send":
            asyncio.run(send(Path(kit)))
        case "effects":
            effects(Path(kit))
        case _:
            raise SystemExit(f"{act}: serve, send or effects")


if __name__ == "__main__":
    main(*sys.argv[1:])
