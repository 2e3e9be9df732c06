"""Step 4 of intake: this connection may speak for the sender, who signed, and every recipient is reached."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from hub.errors import RejectionCode, Violation
from hub.message.directory import Agency, Directory, RegisteredCertificate
from hub.message.edxml import DocumentHeader, Header
from hub.message.identifiers import AgencyCode, AgencyKey, Fingerprint, MailboxName, agency_key
from hub.message.receipt_xml import VIETNAM_TIME
from hub.message.refusal import rejection_of, violation
from hub.message.stages import AuthorizedMessage, ReceivedMessage, Route, ValidMessage

_CODE: Final = RejectionCode
_HEADER_PATH: Final = "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader"
_SENDER_PATH: Final = f"{_HEADER_PATH}/From/OrganId"
_SIGNATURE_PATH: Final = "/edXML/edXMLEnvelope/edXMLHeader/Signature"

_Reached: TypeAlias = tuple[Agency | None, MailboxName | None]
"""An addressee, where it is known, and the mailbox that receives for it."""


def authorize(valid: ValidMessage, directory: Directory) -> AuthorizedMessage:
    """Admit *valid* where broker user, mandate, certificate and `From` agree, and recipients are reached.

    Raises the narrowest refusal for the first violation, with all of them.
    """
    header, received, signed_by = valid.header, valid.verified.received, valid.verified.signed_by
    reached = _reached(header, directory, received.received_at)
    violations = (
        *_party_violations(header.sender, received, signed_by, directory, received.received_at),
        *_recipient_violations(header, reached, directory, received.received_at),
    )
    if violations:
        raise rejection_of(violations)
    return AuthorizedMessage(
        valid=valid,
        sender=agency_key(header.sender),
        routes=tuple(
            [
                Route(recipient=agency.key, mailbox=mailbox)
                for agency, mailbox in reached
                if agency is not None and mailbox is not None
            ]
        ),
    )


def authority_violations(
    header: Header, received: ReceivedMessage, signed_by: Fingerprint, directory: Directory, at: datetime
) -> tuple[Violation, ...]:
    """Return everything that keeps *header* from being sent through this mailbox under that certificate."""
    return (
        *_party_violations(header.sender, received, signed_by, directory, at),
        *_recipient_violations(header, _reached(header, directory, at), directory, at),
    )


def _party_violations(
    sender: AgencyCode, received: ReceivedMessage, signed_by: Fingerprint, directory: Directory, at: datetime
) -> Iterator[Violation]:
    yield from _sender_violations(sender, received, directory, at)
    yield from _certificate_violations(sender, received, signed_by, directory, at)


def _addressees(header: Header) -> tuple[AgencyCode, ...]:
    """Return who is to be reached; a status goes to the other party."""
    return header.recipients if isinstance(header, DocumentHeader) else (header.original_sender,)


def _reached(header: Header, directory: Directory, at: datetime) -> list[_Reached]:
    """Return for each addressee the agency and its mailbox, where there are such."""
    keys = [agency_key(code) for code in _addressees(header)]
    return [(directory.agency(key), directory.mailbox_for(key, at)) for key in keys]


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
    header: Header, reached: Sequence[_Reached], directory: Directory, at: datetime
) -> Iterator[Violation]:
    for place, (code, (agency, mailbox)) in enumerate(zip(_addressees(header), reached, strict=True)):
        if agency is None:
            yield violation(
                _CODE.UNKNOWN_RECIPIENT,
                path=_path_of(header, place),
                rule="QĐ 28/2018/QĐ-TTg, 16.1",
                recipient=code,
            )
        elif not agency.is_open(at):
            vi, en = _successor(agency, directory)
            yield violation(
                _CODE.RECIPIENT_CLOSED,
                path=_path_of(header, place),
                rule="4.open",
                recipient=code,
                hint_vi=vi,
                hint_en=en,
            )
        elif mailbox is None:
            yield violation(
                _CODE.RECIPIENT_NOT_CONNECTED,
                path=_path_of(header, place),
                rule="4.connected",
                recipient=code,
            )


def _path_of(header: Header, place: int) -> str:
    """Return where *header* names the addressee at *place*."""
    party = f"To[{place + 1}]" if isinstance(header, DocumentHeader) else "ResponseFor"
    return f"{_HEADER_PATH}/{party}/OrganId"


def _successor(agency: Agency, directory: Directory) -> tuple[str, str]:
    """Return what to do about a closed agency, in both languages."""
    successor = directory.agency(agency.successor) if agency.successor is not None else None
    if successor is None:
        return "", ""
    return f"; hãy dùng mã {successor.code} ({successor.name})", f"; use {successor.code} ({successor.name})"
