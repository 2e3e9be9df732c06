"""Everything in one terminal: the stack, hub processes, the console, and their log lines."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from os import environ
from pathlib import Path
from typing import Final

from hub.commands import shown
from hub.commands.local_axis import LocalAxis, provision_local
from hub.commands.place import stack_of
from hub.errors import ConfigurationError

GRACE_SECONDS: Final = 30.0
"""A hub that has not settled what it holds by then is ended; what it held is delivered again."""
LONGEST_LINE: Final = 2**20
NOT_FOR_HUBS: Final = frozenset(
    {"HUB_OPERATOR_DSN", "HUB_MANAGEMENT_URL", "HUB_MANAGEMENT_USER", "HUB_MANAGEMENT_PASSWORD"}
)
"""Variables of an operator's shell that a hub process does not get."""


async def keep_running(home: Path | None, hubs: int) -> int:
    """Run the axis until a signal, then stop in order: hubs first, then the stack unless it ran before."""
    stack = stack_of(home)
    ran_before = await asyncio.to_thread(lambda: stack.status().is_running)
    try:
        axis = await provision_local(stack=stack)
        return await _until_signal(axis, hubs)
    finally:
        if not ran_before:
            await asyncio.to_thread(stack.down)


async def start_hub(
    settings_file: Path, *, environment: Mapping[str, str] | None = None, log: Path | None = None
) -> Process:
    """Start one hub process; what it logs goes to *log*, or comes out of `stdout`."""
    command = (sys.executable, "-m", "hub", "serve", "--settings", str(settings_file))
    variables = hub_environment(environ) | dict(environment or {})
    if log is None:
        return await _start(command, variables)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            *command, env=variables, stdout=output, stderr=STDOUT, start_new_session=True
        )


async def start_bodies(settings_file: Path, *, environment: Mapping[str, str] | None = None) -> Process:
    """Start the service of large bodies; what it logs comes out of `stdout`."""
    command = (sys.executable, "-m", "hub", "bodies", "--settings", str(settings_file))
    return await _start(command, hub_environment(environ) | dict(environment or {}))


async def start_console(settings_file: Path, *, environment: Mapping[str, str] | None = None) -> Process:
    """Start the operators' console; what it logs comes out of `stdout`."""
    command = (sys.executable, "-m", "hub", "console", "--settings", str(settings_file))
    return await _start(command, {**environ, **(environment or {})})


async def _start(command: Sequence[str], variables: Mapping[str, str]) -> Process:
    return await asyncio.create_subprocess_exec(
        *command, env=variables, stdout=PIPE, stderr=STDOUT, start_new_session=True, limit=LONGEST_LINE
    )


def hub_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Leave out of *inherited* what only operators have."""
    return {name: value for name, value in inherited.items() if name not in NOT_FOR_HUBS}


async def stop_hub(process: Process) -> int:
    """Ask the hub to settle and end; ends it where it does not. Returns its exit code."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        return await asyncio.wait_for(process.wait(), GRACE_SECONDS)
    except TimeoutError:
        process.kill()
        return await process.wait()


async def _until_signal(axis: LocalAxis, hubs: int) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    coloured = {"FORCE_COLOR": "1"} if sys.stdout.isatty() else {}
    environment = {"HUB_LOG_FORMAT": "console", **coloured}
    processes = {
        f"hub {place}": await start_hub(axis.settings_file, environment=environment)
        for place in range(1, hubs + 1)
    }
    if axis.takes_large_bodies:
        processes["bodies"] = await start_bodies(axis.settings_file, environment=environment)
    processes["console"] = await start_console(axis.operator_file, environment=environment)
    shown.say(f"{hubs} hub process(es) on {axis.settings_file}; Ctrl-C stops everything cleanly")
    shown.say("the console says below where it listens; `truc accounts add` makes an account for it")
    async with asyncio.TaskGroup() as tasks:
        for name, process in processes.items():
            tasks.create_task(_show_lines(name, process))
            tasks.create_task(_stop_when_it_ends(process, stop))
        await stop.wait()
        codes = await asyncio.gather(*(stop_hub(process) for process in processes.values()))
    if any(codes):
        raise ConfigurationError(f"a process ended with {max(codes, key=abs)}: its last lines say why")
    return 0


async def _show_lines(name: str, process: Process) -> None:
    if process.stdout is None:
        return
    async for line in process.stdout:
        shown.say(f"{name} | {line.decode(errors='replace').rstrip()}")


async def _stop_when_it_ends(process: Process, stop: asyncio.Event) -> None:
    await process.wait()
    stop.set()
