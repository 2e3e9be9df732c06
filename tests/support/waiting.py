"""Waiting for something that has no event of its own: look again until a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")
PATIENCE = 30.0
_PAUSE = 0.05


@overload
async def until(
    look: Callable[[], Awaitable[T]],
    *,
    what: str | Callable[[], object],
    seconds: float = PATIENCE,
    pause: float = _PAUSE,
) -> T: ...


@overload
async def until(
    look: Callable[[], T],
    *,
    what: str | Callable[[], object],
    seconds: float = PATIENCE,
    pause: float = _PAUSE,
) -> T: ...


async def until(
    look: Callable[[], T | Awaitable[T]],
    *,
    what: str | Callable[[], object],
    seconds: float = PATIENCE,
    pause: float = _PAUSE,
) -> T:
    """Return the first true value that *look* gives; fail, saying *what*, when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := await _seen(look)):
        if time.monotonic() > deadline:
            told = what if isinstance(what, str) else what()
            message = f"waited {seconds:.0f} s in vain for: {told}"
            raise AssertionError(message)
        await asyncio.sleep(pause)
    return found


async def _seen(look: Callable[[], T | Awaitable[T]]) -> T:
    found = look()
    return await found if isinstance(found, Awaitable) else found
