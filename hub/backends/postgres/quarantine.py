"""What cannot be answered: kept once each, for an operator to look at."""

from collections.abc import Sequence
from datetime import datetime

from hub.backends.postgres.pool import Database
from hub.backends.postgres.statements import columns, statement
from hub.backends.postgres.trail import Event, append
from hub.message.identifiers import digest_of
from hub.message.properties import DEAD_LETTER_QUEUE
from hub.ports import InvalidMessage


class PostgresQuarantine:
    """Implements `hub.ports.Quarantine`."""

    def __init__(self, database: Database) -> None:
        """Keep in *database*."""
        self._database = database

    async def keep(self, messages: Sequence[InvalidMessage]) -> None:
        """Store each once: as a case where the hub itself failed on it, else as an invalid message."""
        failed = [each for each in messages if each.queue == DEAD_LETTER_QUEUE]
        invalid = [each for each in messages if each.queue != DEAD_LETTER_QUEUE]
        async with self._database.transaction() as transaction:
            if failed:
                rows = [_row(each) for each in failed]
                await transaction.execute(statement("keep_hub_dead_letters"), *columns(rows, 6))
            for row in sorted(map(_row, invalid), key=lambda row: row[1]):  # two processes keep one order
                await transaction.execute(statement("keep_invalid_messages"), *columns([row], 6))
            names = [("case.opened", each) for each in failed] + [
                ("message.quarantined", each) for each in invalid
            ]
            await append(
                transaction,
                [
                    Event(name=name, detail={"queue": each.queue, "digest": digest_of(each.body).hex()})
                    for name, each in names
                ],
            )


def _row(each: InvalidMessage) -> tuple[str, bytes, bytes, str | None, str, datetime]:
    return each.queue, digest_of(each.body), each.body, each.claimed_by, each.reason, each.at
