"""POSTs to the agency's endpoint: signed, to machines that were looked at, without following anything."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

import httpx

from adapters.webhook.endpoint import Endpoint
from adapters.webhook.targets import TargetRefused, addresses_of
from hub.errors import ConfigurationError

_LONGEST_ANSWER: Final = 64 * 1024
_PORTS: Final = {"https": 443, "http": 80}
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "truc-webhook"}


class Unanswered(Exception):
    """The endpoint gave no answer that can be used; the reason holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the endpoint answered."""

    status: int
    retry_after: str
    content: bytes


class Poster:
    """Asks one endpoint, a limited number of times at once."""

    def __init__(self, endpoint: Endpoint, client: httpx.AsyncClient, clock: Callable[[], datetime]) -> None:
        """Ask over *client*; `open` makes one."""
        self.endpoint: Final = endpoint
        self._client = client
        self._clock = clock
        self._url = httpx.URL(endpoint.url)
        self._port = self._url.port or _PORTS[self._url.scheme]
        self._room = asyncio.Semaphore(endpoint.concurrency)

    @classmethod
    @asynccontextmanager
    async def open(cls, endpoint: Endpoint, clock: Callable[[], datetime]) -> AsyncIterator[Self]:
        """Make a client for as long as the block lasts; raises `ConfigurationError`."""
        async with httpx.AsyncClient(
            verify=_context(endpoint),
            follow_redirects=False,
            trust_env=False,
            timeout=endpoint.answer_seconds,
            headers=_HEADERS,
            limits=httpx.Limits(max_connections=endpoint.concurrency, keepalive_expiry=10.0),
        ) as client:
            yield cls(endpoint, client, clock)

    async def post(self, identity: str, body: bytes) -> Reply:
        """POST *body* under *identity*; raises `Unanswered` where nothing usable came back."""
        async with self._room:
            try:
                async with asyncio.timeout(self.endpoint.answer_seconds):
                    return await self._ask(identity, body)
            except TimeoutError:
                raise Unanswered(f"no answer within {self.endpoint.answer_seconds:g} seconds") from None
            except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                raise Unanswered(_reason(error)) from None
            except TargetRefused as refused:
                raise Unanswered(str(refused)) from None

    async def _ask(self, identity: str, body: bytes) -> Reply:
        host = self.endpoint.host
        allowed = await addresses_of(host, self._port, allow_private=self.endpoint.allow_private)
        for address in allowed[:-1]:
            try:
                return await self._ask_at(address, identity, body)
            except httpx.ConnectError:
                continue
        return await self._ask_at(allowed[-1], identity, body)

    async def _ask_at(self, address: str, identity: str, body: bytes) -> Reply:
        """Ask at the very address that was looked at: asked again, a name may lead elsewhere."""
        request = self._client.build_request(
            "POST",
            self._url.copy_with(host=address),
            content=body,
            headers={
                "Host": self._url.netloc.decode("ascii"),
                "Content-Type": "application/json",
                **self.endpoint.keys.headers(identity, self._clock(), body),
            },
            extensions={"sni_hostname": self.endpoint.host},
        )
        response = await self._client.send(request, stream=True)
        try:
            content = await _limited(response)
        finally:
            await response.aclose()
        return Reply(
            status=response.status_code, retry_after=response.headers.get("retry-after", ""), content=content
        )


async def _limited(response: httpx.Response) -> bytes:
    taken = bytearray()
    async for part in response.aiter_raw():  # as it comes: what is packed could unpack to anything
        taken += part
        if len(taken) > _LONGEST_ANSWER:
            raise Unanswered(f"the answer is larger than {_LONGEST_ANSWER} octets")
    return bytes(taken)


def _context(endpoint: Endpoint) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=endpoint.authorities)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"không đọc được / cannot be read: {endpoint.authorities}: name a PEM file with certificates"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _reason(error: BaseException) -> str:
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return f"its certificate is not believed: {found.verify_message}"
        found = found.__cause__ or found.__context__
    return f"no answer: {type(error).__name__}"
