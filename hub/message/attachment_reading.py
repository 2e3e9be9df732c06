"""Reads attachments out of the tree that a signature covers: decoded, unwrapped, and called what they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import pybase64
from lxml import etree

from hub.errors import RejectionCode, SchemaViolation
from hub.message.content_type import content_type_of
from hub.message.edxml import Attachment
from hub.message.edxml_elements import attachment_elements, child, text, whole_text
from hub.message.refusal import violation
from hub.message.xml_path import path_of
from hub.message.zip_container import Oversized, unpack_single

MAX_UNPACKED: Final = 64 * 1024 * 1024
_PREFIX: Final = "cid:"
_WHITESPACE: Final = " \t\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedAttachment:
    """An `Attachment` element as it stands in the tree."""

    element: etree._Element
    path: str
    """Where it stands."""
    content_id: str
    name: str


def content_id(element: etree._Element) -> str:
    """Return the `ContentId` in *element* without the `cid:` that senders write on one side only."""
    written = text(element, "ContentId")
    return written[len(_PREFIX) :] if written.lower().startswith(_PREFIX) else written


def encoded_attachments(signed_tree: etree._Element) -> tuple[EncodedAttachment, ...]:
    """Return the attachments in their order, of an invalid message too."""
    elements = tuple(attachment_elements(signed_tree))
    return tuple(
        EncodedAttachment(
            element=element, path=path, content_id=content_id(element), name=text(element, "AttachmentName")
        )
        for element, path in zip(elements, _paths(elements), strict=True)
    )


def _paths(siblings: Sequence[etree._Element]) -> Iterator[str]:
    """Return the path of each of *siblings*; `path_of` would count them anew for every one."""
    if not siblings:
        return iter(())
    first = path_of(siblings[0])
    if len(siblings) == 1:
        return iter((first,))
    return (f"{first.removesuffix('[1]')}[{place}]" for place in range(1, len(siblings) + 1))


def decode(encoded: EncodedAttachment) -> bytes | None:
    """Return the bytes that were encoded; None where it is not base64 (white space between is)."""
    holder = child(encoded.element, "ContentTransferEncoded")
    if holder is None:
        return None
    try:
        letters = _without_spaces(whole_text(holder))
        content = pybase64.b64decode(letters, validate=True)
    except ValueError:  # other than ASCII, or `binascii.Error`
        return None
    # It takes more padding than there is to fill; other decoders that recipients use do not.
    return content if len(letters) == 4 * -(-len(content) // 3) else None


def _without_spaces(written: str) -> str | bytes:
    if not any(space in written for space in _WHITESPACE):  # to look is much faster than to translate
        return written
    return written.encode("ascii").translate(None, _WHITESPACE.encode())


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


def read_attachments(signed_tree: etree._Element, *, limit: int = MAX_UNPACKED) -> tuple[Attachment, ...]:
    """Return the attachments of a valid message; raises `SchemaViolation` at one that cannot be read."""
    return tuple(_read(encoded, limit) for encoded in encoded_attachments(signed_tree))


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
