"""The sealer as a process of its own, to be killed; `TRUC_SEALER_DSN` says where."""

import asyncio
import os

from hub.backends.clock import SystemClock
from hub.backends.postgres.primary import Primary
from hub.backends.postgres.sealing import sealing_session
from hub.workers.sealer import SealerWorker


async def main() -> None:
    primary = Primary(os.environ["TRUC_SEALER_DSN"])
    worker = SealerWorker(connect=lambda: sealing_session(primary), clock=SystemClock())
    await worker.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main())
