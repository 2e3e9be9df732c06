"""Faults of an agency's kit, each the opposite of one thing that the design insists on."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeAlias

from adapters.kit.broker import Arrived, SubmitChannel
from adapters.kit.delivery import ArrivedStatus, Delivery
from adapters.kit.outgoing import Outgoing
from adapters.kit.reception import Reception
from hub.errors import TemporaryFailure
from tests.support.kit_faults import Settled, forget_what_was_handled

Plant: TypeAlias = Callable[[], None]


def ack_before_journal() -> None:
    """Settle with the broker what is not handed over yet."""
    offer = Reception._offer

    async def hasty(self: Reception, arrived: Arrived, arrival: Delivery | ArrivedStatus) -> None:
        await arrived.acknowledge()
        await offer(self, Settled(arrived), arrival)

    Reception._offer = hasty  # type: ignore[method-assign]


def unconfirmed_counts_as_submitted() -> None:
    """Take a publish that nobody confirmed for one that the broker has."""
    submit = SubmitChannel.submit

    async def trusting(self: SubmitChannel, message: Outgoing) -> None:
        with suppress(TemporaryFailure):
            await submit(self, message)

    SubmitChannel.submit = trusting  # type: ignore[assignment,method-assign]


FAULTS: Final[dict[str, Plant]] = {
    "ack-before-journal": ack_before_journal,
    "forgets-what-it-handled": forget_what_was_handled,
    "unconfirmed-counts-as-submitted": unconfirmed_counts_as_submitted,
}
