"""Where the bench measures: a fresh axis of its own, one sender, its recipients, and ways to look at them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import aio_pika
import asyncpg
from aio_pika.abc import AbstractChannel

from deploy.local import LocalStack
from deploy.local.broker import PRODUCT_VHOST
from hub.commands.local_axis import LocalAgency, LocalAxis, NewAgency, provision_local
from hub.message.identifiers import MailboxName
from hub.message.properties import queue_of

CHECKOUT = Path(__file__).resolve().parents[2]
HOME = CHECKOUT / ".truc" / "bench"
SENDER = "G22"
RECIPIENTS = (*(f"H{number}" for number in range(41, 100)), *(f"K{number:02}" for number in range(1, 37)))
"""As many as there are agencies of the first level."""
CONNECTED = 10
"""How many of them are connected where nothing else is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A provisioned axis; no hub runs."""

    axis: LocalAxis
    sender: LocalAgency
    recipients: tuple[LocalAgency, ...]
    broker_pid: int
    database_pid: int

    @property
    def admin_url(self) -> str:
        """AMQP address of the broker's administrator."""
        address = self.axis.address
        user, password = quote(address.broker_admin), quote(address.broker_admin_password, safe="")
        return f"amqp://{user}:{password}@{address.amqp_host}:{address.amqp_port}/{PRODUCT_VHOST}"

    @asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        """Open the axis's database as the superuser: for looking, never for changing what the axis keeps."""
        connection = await asyncpg.connect(self.axis.dsn("postgres"))
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def broker(self) -> AsyncIterator[AbstractChannel]:
        """Open a channel as the administrator."""
        connection = await aio_pika.connect(self.admin_url)
        async with connection:
            yield await connection.channel()


@asynccontextmanager
async def a_place(home: Path = HOME, *, recipients: int = CONNECTED) -> AsyncIterator[Place]:
    """Make a fresh axis in *home*, and stop it afterwards: figures must not depend on what ran before."""
    stack = LocalStack(home)
    stack.purge()
    try:
        axis = await provision_local(stack=stack)
        names = {
            SENDER: "Văn phòng đo lường",
            **{code: f"Cơ quan {code}" for code in RECIPIENTS[:recipients]},
        }
        sender, *others = await axis.add_agencies(
            [NewAgency(code=code, name=name) for code, name in names.items()]
        )
        status = stack.status()
        yield Place(
            axis=axis,
            sender=sender,
            recipients=tuple(others),
            broker_pid=status.broker_pid or 0,
            database_pid=status.database_pid or 0,
        )
    finally:
        stack.down()


async def depth(channel: AbstractChannel, mailbox: MailboxName) -> int:
    """Return how many messages lie ready in the queue of *mailbox*."""
    return await depth_of(channel, queue_of(mailbox))


async def depth_of(channel: AbstractChannel, queue: str) -> int:
    """Return how many messages lie ready in *queue*."""
    declared = await channel.declare_queue(queue, passive=True)
    return declared.declaration_result.message_count or 0
