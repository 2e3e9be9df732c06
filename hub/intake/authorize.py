"""Step 4 of intake: this connection may speak for the sender, who signed, and every recipient is reached."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from hub.errors import RejectionCode, Violation
from hub.message.directory import Agency, Directory, RegisteredCertificate
from hub.message.edxml import DocumentHeader, Header
from hub.message.identifiers import AgencyCode, AgencyKey, Fingerprint, agency_key
from hub.message.receipt_xml import VIETNAM_TIME
from hub.message.refusal import rejection_of, violation
from hub.message.stages import AuthorizedMessage, ReceivedMessage, Route, ValidMessage

_CODE: Final = RejectionCode
_HEADER_PATH: Final = "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader"
_SENDER_PATH: Final = f"{_HEADER_PATH}/From/OrganId"
_SIGNATURE_PATH: Final = "/edXML/edXMLEnvelope/edXMLHeader/Signature"


def authorize(valid: ValidMessage, directory: Directory) -> AuthorizedMessage:
    """Admit *valid* where broker user, mandate, certificate and `From` agree, and recipients are reached.

    Raises the narrowest refusal for the first violation, with all of them.
    """
    received, header = valid.verified.received, valid.header
    violations = authority_violations(
        header, received, valid.verified.signed_by, directory, received.received_at
    )
    if violations:
        raise rejection_of(violations)
    return AuthorizedMessage(
        valid=valid,
        sender=agency_key(header.sender),
        routes=_routes(header, directory, received.received_at),
    )


def authority_violations(
    header: Header, received: ReceivedMessage, signed_by: Fingerprint, directory: Directory, at: datetime
) -> tuple[Violation, ...]:
    """Return everything that keeps *header* from being sent through this mailbox under that certificate."""
    return (
        *_sender_violations(header.sender, received, directory, at),
        *_certificate_violations(header.sender, received, signed_by, directory, at),
        *(
            refusal
            for path, code in _addressees(header)
            for refusal in _recipient_violations(code, path, directory, at)
        ),
    )


def _addressees(header: Header) -> tuple[tuple[str, AgencyCode], ...]:
    """Return who is to be reached and where the header says so; a status goes to the other party."""
    if isinstance(header, DocumentHeader):
        return tuple(
            (f"{_HEADER_PATH}/To[{place}]/OrganId", code)
            for place, code in enumerate(header.recipients, start=1)
        )
    return ((f"{_HEADER_PATH}/ResponseFor/OrganId", header.original_sender),)


def _sender_violations(
    sender: AgencyCode, received: ReceivedMessage, directory: Directory, at: datetime
) -> Iterator[Violation]:
    agency = directory.agency(agency_key(sender))
    if agency is None:
        yield violation(
            _CODE.UNKNOWN_SENDER, path=_SENDER_PATH, rule="QĐ 28/2018/QĐ-TTg, 16.1", sender=sender
        )
        return
    if not agency.is_open(at):
        vi, en = _successor(agency, directory)
        yield violation(
            _CODE.SENDER_CLOSED, path=_SENDER_PATH, rule="4.open", sender=sender, hint_vi=vi, hint_en=en
        )
    if directory.mailbox_for(agency.key, at) != received.mailbox:
        yield violation(
            _CODE.NO_MANDATE, path=_SENDER_PATH, rule="4.mandate", mailbox=received.mailbox, sender=sender
        )


def _certificate_violations(
    sender: AgencyCode, received: ReceivedMessage, signed_by: Fingerprint, directory: Directory, at: datetime
) -> Iterator[Violation]:
    certificate = directory.certificate(signed_by)
    if certificate is None:
        subject = f"SHA-256 {signed_by.hex()[:16]}…"
        yield violation(
            _CODE.CERTIFICATE_NOT_REGISTERED, path=_SIGNATURE_PATH, rule="4.certificate", subject=subject
        )
        return
    if certificate.revoked_at is not None and certificate.revoked_at <= at:
        yield violation(
            _CODE.CERTIFICATE_REVOKED, path=_SIGNATURE_PATH, rule="4.certificate", subject=certificate.subject
        )
    if certificate.retired_at is not None and certificate.retired_at <= at:
        yield violation(
            _CODE.CERTIFICATE_RETIRED,
            path=_SIGNATURE_PATH,
            rule="4.certificate",
            subject=certificate.subject,
            at=certificate.retired_at.astimezone(VIETNAM_TIME).isoformat(),
        )
    key = agency_key(sender)
    if directory.agency(key) is not None and not _signs_for(certificate, key, received, directory, at):
        yield violation(
            _CODE.CERTIFICATE_OF_ANOTHER_AGENCY,
            path=_SIGNATURE_PATH,
            rule="4.certificate",
            subject=certificate.subject,
            sender=sender,
        )


def _signs_for(
    certificate: RegisteredCertificate,
    sender: AgencyKey,
    received: ReceivedMessage,
    directory: Directory,
    at: datetime,
) -> bool:
    """Whether it is the sender's own, or that of a root above it for which this mailbox holds a mandate."""
    if certificate.agency == sender:
        return True
    is_root = certificate.agency in directory.roots_of(received.mailbox, at)
    return is_root and directory.is_within(sender, certificate.agency)


def _recipient_violations(
    code: AgencyCode, path: str, directory: Directory, at: datetime
) -> Iterator[Violation]:
    agency = directory.agency(agency_key(code))
    if agency is None:
        yield violation(_CODE.UNKNOWN_RECIPIENT, path=path, rule="QĐ 28/2018/QĐ-TTg, 16.1", recipient=code)
    elif not agency.is_open(at):
        vi, en = _successor(agency, directory)
        yield violation(
            _CODE.RECIPIENT_CLOSED, path=path, rule="4.open", recipient=code, hint_vi=vi, hint_en=en
        )
    elif directory.mailbox_for(agency.key, at) is None:
        yield violation(_CODE.RECIPIENT_NOT_CONNECTED, path=path, rule="4.connected", recipient=code)


def _successor(agency: Agency, directory: Directory) -> tuple[str, str]:
    """Return what to do about a closed agency, in both languages."""
    successor = directory.agency(agency.successor) if agency.successor is not None else None
    if successor is None:
        return "", ""
    return f"; hãy dùng mã {successor.code} ({successor.name})", f"; use {successor.code} ({successor.name})"


def _routes(header: Header, directory: Directory, at: datetime) -> tuple[Route, ...]:
    keys = (agency_key(code) for _, code in _addressees(header))
    reached = ((key, directory.mailbox_for(key, at)) for key in keys)
    return tuple(Route(recipient=key, mailbox=mailbox) for key, mailbox in reached if mailbox is not None)
