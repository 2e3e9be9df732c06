"""Where the catalogue comes from: the console's REST API, or a file that an operator exported."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import httpx
from pydantic import SecretStr, ValidationError

from adapters.vxp.catalogue.entry import CatalogueEntry, CataloguePage
from adapters.vxp.catalogue.failure import CatalogueFailed

ADDRESS: Final = "/api/v1/catalogue"
PAGE: Final = 5000
_LARGEST_ANSWER: Final = 32_000_000
_PATIENCE: Final = httpx.Timeout(30.0, connect=10.0)
Lines: TypeAlias = Iterator[CatalogueEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleAddress:
    """The hub's console, and what proves to it who asks."""

    url: str
    token: SecretStr
    authorities: ssl.SSLContext


class Ask(Protocol):
    """Asks the hub for one page; None where the catalogue is still that of *tag*."""

    async def __call__(
        self, *, after: str, since: int, tag: str = "", limit: int = PAGE
    ) -> CataloguePage | None:
        """Raise `CatalogueFailed` where there is no answer that can be used."""
        ...


@asynccontextmanager
async def asking(address: ConsoleAddress) -> AsyncIterator[Ask]:
    """Connect to the console; what it answers is limited, and it leads nowhere else."""
    headers = {"Authorization": f"Bearer {address.token.get_secret_value()}"}
    async with httpx.AsyncClient(
        base_url=address.url,
        headers=headers,
        verify=address.authorities,
        timeout=_PATIENCE,
        trust_env=False,
    ) as client:

        async def ask(*, after: str, since: int, tag: str = "", limit: int = PAGE) -> CataloguePage | None:
            try:
                return await _page(client, after=after, since=since, tag=tag, limit=limit)
            except httpx.HTTPError as error:
                reason = f"{type(error).__name__} {error}".strip()
                raise CatalogueFailed(f"{address.url}{ADDRESS} does not answer: {reason}") from error

        yield ask


async def _page(
    client: httpx.AsyncClient, *, after: str, since: int, tag: str, limit: int
) -> CataloguePage | None:
    asked = {"after": after, "since": str(since), "limit": str(limit)}
    headers = {"If-None-Match": tag} if tag else {}
    async with client.stream("GET", ADDRESS, params=asked, headers=headers) as answer:
        if answer.status_code == httpx.codes.NOT_MODIFIED:
            return None
        if answer.status_code != httpx.codes.OK:
            raise CatalogueFailed(f"{answer.url.copy_with(query=None)} answers {answer.status_code}")
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > _LARGEST_ANSWER:
                raise CatalogueFailed(f"a page of the catalogue is larger than {_LARGEST_ANSWER} octets")
    try:
        return CataloguePage.model_validate_json(bytes(body))
    except ValidationError as error:
        raise CatalogueFailed(f"a page of the catalogue cannot be read: {_first(error)}") from error


def mark_of_file(path: Path) -> str:
    """Return what tells the file at *path* from a later one; raises `CatalogueFailed` where there is none."""
    try:
        found = path.stat()
    except OSError as error:
        raise CatalogueFailed(f"{path} cannot be read: {error.strerror}") from error
    return f"file {found.st_mtime_ns} {found.st_size} {found.st_ino}"


def batches(path: Path) -> Iterator[tuple[CatalogueEntry, ...]]:
    """Return the agencies of an exported file, some at a time; raises `CatalogueFailed` at a bad line."""
    try:
        with path.open(encoding="utf-8") as file:
            lines = _entries(path, file)
            while batch := tuple(islice(lines, PAGE)):
                yield batch
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueFailed(f"{path} cannot be read: {error}") from error


def _entries(path: Path, lines: Iterator[str]) -> Lines:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield CatalogueEntry.model_validate_json(line)
        except ValidationError as error:
            raise CatalogueFailed(f"{path}, line {number}: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    """Say what is wrong first; what stood there is not repeated."""
    told = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return " ".join((*(str(part) for part in told["loc"]), told["msg"]))
