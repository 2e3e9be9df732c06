from time import process_time

import pytest

from hub.catalogue import Catalogue
from hub.errors import RejectionCode
from hub.intake.reject import reject
from hub.intake.validate import ContentLimits, examine
from hub.message.edxml import DocumentHeader, Header
from hub.message.edxml_elements import outline
from hub.message.edxml_reading import find_header
from hub.message.refusal import violation
from tests.support.envelopes import a_document
from tests.support.stages import received, verified

A_VIOLATION = violation(RejectionCode.NO_RECIPIENT, path="/edXML", rule="1.2")


def header_of(body: bytes) -> Header:
    header = find_header(outline(verified(body).signed_tree))
    assert header is not None
    return header


def test_a_refusal_repeats_who_sent_what() -> None:
    body = a_document().from_("000.00.00.G22").identified_by("G22,2026/01/02,7").unsigned()

    refusal = reject(received(body), [A_VIOLATION], header_of(body))

    assert refusal.sender == "G22"
    assert refusal.header is not None
    assert refusal.header.document_id == "G22,2026/01/02,7"


@pytest.mark.parametrize(
    "body",
    [
        a_document().identified_by("x" * 200_000).unsigned(),
        a_document().from_("X" * 200_000).unsigned(),
    ],
    ids=["document id", "sender"],
)
def test_codes_that_no_key_could_hold_are_not_repeated(body: bytes) -> None:
    refusal = reject(received(body), [A_VIOLATION], header_of(body))

    assert (refusal.sender, refusal.header) == (None, None)


def test_a_subject_is_kept_in_part() -> None:
    body = a_document().about("x" * 1_000_000).unsigned()

    refusal = reject(received(body), [A_VIOLATION], header_of(body))

    assert isinstance(refusal.header, DocumentHeader)
    assert len(refusal.header.subject) == 1_000


def test_a_receipt_does_not_grow_with_the_number_of_mistakes() -> None:
    refusal = reject(received(b"<edXML/>"), [A_VIOLATION] * 20_000)

    assert len(refusal.violations) == 600


def test_thousands_of_broken_attachments_cost_little_time() -> None:
    enclosed = b"<AttachmentEncoded>"
    body = a_document().unsigned()
    assert enclosed in body
    tree = verified(body.replace(enclosed, enclosed + b"<Attachment/>" * 9_000))

    began = process_time()
    examined = examine(tree, Catalogue(), ContentLimits())

    assert len(examined.violations) > 9_000
    assert process_time() - began < 10
