"""Faults of an agency's kit, each the opposite of one thing that the design insists on."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final, TypeAlias

from adapters.kit import incoming
from adapters.kit.broker import Arrived, SubmitChannel
from adapters.kit.delivery import ArrivedStatus, Delivery
from adapters.kit.incoming import Standing
from adapters.kit.outgoing import Outgoing
from adapters.kit.reception import Reception
from hub.errors import TemporaryFailure

Plant: TypeAlias = Callable[[], None]


class _Acknowledged:
    """A delivery that is settled already."""

    def __init__(self, arrived: Arrived) -> None:
        self.body, self.type = arrived.body, arrived.type
        self.correlation_id, self.headers = arrived.correlation_id, arrived.headers
        self.is_redelivered = arrived.is_redelivered

    async def acknowledge(self) -> None:
        """Do nothing more."""

    async def give_back(self) -> None:
        """Do nothing: the broker has forgotten it."""


def ack_before_journal() -> None:
    """Settle with the broker what is not handed over yet."""
    offer = Reception._offer

    async def hasty(self: Reception, arrived: Arrived, arrival: Delivery | ArrivedStatus) -> None:
        await arrived.acknowledge()
        await offer(self, _Acknowledged(arrived), arrival)

    Reception._offer = hasty  # type: ignore[method-assign]


def forgets_what_it_handled() -> None:
    """Take every delivery for a new one."""
    receive = incoming.receive

    def forgetful(
        connection: sqlite3.Connection, arrival: Delivery | ArrivedStatus, *, max_offers: int, at: datetime
    ) -> Standing:
        delivery = str(arrival.consignment.delivery_id)
        connection.execute("DELETE FROM incoming WHERE delivery_id = ?", (delivery,))
        return receive(connection, arrival, max_offers=max_offers, at=at)

    incoming.receive = forgetful


def unconfirmed_counts_as_submitted() -> None:
    """Take a publish that nobody confirmed for one that the broker has."""
    submit = SubmitChannel.submit

    async def trusting(self: SubmitChannel, message: Outgoing) -> None:
        with suppress(TemporaryFailure):
            await submit(self, message)

    SubmitChannel.submit = trusting  # type: ignore[assignment,method-assign]


FAULTS: Final[dict[str, Plant]] = {
    "ack-before-journal": ack_before_journal,
    "forgets-what-it-handled": forgets_what_it_handled,
    "unconfirmed-counts-as-submitted": unconfirmed_counts_as_submitted,
}
