"""An agency as a process of its own, for acceptance tests and the demo.

    python -m tests.support.agency_process --settings agency.toml
    python -m tests.support.agency_process --settings agency.toml --send 20 --size 10000 --from G22 --to H41

Without `--send` it consumes until SIGTERM. With `--send` it sends that many documents while it consumes,
waits for the signed decision on each, and ends (`--stay` goes on consuming; `--no-outcome` does not wait).
`--to` takes several codes, separated by commas.

The settings:

    [kit]                     # as adapters/kit/settings.py reads them: broker, mailbox, journal, keys …
    [agency]
    ledger = "ledger.jsonl"   # appended and synced line by line; relative to this file
    policy = "accept"         # accept | refuse | fail | raise | crash
    until_attempt = 2         # fail, raise: give back every attempt up to this one, accept the later ones
    crash_marker = "crashed"  # crash: SIGKILL in the first handler call, then accept (the file remembers it)
    seconds = 0.0             # wait so long in each handler call first
    statuses = ["01"]         # with which an accepted document is answered
    reason = "…"              # refuse

The ledger has one JSON object a line, each with `event`, `at` and what the event is about:

    ready     the process consumes
    offered   a handler call began: delivery_id, attempt, sender, recipient, lane, lane_number, document_id,
              digest
    handled   an effect was committed: the same as offered, and `effect`, the number of its row
    status    a status arrived: delivery_id, sender, document_id, status, description
    receipt   a receipt arrived: receipt_id, receipt_event, submission_id, message_id, digest, recipients,
              codes
    sent      a document was journalled and will go out: submission_id, document_id
    decided   the outcome is known: submission_id, receipt_event, codes

Effects are rows of the table `effects` in the journal, written in the handler's transaction and under no
unique key, so that a doubled effect would show; `handled` lines are copied from it, each row once, also after
a crash. Several processes on one journal need a ledger each, and each ledger then has all effects.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import uvloop

from adapters.kit.delivery import Accepted, Answer, ArrivedReceipt, ArrivedStatus, Delivery, Refused, Retry
from adapters.kit.draft import AttachmentDraft, DocumentDraft, Party, Signer
from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import settings_of
from adapters.kit.transaction import Transaction
from hub.message.edxml import StatusCode
from hub.message.identifiers import DocumentId, SubmissionId
from hub.message.receipt import Receipt

EFFECTS = (
    """
    CREATE TABLE IF NOT EXISTS effects (
        effect INTEGER PRIMARY KEY,
        delivery_id TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        sender TEXT NOT NULL,
        recipient TEXT NOT NULL,
        lane TEXT NOT NULL,
        lane_number INTEGER NOT NULL,
        document_id TEXT NOT NULL,
        digest TEXT NOT NULL
    ) STRICT
    """,
)
_PIECE = 1024 * 1024
_COLUMNS = "delivery_id, attempt, sender, recipient, lane, lane_number, document_id, digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What this agency does with documents."""

    policy: str = "accept"
    until_attempt: int = 1
    crash_marker: str = "crashed"
    seconds: float = 0.0
    statuses: tuple[str, ...] = ("01",)
    reason: str = "Văn bản không thuộc thẩm quyền của đơn vị"


