"""The broker's management interface over HTTP: foreign errors become sentences that say what to do."""

from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType, TracebackType
from typing import Final, Self, TypeAlias, TypeVar
from urllib.parse import quote

import httpx
from pydantic import JsonValue, TypeAdapter, ValidationError

from hub.errors import ConfigurationError, TemporaryFailure
from hub.message.places import each_place
from hub.transport.tls import NO_FILES, TlsFiles
from hub.transport.trouble import explain

PAGE_SIZE: Final = 500
"""As much as the broker gives: for each page it sorts all queues, and thousands at once take it seconds."""
IMPORT_SECONDS: Final = 120.0
"""A broker that has other work may take its time with a hundred queues."""
ALONE: Final = MappingProxyType({"Connection": "close"})
"""Cowboy 2.8, which 3.10 listens with, may never read again from a connection that brought a large body."""

Record: TypeAlias = dict[str, JsonValue]
_RECORD: Final = TypeAdapter(Record)
_RECORDS: Final = TypeAdapter(list[Record])
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagementAddress:
    """Where the management interface is, and the administrator who applies the topology."""

    url: str
    """Several nodes of a cluster in one: `https://a:15671,b:15671`."""
    user: str
    password: str = field(repr=False)
    vhost: str = "axis"
    tls: TlsFiles = NO_FILES
    """Whom we trust to be the broker, where the address begins with `https`."""


class ManagementApi:
    """Requests to the management interface, each with a timeout: `async with ManagementApi(address) as api`.

    The administrator's password goes nowhere but there: no proxy of the environment is used, no redirection
    followed. Raises `TemporaryFailure` where the broker is away and `ConfigurationError` where it refuses.
    """

    def __init__(self, address: ManagementAddress, *, timeout_seconds: float = 30.0) -> None:
        """Prepare; nothing is opened yet."""
        self._address = address
        self._seconds = timeout_seconds
        self._nodes = deque(f"{url.rstrip('/')}/api/" for url in each_place(address.url))
        self._client = httpx.AsyncClient(
            auth=(address.user, address.password),
            verify=address.tls.context(),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        """Use the connections of this object from here on."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        await self._client.aclose()

    @property
    def vhost(self) -> str:
        """The virtual host's name, as it stands in a path."""
        return segment(self._address.vhost)

    @property
    def vhost_name(self) -> str:
        """The virtual host's name, as it stands in definitions."""
        return self._address.vhost

    @property
    def user(self) -> str:
        """Who asks."""
        return self._address.user

    async def version(self) -> tuple[int, int]:
        """Return the broker's version, as far as it matters."""
        text = str((await self.record("overview")).get("rabbitmq_version", "0.0"))
        major, minor, *_ = text.split(".")
        return int(major), int(minor)

    async def record(self, path: str) -> Record:
        """Read one thing."""
        return self._parse(_RECORD, await self._request("GET", path))

    async def find(self, path: str) -> Record | None:
        """Read one thing; nothing when it does not exist."""
        response = await self._request("GET", path, may_be_missing=True)
        return self._parse(_RECORD, response) if response.is_success else None

    async def records(self, path: str) -> list[Record]:
        """Read a short list."""
        return self._parse(_RECORDS, await self._request("GET", path))

    async def pages(self, path: str, **query: str) -> AsyncIterator[Record]:
        """Read a long list page by page."""
        number = count = 1
        while number <= count:
            parameters = {**query, "page": str(number), "page_size": str(PAGE_SIZE)}
            page = self._parse(_RECORD, await self._request("GET", path, query=parameters))
            items, count = self._page(page)
            for item in items:
                yield item
            number += 1

    def _page(self, page: Record) -> tuple[list[Record], int]:
        """Return what stands on *page*, and how many there are."""
        try:
            return _RECORDS.validate_python(page.get("items")), int(str(page.get("page_count")))
        except ValueError as error:
            raise ConfigurationError(
                f"{self._address.url} answers with no page of a list: is that RabbitMQ, 3.10 or later?"
            ) from error

    async def put(self, path: str, content: Mapping[str, JsonValue]) -> None:
        """Make something so."""
        await self._request("PUT", path, content=content)

    async def post(self, path: str, content: Mapping[str, JsonValue]) -> None:
        """Add something."""
        await self._request("POST", path, content=content)

    async def import_definitions(self, section: str, definitions: Sequence[Record]) -> None:
        """Let the broker have *definitions* of one kind; what exists as a queue or exchange stays as it is.

        What the broker says to a refusal stays with the broker, because it may repeat what it was given.
        """
        response = await self._answer(
            "POST", "definitions", None, {section: [*definitions]}, seconds=IMPORT_SECONDS, headers=ALONE
        )
        self._check(response, f"an import of {len(definitions)} {section}", is_told=False)

    async def delete(self, path: str) -> None:
        """Remove something; it may be gone already."""
        await self._request("DELETE", path, may_be_missing=True)

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        content: Mapping[str, JsonValue] | None = None,
        may_be_missing: bool = False,
    ) -> httpx.Response:
        response = await self._answer(method, path, query, content)
        if not (may_be_missing and response.status_code == HTTPStatus.NOT_FOUND):
            self._check(response, f"{method} {path}")
        return response

    async def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        content: Mapping[str, JsonValue] | None,
        *,
        seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Ask the node that answered last, else the next: every request here may be made twice."""
        trouble: httpx.TransportError | None = None
        for _ in range(len(self._nodes)):
            try:
                return await self._client.request(
                    method,
                    self._nodes[0] + path,
                    params=query,
                    json=content,
                    headers=headers,
                    timeout=self._seconds if seconds is None else seconds,
                )
            except httpx.TransportError as error:
                trouble = error
                self._nodes.rotate(-1)
        if advice := explain(trouble):
            raise ConfigurationError(
                f"the management interface at {self._address.url}: {advice}"
            ) from trouble
        raise TemporaryFailure(
            f"the broker's management interface at {self._address.url} does not answer ({trouble!r}): "
            "check that the broker runs, that its management plugin is enabled, and http:// or https://"
        ) from trouble

    def _check(self, response: httpx.Response, act: str, *, is_told: bool = True) -> None:
        if response.is_success:
            return
        said = f"{response.status_code} {response.text if is_told else ''}".strip()
        if response.is_server_error:
            raise TemporaryFailure(f"the broker could not do {act}: {said}")
        raise ConfigurationError(f"the broker refuses {act} ({said}): {self._advice(response)}")

    def _advice(self, response: httpx.Response) -> str:
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            return f"check the user {self._address.user!r}, its password and its 'administrator' tag"
        if response.status_code == HTTPStatus.NOT_FOUND:
            return f"check that the virtual host {self._address.vhost!r} exists"
        return "see the broker's log"

    def _parse(self, adapter: TypeAdapter[Answer], response: httpx.Response) -> Answer:
        try:
            return adapter.validate_json(response.content)
        except ValidationError as error:
            raise ConfigurationError(
                f"{self._address.url} does not answer like RabbitMQ's management interface: check the address"
            ) from error


def segment(name: str) -> str:
    """Write *name* as one segment of a path, slashes included."""
    return quote(name, safe="")
