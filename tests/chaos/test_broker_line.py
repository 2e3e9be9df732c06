"""Whoever starts while the line to the broker is cut goes on asking, and can be told to stop."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import pytest

from adapters.kit.broker import BrokerAddress as KitAddress
from adapters.kit.broker import SubmitChannel
from hub.backends.rabbitmq.connection import BrokerAddress, BrokerLink
from hub.commands.conforming.line import Line
from hub.errors import TemporaryFailure
from hub.message.identifiers import MailboxName

NOBODY: Final = ("127.0.0.1", 1)
PATIENCE: Final = timedelta(seconds=3)
"""Enough for several attempts: the errors of the second already have those of the first behind them."""


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    line = await Line("somebody>broker", NOBODY).open()
    line.cut()
    yield line
    await line.close()


async def test_a_hub_says_that_the_broker_cannot_be_reached(line: Line) -> None:
    address = BrokerAddress(url=f"amqp://hub:secret@127.0.0.1:{line.port}/axis")

    async with BrokerLink(address, purpose="testing") as link:
        with pytest.raises(TemporaryFailure, match="cannot be reached"):
            await link.wait_ready(PATIENCE)


async def test_a_kit_goes_on_asking_until_it_is_told_to_stop(line: Line) -> None:
    address = KitAddress(url=f"amqp://H41:secret@127.0.0.1:{line.port}/axis", mailbox=MailboxName("H41"))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await SubmitChannel.open(address)
