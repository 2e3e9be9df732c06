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
_SAFETY_RULE: Final = "3.attachment-safety"


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
    opened = _open_all(encoded, limits)
    return (
        tuple(result for result in opened if isinstance(result, Attachment)),
        (
            *_presence_rule(message, encoded),
            *_manifest_rules([content_id(reference) for reference in manifest_references(message)], encoded),
            *(result for result in opened if isinstance(result, Violation)),
        ),
    )


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
            yield _refuse(_CODE.DUPLICATE_CONTENT_ID, path, _MANIFEST_RULE, name)
    for name in _only_in(manifest, enclosed):
        yield _refuse(_CODE.ATTACHMENT_MISSING, _MANIFEST_PATH, _MANIFEST_RULE, name)
    for name in _only_in(enclosed, manifest):
        yield _refuse(_CODE.ATTACHMENT_NOT_IN_MANIFEST, _ATTACHMENTS_PATH, _MANIFEST_RULE, name)


def _repeated(names: Sequence[str]) -> Iterator[str]:
    return (name for name, times in Counter(names).items() if times > 1)


def _only_in(names: Sequence[str], others: Sequence[str]) -> Iterator[str]:
    known = set(others)
    return (name for name in dict.fromkeys(names) if name not in known)


def _open_all(encoded: Sequence[EncodedAttachment], limits: AttachmentLimits) -> list[Attachment | Violation]:
    room = Budget(octets=limits.unpacked_octets)
    return [_examine(each, limits, room) for each in encoded]


def _examine(encoded: EncodedAttachment, limits: AttachmentLimits, room: Budget) -> Attachment | Violation:
    opened = _open(encoded, limits, room)
    if isinstance(opened, Violation):
        return opened
    return _unsafe(opened, encoded, room) or opened


def _unsafe(opened: Attachment, encoded: EncodedAttachment, room: Budget) -> Violation | None:
    """Return why *opened* is not to be handed to anybody; None where nothing is known against it."""
    fault = fault_of_name(opened.name)
    if fault is not None:
        return _refuse(
            _CODE.UNSAFE_FILE_NAME,
            encoded.path,
            _SAFETY_RULE,
            encoded.content_id,
            reason_vi=fault.vi,
            reason_en=fault.en,
        )
    program = program_named(opened.name) or program_in(opened.content)
    if program is not None:
        return _refuse(_CODE.FORBIDDEN_FILE, encoded.path, _SAFETY_RULE, encoded.content_id, what=program)
    found = fault_of_archive(opened.content, room) if is_archive(opened.content) else None
    if found is not None:
        return _refuse(found.code, encoded.path, _SAFETY_RULE, encoded.content_id, **dict(found.values))
    return None


def _open(encoded: EncodedAttachment, limits: AttachmentLimits, room: Budget) -> Attachment | Violation:
    content = decode(encoded)
    if content is None:
        return _refuse(_CODE.ATTACHMENT_NOT_BASE64, encoded.path, "RFC 4648, 4", encoded.content_id)
    if not content:
        return _refuse(_CODE.ATTACHMENT_EMPTY, encoded.path, "3.attachment-empty", encoded.content_id)
    if len(content) > limits.octets:
        return _too_large(encoded, len(content), limits.octets)
    opened = open_attachment(encoded, content, limit=room.octets)
    if isinstance(opened, Oversized):
        return _too_large(encoded, opened.size, room.octets)
    if opened.is_zip_container:
        room.octets -= len(opened.content)
    return opened


def _too_large(encoded: EncodedAttachment, size: int, limit: int) -> Violation:
    return _refuse(
        _CODE.ATTACHMENT_TOO_LARGE, encoded.path, _SIZE_RULE, encoded.content_id, size=size, limit=limit
    )


def _refuse(code: RejectionCode, path: str, rule: str, name: str, **values: object) -> Violation:
    return violation(code, path=path, rule=rule, content_id=name, **values)
