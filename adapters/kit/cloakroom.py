"""Speaks to the axis's service of large bodies: checks in and redeems, going on where it stopped."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import httpx
import structlog

from adapters.kit.crash import LargeBodyCrashPoint, crash_point
from adapters.kit.error import DeliveryRejected
from adapters.kit.spool import PIECE, pieces_of, room, settle
from hub.errors import ConfigurationError, TemporaryFailure
from hub.message.body_proof import (
    BODIES_PATH,
    PART_OCTETS,
    PART_TYPE,
    UPLOAD_OFFSET,
    BodyProof,
    path_of,
)
from hub.message.claim import ClaimCheck
from hub.message.identifiers import Digest, MailboxName
from hub.signature.body_proof import sign_proof
from hub.signature.signing import SigningKey

_log = structlog.get_logger("adapters.kit")

_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
_LONGEST_PROBLEM: Final = 400
_MOST_RESTARTS: Final = 3
"""How often one upload begins anew, or goes on elsewhere than it was, before it is left for later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloakroomAddress:
    """Where the service is."""

    url: str
    """`https://axis.example:8443`."""
    authorities: Path | None = None
    """PEM file with the authorities of its certificate; those of the machine where it is not set."""

    def complaints(self) -> tuple[str, ...]:
        """Return everything that keeps this address from being used."""
        try:
            parts = httpx.URL(self.url)
        except httpx.InvalidURL:
            return ("bodies: không phải địa chỉ / is no address",)
        if parts.scheme not in {"https", "http"} or not parts.host or parts.userinfo:
            return ("bodies: phải có dạng / has to be like https://axis.example:8443",)
        if parts.path.strip("/") or parts.query or parts.fragment:
            return ("bodies: kết thúc ở cổng / has to end with the port",)
        if self.authorities is not None and not self.authorities.is_file():
            return (f"bodies_ca: không đọc được / cannot be read: {self.authorities}",)
        return ()


class Cloakroom:
    """Checks in and redeems in the name of one mailbox; every request proves whose it is."""

    def __init__(self, client: httpx.AsyncClient, mailbox: MailboxName, key: SigningKey) -> None:
        """Ask over *client*; `open` makes it."""
        self._client = client
        self._mailbox = mailbox
        self._key = key

    @classmethod
    @asynccontextmanager
    async def open(
        cls, address: CloakroomAddress, mailbox: MailboxName, key: SigningKey
    ) -> AsyncIterator[Self]:
        """Be ready to ask; nothing is asked yet."""
        if complaints := address.complaints():
            raise ConfigurationError("; ".join(complaints))
        # The environment's proxies are for browsing: whoever needs one names it as the address.
        async with httpx.AsyncClient(
            base_url=address.url,
            verify=_context(address),
            timeout=_TIMEOUT,
            trust_env=False,
            headers={"Accept-Encoding": "identity"},
        ) as client:
            yield cls(client, mailbox, key)

    async def check_in(self, claim: ClaimCheck, path: Path) -> None:
        """Have the service hold what lies at *path*; what it holds already is not sent again.

        Raises `TemporaryFailure` where that cannot be done just now: later it goes on where it stopped.
        """
        for _ in range(_MOST_RESTARTS):
            offset: int | None = await self._begin(claim)
            while offset is not None and offset < claim.octets:
                offset = await self._send(claim, path, offset)
            if offset == claim.octets:
                return
        raise TemporaryFailure(f"the upload of {claim.digest.hex()} did not come to its end")

    async def redeem(self, claim: ClaimCheck, path: Path) -> None:
        """Have the envelope of *claim* at *path*, which is all there or not at all.

        Raises `TemporaryFailure` where that cannot be done just now, `DeliveryRejected` where the service
        has nothing of the kind for this mailbox, `JournalFull` where the disk is full.
        """
        if await asyncio.to_thread(path.exists):
            return
        part = path.with_name(f"{path.name}.part")
        with room():
            start = await asyncio.to_thread(_size, part, claim.octets)
            if start < claim.octets:
                await self._fetch(claim, part, start)
            await asyncio.to_thread(_finish, part, path, claim)

    async def _begin(self, claim: ClaimCheck) -> int:
        told = {"sha256": claim.digest.hex(), "octets": claim.octets}
        answer = await self._ask("POST", BODIES_PATH, json=told)
        if not answer.is_success:
            raise _refused(answer)
        return _offset(answer, claim)

    async def _send(self, claim: ClaimCheck, path: Path, offset: int) -> int | None:
        """Send the next part; return how much is there then, None where it has to begin anew."""
        octets = min(PART_OCTETS, claim.octets - offset)
        headers = {UPLOAD_OFFSET: str(offset), "Content-Type": PART_TYPE, "Content-Length": str(octets)}
        part = _part(path, offset, offset + octets)
        answer = await self._ask("PATCH", path_of(claim.digest), content=part, headers=headers)
        if answer.status_code in {httpx.codes.NOT_FOUND, httpx.codes.UNPROCESSABLE_ENTITY}:
            return None
        if answer.status_code == httpx.codes.CONFLICT:
            there = _offset(answer, claim)
            return there if there > offset else None
        if not answer.is_success:
            raise _refused(answer)
        crash_point(LargeBodyCrashPoint.AFTER_PART_BEFORE_NEXT)
        return _offset(answer, claim)

    async def _fetch(self, claim: ClaimCheck, part: Path, start: int) -> None:
        path = path_of(claim.digest)
        wanted = {"Range": f"bytes={start}-", "If-Range": f'"{claim.digest.hex()}"'} if start else {}
        try:
            async with self._client.stream("GET", path, headers=self._proved("GET", path) | wanted) as answer:
                if answer.status_code in {httpx.codes.NOT_FOUND, httpx.codes.GONE}:
                    await answer.aread()
                    raise DeliveryRejected(f"the large body is not to be had: {_problem(answer)}")
                if not answer.is_success:
                    await answer.aread()
                    raise _refused(answer)
                begin = start if answer.status_code == httpx.codes.PARTIAL_CONTENT else 0
                await _save(answer, part, begin, claim.octets)
        except httpx.HTTPError as error:
            raise _away(error) from error

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        content: AsyncIterator[bytes] | None = None,
        json: dict[str, object] | None = None,
    ) -> httpx.Response:
        try:
            return await self._client.request(
                method, path, headers=self._proved(method, path) | (headers or {}), content=content, json=json
            )
        except httpx.HTTPError as error:
            raise _away(error) from error

    def _proved(self, method: str, path: str) -> dict[str, str]:
        proof = BodyProof.of(self._mailbox, method, path, datetime.now(UTC))
        return {"Authorization": f"Bearer {sign_proof(proof, self._key)}"}


