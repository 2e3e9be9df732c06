import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import psutil
import pytest

from hub.message.edxml import MessageKind
from hub.message.identifiers import AgencyKey, MailboxName, MessageId, ReceiptId, SubmissionId, digest_of
from hub.message.receipt import Receipt, ReceiptEvent, ReceiptSubject
from tests.benchmarks.checking import BenchFailed, Expected, Found, _check_documents, _check_receipts
from tests.benchmarks.processor_time import seconds_of

BODIES = (b"one", b"two", b"three")
RECIPIENT = AgencyKey("H41")
EXPECTED = Expected(
    digests={SubmissionId(body.decode()): digest_of(body) for body in BODIES}, recipients=(RECIPIENT,)
)
ACCEPTANCE, CONSIGNMENT = ReceiptEvent.SUBMISSION_ACCEPTANCE, ReceiptEvent.CONTENT_CONSIGNMENT


def deliveries(*bodies: bytes) -> list[Found]:
    return [
        Found(
            kind=MessageKind.DOCUMENT,
            delivery_id=str(uuid4()),
            digest=digest_of(body),
            octets=len(body),
            body=b"",
        )
        for body in bodies
    ]


def receipts(event: ReceiptEvent, bodies: Sequence[bytes]) -> list[Receipt]:
    return [
        Receipt(
            receipt_id=ReceiptId(uuid4()),
            event=event,
            issued_at=datetime.now(UTC),
            mailbox=MailboxName("G22"),
            submission_id=SubmissionId(body.decode()),
            message_id=MessageId(uuid4()),
            digest=digest_of(body),
            sender=AgencyKey("G22"),
            document_id=None,
            subjects=(ReceiptSubject(recipient=RECIPIENT),),
        )
        for body in bodies
    ]


def test_a_complete_load_passes() -> None:
    _check_documents(deliveries(*BODIES), EXPECTED, RECIPIENT)
    _check_receipts([*receipts(ACCEPTANCE, BODIES), *receipts(CONSIGNMENT, BODIES)], EXPECTED)


def test_a_lost_document_fails_the_bench() -> None:
    with pytest.raises(BenchFailed, match="short of 1"):
        _check_documents(deliveries(*BODIES[1:]), EXPECTED, RECIPIENT)


def test_a_document_in_two_deliveries_fails_the_bench() -> None:
    with pytest.raises(BenchFailed, match="has 1 that it should not"):
        _check_documents(deliveries(*BODIES, BODIES[0]), EXPECTED, RECIPIENT)


def test_a_delivery_that_comes_twice_fails_the_bench() -> None:
    found = deliveries(*BODIES)

    with pytest.raises(BenchFailed, match="a delivery twice"):
        _check_documents([*found, found[0]], EXPECTED, RECIPIENT)


def test_a_document_that_was_altered_fails_the_bench() -> None:
    with pytest.raises(BenchFailed, match="short of 1 documents and has 1"):
        _check_documents(deliveries(*BODIES[1:], b"One"), EXPECTED, RECIPIENT)


@pytest.mark.parametrize("event", [ACCEPTANCE, CONSIGNMENT])
def test_a_missing_receipt_fails_the_bench(event: ReceiptEvent) -> None:
    complete = {ACCEPTANCE: BODIES, CONSIGNMENT: BODIES}
    short = {**complete, event: BODIES[1:]}

    with pytest.raises(BenchFailed, match=r"1 .* are missing"):
        _check_receipts([each for one, bodies in short.items() for each in receipts(one, bodies)], EXPECTED)


def test_a_receipt_about_other_bytes_fails_the_bench() -> None:
    with pytest.raises(BenchFailed, match="nobody submitted"):
        _check_receipts(receipts(ACCEPTANCE, [b"four"]), EXPECTED)


def test_a_failure_receipt_fails_the_bench() -> None:
    with pytest.raises(BenchFailed, match="ContentConsignmentFailure"):
        _check_receipts(receipts(ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE, BODIES), EXPECTED)


def test_the_processor_time_of_children_that_have_ended_counts() -> None:
    pid = psutil.Process().pid
    before = seconds_of(pid)

    subprocess.run([sys.executable, "-c", "while __import__('time').process_time() < 0.3: pass"], check=True)

    assert seconds_of(pid) - before >= 0.25  # the kernel counts in ticks
