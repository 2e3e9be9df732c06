"""The one way in which the hub asks strangers' web servers: named hosts only, little, and not for long."""

import asyncio
from collections.abc import AsyncIterator, Collection
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

    def __init__(self, client: httpx.AsyncClient, limits: WebLimits) -> None:
        """Ask over *client*; `open` makes one."""
        self._client = client
        self._limits = limits

    @classmethod
    @asynccontextmanager
    async def open(cls, limits: WebLimits | None = None) -> AsyncIterator["WebClient"]:
        """Make a client for as long as the block lasts."""
        chosen = limits or WebLimits()
        async with httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=chosen.silence.total_seconds(),
            headers=_HEADERS,
            # A connection is kept for nobody: minutes pass, and the other side would have closed it.
            limits=httpx.Limits(max_connections=8, max_keepalive_connections=0),
        ) as client:
            yield cls(client, chosen)

    async def get(self, url: str, *, hosts: Collection[str]) -> bytes:
        """Return what stands at *url*; raises `TemporaryFailure` where it cannot be had within the limits.

        A host that is not one of *hosts* is never spoken to.
        """
        return await self._ask(self._client.build_request("GET", url), url, hosts)

    async def post(self, url: str, body: bytes, *, content_type: str, hosts: Collection[str]) -> bytes:
        """Return the answer to *body*; like `get`."""
        request = self._client.build_request(
            "POST", url, content=body, headers={"Content-Type": content_type}
        )
        return await self._ask(request, url, hosts)

    async def _ask(self, request: httpx.Request, url: str, hosts: Collection[str]) -> bytes:
        if host_of(url) not in hosts:
            raise TemporaryFailure(f"the settings do not allow to ask {host_of(url) or 'such an address'}")
        try:
            async with asyncio.timeout(self._limits.whole.total_seconds()):
                return await self._take(request, host_of(url) or "")
        except TimeoutError as error:
            raise TemporaryFailure(f"{host_of(url)} takes longer than {self._limits.whole}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TemporaryFailure(f"{host_of(url)} gives no answer: {type(error).__name__}") from error

    async def _take(self, request: httpx.Request, host: str) -> bytes:
        response = await self._client.send(request, stream=True)
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