class Ledger:
    """Appends JSON lines; a line that was written survives a power cut."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.last_effect = max((int(str(line.get("effect", 0))) for line in read_ledger(path)), default=0)

    def write(self, event: str, **fields: object) -> None:
        line = {"event": event, "at": datetime.now(UTC).isoformat(), **fields}
        os.write(self._descriptor, (json.dumps(line, ensure_ascii=False) + "\n").encode())
        os.fsync(self._descriptor)


def read_ledger(path: Path) -> list[dict[str, object]]:
    """Return the ledger's lines; a last one that a crash cut short is left out."""
    if not path.exists():
        return []
    lines = path.read_text("utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def read_effects(journal: Path) -> list[dict[str, object]]:
    """Return the committed effects of a journal, in their order: what a checker compares."""
    with contextlib.closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM effects ORDER BY effect")]


class Agency:
    """The handlers of one process."""

    def __init__(self, policy: Policy, ledger: Ledger, folder: Path) -> None:
        self._policy = policy
        self._ledger = ledger
        self._marker = folder / policy.crash_marker

    async def handle(self, delivery: Delivery, transaction: Transaction) -> Answer:
        fields = _fields(delivery)
        await asyncio.to_thread(_read_through, delivery)
        self._ledger.write("offered", **fields)
        await asyncio.sleep(self._policy.seconds)
        statuses = tuple(StatusCode(code) for code in self._policy.statuses)
        match self._policy.policy:
            case "refuse":
                transaction.execute(_insert_effect(), fields)
                return Refused(reason=self._policy.reason)
            case "fail" if delivery.consignment.attempt <= self._policy.until_attempt:
                return Retry(reason="hệ thống đang bảo trì")
            case "raise" if delivery.consignment.attempt <= self._policy.until_attempt:
                raise RuntimeError("the agency's own software failed")
            case "crash" if not self._marker.exists():
                self._marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        transaction.execute(_insert_effect(), fields)
        return Accepted(statuses=statuses)

    async def handle_status(self, status: ArrivedStatus, _transaction: Transaction) -> None:
        header = status.header
        self._ledger.write(
            "status",
            delivery_id=str(status.delivery_id),
            sender=header.sender,
            document_id=header.document_id,
            status=header.status.value,
            description=header.description,
        )

    async def handle_receipt(self, arrived: ArrivedReceipt, _transaction: Transaction) -> None:
        receipt = arrived.receipt
        self._ledger.write(
            "receipt",
            receipt_id=str(receipt.receipt_id),
            submission_id=receipt.submission_id,
            message_id=str(receipt.message_id),
            digest=receipt.digest.hex(),
            recipients=[subject.recipient for subject in receipt.subjects],
            **_decision(receipt),
        )

    async def copy_effects(self, mailbox: Mailbox) -> None:
        """Write each committed effect into the ledger, for ever."""
        while True:
            await self.copy_new_effects(mailbox)
            await asyncio.sleep(0.05)

    async def copy_new_effects(self, mailbox: Mailbox) -> None:
        since = self._ledger.last_effect
        rows = await mailbox.journal.write(
            lambda connection: connection.execute(
                f"SELECT effect, {_COLUMNS} FROM effects WHERE effect > ? ORDER BY effect", (since,)
            ).fetchall()
        )
        for row in rows:
            self._ledger.write("handled", **dict(zip(("effect", *_COLUMNS.split(", ")), row, strict=True)))
            self._ledger.last_effect = row[0]


def _insert_effect() -> str:
    places = ", ".join(f":{name}" for name in _COLUMNS.split(", "))
    return f"INSERT INTO effects ({_COLUMNS}) VALUES ({places})"


def _fields(delivery: Delivery) -> dict[str, object]:
    consignment = delivery.consignment
    return {
        "delivery_id": str(consignment.delivery_id),
        "attempt": consignment.attempt,
        "sender": consignment.sender,
        "recipient": consignment.recipient,
        "lane": consignment.lane,
        "lane_number": consignment.lane_number,
        "document_id": delivery.header.document_id,
        "digest": delivery.digest.hex(),
    }


def _read_through(delivery: Delivery) -> None:
    """Read all files of a delivery, as software does that stores them; a wrong one is nobody's document."""
    for each in delivery.attachments:
        with each.open() as file:
            assert hashlib.file_digest(file, "sha256").digest() == each.digest


def _decision(receipt: Receipt) -> dict[str, object]:
    return {
        "receipt_event": receipt.event.value,
        "codes": [violation.code.value for violation in receipt.violations],
    }


def drafts(
    count: int, *, size: int, sender: str, recipients: list[str], folder: Path
) -> Iterator[DocumentDraft]:
    """Yield documents with fresh ids and one attachment that makes each about *size* bytes long.

    A large one lies in *folder* and is never held in memory.
    """
    attachment = _attachment(max(1, (size - 3000) * 3 // 4), folder)
    for number in range(1, count + 1):
        document_id = DocumentId(f"{sender},{datetime.now(UTC):%Y/%m/%d},{uuid4()}")
        yield DocumentDraft(
            sender=Party(code=sender, name=f"Cơ quan {sender}"),
            recipients=tuple(Party(code=code, name=f"Cơ quan {code}") for code in recipients),
            document_id=document_id,
            code_number=str(number),
            code_notation="CV-TN",
            promulgated_on=date(2026, 5, 29),
            subject=f"V/v thử nghiệm liên thông, lần {number}",
            signer=Signer(full_name="Trần Thị Thử"),
            at=datetime.now(UTC),
            attachments=(attachment,),
        )


def _attachment(octets: int, folder: Path) -> AttachmentDraft:
    if octets <= _PIECE:
        return AttachmentDraft(name="van-ban.pdf", content=b"%PDF-1.4\n" + os.urandom(octets))
    path = folder / "van-ban.pdf"
    with path.open("wb") as file:
        file.write(b"%PDF-1.4\n")
        for _ in range(octets // _PIECE):
            file.write(os.urandom(_PIECE))
    return AttachmentDraft(name="van-ban.pdf", file=path)


async def _send(mailbox: Mailbox, ledger: Ledger, arguments: argparse.Namespace) -> None:
    sent: list[SubmissionId] = []
    for draft in drafts(
        arguments.send,
        size=arguments.size,
        sender=arguments.sender,
        recipients=arguments.to.split(","),
        folder=arguments.settings.parent,
    ):
        submission = await mailbox.post(draft)
        ledger.write("sent", submission_id=submission, document_id=draft.document_id)
        sent.append(submission)
    for submission in sent if arguments.outcome else ():
        receipt = await mailbox.outcome(submission)
        ledger.write("decided", submission_id=submission, **_decision(receipt))


async def _note_ready(mailbox: Mailbox, ledger: Ledger) -> None:
    await mailbox.consuming.wait()
    ledger.write("ready")


async def main(arguments: argparse.Namespace) -> None:
    table = tomllib.loads(arguments.settings.read_text("utf-8"))
    folder = arguments.settings.parent
    agency_table = table.get("agency", {})
    ledger = Ledger(folder / agency_table.pop("ledger", "ledger.jsonl"))
    agency = Agency(Policy(**agency_table), ledger, folder)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    async with (
        Mailbox.open(settings_of(table["kit"], folder), tables=EFFECTS) as mailbox,
        asyncio.TaskGroup() as tasks,
    ):
        running = [
            tasks.create_task(
                mailbox.run(agency.handle, status=agency.handle_status, receipt=agency.handle_receipt)
            ),
            tasks.create_task(agency.copy_effects(mailbox)),
            tasks.create_task(_note_ready(mailbox, ledger)),
        ]
        if arguments.send:
            running.append(tasks.create_task(_send(mailbox, ledger, arguments)))
            running[-1].add_done_callback(lambda _: None if arguments.stay else stop.set())
        await stop.wait()
        for task in running:
            task.cancel()
        await agency.copy_new_effects(mailbox)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="An agency as a process, for tests and the demo.")
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--send", type=int, default=0, metavar="COUNT")
    parser.add_argument("--size", type=int, default=10_000, metavar="BYTES")
    parser.add_argument("--from", dest="sender", default="", metavar="CODE")
    parser.add_argument("--to", default="", metavar="CODES")
    parser.add_argument("--stay", action="store_true")
    parser.add_argument("--no-outcome", dest="outcome", action="store_false")
    return parser.parse_args()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(parse_arguments()))
