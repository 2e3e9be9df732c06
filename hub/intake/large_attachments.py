"""The rules that attachments keep, for those of a large envelope, which nobody holds in memory.

What the skeleton and the facts of the skim tell is believed; only what its first octets call an archive or a
compound file is looked into, through a temporary file.
"""

from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Final

from hub.errors import RejectionCode, Violation
from hub.intake.attachment_rules import (
    SAFETY_RULE,
    AttachmentLimits,
    listing_violations,
    name_violation,
    refuse_attachment,
    too_large,
)
from hub.message.archive import Budget, is_archive
from hub.message.attachment_reading import EncodedAttachment, decode, encoded_attachments
from hub.message.content_type import content_type_of
from hub.message.edxml import LargeAttachment
from hub.message.edxml_elements import Field
from hub.message.file_safety import program_in, program_in_file, program_named
from hub.message.identifiers import Digest
from hub.message.large_archive import IN_MEMORY, LargeContained, fault_of_large_archive, unpack_large
from hub.message.large_body import LargeEnvelope
from hub.message.skimming import Skimmed, SkimmedAttachment, decoded_pieces
from hub.message.zip_container import Oversized

_CODE: Final = RejectionCode
_COMPOUND: Final = b"\xd0\xcf\x11\xe0"
_HEAD: Final = 8_192
"""Octets that tell what a file is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Enclosed:
    """One attachment: where it stands, what is known of it, and how it begins."""

    encoded: EncodedAttachment
    facts: SkimmedAttachment
    head: bytes


def examine_large_attachments(
    message: Field, skimmed: Skimmed, envelope: LargeEnvelope, limits: AttachmentLimits
) -> tuple[tuple[LargeAttachment, ...], tuple[Violation, ...]]:
    """Return the attachments that can be read, and every rule that attachments and manifest break.

    The twin of `examine_attachments`; raises `TemporaryFailure` where the envelope cannot be read just now.
    """
    encoded = encoded_attachments(message)
    room = Budget(octets=limits.unpacked_octets)
    opened = [
        _examine(each, facts, envelope, limits, room)
        for each, facts in zip(encoded, skimmed.attachments, strict=True)
    ]
    return (
        tuple(result for result in opened if isinstance(result, LargeAttachment)),
        (
            *listing_violations(message, encoded),
            *(result for result in opened if isinstance(result, Violation)),
        ),
    )


def _examine(
    encoded: EncodedAttachment,
    facts: SkimmedAttachment | None,
    envelope: LargeEnvelope,
    limits: AttachmentLimits,
    room: Budget,
) -> LargeAttachment | Violation:
    head = decode(encoded)
    if facts is None or not facts.is_base64 or head is None:
        return refuse_attachment(_CODE.ATTACHMENT_NOT_BASE64, encoded.path, "RFC 4648, 4", encoded.content_id)
    if not facts.octets:
        return refuse_attachment(
            _CODE.ATTACHMENT_EMPTY, encoded.path, "3.attachment-empty", encoded.content_id
        )
    if facts.octets > limits.octets:
        return too_large(encoded, facts.octets, limits.octets)
    enclosed = _Enclosed(encoded=encoded, facts=facts, head=head)
    if is_archive(head) or head.startswith(_COMPOUND):
        with SpooledTemporaryFile(max_size=IN_MEMORY) as file:
            for piece in decoded_pieces(envelope.read(facts.start, facts.end)):
                file.write(piece)
            return _look_into(enclosed, file, room)
    return _unsafe(enclosed, program_in(head)) or _as_it_is(enclosed)


def _look_into(enclosed: _Enclosed, file: IO[bytes], room: Budget) -> LargeAttachment | Violation:
    """Look into what *file* is once a container around a single file is taken off."""
    encoded, inner = enclosed.encoded, None
    with SpooledTemporaryFile(max_size=IN_MEMORY) as unpacked:
        if not encoded.name.lower().endswith(".zip"):
            inner = unpack_large(file, unpacked, limit=room.octets)
        if isinstance(inner, Oversized):
            return too_large(encoded, inner.size, room.octets)
        if inner is None:
            return _unsafe_file(enclosed, file, room) or _as_it_is(enclosed)
        room.octets -= inner.octets
        return _unsafe_file(enclosed, unpacked, room) or _unwrapped(enclosed, inner, unpacked)


def _unsafe_file(enclosed: _Enclosed, file: IO[bytes], room: Budget) -> Violation | None:
    refused = _unsafe(enclosed, program_in_file(file))
    if refused is not None:
        return refused
    found = fault_of_large_archive(file, room) if is_archive(_head_of(file)) else None
    if found is None:
        return None
    encoded = enclosed.encoded
    return refuse_attachment(found.code, encoded.path, SAFETY_RULE, encoded.content_id, **dict(found.values))


def _head_of(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(_HEAD)


def _unsafe(enclosed: _Enclosed, program: str | None) -> Violation | None:
    """Return why nobody is to be handed what is so called, or is such a *program*."""
    encoded = enclosed.encoded
    misnamed = name_violation(encoded)
    if misnamed is not None:
        return misnamed
    what = program_named(encoded.name) or program
    if what is None:
        return None
    return refuse_attachment(_CODE.FORBIDDEN_FILE, encoded.path, SAFETY_RULE, encoded.content_id, what=what)


def _unwrapped(enclosed: _Enclosed, inner: LargeContained, file: IO[bytes]) -> LargeAttachment:
    encoded = enclosed.encoded
    return LargeAttachment(
        content_id=encoded.content_id,
        name=encoded.name,
        content_type=content_type_of(_head_of(file), encoded.name),
        octets=inner.octets,
        digest=Digest(inner.digest),
        is_zip_container=True,
    )


def _as_it_is(enclosed: _Enclosed) -> LargeAttachment:
    encoded, facts = enclosed.encoded, enclosed.facts
    return LargeAttachment(
        content_id=encoded.content_id,
        name=encoded.name,
        content_type=content_type_of(enclosed.head, encoded.name),
        octets=facts.octets,
        digest=facts.digest,
        is_zip_container=False,
    )
