"""Large envelopes, read once and in pieces: what the ordinary checks need of them, and what they cannot see.

One pass over the octets gives their digest, the digest of what a signature of them covers, and a *skeleton*:
the same envelope with each attachment cut after its first octets, small enough for every ordinary check.
Skeleton and digests are written from the same events of one parser. So what a check reads in the skeleton is
what was signed, as soon as the signature is found to be for the digest: nobody can show one thing to the
signature and another to the checks.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hub.message.base64_stream import Base64Stream, letters_in
from hub.message.canonical_form import (
    ExclusiveForm,
    end_tag,
    escaped_text,
    written_instruction,
    written_start,
)
from hub.message.edxml import EDXML_NAMESPACE, XMLDSIG_NAMESPACE
from hub.message.identifiers import Digest
from hub.message.xml_stream import Name, StartTag, StreamLimits, TextInside, XmlStream, too_complex

if TYPE_CHECKING:
    from hashlib import _Hash

KEPT_LETTERS: Final = 48 * 1024
"""Letters of base64 that the skeleton keeps of each attachment; whole groups of four."""
DIGEST_METHODS: Final = MappingProxyType(
    {
        "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
        "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
        "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
    }
)
"""By which digest methods a signature may name what it covers (XMLDSIG 1.1 §6.2)."""
_SIGNATURE: Final = f"{{{XMLDSIG_NAMESPACE}}}Signature"
_SIGNED_INFO: Final = f"{{{XMLDSIG_NAMESPACE}}}SignedInfo"
_DIGEST_METHOD: Final = f"{{{XMLDSIG_NAMESPACE}}}DigestMethod"
_HOLDER: Final = f"{{{EDXML_NAMESPACE}}}AttachmentEncoded"
_ATTACHMENT: Final = f"{{{EDXML_NAMESPACE}}}Attachment"
_ENCODED: Final = f"{{{EDXML_NAMESPACE}}}ContentTransferEncoded"
_HOLDER_DEPTH: Final = 2
_ATTACHMENT_DEPTH: Final = 3
_ENCODED_DEPTH: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SkimLimits:
    """How much is skimmed."""

    xml: StreamLimits = field(default_factory=StreamLimits)
    skeleton_octets: int = 12 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SkimmedAttachment:
    """What the skeleton does not tell of an attachment."""

    start: int
    """Where the start tag of its `ContentTransferEncoded` begins in the file …"""
    end: int
    """… and where the end tag does."""
    is_base64: bool
    """Whether all of it is; where not, the two facts below say nothing."""
    octets: int
    """How long it is, decoded."""
    digest: Digest
    """SHA-256 of it, decoded."""
    is_whole: bool
    """Whether the skeleton has all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skimmed:
    """An envelope, read once."""

    digest: Digest
    """SHA-256 of its octets, all of them."""
    octets: int
    skeleton: bytes
    """The envelope in UTF-8 with its attachments cut; nothing else of it is missing."""
    covered: MappingProxyType[str, bytes]
    """By digest method: the digest of its exclusive canonical form, without comments and `ds:Signature`.

    At least that of every method which the signature names.
    """
    attachments: tuple[SkimmedAttachment | None, ...]
    """In the order in which the skeleton has them; None for one that encloses nothing."""


class Skimmer:
    """Skims an envelope that comes in pieces; raises nothing but `MalformedMessage`, whatever they are."""

    def __init__(self, limits: SkimLimits | None = None) -> None:
        """Begin with nothing, to take what is within *limits*."""
        limits = limits or SkimLimits()
        self._reading = _Reading(limits.skeleton_octets)
        self._stream = XmlStream(self._reading, limits.xml)
        self._digest = hashlib.sha256()
        self._octets = 0

    def feed(self, octets: bytes) -> None:
        """Read on."""
        self._digest.update(octets)
        self._octets += len(octets)
        self._stream.feed(octets)

    def close(self) -> Skimmed:
        """Return what the envelope is, now that it is at its end."""
        self._stream.close()
        return Skimmed(
            digest=Digest(self._digest.digest()),
            octets=self._octets,
            skeleton=b"".join(self._reading.skeleton),
            covered=self._reading.covered(),
            attachments=tuple(self._reading.attachments),
        )


def skim(pieces: Iterable[bytes], limits: SkimLimits | None = None) -> Skimmed:
    """Return what *pieces* are, one after the other."""
    skimmer = Skimmer(limits)
    for piece in pieces:
        skimmer.feed(piece)
    return skimmer.close()


