"""An agency of the soak: sends at a steady pace or receives, and keeps nothing that grows by itself.

    python -m tests.soak.agency --kit kit.toml --told a.jsonl [--to H41,H42 --rate 20 --octets 10000]

Every line that it tells has `event` and `ms`, the time since the document's submission; `posted` has none.
The clock is the machine's monotonic one, which all processes share; its reading is part of the submission's
name.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import time
from datetime import UTC, date, datetime
from itertools import count, cycle
from pathlib import Path
from typing import Final, TextIO

import uvloop

from adapters.kit.delivery import Accepted, Answer, ArrivedReceipt, ArrivedStatus, Delivery
from adapters.kit.draft import AttachmentDraft, DocumentDraft, Party, Signer
from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import read_settings
from adapters.kit.transaction import Transaction
from hub.message.identifiers import DocumentId, SubmissionId

PROLOGUE: Final = b"%PDF-1.4\n"


class Teller:
    """Appends what happened to a file that the soak reads."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def tell(self, event: str, *, since: str | None = None) -> None:
        """Write that *event* happened to what was submitted at *since*, a reading of the clock."""
        line: dict[str, object] = {"event": event}
        if since is not None:
            line["ms"] = round((time.monotonic_ns() - int(since)) / 1e6, 1)
        self._file.write(json.dumps(line) + "\n")

    async def document(self, delivery: Delivery, _: Transaction) -> Answer:
        self.tell("arrived", since=delivery.header.document_id.rpartition(",")[2])
        return Accepted()

    async def status(self, _status: ArrivedStatus, _: Transaction) -> None:
        self.tell("status")

    async def receipt(self, arrived: ArrivedReceipt, _: Transaction) -> None:
        receipt = arrived.receipt
        self.tell(receipt.event.value, since=receipt.submission_id.rpartition("-")[2])


def draft(sender: str, recipient: str, number: int, clock: str, octets: int) -> DocumentDraft:
    """Write a document of about *octets* that names the clock's reading."""
    content = PROLOGUE + os.urandom(max(1, (octets - 5_000) * 3 // 4))
    return DocumentDraft(
        sender=Party(code=sender, name=f"Cơ quan {sender}"),
        recipients=(Party(code=recipient, name=f"Cơ quan {recipient}"),),
        document_id=DocumentId(f"{sender},2026/03/09,{clock}"),
        code_number=str(number),
        code_notation="CV-TN",
        promulgated_on=date(2026, 3, 9),
        subject=f"V/v vận hành liên tục, văn bản thứ {number}",
        signer=Signer(full_name="Trần Bền Bỉ"),
        at=datetime.now(UTC),
        attachments=(AttachmentDraft(name="cong-van.pdf", content=content),),
    )


async def send_steadily(mailbox: Mailbox, sender: str, options: argparse.Namespace, teller: Teller) -> None:
    """Post *rate* documents a second until SIGUSR1."""
    enough = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, enough.set)
    began = time.monotonic()
    for number, recipient in zip(count(1), cycle(options.to.split(",")), strict=False):
        with contextlib.suppress(TimeoutError):
            pause = began + number / options.rate - time.monotonic()
            await asyncio.wait_for(enough.wait(), max(0.0, pause))
        if enough.is_set():
            return
        clock = str(time.monotonic_ns())
        await mailbox.post(
            draft(sender, recipient, number, clock, options.octets),
            submission=SubmissionId(f"soak-{clock}"),
        )
        teller.tell("posted")


async def flush_steadily(file: TextIO) -> None:
    """Let the soak see what was told within a second."""
    while True:
        await asyncio.sleep(1)
        file.flush()


async def run(options: argparse.Namespace) -> None:
    """Receive, and send where told to, until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = read_settings(options.kit)
    with options.told.open("a", encoding="utf-8") as file:
        teller = Teller(file)
        async with Mailbox.open(settings) as mailbox, asyncio.TaskGroup() as tasks:
            working = [
                tasks.create_task(mailbox.run(teller.document, status=teller.status, receipt=teller.receipt)),
                tasks.create_task(flush_steadily(file)),
            ]
            await mailbox.consuming.wait()
            teller.tell("ready")
            if options.to:
                working.append(
                    tasks.create_task(send_steadily(mailbox, str(settings.broker.mailbox), options, teller))
                )
            await stop.wait()
            for each in working:
                each.cancel()


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kit", type=Path, required=True)
    parser.add_argument("--told", type=Path, required=True)
    parser.add_argument("--to", default="")
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--octets", type=int, default=10_000)
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
