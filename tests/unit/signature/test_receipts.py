from datetime import timedelta

import pytest
from signxml.verifier import SignatureConfiguration, XMLVerifier

from hub.errors import MessageRejected, RejectionCode
from hub.message.receipt import Receipt
from hub.message.receipt_sheet import MAX_OCTETS as MAX_SHEET
from hub.message.receipt_sheet import MAX_RECEIPTS, write_sheets
from hub.message.receipt_xml import (
    RECEIPT_NAMESPACE,
    read_receipts,
    write_content,
    write_receipt,
    write_sheet,
)
from hub.signature.receipts import MAX_OCTETS, verify_receipts
from hub.signature.signing import sign_envelope, sign_receipt
from tests.support.authority import AT, LIFETIME, SINCE, agency_signing_key, session_anchors
from tests.support.edxml import envelope
from tests.support.receipts import a_failure, a_receipt, another

HUB = agency_signing_key("HUB")
SHEET = (a_receipt(), another(a_failure()))
FIRST, SECOND = (b"<Receipt>%s</Receipt>" % write_content(each) for each in SHEET)


def a_sheet() -> bytes:
    (sheet,) = write_sheets(SHEET)
    return sign_receipt(sheet.body, HUB)


def signed() -> bytes:
    return sign_receipt(write_receipt(a_receipt()), HUB)


def verified(body: bytes) -> tuple[Receipt, ...]:
    return verify_receipts(body, anchors=session_anchors(), hub_certificates={HUB.fingerprint}, at=AT)


def refused(body: bytes) -> RejectionCode:
    with pytest.raises(MessageRejected) as refusal:
        verify_receipts(body, anchors=session_anchors(), hub_certificates={HUB.fingerprint}, at=AT)
    return refusal.value.code


def test_a_receipt_says_what_the_hub_signed() -> None:
    assert verified(signed()) == (a_receipt(),)


def test_a_sheet_says_everything_that_the_hub_signed() -> None:
    assert verified(a_sheet()) == SHEET


def test_an_independent_library_says_the_same_of_a_sheet() -> None:
    location = SignatureConfiguration(location="./", verification_time=AT)

    verdict = XMLVerifier().verify(a_sheet(), x509_cert=HUB.certificate, expect_config=location)

    assert not isinstance(verdict, list)
    assert read_receipts(verdict.signed_xml) == SHEET


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"SubmissionAcceptance", b"ContentHandover"),
        (FIRST, b""),
        (FIRST, FIRST * 2),
        (FIRST + SECOND, SECOND + FIRST),
        (b"</Receipt><ds:Signature", b"</Receipt><Receipt/><ds:Signature"),
        (b"</Receipts>", b" </Receipts>"),
    ],
    ids=["altered", "removed", "doubled", "in another order", "added", "a space"],
)
def test_a_sheet_that_was_changed_after_signing_proves_nothing(before: bytes, after: bytes) -> None:
    body = a_sheet().replace(before, after)

    assert body != a_sheet()
    assert refused(body) is RejectionCode.HASH_FAILURE


def test_a_receipt_cut_out_of_a_sheet_proves_nothing() -> None:
    signature = a_sheet()[a_sheet().index(b"<ds:Signature ") :].replace(b"</Receipts>", b"")
    alone = write_receipt(a_receipt()).replace(b"</Receipt>", signature + b"</Receipt>")

    assert refused(alone) is RejectionCode.HASH_FAILURE


def test_a_signed_receipt_inside_a_sheet_makes_no_sheet() -> None:
    inner = signed().partition(b"?>\n")[2]
    body = b'<Receipts xmlns="%s">%s%s</Receipts>' % (RECEIPT_NAMESPACE.encode(), FIRST, inner)

    assert refused(body) is RejectionCode.SIGNATURE_MISPLACED


def test_a_signed_sheet_inside_another_makes_no_sheet() -> None:
    inner = a_sheet().partition(b"?>\n")[2]
    body = b'<Receipts xmlns="%s">%s</Receipts>' % (RECEIPT_NAMESPACE.encode(), inner)

    assert refused(body) is RejectionCode.SIGNATURE_MISPLACED


def test_a_sheet_under_two_signatures_proves_nothing() -> None:
    body = a_sheet()
    start = body.index(b"<ds:Signature ")
    signature = body[start:].replace(b"</Receipts>", b"")

    assert refused(body[:start] + signature + body[start:]) is RejectionCode.SIGNATURE_MISPLACED


def test_a_sheet_that_calls_itself_a_receipt_proves_nothing() -> None:
    renamed = sign_receipt(write_sheet([write_content(a_receipt())]).replace(b"Receipt>", b"Receipts>"), HUB)

    assert refused(renamed) is RejectionCode.NOT_WELL_FORMED
    body = a_sheet().replace(b"<Receipts ", b"<Receipt ").replace(b"</Receipts>", b"</Receipt>")
    assert refused(body) is RejectionCode.HASH_FAILURE


def test_a_sheet_of_what_is_no_receipt_is_refused_though_the_hub_signed_it() -> None:
    body = sign_receipt(b'<Receipts xmlns="%s"></Receipts>' % RECEIPT_NAMESPACE.encode(), HUB)

    assert refused(body) is RejectionCode.SCHEMA_VIOLATION


def test_the_largest_sheet_is_small_enough_to_be_verified() -> None:
    receipts = [another(a_receipt(), number) for number in range(MAX_RECEIPTS)]
    (sheet,) = write_sheets(receipts)

    assert verified(sign_receipt(sheet.body, HUB)) == tuple(receipts)
    assert MAX_SHEET + 50_000 < MAX_OCTETS


def test_a_changed_receipt_proves_nothing() -> None:
    body = signed().replace(b"SubmissionAcceptance", b"ContentHandover")

    assert refused(body) is RejectionCode.HASH_FAILURE


def test_an_unsigned_receipt_proves_nothing() -> None:
    body = signed()
    start, end = body.index(b"<ds:Signature "), body.index(b"</ds:Signature>") + len(b"</ds:Signature>")

    assert refused(body[:start] + body[end:]) is RejectionCode.NO_SIGNATURE


def test_a_receipt_of_somebody_else_proves_nothing() -> None:
    body = sign_receipt(write_receipt(a_receipt()), agency_signing_key("H41"))

    assert refused(body) is RejectionCode.CERTIFICATE_NOT_REGISTERED


def test_a_signed_envelope_is_no_receipt() -> None:
    assert refused(sign_envelope(envelope(), HUB)) is RejectionCode.SIGNATURE_MISPLACED


def test_a_receipt_from_the_archive_is_judged_at_its_own_time() -> None:
    late = SINCE + LIFETIME + timedelta(days=1)

    with pytest.raises(MessageRejected, match="expired"):
        verify_receipts(signed(), anchors=session_anchors(), hub_certificates={HUB.fingerprint}, at=late)
    assert verify_receipts(
        signed(), anchors=session_anchors(), hub_certificates={HUB.fingerprint}, at=a_receipt().issued_at
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", RejectionCode.NOT_WELL_FORMED),
        (b"<Receipt>", RejectionCode.NOT_WELL_FORMED),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", RejectionCode.FORBIDDEN_XML),
        (b" " * (MAX_OCTETS + 1), RejectionCode.MESSAGE_TOO_LARGE),
    ],
)
def test_what_is_no_xml_is_refused_before_it_is_looked_at(body: bytes, code: RejectionCode) -> None:
    assert refused(body) is code