def decoded_pieces(encoded: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content of an attachment, of which *encoded* are the octets from its start to its end.

    The envelope has been skimmed, and the attachment is base64.
    """
    decoder, found = Base64Stream(), list[str]()
    inside = TextInside(found.append)
    for octets in encoded:
        inside.feed(octets)
        yield decoder.feed(letters_in("".join(found)) or b"")
        found.clear()
    yield decoder.close()


class _Content:
    """The base64 of one attachment, as it goes by."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._letters = 0
        self._decoder = Base64Stream()
        self._digest = hashlib.sha256()
        self._octets = 0
        self._is_whole = True

    def take(self, written: str) -> bytes:
        """Return what the skeleton keeps of *written*."""
        letters = letters_in(written)
        if letters is None:
            self._decoder.spoil()
            self._is_whole = self._is_whole and len(written) <= self._room()
            return escaped_text(self._kept(written))
        self._add(self._decoder.feed(letters))
        self._is_whole = self._is_whole and len(letters) <= self._room()
        return escaped_text(self._kept(letters.decode("ascii")))

    def skimmed(self, end: int) -> SkimmedAttachment:
        """Return what is known of it at its *end*."""
        self._add(self._decoder.close())
        return SkimmedAttachment(
            start=self._start,
            end=end,
            is_base64=self._decoder.is_valid,
            octets=self._octets,
            digest=Digest(self._digest.digest()),
            is_whole=self._is_whole,
        )

    def _room(self) -> int:
        return KEPT_LETTERS - self._letters

    def _kept(self, written: str) -> str:
        kept = written[: self._room()]
        self._letters += len(kept)
        return kept

    def _add(self, octets: bytes) -> None:
        self._digest.update(octets)
        self._octets += len(octets)


class _Reading:
    """What the events of an envelope add up to."""

    def __init__(self, longest_skeleton: int) -> None:
        self.skeleton: list[bytes] = []
        self.attachments: list[SkimmedAttachment | None] = []
        self._room = longest_skeleton
        self._open: list[Name] = []
        self._form = ExclusiveForm()
        self._digests: dict[str, _Hash] = {
            method: hashlib.new(name) for method, name in DIGEST_METHODS.items()
        }
        self._named: set[str] = set()
        self._signature_depth = 0
        self._is_in_holder = False
        self._has_seen_holder = False
        self._content: _Content | None = None

    def covered(self) -> MappingProxyType[str, bytes]:
        return MappingProxyType({method: each.digest() for method, each in self._digests.items()})

    def start(self, tag: StartTag, position: int) -> None:
        self._open.append(tag.name)
        name = tag.name.tag
        if name == _SIGNATURE and not self._signature_depth:
            self._signature_depth = len(self._open)
        if not self._signature_depth:
            self._cover(self._form.start(tag))
        elif name == _DIGEST_METHOD:
            self._named |= {value for attribute, value in tag.attributes if attribute.tag == "Algorithm"}
        self._keep(written_start(tag))
        self._note_place(name, position)

    def end(self, position: int) -> None:
        if self._content is not None and len(self._open) == _ENCODED_DEPTH:
            self.attachments[-1] = self._content.skimmed(position)
            self._content = None
        depth, name = len(self._open), self._open.pop()
        if not self._signature_depth:
            self._cover(self._form.end())
        elif self._signature_depth == depth:
            self._signature_depth = 0
        elif name.tag == _SIGNED_INFO:
            self._drop_digests()
        self._is_in_holder = self._is_in_holder and depth != _HOLDER_DEPTH
        self._keep(end_tag(name))

    def text(self, written: str) -> None:
        octets = escaped_text(written)
        if not self._signature_depth:
            self._cover(octets)
        if self._content is not None and len(self._open) == _ENCODED_DEPTH:
            octets = self._content.take(written)
        self._keep(octets)

    def comment(self, written: str) -> None:
        self._keep(f"<!--{written}-->".encode())

    def instruction(self, target: str, written: str) -> None:
        if not self._signature_depth:
            self._cover(self._form.instruction(target, written))
        self._keep(written_instruction(target, written))

    def _note_place(self, name: str, position: int) -> None:
        """Notice attachments where `hub.message.edxml_elements` finds them: first holder, first content."""
        depth = len(self._open)
        if depth == _HOLDER_DEPTH and name == _HOLDER and not self._has_seen_holder:
            self._is_in_holder = self._has_seen_holder = True
        elif not self._is_in_holder:
            return
        elif depth == _ATTACHMENT_DEPTH and name == _ATTACHMENT:
            self.attachments.append(None)
        elif depth == _ENCODED_DEPTH and name == _ENCODED and self._is_first_content():
            self._content = _Content(position)

    def _is_first_content(self) -> bool:
        return self._open[_ATTACHMENT_DEPTH - 1].tag == _ATTACHMENT and self.attachments[-1] is None

    def _drop_digests(self) -> None:
        """Go on with those digests alone that the signature names."""
        self._digests = {each: digest for each, digest in self._digests.items() if each in self._named}

    def _cover(self, octets: bytes) -> None:
        for digest in self._digests.values():
            digest.update(octets)

    def _keep(self, octets: bytes) -> None:
        self._room -= len(octets)
        if self._room < 0:
            too_complex(vi="quá nhiều nội dung ngoài tệp đính kèm", en="too much beside the attachments")
        self.skeleton.append(octets)
