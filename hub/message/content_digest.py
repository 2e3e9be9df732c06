"""One digest for one content, however its XML is written: what business dedupe compares."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from hub.message.edxml import Attachment, LargeAttachment
from hub.message.edxml_elements import Field, business, message_header, whole_text
from hub.message.identifiers import Digest, agency_key

_NOT_CONTENT: Final = frozenset({"From", "To", "ToPlaces", "StaffInfo"})
"""Who gets it and how to reach people: the same content to another recipient is the same content."""
_AGENCY: Final = "OrganId"


def content_digest(message: Field, attachments: Sequence[Attachment | LargeAttachment]) -> Digest:
    """Return the SHA-256 over what the message says: its business fields and the files themselves.

    The order of different elements, white space, prefixes, ZIP containers and the form of an agency's code do
    not count; neither do recipients, contact data and the trace of hops. The sender's code does.
    """
    lines = [*_sender(message), *sorted(_fields(message)), *_files(attachments)]
    framed = [len(line).to_bytes(4, "big") + line for line in lines]
    return Digest(hashlib.sha256(b"".join(framed)).digest())


def _sender(message: Field) -> Iterator[bytes]:
    header = message_header(message)
    senders = header.fields if header is not None else ()
    for code in (code for sender in senders if sender.name == "From" for code in sender.fields):
        if code.name == _AGENCY:
            yield f"From={agency_key(whole_text(code.element))}".encode()


def _fields(message: Field) -> list[bytes]:
    lines: list[bytes] = []
    for part in (message_header(message), business(message)):
        if part is not None:
            _add_leaves(part, part.name, lines)
    return lines


def _add_leaves(parent: Field, path: str, lines: list[bytes]) -> None:
    times: dict[str, int] = {}
    for field in parent.fields:
        name = field.name
        if name in _NOT_CONTENT:
            continue
        times[name] = times.get(name, 0) + 1
        here = f"{path}/{name}[{times[name]}]"
        if len(field.element):
            _add_leaves(field, here, lines)
        elif written := " ".join(whole_text(field.element).split()):
            said = agency_key(written) if name == _AGENCY else written
            lines.append(f"{here}={said}".encode())


def _files(attachments: Sequence[Attachment | LargeAttachment]) -> Iterator[bytes]:
    for attachment in attachments:
        yield f"Attachment={attachment.name}".encode()
        yield attachment.digest
