"""A file of evidence as the axis writes it, made without an axis."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from uuid import UUID

from asn1crypto import tsp
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from hub.evidence import chain, container, members
from hub.evidence.chain import EventRow
from hub.evidence.judge import Trust
from hub.evidence.members import SealedEvent
from hub.message.edxml import StatusCode
from hub.message.identifiers import AgencyCode, AgencyKey, DeliveryId, MessageId, ReceiptId, digest_of
from hub.message.receipt import Receipt, ReceiptEvent, ReceiptSubject
from hub.message.receipt_sheet import write_sheets
from hub.signature.signing import SigningKey, sign_envelope, sign_receipt
from hub.signature.stamp_asking import StampInquiry
from hub.signature.stamp_issuing import answer_stamp_request
from hub.signature.status_authority import Revoked, StatusAuthority
from tests.support.envelopes import a_document, a_status
from tests.support.receipts import a_receipt

AT = datetime(2026, 5, 30, 2, 15, 4, tzinfo=UTC)
DOCUMENT_ID = "G22,2026/05/30,12/VPCP-TH"
MESSAGE = MessageId(UUID(int=2))
DELIVERY = DeliveryId(UUID(int=3))
STATUS = MessageId(UUID(int=4))


@cache
def authority() -> StatusAuthority:
    return StatusAuthority.create("Trục test CA", "http://127.0.0.1:9", AT - timedelta(days=400))


@cache
def key_of(code: str) -> SigningKey:
    since = AT - timedelta(days=30)
    return authority().issue(agency_code=AgencyCode(code), name=f"Agency {code}", at=since, key_type="ec")


@cache
def document() -> bytes:
    return sign_envelope(a_document().identified_by(DOCUMENT_ID).to("H41").unsigned(), key_of("G22"))


@cache
def status(sender: str = "H41", document_id: str = DOCUMENT_ID) -> bytes:
    written = a_status(StatusCode.ARRIVED).from_(sender).for_(document_id, sent_by="G22")
    return sign_envelope(written.unsigned(), key_of(sender))


@cache
def sheet(*events: ReceiptEvent, by: str = "TRUC", body: bytes | None = None) -> bytes:
    """Sign receipts about the document, together with one about another document of its sender."""
    about = [_receipt(number, event, body or document()) for number, event in enumerate(events, start=1)]
    beside = _receipt(99, ReceiptEvent.SUBMISSION_ACCEPTANCE, b"another")
    (written,) = write_sheets([*about, beside])
    return sign_receipt(written.body, key_of(by))


def _receipt(number: int, event: ReceiptEvent, body: bytes) -> Receipt:
    return replace(
        a_receipt(),
        receipt_id=ReceiptId(UUID(int=number)),
        event=event,
        issued_at=AT + timedelta(seconds=number),
        message_id=MESSAGE,
        digest=digest_of(body),
        sender=AgencyKey("G22"),
        subjects=(ReceiptSubject(recipient=AgencyKey("H41"), delivery_id=DELIVERY),),
    )


def events() -> bytes:
    sealed, before = [], sha256(b"what was sealed earlier").digest()
    for number, name in enumerate(("document.accepted", "delivery.consigned", "delivery.reported"), start=7):
        row = EventRow(
            event_id=number,
            at=AT + timedelta(microseconds=number),
            name=name,
            message_id=MESSAGE,
            delivery_id=DELIVERY,
            detail='{"attempt": 1}',
        )
        after = chain.link(before, chain.leaf(chain.canonical(row)))
        sealed.append(SealedEvent(row=row, position=number, before=before, link=after))
        before = after
    return members.write_events(iter(sealed))


@cache
def crl(revoked: str | None = None, *, of_root: bool = False) -> bytes:
    serials = {} if revoked is None else {key_of(revoked).certificate.serial_number: Revoked(at=AT)}
    return authority().crl(serials, AT - timedelta(hours=1), number=1, of_root=of_root)


@cache
def response(code: str, *, revoked: bool = False) -> bytes:
    """Ask the responder about the certificate of *code*."""
    certificate, issuer = key_of(code).certificate, authority().issuing.certificate
    request = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, SHA1()).build()
    serial = certificate.serial_number
    known = {serial: Revoked(at=AT)} if revoked else {}
    return authority().answer(request.public_bytes(Encoding.DER), [serial], known, AT - timedelta(minutes=5))


@dataclass(slots=True)
class EvidenceBuilder:
    members: dict[str, bytes] = field(default_factory=dict)

    def with_(self, name: str, content: bytes) -> "EvidenceBuilder":
        return EvidenceBuilder({**self.members, name: content})

    def with_revocation(self, content: bytes, suffix: str) -> "EvidenceBuilder":
        return self.with_(f"revocation/{sha256(content).hexdigest()}.{suffix}", content)

    def without(self, *names: str) -> "EvidenceBuilder":
        return EvidenceBuilder({name: each for name, each in self.members.items() if name not in names})

    def written(self) -> bytes:
        return container.write(self.members)


SHEET = f"receipts/{UUID(int=1)}.xml"
STATUS_MEMBER = f"statuses/{STATUS}.xml"


def evidence() -> EvidenceBuilder:
    """Make evidence with all that the hub had at hand."""
    issuing = authority().issuing.certificate.public_bytes(Encoding.DER)
    received = {members.DOCUMENT: AT.isoformat(), STATUS_MEMBER: AT.isoformat()}
    built = EvidenceBuilder(
        {
            members.DOCUMENT: document(),
            SHEET: sheet(ReceiptEvent.SUBMISSION_ACCEPTANCE, ReceiptEvent.CONTENT_CONSIGNMENT),
            STATUS_MEMBER: status(),
            f"certificates/{sha256(issuing).hexdigest()}.der": issuing,
            members.EVENTS: events(),
            members.RECORD: json.dumps({"received": received}).encode(),
        }
    )
    built = built.with_revocation(crl(of_root=True), "crl").with_revocation(response("H41"), "ocsp")
    return built.with_revocation(crl(), "crl")


def trust(*hub: str) -> Trust:
    known = [bytes(key_of(each).fingerprint) for each in hub or ("TRUC",)]
    root = authority().root.certificate
    return Trust(anchors=(root,), hub=frozenset(known), stamps=(root,))


def stamped(*bodies: bytes, by: SigningKey | None = None) -> dict[str, bytes]:
    """Have the list of *bodies* stamped, a minute later."""
    listed = "".join(f"{each}\n" for each in sorted(sha256(body).hexdigest() for body in bodies)).encode()
    inquiry = StampInquiry.about(listed)
    at = AT + timedelta(minutes=1)
    answer = answer_stamp_request(inquiry.octets, by or authority().stamper, at, 1)
    token = tsp.TimeStampResp.load(answer)["time_stamp_token"].dump()
    name = f"stamps/{sha256(listed).hexdigest()}"
    return {f"{name}.txt": listed, f"{name}.tst": token}
