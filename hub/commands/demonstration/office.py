"""An agency's software in the story: the kit, a memory of what arrived, and a switch to let it fail."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, Self

from adapters.kit.delivery import Accepted, Answer, ArrivedReceipt, ArrivedStatus, Delivery, Retry
from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import KitSettings
from adapters.kit.transaction import Transaction
from hub.commands.demonstration.checks import StoryBroken
from hub.message.identifiers import AgencyKey, DocumentId, SubmissionId, agency_key
from hub.message.receipt import Receipt, ReceiptEvent

PATIENCE_SECONDS: Final = 30.0


class Office:
    """Receives everything for its mailbox; accepts documents unless it is broken."""

    def __init__(self, name: str, mailbox: Mailbox) -> None:
        """Speak through *mailbox*; `open` makes one and receives."""
        self.name = name
        self.mailbox: Final = mailbox
        self.documents: list[Delivery] = []
        self.statuses: list[ArrivedStatus] = []
        self.receipts: list[Receipt] = []
        self.broken_because: str | None = None
        self.refused_attempts: list[int] = []
        self._news = asyncio.Condition()
        self._receiving: asyncio.Task[None] | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, name: str, settings: KitSettings) -> AsyncIterator[Self]:
        """Open the mailbox and receive until the end of the block."""
        async with Mailbox.open(settings) as mailbox:
            office = cls(name, mailbox)
            office._receiving = receiving = asyncio.create_task(
                mailbox.run(office._document, status=office._status, receipt=office._receipt)
            )
            try:
                yield office
            finally:
                receiving.cancel()
                with suppress(asyncio.CancelledError):
                    await receiving

    async def until(self, what: str, came: Callable[[], bool]) -> None:
        """Wait until *came*; raises `StoryBroken` where it does not come in time."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._news:
                while not came():
                    await self._await_news()
        except TimeoutError:
            raise StoryBroken(f"{self.name} waited {PATIENCE_SECONDS:.0f} s for {what} in vain") from None

    def reports_about(self, document: DocumentId) -> set[tuple[AgencyKey, str]]:
        """Return who has reported which status about *document*."""
        return {
            (agency_key(each.header.sender), each.header.status.value)
            for each in self.statuses
            if each.header.document_id == document
        }

    def receipts_of(self, submission: SubmissionId, event: ReceiptEvent) -> list[Receipt]:
        """Return the receipts of *event* about *submission*."""
        return [each for each in self.receipts if (each.submission_id, each.event) == (submission, event)]

    def attested(self, submission: SubmissionId, event: ReceiptEvent) -> set[AgencyKey]:
        """Return the recipients for whom the hub attested *event*."""
        return {about.recipient for each in self.receipts_of(submission, event) for about in each.subjects}

    async def _await_news(self) -> None:
        if self._receiving is not None and self._receiving.done():
            await self._receiving
            raise StoryBroken(f"{self.name} stopped receiving")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), 1.0)

    async def _document(self, delivery: Delivery, _transaction: Transaction) -> Answer:
        if self.broken_because is not None:
            self.refused_attempts.append(delivery.consignment.attempt)
            await self._tell()
            return Retry(reason=self.broken_because)
        self.documents.append(delivery)
        await self._tell()
        return Accepted()

    async def _status(self, status: ArrivedStatus, _transaction: Transaction) -> None:
        self.statuses.append(status)
        await self._tell()

    async def _receipt(self, arrived: ArrivedReceipt, _transaction: Transaction) -> None:
        self.receipts.append(arrived.receipt)
        await self._tell()

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()
