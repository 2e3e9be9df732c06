"""Step 3 of intake: the content has the structure of QCVN 102:2016 and keeps the rules of the axis."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from hub.catalogue import Schemas
from hub.errors import RejectionCode, SchemaViolation, Violation
from hub.intake.attachment_rules import AttachmentLimits, examine_attachments
from hub.intake.large_attachments import examine_large_attachments
from hub.message.content_digest import content_digest
from hub.message.edxml import Attachment, DocumentHeader, Header, LargeAttachment, StatusCode
from hub.message.edxml_elements import Field, attachment_elements, is_status, message_header, outline, text
from hub.message.edxml_reading import find_header, read_header, recipients
from hub.message.identifiers import AgencyKey, agency_key
from hub.message.refusal import violation
from hub.message.secrecy import secrecy_of
from hub.message.stages import ValidMessage, VerifiedMessage

_CODE: Final = RejectionCode
_HEADER_PATH: Final = "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentLimits:
    """How much one message may carry."""

    recipients: int = 1_000
    attachments: AttachmentLimits = field(default_factory=AttachmentLimits)
    large_attachments: AttachmentLimits = field(default_factory=AttachmentLimits)
    """Of an envelope that came as a claim check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What the content says and every rule that it breaks."""

    violations: tuple[Violation, ...]
    header: Header | None
    """None where so much is missing that there is no header to read."""
    attachments: tuple[Attachment | LargeAttachment, ...]
    """Those that can be read."""
    message: Field
    """What all of this was read from."""


def validate(verified: VerifiedMessage, schemas: Schemas, limits: ContentLimits) -> ValidMessage:
    """Admit content that breaks no rule; raises `SchemaViolation` with everything that it breaks."""
    return admit(verified, examine(verified, schemas, limits))


def admit(verified: VerifiedMessage, examined: Examined) -> ValidMessage:
    """Admit *verified* for what it was *examined* as; raises `SchemaViolation` with everything it breaks."""
    if examined.violations:
        raise SchemaViolation(examined.violations)
    return ValidMessage(
        verified=verified,
        header=examined.header or read_header(verified.signed_tree),
        attachments=examined.attachments,
        content_digest=content_digest(examined.message, examined.attachments),
    )


def examine(verified: VerifiedMessage, schemas: Schemas, limits: ContentLimits) -> Examined:
    """Return what *verified* says and all that is wrong with it: schema, rules and attachments at once.

    Raises `TemporaryFailure` where a large envelope cannot be read just now.
    """
    message = outline(verified.signed_tree)
    header = find_header(message)
    attachments, refused = _attachments(message, verified, limits)
    rules = _status_rules(message) if is_status(message) else _document_rules(message, header, limits)
    return Examined(
        violations=(*schemas.violations(verified.signed_tree), *rules, *refused),
        header=header,
        attachments=tuple(attachments),
        message=message,
    )


def _attachments(
    message: Field, verified: VerifiedMessage, limits: ContentLimits
) -> tuple[Sequence[Attachment | LargeAttachment], Sequence[Violation]]:
    envelope, skimmed = verified.received.large, verified.skimmed
    if envelope is None or skimmed is None:
        return examine_attachments(message, limits.attachments)
    return examine_large_attachments(message, skimmed, envelope, limits.large_attachments)


def _document_rules(message: Field, header: Header | None, limits: ContentLimits) -> Iterator[Violation]:
    document = header if isinstance(header, DocumentHeader) else None
    named = document.recipients if document else recipients(message_header(message))
    if not named:
        yield violation(_CODE.NO_RECIPIENT, path=f"{_HEADER_PATH}/To", rule="QCVN 102:2016, 1.2")
    if len(named) > limits.recipients:
        yield violation(
            _CODE.TOO_MANY_RECIPIENTS,
            path=f"{_HEADER_PATH}/To",
            rule="3.recipients",
            count=len(named),
            limit=limits.recipients,
        )
    yield from _repeated_recipients(agency_key(code) for code in named if code)
    yield from _secrecy_rule(document.secrecy if document else secrecy_of(message.element))


def _repeated_recipients(keys: Iterable[AgencyKey]) -> Iterator[Violation]:
    seen: set[AgencyKey] = set()
    reported: set[AgencyKey] = set()
    for key in keys:
        if key in seen and key not in reported:
            reported.add(key)
            yield violation(
                _CODE.DUPLICATE_RECIPIENT,
                path=f"{_HEADER_PATH}/To",
                rule="QCVN 102:2016, 1.2",
                recipient=key,
            )
        seen.add(key)


def _secrecy_rule(level: str | None) -> Iterator[Violation]:
    if level is not None:
        yield violation(_CODE.STATE_SECRET, path="/edXML", rule="QĐ 28/2018/QĐ-TTg, 1.2", level=level)


def _status_rules(message: Field) -> Iterator[Violation]:
    status = text(message_header(message), "StatusCode")
    if status not in set(StatusCode):
        yield violation(
            _CODE.UNKNOWN_STATUS_CODE,
            path=f"{_HEADER_PATH}/StatusCode",
            rule="QĐ 28/2018/QĐ-TTg, 10.2.h",
            status=status,
        )
    if attachment_elements(message):
        yield violation(
            _CODE.SCHEMA_VIOLATION,
            path="/edXML/AttachmentEncoded",
            rule="3.status",
            reason_vi="trạng thái không mang tệp đính kèm.",
            reason_en="a status carries no attachments.",
        )
    yield from _secrecy_rule(secrecy_of(message.element))
