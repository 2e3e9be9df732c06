"""The rules that attachments keep: in the manifest and there, once each, readable, neither empty nor huge."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hub.errors import RejectionCode, Violation
from hub.message.archive import Budget, fault_of_archive, is_archive
from hub.message.attachment_reading import (
    EncodedAttachment,
    content_id,
    decode,
    encoded_attachments,
    open_attachment,
)
from hub.message.edxml import Attachment
from hub.message.edxml_elements import Field, business, is_status, manifest_references, text
from hub.message.file_safety import fault_of_name, program_in, program_named
from hub.message.refusal import violation
from hub.message.zip_container import Oversized

_CODE: Final = RejectionCode
_MANIFEST_PATH: Final = "/edXML/edXMLEnvelope/edXMLBody/edXMLManifest"
_ATTACHMENTS_PATH: Final = "/edXML/AttachmentEncoded"
_MANIFEST_RULE: Final = "QCVN 102:2016, edXMLManifest"
_SIZE_RULE: Final = "3.attachment-size"
SAFETY_RULE: Final = "3.attachment-safety"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentLimits:
    """How large attachments may be."""

    octets: int = 12 * 1024 * 1024
    """Of one attachment as it is enclosed."""
    unpacked_octets: int = 64 * 1024 * 1024
    """Of the files in all containers and archives of a message together: small ones become gigabytes."""


def examine_attachments(
    message: Field, limits: AttachmentLimits
) -> tuple[tuple[Attachment, ...], tuple[Violation, ...]]:
    """Return the attachments that can be read, and every rule that attachments and manifest break."""
    encoded = encoded_attachments(message)
    room = Budget(octets=limits.unpacked_octets)
    opened = [_examine(each, limits, room) for each in encoded]
    return (
        tuple([result for result in opened if isinstance(result, Attachment)]),
        (
            *listing_violations(message, encoded),
            *[result for result in opened if isinstance(result, Violation)],
        ),
    )


def listing_violations(message: Field, encoded: Sequence[EncodedAttachment]) -> Iterator[Violation]:
    """Return what *message* and its manifest break by which files they name, whatever is in these."""
    yield from _presence_rule(message, encoded)
    yield from _manifest_rules([content_id(each) for each in manifest_references(message)], encoded)


def _presence_rule(message: Field, encoded: Sequence[EncodedAttachment]) -> Iterator[Violation]:
    if encoded or is_status(message):
        return
    if text(business(message), "BussinessDocType") in {"", "0"}:
        yield violation(_CODE.NO_ATTACHMENT, path=_ATTACHMENTS_PATH, rule="QCVN 102:2016, AttachmentEncoded")


def _manifest_rules(manifest: Sequence[str], encoded: Sequence[EncodedAttachment]) -> Iterator[Violation]:
    enclosed = [attachment.content_id for attachment in encoded]
    if len(set(manifest)) == len(manifest) and sorted(manifest) == sorted(enclosed):
        return
    for path, names in ((_MANIFEST_PATH, manifest), (_ATTACHMENTS_PATH, enclosed)):
        for name in _repeated(names):
            yield refuse_attachment(_CODE.DUPLICATE_CONTENT_ID, path, _MANIFEST_RULE, name)
    for name in _only_in(manifest, enclosed):
        yield refuse_attachment(_CODE.ATTACHMENT_MISSING, _MANIFEST_PATH, _MANIFEST_RULE, name)
    for name in _only_in(enclosed, manifest):
        yield refuse_attachment(_CODE.ATTACHMENT_NOT_IN_MANIFEST, _ATTACHMENTS_PATH, _MANIFEST_RULE, name)


def _repeated(names: Sequence[str]) -> Iterator[str]:
    return (name for name, times in Counter(names).items() if times > 1)


def _only_in(names: Sequence[str], others: Sequence[str]) -> Iterator[str]:
    known = set(others)
    return (name for name in dict.fromkeys(names) if name not in known)


def _examine(encoded: EncodedAttachment, limits: AttachmentLimits, room: Budget) -> Attachment | Violation:
    opened = _open(encoded, limits, room)
    if isinstance(opened, Violation):
        return opened
    return _unsafe(opened, encoded, room) or opened


def _unsafe(opened: Attachment, encoded: EncodedAttachment, room: Budget) -> Violation | None:
    """Return why *opened* is not to be handed to anybody; None where nothing is known against it."""
    misnamed = name_violation(encoded)
    if misnamed is not None:
        return misnamed
    program = program_named(opened.name) or program_in(opened.content)
    if program is not None:
        return refuse_attachment(
            _CODE.FORBIDDEN_FILE, encoded.path, SAFETY_RULE, encoded.content_id, what=program
        )
    found = fault_of_archive(opened.content, room) if is_archive(opened.content) else None
    if found is not None:
        return refuse_attachment(
            found.code, encoded.path, SAFETY_RULE, encoded.content_id, **dict(found.values)
        )
    return None


def name_violation(encoded: EncodedAttachment) -> Violation | None:
    """Return what is wrong with the name of an attachment."""
    fault = fault_of_name(encoded.name)
    if fault is None:
        return None
    return refuse_attachment(
        _CODE.UNSAFE_FILE_NAME,
        encoded.path,
        SAFETY_RULE,
        encoded.content_id,
        reason_vi=fault.vi,
        reason_en=fault.en,
    )


def _open(encoded: EncodedAttachment, limits: AttachmentLimits, room: Budget) -> Attachment | Violation:
    content = decode(encoded)
    if content is None:
        return refuse_attachment(_CODE.ATTACHMENT_NOT_BASE64, encoded.path, "RFC 4648, 4", encoded.content_id)
    if not content:
        return refuse_attachment(
            _CODE.ATTACHMENT_EMPTY, encoded.path, "3.attachment-empty", encoded.content_id
        )
    if len(content) > limits.octets:
        return too_large(encoded, len(content), limits.octets)
    opened = open_attachment(encoded, content, limit=room.octets)
    if isinstance(opened, Oversized):
        return too_large(encoded, opened.size, room.octets)
    if opened.is_zip_container:
        room.octets -= len(opened.content)
    return opened


def too_large(encoded: EncodedAttachment, size: int, limit: int) -> Violation:
    """Return the refusal of an attachment of *size* octets."""
    return refuse_attachment(
        _CODE.ATTACHMENT_TOO_LARGE, encoded.path, _SIZE_RULE, encoded.content_id, size=size, limit=limit
    )


def refuse_attachment(code: RejectionCode, path: str, rule: str, name: str, **values: object) -> Violation:
    """Return the refusal of the attachment that is called *name*."""
    return violation(code, path=path, rule=rule, content_id=name, **values)
