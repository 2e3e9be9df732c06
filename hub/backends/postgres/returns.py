"""Deliveries that came back, and deliveries whose time is over."""

from collections.abc import Sequence
from typing import Final

from hub.backends.postgres import issuing, posting, reporting
from hub.backends.postgres.claimant import Claimant
from hub.backends.postgres.giving_up import give_up_or_retry
from hub.backends.postgres.issuing import NewId
from hub.backends.postgres.pool import Database
from hub.backends.postgres.statements import statement
from hub.message.breaker import BreakerTerms
from hub.message.identifiers import DeliveryId
from hub.message.outbox import OutboxEntry, ReturnedDelivery, ReturnReason
from hub.ports import Attest, Clock, Recover

_USUAL: Final = BreakerTerms()


class PostgresReturns:
    """Implements `hub.ports.Returns`."""

    def __init__(
        self,
        database: Database,
        *,
        claimant: Claimant,
        clock: Clock,
        new_id: NewId,
        breaker: BreakerTerms = _USUAL,
    ) -> None:
        """Settle returns in *database* on behalf of *claimant*."""
        self._database = database
        self._claimant = claimant
        self._clock = clock
        self._new_id = new_id
        self._breaker = breaker

    async def settle(
        self, returned: Sequence[ReturnedDelivery], recover: Recover, attest: Attest
    ) -> Sequence[OutboxEntry]:
        """Lock the deliveries, look, decide, and store the decision with the receipts it makes true."""
        async with self._database.transaction() as transaction:
            locked = await reporting.lock(transaction, sorted({each.delivery_id for each in returned}))
            owed = await give_up_or_retry(
                transaction,
                returned,
                locked,
                recover,
                breaker=self._breaker,
                at=self._clock.now(),
                new_id=self._new_id,
            )
            receipts = await issuing.issue(transaction, owed, attest, self._new_id)
            await posting.enter(transaction, receipts)
            return await posting.promise(transaction, receipts, self._claimant)

    async def expired(self, limit: int) -> Sequence[ReturnedDelivery]:
        """Return up to *limit* deliveries that still wait and whose time is over."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(statement("find_expired_deliveries"), limit)
        now = self._clock.now()
        return [
            ReturnedDelivery(
                delivery_id=DeliveryId(row["delivery_id"]),
                attempt=row["attempt"],
                reason=ReturnReason.EXPIRED,
                note=None,
                at=now,
            )
            for row in rows
        ]
