"""Why recipients' systems rejected deliveries, in their own words."""

from collections.abc import Sequence

from hub.backends.postgres.pool import Database
from hub.backends.postgres.statements import columns, statement
from hub.message.identifiers import MailboxName
from hub.message.reject_reason import RejectReason


class PostgresRejectReasons:
    """Implements `hub.ports.RejectReasons`."""

    def __init__(self, database: Database) -> None:
        """Keep in *database*."""
        self._database = database

    async def keep(self, told: Sequence[tuple[MailboxName, RejectReason]]) -> None:
        """Store each reason once, of a delivery of the mailbox that says so."""
        rows = [(each.delivery_id, each.attempt, mailbox, each.reason) for mailbox, each in told]
        async with self._database.transaction() as transaction:
            await transaction.execute(statement("keep_reject_reasons"), *columns(rows, 4))
