"""Waiting that a stop ends at once, and the one way in which every worker sits out an outage."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

import structlog

from hub.errors import TemporaryFailure

log = structlog.get_logger(__name__)
Result = TypeVar("Result")


async def wait(stop: asyncio.Event, delay: timedelta) -> None:
    """Return after *delay*, or as soon as *stop* is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), delay.total_seconds())


async def any_of(*events: asyncio.Event, within: timedelta) -> None:
    """Return as soon as one of *events* is set, or after *within*."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=within.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()


async def until_it_works(
    act: Callable[[], Awaitable[Result]], stop: asyncio.Event, *, what: str
) -> Result | None:
    """Repeat *act* through an outage, ever more slowly up to two seconds; None where *stop* came first."""
    delay = timedelta(milliseconds=50)
    while True:
        try:
            return await act()
        except TemporaryFailure as failure:
            log.warning("outage.waiting", what=what, reason=str(failure))
        if stop.is_set():
            return None
        await wait(stop, delay)
        delay = min(delay * 2, timedelta(seconds=2))
