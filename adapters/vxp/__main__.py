"""`truc-vxp`, also `python -m adapters.vxp`: the command line."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import structlog
from starlette.applications import Starlette

from adapters.kit.lock import sole_adapter
from adapters.kit.mailbox import Mailbox
from adapters.kit.program import command_line, exit_code_of, run_until_signalled
from adapters.vxp.books import TABLES
from adapters.vxp.desk import Desk
from adapters.vxp.filing import Cabinet
from adapters.vxp.keeping import write_applications, write_hash
from adapters.vxp.parts import TABLES as TABLES_OF_PARTS
from adapters.vxp.parts import Parts, PartSettings, opened_parts, read_part_settings
from adapters.vxp.reloading import LivingSystems
from adapters.vxp.settings import VxpSettings, read_vxp_settings
from adapters.vxp.uploads import IN_MEMORY, Uploads
from adapters.vxp.xroad.application import XroadFace, application, xroad_routes
from adapters.vxp.xroad.documents import document_calls
from adapters.vxp.xroad.replies import refuse
from hub.transport.http_serving import serve

_log = structlog.get_logger("adapters.vxp")
_PROGRAM = "truc-vxp"
_EXAMPLE = "truc-vxp --settings vxp.toml run"
LOCK_FILE = ".truc-vxp.lock"
_OURS = 0o077


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    asked = _parser().parse_args(arguments)
    os.umask(_OURS)
    return exit_code_of(_PROGRAM, partial(_obey, asked.command, asked.settings, to_import=asked.for_import))


def _obey(command: str, path: Path, *, to_import: bool) -> None:
    if command == "password":
        write_hash()
        return
    settings = read_vxp_settings(path)
    parts = read_part_settings(settings.others, settings.folder)
    if command == "applications":
        write_applications(settings, parts, to_import=to_import)
        return
    with sole_adapter(settings.documents, LOCK_FILE):
        if command == "check":
            _say_what_would_run(settings)
        else:
            run_until_signalled(partial(_run, path, settings, parts))


async def _run(path: Path, settings: VxpSettings, part_settings: PartSettings, stop: asyncio.Event) -> None:
    systems = LivingSystems(path, settings.systems, every=settings.limits.reload_seconds)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, systems.reload)
    async with Mailbox.open(settings.kit, tables=(*TABLES, *TABLES_OF_PARTS)) as mailbox:
        desk = Desk(
            mailbox,
            Cabinet(folder=settings.documents),
            systems,
            kept=timedelta(days=settings.limits.keep_days),
            repeated_within=timedelta(hours=settings.limits.repeat_hours),
        )
        await desk.open()
        most = settings.limits.list_at_most
        with opened_parts(part_settings, mailbox.journal, desk, list_at_most=most) as parts:
            await _work(settings, desk, systems, parts, stop)
    _log.info("vxp.closed", mailbox=settings.kit.mailbox)


async def _work(
    settings: VxpSettings, desk: Desk, systems: LivingSystems, parts: Parts, stop: asyncio.Event
) -> None:
    """Serve, receive and look after the settings until *stop*, or until one of them fails."""
    works = [
        asyncio.create_task(_serve(settings, desk, parts, stop), name="serve"),
        asyncio.create_task(desk.run(), name="desk"),
        asyncio.create_task(parts.run(stop), name="parts"),
        asyncio.create_task(systems.run(), name="settings"),
    ]
    try:
        await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        await works[0]
    finally:
        for each in works:
            each.cancel()
        await asyncio.wait(works)
    for each in works[1:]:
        if not each.cancelled():
            each.result()


async def _serve(settings: VxpSettings, desk: Desk, parts: Parts, stop: asyncio.Event) -> None:
    def ready(host: str, port: int) -> None:
        url = f"{settings.http.scheme}://{host}:{port}"
        _log.info("vxp.listening", mailbox=settings.kit.mailbox, url=url, systems=len(desk.systems.all()))

    await serve(_application(settings, desk, parts), settings.http, refuse=refuse, stop=stop, ready=ready)


def _application(settings: VxpSettings, desk: Desk, parts: Parts) -> Starlette:
    uploads = Uploads(folder=settings.documents / "uploads", above=IN_MEMORY)
    uploads.clear()
    face = XroadFace(
        desk,
        {**document_calls(desk, list_at_most=settings.limits.list_at_most), **parts.calls},
        uploads=uploads,
        clock=lambda: datetime.now(UTC),
        skew=timedelta(minutes=settings.limits.clock_skew_minutes),
    )
    return application([*parts.routes, *xroad_routes(face)])


def _say_what_would_run(settings: VxpSettings) -> None:
    http = settings.http
    sys.stdout.write(
        f"Cấu hình tốt / the settings are sound: {settings.kit.mailbox} · {http.scheme}://{http.host}:{http.port}"
        f" · {len(settings.systems.all())} hệ thống / systems · {settings.kit.broker.place}\n"
    )


def _parser() -> argparse.ArgumentParser:
    parser = command_line(
        _PROGRAM,
        "Cổng tương thích VXP cho phần mềm sẵn có / a gateway for software that speaks VXP.",
        example=_EXAMPLE,
        more={
            "applications": "đề nghị đang chờ / agencies that systems have applied for",
            "password": "mã băm cho [provincial] / the hash of a password",
        },
    )
    parser.add_argument(
        "--for-import",
        action="store_true",
        help="applications: dạng mà `truc agency import` đọc / in the form that `truc agency import` takes",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
