"""The gateway's books in memory: a twin of `adapters.vxp.desk`, for the faces alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from adapters.vxp.checking import check
from adapters.vxp.departures import notation_of, title_of
from adapters.vxp.gateway import (
    ALWAYS,
    DocId,
    Packet,
    PacketKind,
    Period,
    Received,
    Sent,
    TransportStatus,
)
from adapters.vxp.limits import Limits
from adapters.vxp.refusals import Reason, Refused
from adapters.vxp.systems import Face, System, Systems
from hub.message.identifiers import AgencyCode, digest_of

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class MemoryGateway:
    """What one system sends is there for the systems of its recipients at once."""

    systems: Systems
    folder: Path
    packets: dict[DocId, tuple[Packet, Received]] = field(default_factory=dict)
    reported: list[tuple[str, DocId, TransportStatus, str]] = field(default_factory=list)
    limits: Limits = field(default_factory=lambda: Limits(lambda: 0.0))

    def admit(self, system: System, face: Face) -> None:
        if face not in system.faces:
            raise Refused(Reason.NOT_ALLOWED)
        self.limits.request(system)

    async def send(self, system: System, packet: Packet) -> DocId:
        if not self.systems.speaks_for(system, packet.sender):
            raise Refused(Reason.FOREIGN_AGENCY, sender=packet.sender, registered=system.agency)
        checked = check(packet)
        name = DocId(f"{len(self.packets):032x}")
        received = Received(
            doc_id=name,
            kind=packet.kind,
            sender=packet.sender,
            recipient=AgencyCode(packet.recipients[0]),
            created_at=NOW,
            updated_at=NOW,
            status=TransportStatus.INITIAL,
            description="",
            digest=digest_of(packet.body),
            octets=len(packet.body),
            title=title_of(checked.header),
            notation=notation_of(checked.header),
        )
        self.packets[name] = (packet, received)
        (self.folder / name).write_bytes(packet.body)
        return name

    async def list_received(
        self, system: System, kind: PacketKind | None = None, *, period: Period = ALWAYS, limit: int = 500
    ) -> Sequence[Received]:
        found = [
            each
            for packet, each in self.packets.values()
            if self._is_for(system, packet)
            and kind in {None, each.kind}
            and (period.since is None or period.since <= each.created_at)
            and (period.until is None or each.created_at < period.until)
            and each.status in {TransportStatus.INITIAL, TransportStatus.PROCESSING}
        ]
        return found[:limit]

    async def received(self, system: System, doc_id: DocId) -> Received:
        packet, found = self.packets.get(doc_id, (None, None))
        if packet is None or found is None or not self._is_for(system, packet):
            raise Refused(Reason.UNKNOWN_DOCUMENT, doc_id=doc_id)
        return found

    async def body_of(self, system: System, doc_id: DocId) -> Path:
        return self.folder / (await self.received(system, doc_id)).doc_id

    async def count(self, system: System, kind: PacketKind) -> int:
        return len(await self.list_received(system, kind))

    async def update_status(
        self, system: System, doc_id: DocId, status: TransportStatus, description: str = ""
    ) -> None:
        found = await self.received(system, doc_id)
        packet, _ = self.packets[doc_id]
        self.packets[doc_id] = (packet, replace(found, status=status, description=description))
        self.reported.append((system.systemid, doc_id, status, description))

    async def list_sent(
        self, system: System, doc_id: DocId | None = None, *, period: Period = ALWAYS, limit: int = 500
    ) -> Sequence[Sent]:
        return []

    def _is_for(self, system: System, packet: Packet) -> bool:
        return any(self.systems.speaks_for(system, each) for each in packet.recipients)
