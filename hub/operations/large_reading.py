"""The one door to the bytes of a message: they lie in its row, or in the blob store behind a claim check."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from hub.backends.blobs import BlobStore
from hub.errors import NothingFound
from hub.message.claim import read_claim
from hub.message.identifiers import MailboxName
from hub.message.large_body import BodyKey, BodyState, CheckedIn, LargeEnvelope
from hub.message.properties import looks_like_claim

_AWAY: Final = "the octets of this message lie in a blob store, which the settings do not name (bodies_store)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The exact bytes that a mailbox submitted."""

    octets: int
    pieces: AsyncIterator[bytes]

    async def whole(self) -> bytes:
        """Return all of it; a large one takes as much memory."""
        return b"".join([piece async for piece in self.pieces])


@dataclass(frozen=True, slots=True, kw_only=True)
class Originals:
    """Reads what mailboxes have submitted, by the mailbox and the body that stands in the message's row."""

    blobs: BlobStore | None

    async def open(self, mailbox: MailboxName, body: bytes) -> Original:
        """Return the bytes; raises `NothingFound` where they are no longer there."""
        body_of = self._claimed(mailbox, body)
        if body_of is None:
            return Original(octets=len(body), pieces=_once(body))
        blobs, checked_in = body_of
        await blobs.look(checked_in.key.name)
        pieces = blobs.stream(checked_in.key.name, 0, checked_in.octets)
        return Original(octets=checked_in.octets, pieces=pieces)

    def envelope(self, mailbox: MailboxName, body: bytes) -> LargeEnvelope | None:
        """Return the envelope that *body* claims, to be read from a thread; None where it is one itself."""
        body_of = self._claimed(mailbox, body)
        return None if body_of is None else envelope_of(*body_of)

    def _claimed(self, mailbox: MailboxName, body: bytes) -> tuple[BlobStore, CheckedIn] | None:
        if not looks_like_claim(body):
            return None
        if self.blobs is None:
            raise NothingFound(_AWAY)
        claim = read_claim(body)
        key = BodyKey(mailbox=mailbox, digest=claim.digest)
        whole = CheckedIn(key=key, octets=claim.octets, received=claim.octets, state=BodyState.COMPLETE)
        return self.blobs, whole


IN_ROWS: Final = Originals(blobs=None)
"""Where there is no blob store."""


def envelope_of(blobs: BlobStore, body: CheckedIn) -> LargeEnvelope:
    """Return the envelope that *body* is, to be read from a thread."""
    return LargeEnvelope(octets=body.octets, read=partial(blobs.read, body.key.name))


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
