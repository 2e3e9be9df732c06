"""`truc-webhook`, also `python -m adapters.webhook`: the command line."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog
import uvloop

from adapters.kit import logs
from adapters.kit.lock import sole_adapter
from adapters.kit.mailbox import Mailbox
from adapters.webhook.application import application
from adapters.webhook.books import TABLES
from adapters.webhook.desk import Desk
from adapters.webhook.problems import refuse
from adapters.webhook.settings import HookSettings, read_hook_settings
from hub.errors import ConfigurationError, HubError
from hub.transport.http_serving import serve

_log = structlog.get_logger("adapters.webhook")
_EXAMPLE: Final = "truc-webhook --settings webhook.toml run"
_LOCK_FILE: Final = ".truc-webhook.lock"
_OURS: Final = 0o077


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    asked = _parser().parse_args(arguments)
    logs.configure()
    os.umask(_OURS)
    try:
        settings = read_hook_settings(asked.settings)
        with sole_adapter(settings.spool, _LOCK_FILE):
            if asked.command == "check":
                _say_what_would_run(settings)
            else:
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    runner.run(_run(settings))
    except ConfigurationError as error:
        sys.stderr.write(f"truc-webhook: cấu hình chưa dùng được / the settings cannot be used:\n  {error}\n")
        return 2
    except HubError as error:
        sys.stderr.write(f"truc-webhook: {error}\n")
        return 1
    return 0


async def _run(settings: HookSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="truc-webhook",
        description="Nhận văn bản bằng webhook, gửi bằng HTTP / documents by webhook and HTTP.",
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
