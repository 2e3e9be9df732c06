"""The catalogue of agencies as the faces of the gateway use it: look up, list, and keep up to date."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from adapters.vxp.catalogue.answers import Answer, ListKind, PreparedList, prepare
from adapters.vxp.catalogue.copy import CatalogueCopy, Row
from adapters.vxp.catalogue.entry import CatalogueEntry
from adapters.vxp.catalogue.failure import CatalogueFailed
from adapters.vxp.catalogue.refresh import refresh_by_asking, refresh_by_file
from adapters.vxp.catalogue.settings import CatalogueSettings
from adapters.vxp.catalogue.source import asking
from hub.errors import ConfigurationError
from hub.message.identifiers import AgencyKey

_log = structlog.get_logger("adapters.vxp")
COPY: Final = "catalogue.sqlite"
_FIRST_PAUSE: Final = 1.0
_DAY: Final = 86_400.0
_MICROSECONDS: Final = 1_000_000


class Catalogue:
    """One version of the catalogue at any time; the next one takes its place whole."""

    def __init__(self, settings: CatalogueSettings, copy: CatalogueCopy, kinds: Sequence[ListKind]) -> None:
        """Serve lists of *kinds* from *copy*; `opened` makes one."""
        self._settings = settings
        self._copy = copy
        self._kinds = kinds
        self._lists: Mapping[str, PreparedList] = {}
        self._prepared: int | None = None
        """When the copy was made that the lists are of, in microseconds: it is the number in their names."""

    @property
    def version(self) -> int | None:
        """The version of the copy; None before the first. Its whole lists follow within seconds."""
        standing = self._copy.standing()
        return standing.version if standing is not None else None

    def find(self, code: str) -> CatalogueEntry | None:
        """Return the agency with *code*, in any of its forms, open or closed; None where there is none."""
        return self._copy.find(code)

    def is_within(self, code: str, ancestor: str) -> bool:
        """Whether *code* is *ancestor* or a unit somewhere below it."""
        return self._copy.is_within(code, ancestor)

    def page(self, *, after: AgencyKey | None, since: int, limit: int) -> list[Row]:
        """Return the agencies behind *after* that have changed since the version *since*."""
        return list(self._copy.rows(after=after, since=since, limit=limit))

    def answer(self, kind: str, end: bytes, *, packed: bool) -> Answer | None:
        """Return the whole list of *kind* with *end* behind it; None before there is a first copy."""
        found = self._lists.get(kind)
        return found.answer(end, packed=packed) if found is not None else None

    def count(self, kind: str) -> int:
        """Return how many agencies the list of *kind* tells of."""
        found = self._lists.get(kind)
        return found.count if found is not None else 0

    async def refresh(self, *, anew: bool = False) -> int | None:
        """Bring the copy and its lists up to date; returns how many entries were read, None for no change.

        With *anew* everything is copied again. Raises `CatalogueFailed` where the source cannot be read;
        everything stays as it was then.
        """
        changed: int | None
        if self._settings.file is not None:
            changed = await refresh_by_file(self._copy, self._settings.file)
        elif (console := self._settings.console) is not None:
            async with asking(console) as ask:
                changed = await refresh_by_asking(self._copy, ask, f"console {console.url}", anew=anew)
        await self._prepare()
        return changed

    async def run(self, stop: asyncio.Event) -> None:
        """Refresh again and again until *stop*; a source that fails is asked again after growing pauses.

        Once a day, and first of all, everything is copied again: a hub that was restored from a backup, and
        has gone on since, says something else under versions that the copy has seen.
        """
        pause, every = _FIRST_PAUSE, self._settings.every.total_seconds()
        anew_at = 0.0
        while not stop.is_set():
            is_due = time.monotonic() >= anew_at
            try:
                await self._prepare()  # what an earlier process copied serves at once
                changed = await self.refresh(anew=is_due)
            except CatalogueFailed as failure:
                _log.warning("catalogue.not_refreshed", reason=str(failure), version=self.version)
                pause = min(2 * pause, every)
            else:
                if changed is not None:
                    _log.info("catalogue.refreshed", entries=changed, version=self.version)
                pause, anew_at = every, time.monotonic() + _DAY if is_due else anew_at
            with _until_then():
                async with asyncio.timeout(pause):
                    await stop.wait()

    async def _prepare(self) -> None:
        standing = self._copy.standing()
        if standing is None:
            return
        before, made = self._prepared, int(standing.refreshed_at.timestamp() * _MICROSECONDS)
        if made == before:
            return
        self._lists = await asyncio.to_thread(self._write_lists, made)
        self._prepared = made
        # Answers from the copy before may still be on their way.
        await asyncio.to_thread(_forget_lists, self._settings.folder, {before, made})

    def _write_lists(self, made: int) -> Mapping[str, PreparedList]:
        folder = self._settings.folder
        try:
            return prepare(folder, made, self._kinds, self._copy.rows())
        except OSError as error:
            raise CatalogueFailed(f"{folder} cannot be written: {error.strerror}") from error


@contextmanager
def opened(settings: CatalogueSettings, kinds: Sequence[ListKind]) -> Iterator[Catalogue]:
    """Open the copy in its folder; raises `ConfigurationError` where that cannot be used."""
    try:
        settings.folder.mkdir(parents=True, exist_ok=True)
        copy = CatalogueCopy.open(settings.folder / COPY)
    except (OSError, CatalogueFailed) as error:
        raise ConfigurationError(
            f"không dùng được thư mục {settings.folder} / the folder {settings.folder} cannot be used: "
            f"{error}"
        ) from error
    try:
        yield Catalogue(settings, copy, kinds)
    finally:
        copy.close()


def _forget_lists(folder: Path, kept: set[int | None]) -> None:
    for path in folder.glob("*-*.json*"):
        made = path.name.partition(".")[0].rpartition("-")[2]
        if made.isdigit() and int(made) not in kept:
            path.unlink(missing_ok=True)


@contextmanager
def _until_then() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        return
