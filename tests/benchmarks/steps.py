"""What each check costs by itself: processor time of one thread, without broker and database."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

from hub.backends.clock import SystemClock
from hub.backends.postgres.pool import Database
from hub.backends.postgres.registry import PostgresRegistry
from hub.bootstrap import hub_key, intake_line
from hub.intake.authorize import authorize
from hub.intake.line import IntakeLine
from hub.intake.parse import parse
from hub.intake.validate import validate
from hub.intake.verify import verify
from hub.message.content_digest import content_digest
from hub.message.decision import Admit
from hub.message.directory import Directory
from hub.message.edxml_elements import outline
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    MailboxName,
    MessageId,
    ReceiptId,
    SubmissionId,
    digest_of,
)
from hub.message.receipt import Receipt, ReceiptEvent, ReceiptSubject
from hub.message.receipt_xml import write_receipt
from hub.message.stages import ReceivedMessage
from hub.settings import Settings
from hub.signature.profile import ENVELOPE
from hub.signature.signing import SigningKey, sign_receipt
from hub.signature.verification import verify_signature
from tests.benchmarks.checking import BenchFailed
from tests.benchmarks.place import Place

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """The line and what it needs to know, as a hub process of this axis has them."""

    line: IntakeLine
    directory: Directory
    key: SigningKey
    mailbox: MailboxName

    def costs(self, bodies: Sequence[bytes]) -> dict[str, float]:
        """Return the milliseconds of each step for one of *bodies*: the median over them."""
        line, catalogue = self.line, self.line.catalogue
        received = [self._received(body) for body in bodies]
        self._examine(received[0])
        parsed = [parse(each, line.parse_limits) for each in received]
        verified = [verify(each, line.anchors) for each in parsed]
        valid = [validate(each, catalogue, line.content_limits) for each in verified]
        again = iter([parse(each, line.parse_limits) for each in received])  # verifying takes trees apart
        fresh = iter([parse(each, line.parse_limits) for each in received])
        return {
            "parse_bare": _cost(received, lambda each: parse_hardened(each.body)),
            "parse": _cost(received, lambda each: parse(each, line.parse_limits)),
            "verify_signature": _cost(
                received, lambda _: verify_signature(next(fresh).tree, location=ENVELOPE)
            ),
            "verify": _cost(received, lambda _: verify(next(again), line.anchors)),
            "xsd": _cost(verified, lambda each: catalogue.violations(each.signed_tree)),
            "content_digest": _cost(
                valid, lambda each: content_digest(outline(each.verified.signed_tree), each.attachments)
            ),
            "validate": _cost(verified, lambda each: validate(each, catalogue, line.content_limits)),
            "authorize": _cost(valid, lambda each: authorize(each, self.directory)),
            "sign_receipt": _cost(
                received, lambda each: sign_receipt(write_receipt(_receipt(each)), self.key)
            ),
            "intake_line": _cost(received, self._examine),
        }

    def _examine(self, received: ReceivedMessage) -> None:
        decided = self.line.examine(received, self.directory)
        if not isinstance(decided, Admit):
            raise BenchFailed(f"the line did not admit a document: {decided!r:.500}")

    def _received(self, body: bytes) -> ReceivedMessage:
        return ReceivedMessage(
            body=body,
            digest=digest_of(body),
            mailbox=self.mailbox,
            submission_id=SubmissionId(str(uuid4())),
            transport_id="",
            reported_delivery=None,
            received_at=datetime.now(UTC),
        )


async def checks_of(place: Place) -> Checks:
    """Build the checks with the settings and the registry of *place*."""
    settings: Settings = place.axis.settings()
    database = await Database.open(settings.postgres_dsn.get_secret_value(), name="truc bench", size=1)
    try:
        registry = PostgresRegistry(database, clock=SystemClock(), max_age=settings.registry_interval)
        directory = await registry.directory()
    finally:
        await database.close()
    return Checks(
        line=intake_line(settings),
        directory=directory,
        key=hub_key(settings),
        mailbox=place.sender.mailbox,
    )


def _cost(items: Sequence[Item], act: Callable[[Item], object]) -> float:
    taken = []
    for item in items:
        before = time.thread_time()
        act(item)
        taken.append(1000 * (time.thread_time() - before))
    return statistics.median(taken)


def _receipt(received: ReceivedMessage) -> Receipt:
    return Receipt(
        receipt_id=ReceiptId(uuid4()),
        event=ReceiptEvent.CONTENT_CONSIGNMENT,
        issued_at=received.received_at,
        mailbox=received.mailbox,
        submission_id=received.submission_id,
        message_id=MessageId(uuid4()),
        digest=received.digest,
        sender=AgencyKey(received.mailbox),
        document_id=None,
        subjects=(
            ReceiptSubject(
                recipient=AgencyKey("H41"), delivery_id=DeliveryId(uuid4()), lane_number=1, attempt=1
            ),
        ),
    )
