"""The agencies' software: what each does with the documents that reach it, by its temper."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from adapters.kit.broker import MailboxQueue
from adapters.kit.delivery import Accepted, Answer, Delivery, Refused, Retry
from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import KitSettings, read_settings
from adapters.kit.transaction import Transaction
from hub.commands.console_demonstration.cast import Player, Temper
from hub.commands.local_axis import LocalAgency
from hub.message.edxml import StatusCode

SURVIVES_SECONDS: Final = 0.5
"""How long a crashing agency lives after it has begun to receive."""
_CHOOSY_OF: Final = 7
"""A choosy one takes all but one of so many."""
_REFUSES_OF: Final = 40
"""A diligent one answers one of so many with status 02."""
_PROGRESS: Final = (
    (StatusCode.ARRIVED,),
    (StatusCode.ARRIVED, StatusCode.ACCEPTED),
    (StatusCode.ARRIVED, StatusCode.ACCEPTED, StatusCode.PROCESSING),
    (StatusCode.ARRIVED, StatusCode.ACCEPTED, StatusCode.PROCESSING, StatusCode.FINISHED),
)


@dataclass(slots=True, kw_only=True)
class Software:
    """One agency's software, in this process."""

    player: Player
    kit: KitSettings
    mailbox: Mailbox
    is_mended: bool = False
    handled: int = 0
    given_back: int = 0
    _running: asyncio.Task[None] | None = field(default=None, repr=False)

    @classmethod
    @asynccontextmanager
    async def open(cls, player: Player, agency: LocalAgency) -> AsyncIterator["Software"]:
        """Open the mailbox and, unless the temper is against it, receive until the end of the block."""
        kit = read_settings(agency.kit_file)
        async with AsyncExitStack() as stack:
            mailbox = await stack.enter_async_context(Mailbox.open(kit))
            software = cls(player=player, kit=kit, mailbox=mailbox)
            if player.temper not in {Temper.CRASHING, Temper.ABSENT, Temper.ASLEEP}:
                software._running = asyncio.create_task(mailbox.run(software.handle))
                stack.push_async_callback(software.stop)
            yield software

    async def stop(self) -> None:
        """Receive nothing more."""
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def handle(self, delivery: Delivery, _transaction: Transaction) -> Answer:
        """Answer as the temper says; the same document gets the same answer whoever plays."""
        answer = self._answer(_number_of(delivery))
        if isinstance(answer, Retry):
            self.given_back += 1
        else:
            self.handled += 1
        return answer

    async def crash(self) -> None:
        """Take what lies in the queue and die before any of it is settled."""
        queue = await MailboxQueue.open(self.kit.broker, prefetch=self.kit.prefetch)
        try:
            await asyncio.sleep(SURVIVES_SECONDS)
        finally:
            await queue.close()

    def _answer(self, number: int) -> Answer:
        temper = self.player.temper
        if temper is Temper.DOWN or (temper is Temper.MENDED and not self.is_mended):
            return Retry(reason="hệ thống quản lý văn bản đang bảo trì")
        if temper is Temper.CHOOSY and number % _CHOOSY_OF == 0:
            return Retry(reason="không đọc được tệp đính kèm")
        if number % _REFUSES_OF == 0:
            return Refused(reason="Văn bản không thuộc thẩm quyền của đơn vị")
        return Accepted(statuses=_PROGRESS[number % len(_PROGRESS)])


def _number_of(delivery: Delivery) -> int:
    digits = "".join(each for each in str(delivery.header.document_id).rpartition(",")[2] if each.isdigit())
    return int(digits[:9] or "0")
