"""What a wrong kit does, for the programs in which faults are planted."""

import sqlite3
from datetime import datetime

from adapters.kit import incoming
from adapters.kit.broker import Arrived
from adapters.kit.delivery import ArrivedStatus, Delivery
from adapters.kit.incoming import Standing


class Settled:
    """A delivery that the broker has forgotten already."""

    def __init__(self, arrived: Arrived) -> None:
        self.body, self.type = arrived.body, arrived.type
        self.correlation_id, self.headers = arrived.correlation_id, arrived.headers
        self.is_redelivered = arrived.is_redelivered

    async def acknowledge(self) -> None:
        """Do nothing more."""

    async def give_back(self) -> None:
        """Do nothing: it is too late."""


def forget_what_was_handled() -> None:
    """Take every delivery for a new one."""
    receive = incoming.receive

    def forgetful(
        connection: sqlite3.Connection, arrival: Delivery | ArrivedStatus, *, max_offers: int, at: datetime
    ) -> Standing:
        name = str(arrival.consignment.delivery_id)
        connection.execute("DELETE FROM incoming WHERE delivery_id = ?", (name,))
        return receive(connection, arrival, max_offers=max_offers, at=at)

    incoming.receive = forgetful
