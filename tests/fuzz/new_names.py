"""Takes messages whose names are new each time through a hub's checks, as a process of its own.

`python -m tests.fuzz.new_names` prints one line of JSON: what was decided, and by how much the process grew.
Half of them are small enough to be decided on the event loop, the others go to the threads.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from hub.intake.line import AT_ONCE_OCTETS, Result
from hub.message.decision import Admit, Refuse
from hub.message.edxml import EDXML_NAMESPACE
from hub.signature.signing import sign_envelope
from hub.workers.checks import Checks
from tests.fuzz.line import DIRECTORY, LINE, received
from tests.support.authority import agency_signing_key
from tests.support.envelopes import a_document

SMALL, LARGE = AT_ONCE_OCTETS - 4_096, 2_000_000
_HEAD = f'<edXML xmlns="{EDXML_NAMESPACE}">'.encode()
_LONG = b"x" * 500
_MEGABYTE = 1_000_000

Kind = Callable[[int, int], bytes]
"""Makes the message with a number, of so many octets."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What became of the messages of one kind, and of the honest documents among them."""

    kind: str
    octets: int
    hostile: dict[str, int]
    honest: dict[str, int]
    grew_by: float
    """Megabytes since the beginning, after the last of them."""


def _filled(pattern: bytes, number: int, octets: int) -> bytes:
    times = octets // len(pattern % (number, 0, _LONG))
    return b"".join(pattern % (number, each, _LONG) for each in range(times))


def elements(number: int, octets: int) -> bytes:
    return _HEAD + _filled(b"<n%d-%d-%s/>", number, octets) + b"</edXML>"


def elements_of_another_root(number: int, octets: int) -> bytes:
    return b"<r>" + _filled(b"<n%d-%d-%s/>", number, octets) + b"</r>"


def elements_of_no_xml(number: int, octets: int) -> bytes:
    return b"<r>" + _filled(b"<n%d-%d-%s/>", number, octets)


def attributes(number: int, octets: int) -> bytes:
    return _HEAD + _filled(b"<e n%d-%d-%s=''/>", number, octets) + b"</edXML>"


def short_attributes(number: int, octets: int) -> bytes:
    names = b" ".join(b"a%x-%x=''" % (number, each) for each in range(min(octets // 12, 45_000)))
    return _HEAD + b"<e " + names + b"/></edXML>"


def prefixes(number: int, octets: int) -> bytes:
    return _HEAD + _filled(b"<e xmlns:n%d-%d-%s='urn:x'/>", number, octets) + b"</edXML>"


def namespaces(number: int, octets: int) -> bytes:
    return _HEAD + _filled(b"<e xmlns='urn:n%d-%d-%s'/>", number, octets) + b"</edXML>"


def instructions(number: int, octets: int) -> bytes:
    return _HEAD + _filled(b"<?n%d-%d-%s x?>", number, octets) + b"</edXML>"


def indentations(number: int, octets: int) -> bytes:
    ways = range(min(octets // 50, 9_000))
    blanks = bytes.maketrans(b"01", b" \t")
    lines = (f"\n{number << 16 | each:040b}".encode().translate(blanks) + b"<e/>" for each in ways)
    return _HEAD + b"".join(lines) + b"</edXML>"


def prefixes_of_a_signed_document(number: int, octets: int) -> bytes:
    """Return what is admitted: prefixes that nobody uses are no offence."""
    declared = b"".join(
        b" xmlns:n%d-%d-%s='urn:x'" % (number, each, _LONG) for each in range(octets // 2_000)
    )
    body = a_document().identified_by(f"G22,{number}").unsigned()
    return sign_envelope(body.replace(b"<edXML ", b"<edXML" + declared + b" ", 1), agency_signing_key("G22"))


REFUSED: Sequence[Kind] = (
    elements,
    elements_of_another_root,
    elements_of_no_xml,
    attributes,
    short_attributes,
    prefixes,
    namespaces,
    instructions,
    indentations,
)
KINDS = (*REFUSED, prefixes_of_a_signed_document)


def resident() -> float:
    """Return the megabytes that this process has in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4_096 / _MEGABYTE


def batches(kind: Kind, octets: int) -> Iterator[list[bytes]]:
    """Make messages of *kind* until they have so many *octets*, half of them small ones."""
    number = 1_000_000 * KINDS.index(kind)  # no two kinds share a name
    for size in (SMALL, LARGE):
        left = octets // 2
        while left > 0:
            batch = [kind(number + each, size) for each in range(max(1, _MEGABYTE // size))]
            number += len(batch)
            left -= sum(map(len, batch))
            yield batch


async def main(octets: int) -> None:
    honest = sign_envelope(a_document().unsigned(), agency_signing_key("G22"))
    long = sign_envelope(a_document().of_size(2 * AT_ONCE_OCTETS).unsigned(), agency_signing_key("G22"))
    LINE.catalogue.warm()
    with ThreadPoolExecutor(2) as executor:
        checks = Checks(line=LINE, executor=executor)
        for kind in KINDS:  # what is loaded once is no growth
            await checks.examine([received(each) for each in (kind(0, SMALL), honest, long)], DIRECTORY)
        before = resident()
        found = [await _feed(checks, kind, octets, [honest, long], before) for kind in KINDS]
    sys.stdout.write(json.dumps([asdict(each) for each in found]) + "\n")


async def _feed(checks: Checks, kind: Kind, octets: int, honest: list[bytes], before: float) -> Found:
    hostile_results: Counter[str] = Counter()
    honest_results: Counter[str] = Counter()
    fed = 0
    for batch in batches(kind, octets):
        results = await checks.examine([received(each) for each in (*batch, *honest)], DIRECTORY)
        hostile_results.update(map(_word, results[: len(batch)]))
        honest_results.update(map(_word, results[len(batch) :]))
        fed += sum(map(len, batch))
    return Found(
        kind=kind.__name__,
        octets=fed,
        hostile=dict(hostile_results),
        honest=dict(honest_results),
        grew_by=resident() - before,
    )


def _word(result: Result) -> str:
    match result:
        case Admit():
            return "admitted"
        case Refuse():
            return "refused"
        case _:
            return f"failed: {result.error}"


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
