"""An adapter as a program: its command line, what it says where it cannot work, and its end at a signal."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import uvloop

from adapters.kit import logs
from hub.errors import ConfigurationError, HubError

_FAILED: Final = 1
_UNUSABLE: Final = 2
_COMMANDS: Final = MappingProxyType(
    {
        "run": "làm việc đến khi dừng / work until stopped",
        "check": "xem cấu hình / look at the settings",
    }
)
_NO_MORE: Final[Mapping[str, str]] = MappingProxyType({})


def command_line(
    program: str, description: str, *, example: str, more: Mapping[str, str] = _NO_MORE
) -> argparse.ArgumentParser:
    """Return what takes `--settings FILE run|check`, and the commands of *more* with what they do."""
    parser = argparse.ArgumentParser(
        prog=program, description=description, epilog=f"Ví dụ / example: {example}"
    )
    parser.add_argument(
        "--settings", type=Path, required=True, metavar="FILE", help="tệp cấu hình / the settings file (TOML)"
    )
    commands = {**_COMMANDS, **more}
    parser.add_argument(
        "command",
        choices=tuple(commands),
        help="; ".join(f"{name}: {does}" for name, does in commands.items()),
    )
    return parser


def exit_code_of(program: str, act: Callable[[], None]) -> int:
    """Do *act*; return the exit code, and say on standard error why it is not 0."""
    logs.configure()
    try:
        act()
    except ConfigurationError as error:
        sys.stderr.write(f"{program}: cấu hình chưa dùng được / the settings cannot be used:\n  {error}\n")
        return _UNUSABLE
    except HubError as error:
        sys.stderr.write(f"{program}: {error}\n")
        return _FAILED
    return 0


def run_until_signalled(work: Callable[[asyncio.Event], Coroutine[None, None, None]]) -> None:
    """Do *work* on a loop of its own; its event is set once SIGTERM or SIGINT asks it to end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_signalled(work))


async def _signalled(work: Callable[[asyncio.Event], Coroutine[None, None, None]]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await work(stop)
