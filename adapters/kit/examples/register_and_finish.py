"""Tell the sender that a document is entered in the register (03), and dealt with (06).

    python -m adapters.kit.examples.register_and_finish kit.toml DELIVERY "Số đến 07" "Đã trả lời"

The delivery's name is all that it needs, days later and from another process. It may run beside a program
that receives for the same mailbox: both use one journal.
"""

import asyncio
import sys
from pathlib import Path
from uuid import UUID

from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import read_settings
from hub.message.identifiers import DeliveryId


async def main(settings: str, delivery: str, registered_as: str, outcome: str) -> None:
    """Report; each verb returns when its status is journalled, `confirmed` when the broker has it."""
    delivery_id = DeliveryId(UUID(delivery))
    async with Mailbox.open(read_settings(Path(settings))) as mailbox:
        await mailbox.confirmed(await mailbox.register(delivery_id, registered_as))
        await mailbox.confirmed(await mailbox.finish(delivery_id, outcome))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
