"""Frames come whole, however the socket cuts them: to a tap those of its messages, unchanged the others."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp import frame
from pamqp.body import ContentBody
from pamqp.commands import Basic, Channel, Connection
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from hub.backends.rabbitmq.alarm import Alarm
from hub.backends.rabbitmq.frames import ACK, DELIVER, Delivered, read_confirm, read_deliver, read_properties
from hub.backends.rabbitmq.wire import FrameReader, Tap


def delivery(tag: int, *pieces: bytes) -> bytes:
    """Return a delivery on channel 1, its body in *pieces*."""
    return b"".join(
        [
            frame.marshal(Basic.Deliver("c", tag, exchange="e", routing_key="r"), 1),
            frame.marshal(
                ContentHeader(
                    body_size=sum(map(len, pieces)), properties=Basic.Properties(correlation_id=str(tag))
                ),
                1,
            ),
            *(frame.marshal(ContentBody(piece), 1) for piece in pieces),
        ]
    )


MESSAGE = delivery(1, b"\x02\x00\xce")
OPEN_OK = frame.marshal(Channel.OpenOk(), 1)
BLOCKED = frame.marshal(Connection.Blocked(reason="low on memory"), 0)
UNBLOCKED = frame.marshal(Connection.Unblocked(), 0)
HEARTBEAT = frame.marshal(Heartbeat(), 0)
CUTS = st.lists(st.integers(0, 10_000), max_size=12)


class Taken:
    """What a tap on channel 1 took, in its order."""

    def __init__(self) -> None:
        self.log: list[tuple[str, int, bytes]] = []
        self.tap = Tap(messages={DELIVER: self._message}, methods={ACK: self._confirm})

    def _message(self, delivered: Delivered) -> None:
        tag, _, key = read_deliver(delivered.method)
        assert key == "r"
        assert read_properties(delivered.header).correlation_id == str(tag)
        self.log.append(("message", tag, delivered.body))

    def _confirm(self, method: bytes) -> None:
        self.log.append(("confirm", read_confirm(method)[0], b""))


async def passed(
    data: bytes, cuts: list[int], *, alarm: Alarm | None = None, tap: Tap | None = None
) -> bytes:
    """Feed *data* in chunks that end at *cuts*; return what is left for the client library."""
    reader = FrameReader(asyncio.get_running_loop(), alarm or Alarm(purpose="test"))
    if tap is not None:
        reader.taps[1] = tap
    ends = sorted({cut % (len(data) + 1) for cut in cuts} | {len(data)})
    start = 0
    for end in ends:
        if chunk := data[start:end]:
            reader.feed_data(chunk)
        start = end
    reader.feed_eof()
    return await reader.read()


@given(st.lists(st.sampled_from([MESSAGE, OPEN_OK, HEARTBEAT]), max_size=12), CUTS)
def test_without_a_tap_frames_pass_unchanged(stream: list[bytes], cuts: list[int]) -> None:
    data = b"".join(stream)

    assert asyncio.run(passed(data, cuts)) == data


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=4), CUTS)
def test_a_tap_takes_messages_whole_and_confirms_in_their_order(pieces: list[bytes], cuts: list[int]) -> None:
    taken = Taken()
    confirm = frame.marshal(Basic.Ack(9), 1)
    data = delivery(1, *pieces) + OPEN_OK + confirm + delivery(2) + HEARTBEAT

    left = asyncio.run(passed(data, cuts, tap=taken.tap))

    assert left == OPEN_OK + HEARTBEAT
    assert taken.log == [("message", 1, b"".join(pieces)), ("confirm", 9, b""), ("message", 2, b"")]


def test_a_tap_leaves_other_channels_and_other_methods_alone() -> None:
    taken = Taken()
    returned = (
        frame.marshal(Basic.Return(312, "NO_ROUTE", "e", "r"), 1) + MESSAGE[MESSAGE.index(b"\xce") + 1 :]
    )
    other = frame.marshal(Basic.Ack(1), 2)

    left = asyncio.run(passed(returned + other + MESSAGE, [], tap=taken.tap))

    assert left == returned + other
    assert [name for name, *_ in taken.log] == ["message"]


def test_a_message_cut_off_by_the_end_is_not_handed_over() -> None:
    taken = Taken()

    asyncio.run(passed(MESSAGE[:-2], [], tap=taken.tap))

    assert taken.log == []


async def test_the_client_library_hears_that_messages_come(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    reader = FrameReader(loop, Alarm(purpose="test"))
    reader.taps[1] = Taken().tap
    reader.feed_data(MESSAGE)
    monkeypatch.setattr(reader, "_now", lambda: loop.time() + 2)

    reader.feed_data(MESSAGE + MESSAGE)
    reader.feed_eof()

    assert await reader.read() == HEARTBEAT


@pytest.mark.parametrize("end", [3, 8])
def test_a_broker_of_another_protocol_is_passed_on(end: int) -> None:
    refusal = b"AMQP\x00\x01\x00\x00"[:end]

    assert asyncio.run(passed(refusal, [])) == refusal


@settings(deadline=None)
@given(CUTS)
def test_an_alarm_is_seen_however_its_frame_is_cut(cuts: list[int]) -> None:
    alarm = Alarm(purpose="test")
    stream = MESSAGE + BLOCKED + HEARTBEAT

    assert asyncio.run(passed(stream, cuts, alarm=alarm)) == stream
    assert alarm.reason == "low on memory"


@settings(deadline=None)
@given(CUTS)
def test_the_end_of_an_alarm_is_seen(cuts: list[int]) -> None:
    alarm = Alarm(purpose="test")
    heard: list[bool] = []
    alarm.watchers.append(lambda: heard.append(alarm.is_raised))

    asyncio.run(passed(BLOCKED + MESSAGE + UNBLOCKED, cuts, alarm=alarm))

    assert heard == [True, False]


def test_a_body_that_looks_like_an_alarm_is_none() -> None:
    alarm = Alarm(purpose="test")
    body = frame.marshal(ContentBody(BLOCKED), 1)

    asyncio.run(passed(body, [7, 9, 20], alarm=alarm))

    assert not alarm.is_raised


def test_a_connection_that_is_gone_leaves_no_alarm() -> None:
    alarm = Alarm(purpose="test")
    asyncio.run(passed(BLOCKED, [], alarm=alarm))

    alarm.forget()

    assert not alarm.is_raised
