"""Lets a process have so much memory and time and no more, and has the kernel kill it for anything outside.

seccomp sees what a library in C does as well; a hook of the interpreter would not.
"""

import ctypes
import os
import platform
import resource
import struct
from dataclasses import dataclass

MACHINES = {
    "x86_64": (0xC000003E, (2, 41, 42, 44, 59, 85, 257, 322, 437)),
    "aarch64": (0xC00000B7, (56, 198, 203, 206, 221, 281, 437)),
}
"""Audit architecture; numbers of open, socket, connect, sendto, execve, creat, openat, execveat, openat2."""
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_KILL, _ALLOW = 0x80000000, 0x7FFF0000
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2


@dataclass(frozen=True, kw_only=True)
class Allowance:
    processor_seconds: int = 10
    memory: int = 768 * 1024 * 1024
    """In addition to what the process has already."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def is_possible() -> bool:
    return platform.system() == "Linux" and platform.machine() in MACHINES


def confine(allowance: Allowance) -> None:
    """Confine this process for good: no file, no socket, no program, and what *allowance* says."""
    seconds = allowance.processor_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    most = _size() + allowance.memory
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    architecture, calls = MACHINES[platform.machine()]
    _install(_program(architecture, calls))


def _size() -> int:
    with open("/proc/self/statm", encoding="ascii") as stat:  # noqa: PTH123 - before nothing may be opened
        return int(stat.read().split()[0]) * resource.getpagesize()


def _program(architecture: int, calls: tuple[int, ...]) -> bytes:
    """Return the filter: another architecture or one of *calls* kills, everything else is allowed."""
    count = len(calls)
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 0, count + 2, architecture), (_LOAD, 0, 0, 0)]
    steps += [(_EQUAL, count - place, 0, call) for place, call in enumerate(calls)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _KILL)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _install(program: bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    loaded = _Program(len(program) // 8, program)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(loaded), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
