"""Signs envelopes too large for memory: two passes over a file, with the signature put in between.

What `hub.signature.signing` does to a small envelope happens here to the events of a large one: comments and
a vendor's placeholder are dropped, everything else is written as it was, with `ds:Signature` as the last
child of `edXMLHeader`.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from hub.errors import MalformedMessage, RejectionCode
from hub.message.canonical_form import (
    ExclusiveForm,
    end_tag,
    escaped_text,
    written_instruction,
    written_start,
)
from hub.message.edxml import EDXML_NAMESPACE
from hub.message.identifiers import AgencyCode
from hub.message.refusal import violation
from hub.message.skimming import DIGEST_METHODS
from hub.message.xml_stream import PIECE, Name, StartTag, StreamLimits, XmlStream
from hub.signature.profile import ENVELOPE, PLACEHOLDERS, SIGNATURE
from hub.signature.role_claim import RoleClaim
from hub.signature.signing import SigningKey, digest_method_of, signature_over

if TYPE_CHECKING:
    from hashlib import _Hash

_DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_SENDER: Final = (
    *ENVELOPE.names,
    *(f"{{{EDXML_NAMESPACE}}}{name}" for name in ("MessageHeader", "From", "OrganId")),
)
_LONGEST_CODE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """An envelope that was written to a file, ready for a signature."""

    sender: AgencyCode
    """As `From/OrganId` says it; empty where it says nothing."""
    is_signed: bool
    """Whether it has a signature already: then nothing is to be put into it."""
    header_ends_at: int
    """Where the end tag of `edXMLHeader` begins in the file."""
    digests: dict[str, bytes]
    """Of its canonical form, by digest method."""


def draft_envelope(
    pieces: Iterable[bytes], into: IO[bytes], *, limits: StreamLimits | None = None
) -> Drafted:
    """Write the envelope in *pieces* without comments and placeholders *into* a file.

    Raises `MalformedMessage` where it is no edXML.
    """
    drafting = _Drafting(into)
    stream = XmlStream(drafting, limits or StreamLimits())
    for piece in pieces:
        stream.feed(piece)
    stream.close()
    if drafting.header_ends_at is None:
        root = drafting.root or "?"
        raise MalformedMessage(
            [violation(RejectionCode.NOT_AN_ENVELOPE, path="/", rule="QCVN 102:2016: edXML", root=root)]
        )
    return Drafted(
        sender=AgencyCode("".join(drafting.sender).strip()[:_LONGEST_CODE]),
        is_signed=drafting.is_signed,
        header_ends_at=drafting.header_ends_at,
        digests={method: each.digest() for method, each in drafting.digests.items()},
    )


def sign_draft(
    drafted: Drafted, draft: IO[bytes], into: IO[bytes], key: SigningKey, *, claim: RoleClaim | None = None
) -> None:
    """Copy *draft*, which was *drafted* just now, *into* another file with the signature of *key* in it."""
    signature = signature_over(drafted.digests[digest_method_of(key)], key, claim=claim)
    draft.seek(0)
    left = drafted.header_ends_at
    while left and (piece := draft.read(min(left, PIECE))):
        left -= into.write(piece)
    into.write(signature)
    while piece := draft.read(PIECE):
        into.write(piece)


class _Drafting:
    """Writes the events of an envelope and digests their canonical form."""

    def __init__(self, into: IO[bytes]) -> None:
        self.sender: list[str] = []
        self.is_signed = False
        self.header_ends_at: int | None = None
        self.root: str | None = None
        self.digests: dict[str, _Hash] = {
            method: hashlib.new(name) for method, name in DIGEST_METHODS.items()
        }
        self._into: Callable[[bytes], int] = into.write
        self._at = into.write(_DECLARATION)
        self._form = ExclusiveForm()
        self._open: list[Name] = []
        self._left_out_from = 0
        """Depth at which a placeholder began."""

    def start(self, tag: StartTag, position: int) -> None:
        del position
        self.root = self.root or tag.name.tag
        if not self._left_out_from and tag.name.tag in PLACEHOLDERS and self._names() == ENVELOPE.names:
            self._left_out_from = len(self._open) + 1
        self._open.append(tag.name)
        self.is_signed = self.is_signed or tag.name.tag == SIGNATURE
        if not self._left_out_from:
            self._write(written_start(tag), self._form.start(tag))

    def end(self, position: int) -> None:
        del position
        depth, is_header = len(self._open), self._names() == ENVELOPE.names
        if is_header and self.header_ends_at is None:
            self.header_ends_at = self._at
        name = self._open.pop()
        if not self._left_out_from:
            self._write(end_tag(name), self._form.end())
        elif self._left_out_from == depth:
            self._left_out_from = 0

    def text(self, written: str) -> None:
        if self._left_out_from:
            return
        octets = escaped_text(written)
        self._write(octets, octets)
        if len(self._open) == len(_SENDER) and self._names() == _SENDER:
            self.sender.append(written[:_LONGEST_CODE])

    def comment(self, written: str) -> None:
        """Drop it: no signature covers it."""

    def instruction(self, target: str, written: str) -> None:
        if not self._left_out_from:
            self._write(written_instruction(target, written), self._form.instruction(target, written))

    def _names(self) -> tuple[str, ...]:
        return tuple([name.tag for name in self._open]) if len(self._open) <= len(_SENDER) else ()

    def _write(self, octets: bytes, canonical: bytes) -> None:
        self._at += self._into(octets)
        for digest in self.digests.values():
            digest.update(canonical)
