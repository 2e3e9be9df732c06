"""Brings the copy up to date: one version of the hub's catalogue, wholly or not at all."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from adapters.vxp.catalogue.copy import CatalogueCopy, Standing
from adapters.vxp.catalogue.entry import CatalogueEntry, CataloguePage
from adapters.vxp.catalogue.failure import CatalogueFailed
from adapters.vxp.catalogue.source import Ask, batches, mark_of_file

T = TypeVar("T")
_PASSES: Final = 10
"""So often what has changed meanwhile is asked for; a catalogue that changes faster is left for later."""


async def refresh_by_asking(copy: CatalogueCopy, ask: Ask, mark: str, *, anew: bool = False) -> int | None:
    """Bring *copy* to what the hub answers; returns how many entries were read, None where none changed.

    *mark* names the hub: the copy of another one is replaced. So is one that has seen versions which the hub,
    restored from a backup, does not know. With *anew* nothing that is there is built upon.
    """
    known = copy.standing()
    is_ours = known is not None and known.mark == mark and not anew
    since = known.version if known is not None and is_ours else 0
    first = await ask(after="", since=since, tag=f'"{since}"' if is_ours else "")
    if first is None:
        return None
    if first.version < since:
        since = 0
        first = await _asked(ask, after="", since=0)
    standing = await _stage_all(copy, ask, first, since=since)
    return await _off_the_loop(
        lambda: copy.publish(
            Standing(version=standing, mark=mark, refreshed_at=datetime.now(UTC)), is_whole=since == 0
        )
    )


async def refresh_by_file(copy: CatalogueCopy, path: Path) -> int | None:
    """Bring *copy* to what stands in the file at *path*; returns how many entries, None if the same."""
    mark = await _off_the_loop(lambda: mark_of_file(path))
    known = copy.standing()
    if known is not None and known.mark == mark:
        return None
    return await _off_the_loop(lambda: _take_over(copy, path, mark))


def _take_over(copy: CatalogueCopy, path: Path, mark: str) -> int:
    copy.stage((), anew=True)
    version = 0
    for batch in batches(path):
        copy.stage(batch)
        version = max(version, *(each.version for each in batch))
    if version == 0:
        raise CatalogueFailed(f"{path} is empty")
    if mark_of_file(path) != mark:
        raise CatalogueFailed(f"{path} has changed while it was read")
    standing = Standing(version=version, mark=mark, refreshed_at=datetime.now(UTC))
    return copy.publish(standing, is_whole=True)


async def _stage_all(copy: CatalogueCopy, ask: Ask, first: CataloguePage, *, since: int) -> int:
    """Stage every page, then what has changed since the first, until that is one page: one instant."""
    page, is_first = first, True
    for _ in range(_PASSES):
        version, pages = page.version, 1
        await _stage(copy, page.agencies, anew=is_first)
        while page.next_after is not None:
            page = await _asked(ask, after=page.next_after, since=since)
            await _stage(copy, page.agencies)
            pages += 1
        if pages == 1:
            return version
        since, is_first = version, False
        page = await _asked(ask, after="", since=since)
    raise CatalogueFailed("the catalogue changes faster than it can be read")


async def _asked(ask: Ask, *, after: str, since: int) -> CataloguePage:
    page = await ask(after=after, since=since)
    if page is None:
        raise CatalogueFailed("the hub answers a question that was not asked")
    return page


async def _stage(copy: CatalogueCopy, entries: tuple[CatalogueEntry, ...], *, anew: bool = False) -> None:
    await _off_the_loop(lambda: copy.stage(entries, anew=anew))


async def _off_the_loop(act: Callable[[], T]) -> T:
    return await asyncio.to_thread(act)
