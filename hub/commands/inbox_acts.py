"""What `truc inbox` does, with the kit and nothing else."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from adapters.kit.delivery import (
    Accepted,
    Answer,
    Arrival,
    ArrivedReceipt,
    ArrivedStatus,
    Delivery,
    Refused,
    Retry,
)
from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import read_settings
from adapters.kit.transaction import Transaction
from hub.commands import shown
from hub.commands.mailbox_file import kit_file_of
from hub.errors import TemporaryFailure
from hub.message.edxml import StatusCode

QUIET_SECONDS: Final = 2.0
"""So long after the last arrival the queue counts as empty."""
BROKER_SECONDS: Final = 20.0
"""So long the broker may take to let us read."""
_TAKEN: Final = (StatusCode.ARRIVED, StatusCode.ACCEPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to do with what arrives."""

    follow: bool = False
    refuse: str | None = None
    hand_back: str | None = None
    save: Path | None = None
    patience: float = BROKER_SECONDS
    as_json: bool = False

    def answer(self) -> Answer:
        """Return how documents are answered."""
        if self.refuse is not None:
            return Refused(reason=self.refuse)
        if self.hand_back is not None:
            return Retry(reason=self.hand_back)
        return Accepted(statuses=_TAKEN)


async def receive(home: Path | None, kit: Path | None, code: str, wanted: Wanted) -> int:
    """Receive until nothing more comes, or until cancelled; returns how many arrived."""
    settings = read_settings(kit or await kit_file_of(home, code))
    desk = _Desk(wanted)
    async with Mailbox.open(settings) as mailbox:
        receiving = asyncio.create_task(
            mailbox.run(desk.document, status=desk.status, receipt=desk.receipt), name="inbox"
        )
        try:
            if wanted.follow:
                await receiving
            else:
                await _until_consuming(mailbox, receiving, wanted.patience)
                await _until_quiet(receiving, desk)
        finally:
            receiving.cancel()
            with suppress(asyncio.CancelledError):
                await receiving
    if not desk.count and not wanted.as_json:
        shown.say(f"nothing waits for {settings.mailbox}")
    return desk.count


async def _until_consuming(mailbox: Mailbox, receiving: asyncio.Task[None], patience: float) -> None:
    """Return once the queue is read: before that, silence does not mean that it is empty."""
    consuming = asyncio.create_task(mailbox.consuming.wait(), name="inbox consuming")
    await asyncio.wait([consuming, receiving], timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    consuming.cancel()
    if not mailbox.consuming.is_set() and not receiving.done():
        raise TemporaryFailure(f"the broker has not answered within {patience:.0f} seconds")


async def _until_quiet(receiving: asyncio.Task[None], desk: "_Desk") -> None:
    before = -1
    while before != desk.count and not receiving.done():
        before = desk.count
        await asyncio.wait([receiving], timeout=QUIET_SECONDS)
    if receiving.done():
        await receiving


class _Desk:
    """Shows what arrives, keeps it where that is wanted, and answers."""

    def __init__(self, wanted: Wanted) -> None:
        self.count = 0
        self._wanted = wanted

    async def document(self, delivery: Delivery, _transaction: Transaction) -> Answer:
        answer = self._wanted.answer()
        self._show(delivery, f"document {delivery.header.document_id}", delivery.header.subject)
        if self._wanted.save is not None:
            await asyncio.to_thread(_save_document, self._wanted.save, delivery)
        return answer

    async def status(self, status: ArrivedStatus, _transaction: Transaction) -> None:
        header = status.header
        self._show(status, f"status {header.status.value} about {header.document_id}", header.description)

    async def receipt(self, arrived: ArrivedReceipt, _transaction: Transaction) -> None:
        receipt = arrived.receipt
        about = receipt.document_id or receipt.submission_id
        told = (
            "; ".join(f"{each.code}: {each.vi} / {each.en}" for each in receipt.violations)
            or receipt.cause
            or ""
        )
        self._show(arrived, f"{receipt.event.value} of {about}", told)
        if self._wanted.save is not None:
            await asyncio.to_thread(
                _write, self._wanted.save / f"receipt-{arrived.sheet_id}.xml", arrived.body
            )

    def _show(self, arrival: Arrival, what: str, text: str) -> None:
        self.count += 1
        now = datetime.now(UTC)
        consignment = arrival.consignment
        if self._wanted.as_json:
            record = {
                "at": now,
                "what": what,
                "text": text,
                "consignment": consignment,
                "content": _content(arrival),
            }
            shown.say(json.dumps(shown.plain(record), ensure_ascii=False))
            return
        parties = f"{consignment.sender or 'hub'} → {consignment.recipient}"
        shown.say(f"{shown.instant(now)}  {parties}  {what}" + (f"\n    {text}" if text else ""))


def _content(arrival: Arrival) -> object:
    match arrival:
        case Delivery():
            files = [
                {"name": each.name, "type": each.content_type, "octets": len(each.content)}
                for each in arrival.attachments
            ]
            return {"header": arrival.header, "attachments": files}
        case ArrivedStatus():
            return arrival.header
        case ArrivedReceipt():
            return arrival.receipt


def _save_document(folder: Path, delivery: Delivery) -> None:
    place = folder / str(delivery.delivery_id)
    _write(place / "envelope.edxml", delivery.body)
    for number, attachment in enumerate(delivery.attachments, start=1):
        # The name is the sender's: only its last part, and a number before it, reach the disk.
        _write(place / f"{number}-{Path(attachment.name).name}", attachment.content)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
