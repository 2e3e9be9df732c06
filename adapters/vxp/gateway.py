"""What the faces of the gateway do with documents: the one narrow way to the books and the mailbox."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, NewType, Protocol

from adapters.vxp.systems import Face, System, Systems
from hub.message.identifiers import AgencyCode, Digest

DocId = NewType("DocId", str)
"""Name of what was sent or received, for the systems; a safe file name (hexadecimal digits and dashes)."""


class PacketKind(StrEnum):
    """What a packet is; the interface's own words."""

    EDOC = "edoc"
    STATUS = "status"


class TransportStatus(StrEnum):
    """How far a packet has come between the gateway and a system; the interface's own words."""

    INITIAL = "initial"
    PROCESSING = "processing"
    DONE = "done"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """When something came or was sent; the end is not part of it."""

    since: datetime | None = None
    until: datetime | None = None


ALWAYS: Final = Period()


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """What a system hands over to be sent."""

    kind: PacketKind
    sender: AgencyCode
    """`from`, as the call says."""
    recipients: tuple[AgencyCode, ...]
    """`to`, as the call says; for a status the sender of the document that it is about."""
    body: bytes = field(default=b"", repr=False)
    """The edXML file."""
    file: Path | None = None
    """Where it is instead, where it is too large for memory; it stays there until `send` has returned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What lies here for a system."""

    doc_id: DocId
    kind: PacketKind
    sender: AgencyCode
    recipient: AgencyCode
    created_at: datetime
    updated_at: datetime
    status: TransportStatus
    description: str
    digest: Digest
    octets: int
    title: str
    """Subject of a document; description of a status."""
    notation: str
    """Number and notation of a document, as people write them; empty for a status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of a packet on the way to one recipient."""

    doc_id: DocId
    kind: PacketKind
    sender: AgencyCode
    recipient: AgencyCode
    receiver_doc_id: DocId | None
    """Its name at the recipient, once the axis has accepted it."""
    title: str
    notation: str
    sent_at: datetime
    received_at: datetime | None
    send_status: TransportStatus
    """`initial` until the axis has it, `done` once it has accepted it, `fail` with its reason otherwise."""
    send_description: str
    receive_status: TransportStatus
    """`done` once the recipient's system has it, `fail` where it refuses it or cannot be reached."""
    receive_description: str


class Gateway(Protocol):
    """Sends and receives for the systems of one mailbox; every method raises `Refused` to say no.

    A system sees what is for the agencies that it speaks for, and nothing else: what is another's does not
    exist. What a method returned for is on disk.
    """

    @property
    def systems(self) -> Systems:
        """The systems as the settings have them now; they may be others at the next call."""

    def admit(self, system: System, face: Face) -> None:
        """Let one call of *system* pass; every face asks this once it knows who calls."""

    async def send(self, system: System, packet: Packet) -> DocId:
        """Check, sign under mandate where it is not signed, journal; it goes out in the background.

        The same file from the same system, within a day and not refused by the axis, has one effect and
        one name.
        """

    async def list_received(
        self, system: System, kind: PacketKind | None = None, *, period: Period = ALWAYS, limit: int = 500
    ) -> Sequence[Received]:
        """Return what came in *period* and the system has not reported as `done` or `fail`, oldest first."""

    async def received(self, system: System, doc_id: DocId) -> Received:
        """Return one of them, or one that was reported."""

    async def body_of(self, system: System, doc_id: DocId) -> Path:
        """Return the file with the sender's exact bytes of what was received."""

    async def count(self, system: System, kind: PacketKind) -> int:
        """Return how many `list_received` would find, without its limit."""

    async def update_status(
        self, system: System, doc_id: DocId, status: TransportStatus, description: str = ""
    ) -> None:
        """Note how far the system is; `done` sends the sender status 01, once, `fail` 02 (see settings)."""

    async def list_sent(
        self, system: System, doc_id: DocId | None = None, *, period: Period = ALWAYS, limit: int = 500
    ) -> Sequence[Sent]:
        """Return what became of what the system sent, newest first, one for each recipient."""
