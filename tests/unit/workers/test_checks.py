"""A batch is decided in its order: ordinary messages on the event loop, slow ones in a thread."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields

from hub.errors import RejectionCode
from hub.intake.line import AT_ONCE_OCTETS, AT_ONCE_TAGS, IntakeLine, Result
from hub.message.decision import Admit, Refuse
from hub.message.directory import Directory
from hub.message.stages import ReceivedMessage
from hub.signature.signing import sign_envelope
from hub.workers.checks import Checks
from tests.support.authority import agency_signing_key
from tests.support.envelopes import a_document
from tests.support.memory_hub import a_line, a_registry, signed
from tests.support.stages import received

ORDINARY = signed(a_document())
LARGE = signed(a_document().of_size(2 * AT_ONCE_OCTETS))
MUCH_MARKUP = b"<a/>" * (AT_ONCE_TAGS + 1)
FOR_THE_JUDGE = sign_envelope(
    a_document().unsigned().replace(b"Subject", b"Sobject"), agency_signing_key("G22")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedLine(IntakeLine):
    """Notes what it was given in another thread than the event loop's."""

    home: int = field(default_factory=threading.get_ident)
    elsewhere: list[bytes] = field(default_factory=list)

    def examine(self, received: ReceivedMessage, directory: Directory) -> Result:
        if threading.get_ident() != self.home:
            self.elsewhere.append(received.body)
        return IntakeLine.examine(self, received, directory)


def a_watched_line() -> WatchedLine:
    line = a_line()
    return WatchedLine(**{each.name: getattr(line, each.name) for each in fields(line)})


async def examined(line: IntakeLine, bodies: Sequence[bytes]) -> list[Result]:
    with ThreadPoolExecutor(1) as executor:
        checks = Checks(line=line, executor=executor)
        return await checks.examine([received(body) for body in bodies], await a_registry().directory())


async def test_ordinary_messages_stay_on_the_event_loop() -> None:
    line = a_watched_line()

    results = await examined(line, [ORDINARY, b"no XML", ORDINARY])

    assert [type(result) for result in results] == [Admit, Refuse, Admit]
    assert line.elsewhere == []


async def test_what_takes_longer_is_decided_in_a_thread_and_in_its_place() -> None:
    line = a_watched_line()

    results = await examined(line, [LARGE, ORDINARY, FOR_THE_JUDGE, MUCH_MARKUP, ORDINARY])

    assert [type(result) for result in results] == [Admit, Admit, Refuse, Refuse, Admit]
    assert line.elsewhere == [LARGE, FOR_THE_JUDGE, MUCH_MARKUP]
    judged, malformed = results[2:4]
    assert isinstance(judged, Refuse)
    assert {each.code for each in judged.violations} == {RejectionCode.SCHEMA_VIOLATION}
    assert isinstance(malformed, Refuse)
    assert [each.code for each in malformed.violations] == [RejectionCode.NOT_WELL_FORMED]


async def test_everybody_else_has_a_turn_during_a_batch() -> None:
    turns = 0

    async def somebody_else() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(somebody_else())
    await examined(a_line(), [ORDINARY] * 64)  # thirty milliseconds of work

    other.cancel()
    assert turns > 3
