"""One digest for one content, however its XML is written: what business dedupe compares."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from lxml import etree

from hub.message.edxml import Attachment
from hub.message.edxml_elements import business, message_header, whole_text
from hub.message.identifiers import Digest, agency_key
from hub.message.xml_path import name_of

_NOT_CONTENT: Final = frozenset({"From", "To", "ToPlaces", "StaffInfo"})
"""Who gets it and how to reach people: the same content to another recipient is the same content."""
_AGENCY: Final = "OrganId"


def content_digest(signed_tree: etree._Element, attachments: Sequence[Attachment]) -> Digest:
    """Return the SHA-256 over what the message says: its business fields and the files themselves.

    The order of different elements, white space, prefixes, ZIP containers and the form of an agency's code do
    not count; neither do recipients, contact data and the trace of hops. The sender's code does.
    """
    lines = [*_sender(signed_tree), *sorted(_fields(signed_tree)), *_files(attachments)]
    framed = [len(line).to_bytes(4, "big") + line for line in lines]
    return Digest(hashlib.sha256(b"".join(framed)).digest())


def _sender(tree: etree._Element) -> Iterator[bytes]:
    header = message_header(tree)
    codes = header.iterfind("{*}From/{*}OrganId") if header is not None else ()
    return (f"From={agency_key(whole_text(code))}".encode() for code in codes)


def _fields(tree: etree._Element) -> list[bytes]:
    lines: list[bytes] = []
    for part in (message_header(tree), business(tree)):
        if part is not None:
            _add_leaves(part, name_of(part), lines)
    return lines


def _add_leaves(parent: etree._Element, path: str, lines: list[bytes]) -> None:
    times: dict[str, int] = {}
    for element in parent.iterchildren("{*}*"):
        name = name_of(element)
        if name in _NOT_CONTENT:
            continue
        times[name] = times.get(name, 0) + 1
        here = f"{path}/{name}[{times[name]}]"
        if len(element):
            _add_leaves(element, here, lines)
        elif written := " ".join(whole_text(element).split()):
            said = agency_key(written) if name == _AGENCY else written
            lines.append(f"{here}={said}".encode())


def _files(attachments: Sequence[Attachment]) -> Iterator[bytes]:
    for attachment in attachments:
        yield f"Attachment={attachment.name}".encode()
        yield hashlib.sha256(attachment.content).digest()
