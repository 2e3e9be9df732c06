"""`truc-webhook`, also `python -m adapters.webhook`: the command line."""

import asyncio
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from adapters.kit.lock import sole_adapter
from adapters.kit.mailbox import Mailbox
from adapters.kit.program import command_line, exit_code_of, run_until_signalled
from adapters.webhook.application import application
from adapters.webhook.books import TABLES
from adapters.webhook.desk import Desk
from adapters.webhook.problems import refuse
from adapters.webhook.settings import HookSettings, read_hook_settings
from hub.transport.http_serving import serve

_log = structlog.get_logger("adapters.webhook")
_PROGRAM: Final = "truc-webhook"
_PURPOSE: Final = "Nhận văn bản bằng webhook, gửi bằng HTTP / documents by webhook and HTTP."
_EXAMPLE: Final = "truc-webhook --settings webhook.toml run"
_LOCK_FILE: Final = ".truc-webhook.lock"
_OURS: Final = 0o077


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    asked = command_line(_PROGRAM, _PURPOSE, example=_EXAMPLE).parse_args(arguments)
    os.umask(_OURS)
    return exit_code_of(_PROGRAM, partial(_obey, asked.command, asked.settings))


def _obey(command: str, path: Path) -> None:
    settings = read_hook_settings(path)
    with sole_adapter(settings.spool, _LOCK_FILE):
        if command == "check":
            _say_what_would_run(settings)
        else:
            run_until_signalled(partial(_run, settings))


async def _run(settings: HookSettings, stop: asyncio.Event) -> None:
    async with Mailbox.open(settings.kit, tables=TABLES) as mailbox, Desk.open(settings, mailbox) as desk:
        await _work(settings, desk, stop)
    _log.info("webhook.closed", mailbox=settings.kit.mailbox)


async def _work(settings: HookSettings, desk: Desk, stop: asyncio.Event) -> None:
    """Serve and receive until *stop*, or until one of them fails."""
    serving = asyncio.create_task(_serve(settings, desk, stop), name="serve")
    working = asyncio.create_task(desk.run(), name="desk")
    await asyncio.wait([serving, working], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    working.cancel()
    await asyncio.wait([serving, working])
    serving.result()
    if not working.cancelled():
        working.result()


async def _serve(settings: HookSettings, desk: Desk, stop: asyncio.Event) -> None:
    def ready(host: str, port: int) -> None:
        url = f"{settings.http.scheme}://{host}:{port}"
        _log.info(
            "webhook.opened", mailbox=settings.kit.mailbox, endpoint=settings.documents.host, server=url
        )

    app = application(desk, settings.tokens)
    await serve(app, settings.http, refuse=refuse, stop=stop, ready=ready)


def _say_what_would_run(settings: HookSettings) -> None:
    http = settings.http
    sys.stdout.write(
        f"Cấu hình tốt / the settings are sound: {settings.kit.mailbox} · {settings.documents.host} · "
        f"{http.scheme}://{http.host}:{http.port} · {settings.kit.broker.place}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
