"""Takes each vector through intake in a confined process of its own, and writes what became of it.

`python -m tests.vectors.hostile.examine` prints one line of JSON for each. A process that the kernel kills
(for a file, a socket or a program that it opens, or for time and memory) shows as its signal.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from hub.intake.line import Failed
from hub.message.decision import Refuse
from tests.support.edxml import envelope
from tests.vectors.hostile import structure
from tests.vectors.hostile.confinement import Allowance, confine
from tests.vectors.hostile.world import FILES, directory, line, manifest, received

EDXML = FILES.parents[1] / "edxml"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    name: str
    codes: tuple[str, ...]
    seconds: float
    """Processor time."""
    megabytes: float
    """By which the process grew at its largest."""
    death: int = 0
    """The signal that ended the process; 0 where none did."""


def mailbox_of(name: str) -> str:
    return "G22" if name.startswith(("content-", "accepted-", "trust-by-")) else "H41.07"


def decide(body: bytes, mailbox: str) -> tuple[str, ...]:
    result = line().examine(received(body, mailbox), directory())
    if isinstance(result, Failed):
        return (result.error,)
    return tuple(each.code.value for each in result.violations) if isinstance(result, Refuse) else ()


def confined(name: str, body: bytes) -> Verdict:
    """Examine *body* in a child of this process that may do nothing but compute."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _report(name, body, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status, used = os.wait4(child, 0)
    if os.WIFSIGNALED(status):
        seconds = used.ru_utime + used.ru_stime
        return Verdict(name=name, codes=(), seconds=seconds, megabytes=0.0, death=os.WTERMSIG(status))
    told = json.loads(said)
    return Verdict(**{**told, "codes": tuple(told["codes"])})


def _report(name: str, body: bytes, writing: int) -> None:
    """Examine, tell and leave; never returns."""
    try:
        confine(Allowance())
        began, had = time.process_time(), _largest()
        codes = _forbidden_act() if name == "control-opens-a-file" else decide(body, mailbox_of(name))
        verdict = Verdict(
            name=name, codes=codes, seconds=time.process_time() - began, megabytes=_largest() - had
        )
        os.write(writing, json.dumps(asdict(verdict)).encode())
    finally:
        os._exit(0)


def _largest() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _forbidden_act() -> tuple[str, ...]:
    with open("/etc/hostname", "rb"):  # noqa: PTH123 - what the kernel is to kill for
        return ("opened",)


def vectors() -> Iterator[tuple[str, bytes]]:
    for name in manifest():
        yield name, (FILES / name).read_bytes()
    for path in sorted(EDXML.glob("*")):
        if path.suffix != ".toml":
            yield f"edxml-{path.name}", path.read_bytes()
    for vector, _ in structure.VECTORS:
        yield f"structure-{vector.__name__.replace('_', '-')}.xml", vector()
    yield "control-opens-a-file", b""


def main() -> None:
    # Everything is loaded before anything is confined.
    for body in (envelope(), b"<edXML/>", (FILES / "content-flat-bomb.xml").read_bytes()):
        decide(body, "H41.07")
    for name in ("trust-by-another-agency.xml", "certificate-missing-intermediate.xml"):
        decide((FILES / name).read_bytes(), "G22")
    for name, body in vectors():
        sys.stdout.write(json.dumps(asdict(confined(name, body))) + "\n")


if __name__ == "__main__":
    main()
