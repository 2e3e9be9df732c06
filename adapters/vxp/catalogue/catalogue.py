"""The catalogue of agencies as the faces of the gateway use it: look up, list, and keep up to date."""

import asyncio
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


class Catalogue:
    """One version of the catalogue at any time; the next one takes its place whole."""

    def __init__(self, settings: CatalogueSettings, copy: CatalogueCopy, kinds: Sequence[ListKind]) -> None:
        """Serve lists of *kinds* from *copy*; `opened` makes one."""
        self._settings = settings
        self._copy = copy
        self._kinds = kinds
        self._lists: Mapping[str, PreparedList] = {}
        self._prepared_version: int | None = None

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

    async def refresh(self) -> int | None:
        """Bring the copy and its lists up to date; returns how many entries changed, None for none.

        Raises `CatalogueFailed` where the source cannot be read; everything stays as it was then.
        """
        changed: int | None
        if self._settings.file is not None:
            changed = await refresh_by_file(self._copy, self._settings.file)
        elif (console := self._settings.console) is not None:
            async with asking(console) as ask:
                changed = await refresh_by_asking(self._copy, ask, f"console {console.url}")
        await self._prepare()
        return changed

    async def run(self, stop: asyncio.Event) -> None:
        """Refresh again and again until *stop*; a source that fails is asked again after growing pauses."""
        pause = _FIRST_PAUSE
        every = self._settings.every.total_seconds()
        while not stop.is_set():
            try:
                await self._prepare()  # what an earlier process copied serves at once
                changed = await self.refresh()
            except CatalogueFailed as failure:
                _log.warning("catalogue.not_refreshed", reason=str(failure), version=self._prepared_version)
                pause = min(2 * pause, every)
            else:
                if changed is not None:
                    _log.info("catalogue.refreshed", changed=changed, version=self._prepared_version)
                pause = every
            with _until_then():
                async with asyncio.timeout(pause):
                    await stop.wait()

    async def _prepare(self) -> None:
        standing = self._copy.standing()
        if standing is None or standing.version == self._prepared_version:
            return
        before, version = self._prepared_version, standing.version
        self._lists = await asyncio.to_thread(self._prepared, version)
        self._prepared_version = version
        # Answers of the version before may still be on their way.
        await asyncio.to_thread(_forget_lists, self._settings.folder, {before, version})

    def _prepared(self, version: int) -> Mapping[str, PreparedList]:
        folder = self._settings.folder
        try:
            return prepare(folder, version, self._kinds, self._copy.rows())
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
        version = path.name.partition(".")[0].rpartition("-")[2]
        if version.isdigit() and int(version) not in kept:
            path.unlink(missing_ok=True)


@contextmanager
def _until_then() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        return
