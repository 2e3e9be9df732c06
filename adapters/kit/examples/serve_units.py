"""Serve the units behind an LGSP over one mailbox: each has a folder, and is signed for with its own key.

    python -m adapters.kit.examples.serve_units kit.toml units

Edxml that a unit's software puts into `units/<code>/out/` (under a temporary name first, then renamed) is
signed with the key that `kit.toml` has for the agency in its `From`, and sent once. What arrives for a unit
lies in `units/<code>/in/`. A unit without a folder here is not refused: the axis offers its documents again.
"""

import asyncio
import os
import sys
from functools import partial
from hashlib import file_digest
from pathlib import Path
from shutil import copyfileobj

from adapters.kit.delivery import Accepted, Answer, Delivery, Retry
from adapters.kit.error import UnfitDraft
from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import read_settings
from adapters.kit.transaction import Transaction
from hub.errors import MessageRejected
from hub.message.identifiers import SubmissionId


async def take(units: Path, delivery: Delivery, _transaction: Transaction) -> Answer:
    """Put a document into the folder of the unit meant; the same delivery is the same file."""
    folder = units / delivery.recipient / "in"
    if not await asyncio.to_thread(folder.is_dir):
        return Retry(reason=f"no unit {delivery.recipient} here yet")
    await asyncio.to_thread(keep, delivery, folder)
    return Accepted()


def keep(delivery: Delivery, folder: Path) -> None:
    """Write the exact bytes that were signed; a file under its own name is whole, however large."""
    unfinished = folder / f".{delivery.delivery_id}"
    with delivery.open() as source, unfinished.open("wb") as target:
        copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())  # 01 says that it is ours: it has to survive a power cut
    unfinished.replace(folder / f"{delivery.delivery_id}.edxml")


def name_of(file: Path) -> SubmissionId:
    """Name a submission after its bytes, so that the same file is sent once."""
    with file.open("rb") as source:
        return SubmissionId(file_digest(source, "sha256").hexdigest())


async def send(units: Path, mailbox: Mailbox) -> None:
    """Send what lies ready: journalled first, then removed; after a crash the journal has its name."""
    while True:
        for file in await asyncio.to_thread(lambda: sorted(units.glob("*/out/*.edxml"))):
            submission = await asyncio.to_thread(name_of, file)
            try:
                if await mailbox.state(submission) is None:
                    await mailbox.post_file(file, submission=submission)
            except (UnfitDraft, MessageRejected) as error:
                print(f"{file}: {error}", flush=True)
                await asyncio.to_thread(file.replace, file.with_suffix(".refused"))
            else:
                await asyncio.to_thread(file.unlink)
        await asyncio.sleep(1)


async def main(settings: str, units: str) -> None:
    """Serve until the process is ended."""
    async with Mailbox.open(read_settings(Path(settings))) as mailbox, asyncio.TaskGroup() as tasks:
        tasks.create_task(mailbox.run(partial(take, Path(units))))
        tasks.create_task(send(Path(units), mailbox))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
