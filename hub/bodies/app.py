"""The addresses of the service of large bodies (`hub.message.body_proof` says what they are)."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from hub.backends.postgres.bodies import QuotaExceeded
from hub.bodies.access import Doorkeeper
from hub.bodies.byte_range import ByteRange, NoSuchRange, read_range
from hub.bodies.problems import Problem, Refused, answer
from hub.errors import NothingFound, OperationRefused, TemporaryFailure
from hub.message.body_proof import BODIES_PATH, PART_OCTETS, UPLOAD_LENGTH, UPLOAD_OFFSET, path_of
from hub.message.identifiers import Digest, MailboxName
from hub.message.large_body import BodyKey, BodyState, CheckedIn
from hub.operations.cloakroom import BodyExpired, BodyTooLarge, Cloakroom, WrongDigest, WrongPart

log = structlog.get_logger(__name__)
Answering: TypeAlias = Callable[[Request], Awaitable[Response]]
_ENVELOPE: Final = "application/xml"
_LONGEST_ANNOUNCEMENT: Final = 1_000
_HEX_DIGEST: Final = 64
_DECIMAL: Final = 18
_RETRY_SECONDS: Final = "5"
_QUOTA_SECONDS: Final = "3600"
_PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {
        WrongDigest: Problem.WRONG_DIGEST,
        BodyTooLarge: Problem.TOO_LARGE,
        BodyExpired: Problem.EXPIRED,
        NothingFound: Problem.NOTHING_FOUND,
    }
)
_PARTS_IN_HAND: Final = 16
_PARTS_OF_ONE: Final = 2
"""Parts that come at a time, of all mailboxes and of one: each is held in memory until it is kept."""


@dataclass(slots=True, kw_only=True)
class _Hands:
    """How many parts are held."""

    all: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_PARTS_IN_HAND))
    each: dict[MailboxName, asyncio.Semaphore] = field(
        default_factory=lambda: defaultdict(lambda: asyncio.Semaphore(_PARTS_OF_ONE))
    )

    @asynccontextmanager
    async def free(self, mailbox: MailboxName) -> AsyncIterator[None]:
        """Wait until one more part of *mailbox* may be held."""
        async with self.each[mailbox], self.all:
            yield


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyService:
    """Answers requests about large bodies."""

    cloakroom: Cloakroom
    doorkeeper: Doorkeeper
    hands: _Hands = field(default_factory=_Hands)

    async def begin(self, request: Request) -> Response:
        """Begin an upload: 201 where it is new, 200 with what is there otherwise."""
        mailbox = await self.doorkeeper.mailbox_of(request)
        digest, octets = await _announcement(request)
        body = await self.cloakroom.begin(BodyKey(mailbox=mailbox, digest=digest), octets)
        if body.received == 0:
            log.info("body.begun", mailbox=mailbox, digest=digest.hex(), octets=octets)
        return JSONResponse(
            {
                "sha256": digest.hex(),
                "octets": body.octets,
                "offset": body.received,
                "complete": body.state is BodyState.COMPLETE,
                "part_octets": PART_OCTETS,
            },
            status_code=201 if body.received == 0 else 200,
            headers=_standing(body) | {"Location": path_of(digest)},
        )

    async def receive(self, request: Request) -> Response:
        """Take the next part; 204 with how far it is now."""
        mailbox = await self.doorkeeper.mailbox_of(request)
        body = await self.cloakroom.standing(BodyKey(mailbox=mailbox, digest=_digest_in(request)))
        offset = _number(request.headers.get(UPLOAD_OFFSET))
        if body.state is BodyState.COMPLETE or offset != body.received:
            raise WrongPart(body)
        async with self.hands.free(mailbox):
            part = await _part(request, body.next_part)
            body = await self.cloakroom.receive(body, offset, part)
        if body.state is BodyState.COMPLETE:
            log.info("body.completed", mailbox=mailbox, digest=body.key.digest.hex(), octets=body.octets)
        return Response(status_code=204, headers=_standing(body))

    async def stand(self, request: Request) -> Response:
        """Tell how far one's own upload is."""
        mailbox = await self.doorkeeper.mailbox_of(request)
        body = await self.cloakroom.standing(BodyKey(mailbox=mailbox, digest=_digest_in(request)))
        return Response(headers=_standing(body) | {"Cache-Control": "no-store"})

    async def redeem(self, request: Request) -> Response:
        """Hand out a body, or a range of it."""
        mailbox = await self.doorkeeper.mailbox_of(request)
        body = await self.cloakroom.redeem(_digest_in(request), mailbox)
        etag = f'"{body.key.digest.hex()}"'
        part = _range_of(request, body, etag)
        start, end = (0, body.octets) if part is None else (part.start, part.end)
        headers = {"ETag": etag, "Accept-Ranges": "bytes", "Content-Length": str(end - start)}
        if part is not None:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{body.octets}"
        log.info("body.redeemed", mailbox=mailbox, digest=body.key.digest.hex(), start=start, end=end)
        return StreamingResponse(
            self.cloakroom.stream(body, start, end),
            status_code=200 if part is None else 206,
            media_type=_ENVELOPE,
            headers=headers | {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"},
        )


def application(service: BodyService) -> Starlette:
    """Return the application that answers with *service*."""
    one = f"{BODIES_PATH}/{{sha256}}"
    return Starlette(
        routes=[
            Route(BODIES_PATH, _answering(POST=service.begin), methods=["POST"]),
            Route(
                one,
                _answering(PATCH=service.receive, HEAD=service.stand, GET=service.redeem),
                methods=["PATCH", "HEAD", "GET"],
            ),
        ],
        exception_handlers={404: _nothing, 405: _wrong_method},
    )


def _answering(**by_method: Answering) -> Answering:
    async def answered(request: Request) -> Response:
        try:
            return await by_method[request.method](request)
        except Refused as refused:
            return answer(refused)
        except (OperationRefused, TemporaryFailure, ClientDisconnect) as error:
            return answer(_refused(error))

    return answered


async def _nothing(_request: Request, _error: Exception) -> Response:
    return answer(Refused(Problem.NOTHING_FOUND))


async def _wrong_method(_request: Request, _error: Exception) -> Response:
    return answer(Refused(Problem.WRONG_METHOD))


def _refused(error: OperationRefused | TemporaryFailure | ClientDisconnect) -> Refused:
    if isinstance(error, TemporaryFailure):  # what exactly is away is nobody's business but ours
        log.warning("body.postponed", reason=str(error))
        return Refused(Problem.AWAY, "", {"Retry-After": _RETRY_SECONDS})
    if isinstance(error, WrongPart):
        return Refused(Problem.WRONG_PART, str(error), _standing(error.body))
    if isinstance(error, QuotaExceeded):
        return Refused(Problem.QUOTA, str(error), {"Retry-After": _QUOTA_SECONDS})
    return Refused(_PROBLEMS.get(type(error), Problem.NOT_UNDERSTOOD), str(error))


def _standing(body: CheckedIn) -> dict[str, str]:
    return {UPLOAD_OFFSET: str(body.received), UPLOAD_LENGTH: str(body.octets)}


async def _announcement(request: Request) -> tuple[Digest, int]:
    told = b""
    async for piece in request.stream():
        told += piece
        if len(told) > _LONGEST_ANNOUNCEMENT:
            raise Refused(Problem.NOT_UNDERSTOOD, 'the body is {"sha256": hex, "octets": number}')
    try:
        read = json.loads(told)
    except (ValueError, RecursionError) as error:
        raise Refused(Problem.NOT_UNDERSTOOD, "the body is not JSON") from error
    sha256, octets = (read.get("sha256"), read.get("octets")) if isinstance(read, dict) else (None, None)
    if not isinstance(sha256, str) or type(octets) is not int or octets < 1:
        raise Refused(Problem.NOT_UNDERSTOOD, 'the body is {"sha256": hex, "octets": number}')
    return _digest(sha256), octets


def _digest_in(request: Request) -> Digest:
    sha256 = request.path_params["sha256"]
    return _digest(sha256 if isinstance(sha256, str) else "")


def _digest(text: str) -> Digest:
    if len(text) != _HEX_DIGEST or text != text.lower():
        raise Refused(Problem.NOT_UNDERSTOOD, "a SHA-256 is written as 64 lower-case hexadecimal digits")
    try:
        return Digest(bytes.fromhex(text))
    except ValueError as error:
        raise Refused(Problem.NOT_UNDERSTOOD, "a SHA-256 is written in hexadecimal digits") from error


def _number(text: str | None) -> int:
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= _DECIMAL):
        raise Refused(Problem.NOT_UNDERSTOOD, f"{UPLOAD_OFFSET} has to be a number")
    return int(text)


async def _part(request: Request, octets: int) -> bytes:
    """Return the part, which has to be *octets* long; what is longer is read no further."""
    part = bytearray()
    async for piece in request.stream():
        part += piece
        if len(part) > octets:
            raise Refused(Problem.TOO_LARGE, f"the part is {octets} octets long")
    if len(part) != octets:
        raise Refused(Problem.NOT_UNDERSTOOD, f"the part is {octets} octets long, and {len(part)} came")
    return bytes(part)


def _range_of(request: Request, body: CheckedIn, etag: str) -> ByteRange | None:
    if request.headers.get("if-range", etag) != etag:
        return None
    try:
        return read_range(request.headers.get("range"), body.octets)
    except NoSuchRange as error:
        headers = {"Content-Range": f"bytes */{body.octets}"}
        raise Refused(Problem.NO_SUCH_RANGE, "", headers) from error
