"""`truc-folder`, also `python -m adapters.folder`: the command line."""

import asyncio
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from adapters.folder.books import TABLES
from adapters.folder.desk import Desk
from adapters.folder.settings import FolderSettings, prepare, read_folder_settings
from adapters.kit.lock import sole_adapter
from adapters.kit.mailbox import Mailbox
from adapters.kit.program import command_line, exit_code_of, run_until_signalled

_log = structlog.get_logger("adapters.folder")
_PROGRAM: Final = "truc-folder"
_PURPOSE: Final = "Gửi và nhận văn bản qua một thư mục / send and receive documents by way of a folder."
_LOCK_FILE: Final = ".truc-folder.lock"
_EXAMPLE: Final = "truc-folder --settings folder.toml run"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    asked = command_line(_PROGRAM, _PURPOSE, example=_EXAMPLE).parse_args(arguments)
    return exit_code_of(_PROGRAM, partial(_obey, asked.command, asked.settings))


def _obey(command: str, path: Path) -> None:
    settings = read_folder_settings(path)
    os.umask(settings.umask)
    prepare(settings.places)
    with sole_adapter(settings.places.root, _LOCK_FILE):
        if command == "check":
            _say_what_would_run(settings)
        else:
            run_until_signalled(partial(_run, settings))


async def _run(settings: FolderSettings, stop: asyncio.Event) -> None:
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


if __name__ == "__main__":
    sys.exit(main())
