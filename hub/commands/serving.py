"""One hub process, from its settings to its end."""

import asyncio
import signal
from pathlib import Path

import uvloop

from hub.bootstrap import run_hub
from hub.commands.place import load_hub_settings
from hub.settings import Settings


def serve_until_stopped(home: Path | None, settings: Path | None) -> None:
    """Run a hub until SIGTERM or SIGINT; a second signal ends it at once."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(load_hub_settings(home, settings)))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop_or_die, stop)
    await run_hub(settings, stop)


def _stop_or_die(stop: asyncio.Event) -> None:
    if stop.is_set():
        raise SystemExit(1)
    stop.set()
