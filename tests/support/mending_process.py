"""Somebody who sends again what a lost queue held, as a process of its own, to be killed.

`TRUC_MENDING_DSN` says where, the first argument which mailbox.
"""

import asyncio
import os
import sys

from hub.backends.clock import SystemClock
from hub.backends.postgres.pool import Database
from hub.message.identifiers import MailboxName
from hub.operations.queue_losses import LossDesk


async def main() -> None:
    database = await Database.open(os.environ["TRUC_MENDING_DSN"], name="truc test mending", size=2)
    desk = LossDesk(database, operator="Lan", clock=SystemClock())
    await desk.send_again(await desk.plan(MailboxName(sys.argv[1])))


if __name__ == "__main__":
    asyncio.run(main())
