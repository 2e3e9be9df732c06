"""The handlers of one recipient: they take documents as `conduct` says and write everything down."""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from adapters.kit.delivery import Accepted, Answer, ArrivedReceipt, ArrivedStatus, Delivery, Refused, Retry
from adapters.kit.mailbox import Mailbox
from adapters.kit.transaction import Transaction
from hub.message.edxml import StatusCode
from hub.message.identifiers import DeliveryId, agency_key
from tests.chaos import effects
from tests.chaos.conduct import Answering, Conduct, conduct
from tests.chaos.ledger import (
    Answered,
    Effected,
    Entry,
    GaveBack,
    Ledger,
    Offered,
    ReceiptArrived,
    StatusArrived,
    read_ledger,
)

How: TypeAlias = Literal["retry", "raised", "crashed"]
_LOOK_AGAIN = 0.1


class Failing(Exception):
    """The agency's own software failed, as was to be tried."""


class Desk:
    """One process's handlers."""

    def __init__(
        self, *, consumer: str, is_difficult: bool, register: effects.Register | None, ledger: Ledger
    ) -> None:
        """Do effects in *register*, or in the journal's transaction where there is none."""
        self._consumer = consumer
        self._is_difficult = is_difficult
        self._register = register
        self._ledger = ledger
        done = _effects_in(ledger.path)
        self._copied = max((each.ordinal for each in done), default=0)
        self._reported = ledger.path.with_suffix(".reported")
        self._to_report = deque(self._unreported(done))

    async def take_document(self, delivery: Delivery, transaction: Transaction) -> Answer:
        """Take, refuse, give back or die."""
        attempt = delivery.consignment.attempt
        await self._write(
            Offered(
                delivery_id=delivery.delivery_id,
                recipient=delivery.recipient,
                attempt=attempt,
                consumer=self._consumer,
            )
        )
        wanted = conduct(delivery.delivery_id, attempt, is_difficult=self._is_difficult)
        await asyncio.sleep(wanted.seconds)
        match wanted.answering:
            case Answering.REFUSE:
                await self._answers(delivery, StatusCode.REFUSED)
                return Refused(reason="Văn bản không thuộc thẩm quyền của đơn vị")
            case Answering.RETRY:
                await self._gives_back(delivery, "retry")
                return Retry(reason="hệ thống đang bảo trì")
            case Answering.RAISE:
                await self._gives_back(delivery, "raised")
                raise Failing(f"attempt {attempt}")
            case Answering.CRASH:
                await self._die_once(delivery)
            case Answering.ACCEPT:
                pass
        return await self._accept(delivery, wanted, transaction)

    async def take_status(self, status: ArrivedStatus, _transaction: Transaction) -> None:
        """Write down what a recipient says."""
        await self._write(
            StatusArrived(
                delivery_id=status.delivery_id,
                reported_by=agency_key(status.header.sender),
                document_id=status.header.document_id,
                code=status.header.status,
            )
        )

    async def take_receipt(self, arrived: ArrivedReceipt, _transaction: Transaction) -> None:
        """Write down what the hub has signed."""
        await self._write(ReceiptArrived.of(arrived.receipt))

    async def copy_for_ever(self, mailbox: Mailbox) -> None:
        """Copy committed effects into the ledger, and report what is to be reported later."""
        while True:
            await self.copy_new_effects(mailbox)
            while self._to_report:
                await self._report(mailbox, self._to_report.popleft())
            await asyncio.sleep(_LOOK_AGAIN)

    async def copy_new_effects(self, mailbox: Mailbox) -> None:
        """Write down each effect that this process did, once, also after a crash."""
        consumer, copied = self._consumer, self._copied
        if self._register is None:
            done = await mailbox.journal.write(
                lambda connection: effects.read(connection, consumer=consumer, after=copied)
            )
        else:
            done = await asyncio.to_thread(self._register.read, consumer=consumer, after=copied)
        self._ledger.append(*done)  # at once: a cancellation in between would let them be copied again
        self._copied = max((each.ordinal for each in done), default=copied)
        self._to_report += self._unreported(done)

    def _unreported(self, done: Sequence[Effected]) -> list[Effected]:
        told = set(self._reported.read_text("ascii").split()) if self._reported.exists() else set()
        later = (each for each in done if str(each.delivery_id) not in told)
        return [each for each in later if self._reports_later(each.delivery_id)]

    def _reports_later(self, delivery_id: DeliveryId) -> bool:
        return conduct(delivery_id, 1, is_difficult=self._is_difficult).reports_later

    async def _report(self, mailbox: Mailbox, effect: Effected) -> None:
        """Report, and remember it afterwards: who dies in between reports once more."""
        finished = StatusCode.FINISHED
        await self._write(
            Answered(
                delivery_id=effect.delivery_id,
                recipient=effect.recipient,
                code=finished,
                attempt=effect.attempt,
            )
        )
        await mailbox.report(effect.delivery_id, finished)
        with self._reported.open("a", encoding="ascii") as file:
            file.write(f"{effect.delivery_id}\n")

    async def _accept(self, delivery: Delivery, wanted: Conduct, transaction: Transaction) -> Answer:
        await self._answers(delivery, *wanted.statuses)
        row = effects.row_of(delivery, self._consumer)
        if self._register is None:
            transaction.execute(effects.INSERT, row)
        else:
            await asyncio.to_thread(self._register.write, row)
        return Accepted(statuses=wanted.statuses)

    async def _write(self, *entries: Entry) -> None:
        """Write *entries* down; whoever waits for the disk does not hold up the others."""
        await asyncio.to_thread(self._ledger.append, *entries)

    async def _answers(self, delivery: Delivery, *codes: StatusCode) -> None:
        await self._write(
            *(
                Answered(
                    delivery_id=delivery.delivery_id,
                    recipient=delivery.recipient,
                    code=code,
                    attempt=delivery.consignment.attempt,
                )
                for code in codes
            )
        )

    async def _gives_back(self, delivery: Delivery, how: How) -> None:
        await self._write(
            GaveBack(
                delivery_id=delivery.delivery_id,
                recipient=delivery.recipient,
                attempt=delivery.consignment.attempt,
                how=how,
                consumer=self._consumer,
            )
        )

    async def _die_once(self, delivery: Delivery) -> None:
        """Die of *delivery*, unless it has killed this agency before."""
        marker = self._ledger.path.with_name(f"died-of-{delivery.delivery_id}")
        if not marker.exists():
            await self._gives_back(delivery, "crashed")
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def _effects_in(ledger: Path) -> list[Effected]:
    return [entry for entry in read_ledger(ledger) if isinstance(entry, Effected)]
