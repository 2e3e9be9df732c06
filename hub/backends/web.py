"""The one way in which the hub asks strangers' web servers: named hosts only, little, and not for long."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import httpx

from hub.errors import TemporaryFailure
from hub.signature.source import host_of

_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "truc"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebLimits:
    """How much is taken from a stranger, and how long it may take."""

    octets: int = 20_000_000
    silence: timedelta = timedelta(seconds=10)
    """Between two signs of life."""
    whole: timedelta = timedelta(seconds=30)


class WebClient:
    """Asks by HTTP; follows nothing, unpacks nothing, and uses no proxy of the environment."""

    def __init__(self, client: httpx.AsyncClient | None, limits: WebLimits) -> None:
        """Ask over *client*; `open` gives one that is made when somebody is asked for the first time."""
        self._client = client
        self._limits = limits
        self._making = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, limits: WebLimits | None = None) -> AsyncIterator["WebClient"]:
        """Make a client for as long as the block lasts."""
        web = cls(None, limits or WebLimits())
        try:
            yield web
        finally:
            if web._client is not None:
                await web._client.aclose()

    async def get(self, url: str, *, hosts: Collection[str]) -> bytes:
        """Return what stands at *url*; raises `TemporaryFailure` where it cannot be had within the limits.

        A host that is not one of *hosts* is never spoken to.
        """
        return await self._ask("GET", url, hosts)

    async def post(self, url: str, body: bytes, *, content_type: str, hosts: Collection[str]) -> bytes:
        """Return the answer to *body*; like `get`."""
        return await self._ask("POST", url, hosts, content=body, headers={"Content-Type": content_type})

    async def _ask(
        self,
        method: str,
        url: str,
        hosts: Collection[str],
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        if host_of(url) not in hosts:
            raise TemporaryFailure(f"the settings do not allow to ask {host_of(url) or 'such an address'}")
        client = await self._made()
        try:
            request = client.build_request(method, url, content=content, headers=headers)
            async with asyncio.timeout(self._limits.whole.total_seconds()):
                return await self._take(client, request, host_of(url) or "")
        except TimeoutError as error:
            raise TemporaryFailure(f"{host_of(url)} takes longer than {self._limits.whole}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TemporaryFailure(f"{host_of(url)} gives no answer: {type(error).__name__}") from error

    async def _made(self) -> httpx.AsyncClient:
        """Make the client once, and beside the event loop: it loads libraries and hundreds of roots."""
        async with self._making:
            if self._client is None:
                self._client = await asyncio.to_thread(_a_client, self._limits)
        return self._client

    async def _take(self, client: httpx.AsyncClient, request: httpx.Request, host: str) -> bytes:
        response = await client.send(request, stream=True)
        try:
            if response.status_code != httpx.codes.OK:
                raise TemporaryFailure(f"{host} answers with status {response.status_code}")
            taken = bytearray()
            async for part in response.aiter_raw():  # as it comes: what is packed could unpack to anything
                taken += part
                if len(taken) > self._limits.octets:
                    raise TemporaryFailure(f"{host} sends more than {self._limits.octets} bytes")
            return bytes(taken)
        finally:
            await response.aclose()


def _a_client(limits: WebLimits) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        follow_redirects=False,
        trust_env=False,
        timeout=limits.silence.total_seconds(),
        headers=_HEADERS,
        # A connection is kept for nobody: minutes pass, and the other side would have closed it.
        limits=httpx.Limits(max_connections=8, max_keepalive_connections=0),
    )
