"""Where large bodies lie: a folder, or a bucket of an S3-compatible store."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from hub.errors import ConfigurationError, NothingFound, TemporaryFailure
from hub.message.body_proof import PART_OCTETS
from hub.message.identifiers import Digest

PIECE_OCTETS: Final = 1024 * 1024
"""How much is read at a time: what a reader takes for long ends no request."""
_SIDE_BY_SIDE: Final = 2
"""Parts of one body that are written at a time; each is held in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobPlace:
    """Which store, and how it is reached."""

    url: str
    """`file:///folder`, or `s3://bucket/prefix`."""
    endpoint: str | None = None
    """Address of the S3-compatible service; Amazon's own where it is not set."""
    region: str = "us-east-1"
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What was put together."""

    digest: Digest
    octets: int


class BlobStore:
    """Octets under names; what was put is there for good once `put` or `join` has returned."""

    def __init__(self, store: LocalStore | S3Store, folder: Path | None) -> None:
        """Use *store*, which lies in *folder* where it is one."""
        self._store = store
        self._folder = folder

    @classmethod
    def open(cls, place: BlobPlace) -> Self:
        """Return the store at *place*; raises `ConfigurationError` where there cannot be one."""
        parts = urlsplit(place.url)
        try:
            if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
                folder = Path(unquote(parts.path))
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                return cls(LocalStore(folder, automatic_cleanup=True), folder)
            if parts.scheme == "s3" and parts.netloc:
                return cls(_s3(place, parts.netloc, parts.path.strip("/")), None)
        except (BaseError, OSError, ValueError) as error:
            raise ConfigurationError(f"the blob store cannot be used: {error}") from error
        raise ConfigurationError(f"{place.url} is no blob store: file:///folder or s3://bucket/prefix")

    async def put(self, name: str, octets: bytes) -> None:
        """Keep *octets* under *name*, whatever lay there before."""
        with _translated(name):
            await obstore.put_async(self._store, name, octets, use_multipart=False)

    async def put_file(self, name: str, file: Path) -> None:
        """Keep the octets of *file* under *name*; memory holds a few parts of it."""
        with _translated(name):
            await obstore.put_async(
                self._store, name, file, chunk_size=PART_OCTETS, max_concurrency=_SIDE_BY_SIDE
            )
        await asyncio.to_thread(self._settle, name)

    async def join(self, name: str, parts: Sequence[str]) -> Joined:
        """Put *parts* together under *name* and return what that is; memory holds a few of them.

        Raises `NothingFound` where one is missing.
        """
        digest, octets = sha256(), 0

        async def pieces() -> AsyncIterator[bytes]:
            nonlocal octets
            for part in parts:
                got = await obstore.get_async(self._store, part)
                piece = bytes(await got.bytes_async())
                octets += len(piece)
                await asyncio.to_thread(digest.update, piece)
                yield piece

        with _translated(name):
            await obstore.put_async(
                self._store, name, pieces(), chunk_size=PART_OCTETS, max_concurrency=_SIDE_BY_SIDE
            )
        await asyncio.to_thread(self._settle, name)
        return Joined(digest=Digest(digest.digest()), octets=octets)

    async def delete(self, names: Sequence[str]) -> None:
        """Delete what lies under *names*; what does not lie there is no mistake."""
        for name in names:
            with _translated(name):
                try:
                    await obstore.delete_async(self._store, name)
                except FileNotFoundError:
                    continue

    async def stream(self, name: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the octets from *start* to before *end*, a piece at a time."""
        for place in range(start, end, PIECE_OCTETS):
            with _translated(name):
                piece = await obstore.get_range_async(
                    self._store, name, start=place, end=min(place + PIECE_OCTETS, end)
                )
            yield bytes(piece)

    def read(self, name: str, start: int, end: int) -> Iterator[bytes]:
        """Yield the octets from *start* to before *end*, a piece at a time; for a thread, which it blocks."""
        for place in range(start, end, PIECE_OCTETS):
            with _translated(name):
                piece = obstore.get_range(self._store, name, start=place, end=min(place + PIECE_OCTETS, end))
            yield bytes(piece)

    async def look(self, name: str) -> None:
        """Return where something lies under *name*; raises `NothingFound` where nothing does."""
        with _translated(name):
            await obstore.head_async(self._store, name)

    async def works(self) -> bool:
        """Whether the store answers."""
        try:
            with _translated("/"):
                await obstore.list_with_delimiter_async(self._store, "works")
        except (NothingFound, TemporaryFailure):
            return False
        return True

    def _settle(self, name: str) -> None:
        """Have a file outlive a power failure; an S3 service answers only once it would."""
        if self._folder is None:
            return
        file = self._folder / name
        for each in (file, *file.parents[: len(file.relative_to(self._folder).parts)]):
            descriptor = os.open(each, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _s3(place: BlobPlace, bucket: str, prefix: str) -> S3Store:
    return S3Store(
        bucket,
        prefix=prefix or None,
        endpoint=place.endpoint,
        region=place.region,
        access_key_id=place.access_key,
        secret_access_key=place.secret_key,
        virtual_hosted_style_request=False,
        client_options={
            "allow_http": place.endpoint is not None and place.endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=5),
            "timeout": timedelta(seconds=60),
        },
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=20)},
    )


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NothingFound(f"there is no {name} in the blob store") from error
    except (BaseError, OSError) as error:
        # What the library says may quote addresses and answers: its kind is enough here.
        raise TemporaryFailure(f"the blob store is away ({type(error).__name__} at {name})") from error