def _context(address: CloakroomAddress) -> ssl.SSLContext:
    if address.url.startswith("http://"):
        _log.warning("bodies.unencrypted", bodies=address.url)
    return ssl.create_default_context(cafile=address.authorities)


def _offset(answer: httpx.Response, claim: ClaimCheck) -> int:
    written = answer.headers.get(UPLOAD_OFFSET, "")
    if not written.isdigit() or int(written) > claim.octets:
        raise TemporaryFailure(f"the service of large bodies says no {UPLOAD_OFFSET}")
    return int(written)


async def _part(path: Path, start: int, end: int) -> AsyncIterator[bytes]:
    """Yield a part piece by piece, as fast as the service takes it."""
    pieces = pieces_of(path, start, end)
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece


def _size(part: Path, most: int) -> int:
    """Return how much of *part* is there; what is too long is no part of it."""
    part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        size = part.stat().st_size
    except FileNotFoundError:
        return 0
    if size > most:
        part.unlink()
        return 0
    return size


async def _save(answer: httpx.Response, part: Path, begin: int, most: int) -> None:
    with await asyncio.to_thread(part.open, "r+b" if begin else "wb") as file:
        at = file.seek(begin)
        async for piece in answer.aiter_bytes(PIECE):
            at += len(piece)
            if at > most:
                raise TemporaryFailure("the service of large bodies sends more than was claimed")
            await asyncio.to_thread(file.write, piece)
            crash_point(LargeBodyCrashPoint.AFTER_PIECE_BEFORE_WHOLE)
    if at != most:
        raise TemporaryFailure(f"{at} of {most} octets came")


def _finish(part: Path, path: Path, claim: ClaimCheck) -> None:
    with part.open("rb") as file:
        digest = Digest(hashlib.file_digest(file, "sha256").digest())
    if digest != claim.digest:
        part.unlink()
        raise TemporaryFailure(f"what came has the SHA-256 {digest.hex()}: it is fetched anew")
    settle(part, path)


def _refused(answer: httpx.Response) -> TemporaryFailure:
    """Return what the service says against it; nothing is lost, and what is wrong may be set right there."""
    problem = _problem(answer)
    if answer.status_code not in {httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS}:
        _log.error("bodies.refused", status=answer.status_code, reason=problem)
    return TemporaryFailure(f"the service of large bodies answers {answer.status_code}: {problem}")


def _problem(answer: httpx.Response) -> str:
    """Return what the answer says for people: a stranger's words, kept short and on one line."""
    try:
        told = answer.json()
    except ValueError:
        return ""
    words = [str(told.get(name, "")) for name in ("en", "detail")] if isinstance(told, dict) else []
    return " ".join(" ".join(words).split())[:_LONGEST_PROBLEM]


def _away(error: httpx.HTTPError) -> TemporaryFailure:
    return TemporaryFailure(f"the service of large bodies is away: {error!r}")
