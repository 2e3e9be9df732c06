"""Decides whether a large envelope may be believed, which lies in a file and is read piece by piece."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from adapters.kit.broker import Arrived
from adapters.kit.delivery import ArrivedStatus, Delivery, ReceivedAttachment
from adapters.kit.error import DeliveryRejected, JournalFailed
from adapters.kit.inspection import Trust, compare, read_consignment, refuse_stranger
from adapters.kit.octets import InFile
from adapters.kit.spool import copy, pieces_of
from hub.message import properties
from hub.message.attachment_reading import EncodedAttachment, encoded_attachments
from hub.message.claim import ClaimCheck
from hub.message.content_type import content_type_of
from hub.message.edxml import DocumentHeader
from hub.message.edxml_elements import outline
from hub.message.edxml_reading import read_header
from hub.message.identifiers import Digest
from hub.message.large_archive import unpack_large
from hub.message.skimming import Skimmed, SkimmedAttachment, decoded_pieces, skim
from hub.message.zip_container import Oversized
from hub.signature.skimmed import verify_skimmed

_HEAD: Final = 8_192
_MAX_UNPACKED: Final = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedEnvelope:
    """A large envelope that was fetched for one delivery; its folder is this delivery's own."""

    claim: ClaimCheck
    path: Path


def inspect_large(
    arrived: Arrived, fetched: FetchedEnvelope, trust: Trust, at: datetime
) -> Delivery | ArrivedStatus:
    """Return what arrived, as `inspect` does; its attachments lie decoded beside the envelope.

    Raises `MessageRejected` where it is no envelope whose signature holds, `DeliveryRejected` where the axis
    says something else of it, and `OSError` where the disk fails.
    """
    consignment = read_consignment(arrived)
    if consignment.message_id is None:
        raise DeliveryRejected(f"the AMQP header {properties.HUB_MESSAGE_ID} is missing")
    skimmed = skim(pieces_of(fetched.path))
    if skimmed.digest != fetched.claim.digest:
        raise DeliveryRejected("what was fetched is not what the axis speaks of")
    signed = verify_skimmed(skimmed)
    refuse_stranger(signed, trust.agencies, at)
    header = read_header(signed.signed_tree)
    compare(header, consignment, arrived.type)
    if not isinstance(header, DocumentHeader):
        return ArrivedStatus(consignment=consignment, header=header, body=fetched.path.read_bytes())
    encoded = encoded_attachments(outline(signed.signed_tree))
    if len(encoded) != len(skimmed.attachments):
        raise DeliveryRejected("the attachments cannot be told apart")
    return Delivery(
        consignment=consignment,
        header=header,
        attachments=tuple(
            [
                _attachment(each, facts, fetched.path, number)
                for number, (each, facts) in enumerate(zip(encoded, skimmed.attachments, strict=True), 1)
            ]
        ),
        envelope=_whole(fetched, skimmed),
        signature=signed.facts,
    )


def _whole(fetched: FetchedEnvelope, skimmed: Skimmed) -> InFile:
    head = next(pieces_of(fetched.path, 0, _HEAD), b"")
    return InFile(path=fetched.path, octets=skimmed.octets, digest=skimmed.digest, head=head)


def _attachment(
    encoded: EncodedAttachment, facts: SkimmedAttachment | None, envelope: Path, number: int
) -> ReceivedAttachment:
    """Decode an attachment beside the *envelope*."""
    if facts is None or not facts.is_base64:
        raise DeliveryRejected(f"attachment {number} is not base64")
    decoded = envelope.with_name(f"attachment-{number}")
    with decoded.open("w+b") as file:
        copy(decoded_pieces(pieces_of(envelope, facts.start, facts.end)), file)
        if file.tell() != facts.octets:
            raise JournalFailed(f"attachment {number} was not read back from the disk as it was written")
        stored = InFile(path=decoded, octets=facts.octets, digest=facts.digest, head=_head(file))
        unpacked = None if encoded.name.lower().endswith(".zip") else _unpacked(file, decoded)
    if unpacked is not None:
        decoded.unlink()
    return ReceivedAttachment(
        content_id=encoded.content_id,
        name=encoded.name,
        content_type=content_type_of((unpacked or stored).head, encoded.name),
        is_zip_container=unpacked is not None,
        stored=unpacked or stored,
    )


def _unpacked(file: IO[bytes], decoded: Path) -> InFile | None:
    """Return the one file of a container; None where *file* is not one."""
    place = decoded.with_name(f"{decoded.name}-unpacked")
    with place.open("w+b") as into:
        found = unpack_large(file, into, limit=_MAX_UNPACKED)
        if isinstance(found, Oversized):
            raise DeliveryRejected(f"an attachment swells to {found.size} octets")
        if found is None:
            place.unlink()
            return None
        return InFile(path=place, octets=found.octets, digest=Digest(found.digest), head=_head(into))


def _head(file: IO[bytes]) -> bytes:
    file.flush()
    file.seek(0)
    return file.read(_HEAD)
