"""Reads attachments out of the tree that a signature covers: decoded, unwrapped, and called what they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pybase64
from lxml.etree import _Element

from hub.errors import RejectionCode, SchemaViolation
from hub.message.content_type import content_type_of
from hub.message.edxml import Attachment
from hub.message.edxml_elements import Field, attachment_elements, child, outline, text, whole_text
from hub.message.refusal import violation
from hub.message.xml_path import path_of
from hub.message.zip_container import Oversized, unpack_single

MAX_UNPACKED: Final = 64 * 1024 * 1024
_PREFIX: Final = "cid:"
_WHITESPACE: Final = " \t\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedAttachment:
    """An `Attachment` element as it stands in the tree."""

    field: Field
    content_id: str
    name: str
    step: str
    """Where it stands among the others."""

    @property
    def path(self) -> str:
        """Where it stands in the message."""
        holder = self.field.element.getparent()
        return self.step if holder is None else f"{path_of(holder)}/{self.step}"


def content_id(field: Field) -> str:
    """Return the `ContentId` in *field* without the `cid:` that senders write on one side only."""
    written = text(field, "ContentId")
    return written[len(_PREFIX) :] if written.lower().startswith(_PREFIX) else written


def encoded_attachments(message: Field) -> tuple[EncodedAttachment, ...]:
    """Return the attachments in their order, of an invalid message too."""
    fields = attachment_elements(message)
    return tuple(
        [
            EncodedAttachment(
                field=field, content_id=content_id(field), name=text(field, "AttachmentName"), step=step
            )
            for field, step in zip(fields, _steps(len(fields)), strict=True)
        ]
    )


def _steps(count: int) -> Sequence[str]:
    """Return the last step of the path of each of *count*; `path_of` would count them anew for every one."""
    return ("Attachment",) if count == 1 else [f"Attachment[{place + 1}]" for place in range(count)]


def decode(encoded: EncodedAttachment) -> bytes | None:
    """Return the bytes that were encoded; None where it is not base64 (white space between is)."""
    holder = child(encoded.field, "ContentTransferEncoded")
    if holder is None:
        return None
    try:
        letters = _without_spaces(whole_text(holder.element))
        content = pybase64.b64decode(letters, validate=True)
    except ValueError:  # other than ASCII, or `binascii.Error`
        return None
    # It takes more padding than there is to fill; other decoders that recipients use do not.
    return content if len(letters) == 4 * -(-len(content) // 3) else None


def _without_spaces(written: str) -> str | bytes:
    for space in _WHITESPACE:
        if space in written:  # to look is much faster than to translate
            return written.encode("ascii").translate(None, _WHITESPACE.encode())
    return written


def open_attachment(encoded: EncodedAttachment, content: bytes, *, limit: int) -> Attachment | Oversized:
    """Return what *content* is once a container around a single file is taken off.

    A file that its sender calls .zip is one, and stays as it is.
    """
    unpacked = None if encoded.name.lower().endswith(".zip") else unpack_single(content, limit=limit)
    if isinstance(unpacked, Oversized):
        return unpacked
    inner = content if unpacked is None else unpacked.content
    return Attachment(
        content_id=encoded.content_id,
        name=encoded.name,
        content_type=content_type_of(inner, encoded.name),
        content=inner,
        is_zip_container=unpacked is not None,
    )


def read_attachments(signed_tree: _Element, *, limit: int = MAX_UNPACKED) -> tuple[Attachment, ...]:
    """Return the attachments of a valid message; raises `SchemaViolation` at one that cannot be read."""
    return tuple(_read(encoded, limit) for encoded in encoded_attachments(outline(signed_tree)))


def _read(encoded: EncodedAttachment, limit: int) -> Attachment:
    content = decode(encoded)
    if content is None:
        code = RejectionCode.ATTACHMENT_NOT_BASE64
        raise SchemaViolation(
            [violation(code, path=encoded.path, rule="RFC 4648, 4", content_id=encoded.content_id)]
        )
    attachment = open_attachment(encoded, content, limit=limit)
    if isinstance(attachment, Oversized):
        raise SchemaViolation(
            [
                violation(
                    RejectionCode.ATTACHMENT_TOO_LARGE,
                    path=encoded.path,
                    rule="3.unpacked",
                    content_id=encoded.content_id,
                    size=attachment.size,
                    limit=limit,
                )
            ]
        )
    return attachment
