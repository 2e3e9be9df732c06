"""Where mailboxes check in large bodies, and redeem them by their digests."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from hub.backends.blobs import BlobStore
from hub.backends.postgres import bodies
from hub.backends.postgres.pool import Database
from hub.errors import NothingFound, OperationRefused, TemporaryFailure
from hub.message.identifiers import Digest, MailboxName
from hub.message.large_body import BodyKey, BodyState, CheckedIn

_LEAVING_PATIENCE: Final = timedelta(seconds=30)


class WrongPart(OperationRefused):
    """The part does not belong where it was sent to; *body* says what is wanted."""

    def __init__(self, body: CheckedIn) -> None:
        """Say what *body* wants."""
        super().__init__(f"the next part begins at {body.received} and is {body.next_part} octets long")
        self.body = body


class WrongDigest(OperationRefused):
    """What came is not what was announced; all of it is forgotten."""


class BodyTooLarge(OperationRefused):
    """No body may be so large."""


class BodyExpired(OperationRefused):
    """It was here, and its time is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloakroomTerms:
    """What the cloakroom takes."""

    max_octets: int
    """Of one body."""
    quota_octets: int
    """Of one mailbox, of bodies that no accepted message claims."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloakroom:
    """Takes bodies part by part, and hands them to those whose they are."""

    database: Database
    blobs: BlobStore
    terms: CloakroomTerms

    async def begin(self, key: BodyKey, octets: int) -> CheckedIn:
        """Begin to check in a body, or say how far it is.

        Raises `BodyTooLarge`, `QuotaExceeded`, or `OperationRefused` where the digest was announced with
        another length; `TemporaryFailure` while an older one is being deleted.
        """
        if octets > self.terms.max_octets:
            raise BodyTooLarge(f"{octets} octets, and {self.terms.max_octets} are the most")
        body = await bodies.begin(self.database, key, octets, quota=self.terms.quota_octets)
        if body.state is BodyState.LEAVING:
            raise TemporaryFailure("an older upload of it is being deleted", retry_after=_LEAVING_PATIENCE)
        if body.octets != octets:
            raise OperationRefused(f"it was announced with {body.octets} octets before")
        return body

    async def standing(self, key: BodyKey) -> CheckedIn:
        """Return how far the body with *key* is; raises `NothingFound` where it is not being checked in."""
        async with self.database.connection() as connection:
            body = await bodies.read(connection, key)
        if body is None or body.state not in {BodyState.UPLOADING, BodyState.COMPLETE}:
            raise NothingFound("there is no such body of yours")
        return body

    async def receive(self, body: CheckedIn, offset: int, octets: bytes) -> CheckedIn:
        """Keep the part of *body* at *offset*; with the last one the whole is put together.

        Raises `WrongPart` where it is not the next, `WrongDigest` where the whole is something else.
        """
        _refuse_misplaced(body, offset, octets)
        await self.blobs.put(body.key.part(offset), octets)
        if offset + len(octets) == body.octets:
            return await self._complete(body)
        async with self.database.connection() as connection:
            if not await bodies.advance(connection, body, offset + len(octets)):
                raise WrongPart(await self.standing(body.key))
        return await self.standing(body.key)

    async def redeem(self, digest: Digest, asked_by: MailboxName) -> CheckedIn:
        """Return the body with *digest*, where *asked_by* sent it or has a delivery of it.

        Raises `NothingFound` for everybody else, `BodyExpired` where it is kept no longer.
        """
        body = await bodies.find(self.database, digest, asked_by)
        if body is None:
            raise NothingFound("there is no such body for you")
        if body.state is BodyState.EXPIRED:
            raise BodyExpired("it is kept no longer")
        return body

    def stream(self, body: CheckedIn, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the octets of *body* from *start* to before *end*, a piece at a time."""
        return self.blobs.stream(body.key.name, start, end)

    async def _complete(self, body: CheckedIn) -> CheckedIn:
        """Put *body* together, once: what is complete is never written again."""
        wrong: str | None = None
        async with bodies.alone_with(self.database, body.key) as transaction:
            now = await bodies.read(transaction, body.key)
            if now != body:
                raise WrongPart(now or body)
            wrong = await self._put_together(body)
            if wrong is None:
                await bodies.advance(transaction, body, body.octets)
            else:
                await bodies.restart(transaction, body.key)
        await self.blobs.delete(body.parts)
        if wrong is not None:
            raise WrongDigest(f"{wrong}: it begins anew")
        return await self.standing(body.key)

    async def _put_together(self, body: CheckedIn) -> str | None:
        """Return what is wrong with what came."""
        try:
            joined = await self.blobs.join(body.key.name, body.parts)
        except NothingFound:  # lost with the power, before anybody relied on it: the sender still has it
            return "a part of it is lost"
        if (joined.digest, joined.octets) == (body.key.digest, body.octets):
            return None
        await self.blobs.delete((body.key.name,))
        return f"what came has the SHA-256 {joined.digest.hex()}"


def _refuse_misplaced(body: CheckedIn, offset: int, octets: bytes) -> None:
    is_next = offset == body.received and len(octets) == body.next_part
    if body.state is not BodyState.UPLOADING or not is_next:
        raise WrongPart(body)
