"""Daemons of our own: started in a session of their own, found again by pid file, ended without leftovers."""

import pwd
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from deploy.local.address import StackError

# Keeps the handles of what this process has started, so that an end is collected and leaves no zombie.
_children: Final[dict[int, subprocess.Popen[bytes]]] = {}


def launch(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
    user: str | None = None,
) -> int:
    """Start *command* as a daemon that outlives us and return its pid; *log* takes what it prints."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            [str(part) for part in command],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
            group=user and group_of(user),
            extra_groups=user and (),
        )
    _children[child.pid] = child
    # For a moment after exec a process shows neither arguments nor environment: it could not be found again.
    holds(lambda: child.poll() is not None or _shows_itself(child.pid), seconds=5)
    return child.pid


def _shows_itself(pid: int) -> bool:
    try:
        return bool(marks(psutil.Process(pid)))
    except psutil.Error:
        return False


def group_of(user: str) -> int:
    """Look up the primary group of *user*."""
    return pwd.getpwnam(user).pw_gid


def running(pid_file: Path, *, mark: str) -> psutil.Process | None:
    """Find the process that *pid_file* names if it is alive and ours: one argument or variable is *mark*."""
    collect()
    try:
        process = psutil.Process(int(pid_file.read_bytes().split()[0]))
        if process.status() != psutil.STATUS_ZOMBIE and mark in marks(process):
            return process
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return None


def marks(process: psutil.Process) -> list[str]:
    """List the arguments and the environment of *process*: pids are used again, these tell whose it is."""
    return [*process.cmdline(), *(f"{name}={value}" for name, value in process.environ().items())]


def has_mark(process: psutil.Process, mark: str) -> bool:
    """Tell whether *process* is alive and one of its arguments or variables is *mark*."""
    try:
        return mark in marks(process)
    except psutil.Error:
        return False


def collect() -> None:
    """Take leave of those children of this process that have ended."""
    for pid, child in list(_children.items()):
        if child.poll() is not None:
            _children.pop(pid, None)  # another thread may have been quicker


def family(process: psutil.Process) -> list[psutil.Process]:
    """List *process* and everything below it."""
    with suppress(psutil.Error):
        return [process, *process.children(recursive=True)]
    return [process]


def is_named(process: psutil.Process, name: str) -> bool:
    """Tell whether *process* is alive and runs the program *name*."""
    try:
        return is_alive(process) and process.name() == name
    except psutil.Error:
        return False


def kill(processes: Iterable[psutil.Process]) -> None:
    """End all *processes* with SIGKILL and wait until they are gone."""
    doomed = list(processes)
    for process in doomed:
        with suppress(psutil.Error):
            process.kill()
    await_end(doomed, seconds=10)


def await_end(processes: Iterable[psutil.Process], *, seconds: float) -> bool:
    """Wait until all *processes* have ended; tell whether they did in time."""
    waiting = list(processes)
    return holds(lambda: not any(is_alive(process) for process in waiting), seconds=seconds)


def is_alive(process: psutil.Process) -> bool:
    """Tell whether *process* still does anything; a zombie does not."""
    collect()
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def holds(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Poll *condition* until it holds or *seconds* have passed; tell which."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.03)
    return True


def await_answer(answers: Callable[[], bool], *, pid: int, what: str, log: Path, seconds: float) -> None:
    """Wait until *answers* holds; give up when the process is gone or the time is over, and quote its log."""

    def decided() -> bool:
        return answers() or not pid_is_alive(pid)

    if not (holds(decided, seconds=seconds) and answers()):
        raise StackError(f"{what} does not answer; the end of {log}:\n{last_lines(log)}")


def pid_is_alive(pid: int) -> bool:
    """Tell whether a process with that *pid* still does anything."""
    try:
        return is_alive(psutil.Process(pid))
    except (psutil.Error, ValueError):  # psutil raises ValueError for numbers that are none of a process
        return False


def last_lines(log: Path, count: int = 15) -> str:
    """Quote the end of *log*."""
    try:
        return "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-count:])
    except OSError as error:
        return str(error)
