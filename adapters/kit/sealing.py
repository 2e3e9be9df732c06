"""Signs what is too large for memory: from a file, or from a draft whose files are read as it is composed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from adapters.kit.error import UnfitDraft
from adapters.kit.keyring import KeyRing, sender_of
from adapters.kit.spool import Spool, copy, pieces_of, room, settle
from hub.message.claim import ClaimCheck
from hub.message.edxml import MessageKind
from hub.message.edxml_elements import is_status, outline
from hub.message.identifiers import agency_key
from hub.message.skimming import Skimmed, skim
from hub.signature.role_claim import RoleClaim
from hub.signature.signing_stream import draft_envelope, sign_draft
from hub.signature.skimmed import read_skeleton, verify_skimmed

Source: TypeAlias = Callable[[], Iterator[bytes]]
"""Gives the octets of an envelope, anew at each call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFile:
    """A large envelope as it will travel; it lies in the spool."""

    kind: MessageKind
    claim: ClaimCheck


def seal_large(source: Source, keys: KeyRing, claim: RoleClaim | None, spool: Spool) -> SealedFile:
    """Sign what *source* gives with the key of its sender; what is signed already stays byte for byte.

    Returns once the signed envelope is in *spool* for good. Raises what `keyring.seal` raises, `JournalFull`
    where the disk is full, and `JournalFailed` where it fails.
    """
    with room():
        place = spool.workplace()
        try:
            skimmed = _write(source, keys, claim, place)
            settle(place / "envelope", spool.sent(skimmed.digest))
        finally:
            spool.leave(place)
    kind = MessageKind.STATUS if is_status(outline(read_skeleton(skimmed))) else MessageKind.DOCUMENT
    return SealedFile(kind=kind, claim=ClaimCheck(digest=skimmed.digest, octets=skimmed.octets))


def _write(source: Source, keys: KeyRing, claim: RoleClaim | None, place: Path) -> Skimmed:
    """Write the signed envelope to a file in *place*."""
    envelope = place / "envelope"
    with (place / "draft").open("w+b") as draft, envelope.open("wb") as into:
        drafted = draft_envelope(source(), draft)
        if drafted.is_signed:
            copy(source(), into)
        elif not drafted.sender:
            raise UnfitDraft("the draft names no sender in From/OrganId")
        else:
            sign_draft(drafted, draft, into, keys.key_for(drafted.sender), claim=claim)
    skimmed = skim(pieces_of(envelope))
    if not drafted.is_signed:
        signed = verify_skimmed(skimmed)  # what was written to the disk is what was signed
        if agency_key(sender_of(outline(signed.signed_tree))) != agency_key(drafted.sender):
            raise UnfitDraft("the draft names more than one sender in From/OrganId")
    return skimmed
