"""One digest for one content, however its XML is written: what business dedupe compares."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from hub.message.edxml import Attachment, LargeAttachment
from hub.message.edxml_elements import Field, business, line_of, message_header, whole_text
from hub.message.identifiers import Digest, agency_key
from hub.message.xml_path import name_in

_NOT_CONTENT: Final = frozenset({"From", "To", "ToPlaces", "StaffInfo"})
"""Who gets it and how to reach people: the same content to another recipient is the same content."""
_AGENCY: Final = "OrganId"


def content_digest(message: Field, attachments: Sequence[Attachment | LargeAttachment]) -> Digest:
    """Return the SHA-256 over what the message says: its business fields and the files themselves.

    The order of different elements, white space, prefixes, ZIP containers and the form of an agency's code do
    not count; neither do recipients, contact data and the trace of hops. The sender's code does.
    """
    header, packet = message_header(message), business(message)
    lines = [*_sender(header), *sorted([*_leaves(header), *_leaves(packet)]), *_files(attachments)]
    framed = [len(line).to_bytes(4, "big") + line for line in lines]
    return Digest(hashlib.sha256(b"".join(framed)).digest())


def _sender(header: Field | None) -> list[bytes]:
    parties = header if header is not None else ()
    return [
        f"From={agency_key(whole_text(code.element))}".encode()
        for sender in parties
        if sender.tag.endswith("From") and name_in(sender.tag) == "From"
        for code in sender
        if name_in(code.tag) == _AGENCY
    ]


def _leaves(part: Field | None) -> list[bytes]:
    lines: list[bytes] = []
    if part is not None:
        _add_leaves(part, name_in(part.tag), lines)
    return lines


def _add_leaves(parent: Field, path: str, lines: list[bytes]) -> None:
    times: dict[str, int] = {}
    for field in parent:
        name = name_in(field.tag)
        if name in _NOT_CONTENT:
            continue
        times[name] = place = times.get(name, 0) + 1
        if len(field.element):
            _add_leaves(field, f"{path}/{name}[{place}]", lines)
        elif written := line_of(field):
            said = agency_key(written) if name == _AGENCY else written
            lines.append(f"{path}/{name}[{place}]={said}".encode())


def _files(attachments: Sequence[Attachment | LargeAttachment]) -> Iterator[bytes]:
    for attachment in attachments:
        yield f"Attachment={attachment.name}".encode()
        yield attachment.digest
