"""A process in the foreground, from its settings to its end."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import uvloop

from hub.bootstrap import run_hub
from hub.commands.place import load_hub_settings
from hub.settings import Settings

Run: TypeAlias = Callable[[Settings, asyncio.Event], Awaitable[None]]


def serve_until_stopped(home: Path | None, settings: Path | None) -> None:
    """Run a hub until SIGTERM or SIGINT; a second signal ends it at once."""
    run_until_stopped(run_hub, load_hub_settings(home, settings))


def run_until_stopped(run: Run, settings: Settings) -> None:
    """Run *run* until SIGTERM or SIGINT; a second signal ends it at once."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_signal(run, settings))


async def _until_signal(run: Run, settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop_or_die, stop)
    await run(settings, stop)


def _stop_or_die(stop: asyncio.Event) -> None:
    if stop.is_set():
        raise SystemExit(1)
    stop.set()
