"""Adapters that are wrong in one way each: `python -m tests.support.broken_adapter FAULT ACT KIT`.

All else is the reference adapter's, and so the kit's.
"""

import asyncio
import sys
from collections.abc import AsyncIterable, Callable
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from cryptography import x509

from adapters.kit import inspection
from adapters.kit.broker import Arrived, SubmitChannel
from adapters.kit.delivery import Accepted, Answer, ArrivedSheet, ArrivedStatus, Delivery
from adapters.kit.error import DeliveryRejected
from adapters.kit.outgoing import Outgoing
from adapters.kit.reception import Reception
from adapters.kit.transaction import Transaction
from hub.commands.conforming import reference
from hub.errors import MessageRejected
from hub.message.identifiers import SubmissionId
from hub.signature.certificates import TrustAnchors
from hub.signature.finding import PASSED, Finding
from tests.support.kit_faults import Settled, forget_what_was_handled

HANDLING_SECONDS = 0.05


def acknowledges_first() -> None:
    """Settle what arrives as soon as it is believed, and hand it over when there is time."""

    async def hasty(self: Reception, arrivals: AsyncIterable[Arrived]) -> None:
        predecessor: asyncio.Task[None] | None = None
        async with asyncio.TaskGroup() as tasks:
            async for arrived in arrivals:
                try:
                    arrival = await self._inspect(arrived)
                except (MessageRejected, DeliveryRejected) as rejection:
                    await self._give_back(arrived, str(rejection))
                    continue
                if isinstance(arrival, ArrivedSheet):
                    await self._take_sheet(arrived, arrival)
                    continue
                await arrived.acknowledge()
                predecessor = tasks.create_task(_later(self, arrived, arrival, predecessor))

    async def slow(delivery: Delivery, transaction: Transaction) -> Answer:
        await asyncio.sleep(HANDLING_SECONDS)
        transaction.execute("INSERT INTO register (delivery_id) VALUES (?)", (str(delivery.delivery_id),))
        return Accepted()

    Reception.run = hasty  # type: ignore[method-assign]
    reference.register = slow


async def _later(
    reception: Reception,
    arrived: Arrived,
    arrival: Delivery | ArrivedStatus,
    predecessor: asyncio.Task[None] | None,
) -> None:
    if predecessor is not None:
        await asyncio.wait([predecessor])
    await reception._take(Settled(arrived), arrival)


def doubles() -> None:
    """Take every delivery for a new one, in the agency's own table too."""
    forget_what_was_handled()
    reference.TABLES = (
        "CREATE TABLE IF NOT EXISTS register (place INTEGER PRIMARY KEY, delivery_id TEXT NOT NULL)",
    )


def believes_strangers() -> None:
    """Verify signatures, and ask no certificate where it comes from."""

    def credulous(
        _certificate: x509.Certificate,
        _chain: tuple[x509.Certificate, ...],
        _anchors: TrustAnchors,
        _at: datetime,
    ) -> Finding:
        return PASSED

    inspection.check_certificate = credulous


def says_nothing() -> None:
    """Take documents and tell nobody."""
    read = reference.read_settings
    reference.read_settings = lambda path: replace(read(path), acknowledge_with=())


def forgets_its_names() -> None:
    """Publish under a new name at each try."""
    submit = SubmitChannel.submit

    async def nameless(self: SubmitChannel, message: Outgoing) -> None:
        await submit(self, replace(message, submission_id=SubmissionId(str(uuid4()))))

    SubmitChannel.submit = nameless  # type: ignore[method-assign]


FAULTS: dict[str, Callable[[], None]] = {
    "acknowledges-first": acknowledges_first,
    "doubles": doubles,
    "believes-strangers": believes_strangers,
    "says-nothing": says_nothing,
    "forgets-its-names": forgets_its_names,
}

if __name__ == "__main__":
    FAULTS[sys.argv[1]]()
    reference.main(*sys.argv[2:])
