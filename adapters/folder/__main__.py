"""`truc-folder`, also `python -m adapters.folder`: the command line."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog
import uvloop

from adapters.folder.books import TABLES
from adapters.folder.desk import Desk
from adapters.folder.settings import FolderSettings, prepare, read_folder_settings
from adapters.kit import logs
from adapters.kit.lock import sole_adapter
from adapters.kit.mailbox import Mailbox
from hub.errors import ConfigurationError, HubError

_log = structlog.get_logger("adapters.folder")
_LOCK_FILE = ".truc-folder.lock"
_EXAMPLE = "truc-folder --settings folder.toml run"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    asked = _parser().parse_args(arguments)
    logs.configure()
    try:
        settings = read_folder_settings(asked.settings)
        os.umask(settings.umask)
        prepare(settings.places)
        with sole_adapter(settings.places.root, _LOCK_FILE):
            if asked.command == "check":
                _say_what_would_run(settings)
            else:
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    runner.run(_run(settings))
    except ConfigurationError as error:
        sys.stderr.write(f"truc-folder: cấu hình chưa dùng được / the settings cannot be used:\n  {error}\n")
        return 2
    except HubError as error:
        sys.stderr.write(f"truc-folder: {error}\n")
        return 1
    return 0


async def _run(settings: FolderSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Mailbox.open(settings.kit, tables=TABLES) as mailbox:
        working = asyncio.create_task(Desk(settings, mailbox).run(), name="desk")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        _log.info("folder.opened", mailbox=settings.kit.mailbox, folder=str(settings.places.root))
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            await working
        working.cancel()
        await asyncio.wait([working])
    _log.info("folder.closed", mailbox=settings.kit.mailbox)


def _say_what_would_run(settings: FolderSettings) -> None:
    sys.stdout.write(
        f"Cấu hình tốt / the settings are sound: {settings.kit.mailbox} · {settings.places.root} · "
        f"{settings.kit.broker.place}\n"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="truc-folder",
        description="Gửi và nhận văn bản qua một thư mục / send and receive documents by way of a folder.",
        epilog=f"Ví dụ / example: {_EXAMPLE}",
    )
    parser.add_argument(
        "--settings", type=Path, required=True, metavar="FILE", help="tệp cấu hình / the settings file (TOML)"
    )
    parser.add_argument(
        "command",
        choices=("run", "check"),
        help="run: làm việc đến khi dừng / work until stopped; check: xem cấu hình / look at the settings",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
