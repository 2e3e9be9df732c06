"""Frames pass unchanged, however the socket cuts them; only unreadable headers are exchanged."""

import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import frame
from pamqp.body import ContentBody
from pamqp.commands import Basic, Connection
from pamqp.constants import FRAME_END_CHAR, FRAME_HEADER
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from hub.backends.rabbitmq.alarm import Alarm
from hub.backends.rabbitmq.gate import Gate
from hub.backends.rabbitmq.wire import UNREADABLE, TolerantReader

DELIVER = frame.marshal(Basic.Deliver(consumer_tag="c", delivery_tag=1, exchange="e", routing_key="r"), 1)
HEADER = frame.marshal(ContentHeader(body_size=3, properties=Basic.Properties(correlation_id="id")), 1)
BODY = frame.marshal(ContentBody(b"\x02\x00\xce"), 1)
BLOCKED = frame.marshal(Connection.Blocked(reason="low on memory"), 0)
UNBLOCKED = frame.marshal(Connection.Unblocked(), 0)
HEARTBEAT = frame.marshal(Heartbeat(), 0)
NOT_UTF8 = struct.pack(">HHQH", 60, 0, 3, 1 << 10) + b"\x02\xff\xfe"
UNREADABLE_HEADER = struct.pack(">BHI", FRAME_HEADER, 1, len(NOT_UTF8)) + NOT_UTF8 + FRAME_END_CHAR


async def passed(data: bytes, cuts: list[int]) -> bytes:
    return await passed_with(Alarm(purpose="test"), data, cuts)


async def passed_with(alarm: Alarm, data: bytes, cuts: list[int]) -> bytes:
    reader = TolerantReader(asyncio.get_running_loop(), Gate(), alarm)
    ends = sorted({cut % (len(data) + 1) for cut in cuts} | {len(data)})
    start = 0
    for end in ends:
        if chunk := data[start:end]:
            reader.feed_data(chunk)
        start = end
    reader.feed_eof()
    return await reader.read()


@given(
    st.lists(st.sampled_from([DELIVER, HEADER, BODY, HEARTBEAT]), max_size=12),
    st.lists(st.integers(0, 10_000), max_size=12),
)
def test_readable_frames_pass_unchanged(frames: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frames)

    assert asyncio.run(passed(stream, cuts)) == stream


@given(st.lists(st.integers(0, 10_000), max_size=8))
def test_an_unreadable_header_is_exchanged_and_the_rest_is_not(cuts: list[int]) -> None:
    stream = DELIVER + UNREADABLE_HEADER + BODY + DELIVER + HEADER + BODY

    result = asyncio.run(passed(stream, cuts))

    assert result.startswith(DELIVER)
    assert result.endswith(BODY + DELIVER + HEADER + BODY)
    size, channel, header = frame.unmarshal(result[len(DELIVER) :])
    assert isinstance(header, ContentHeader)
    assert (channel, header.body_size) == (1, 3)
    assert header.properties.headers == {UNREADABLE: "UnicodeDecodeError"}
    assert len(DELIVER) + size + len(BODY + DELIVER + HEADER + BODY) == len(result)


@pytest.mark.parametrize("end", [3, 8])
def test_a_broker_of_another_protocol_is_passed_on(end: int) -> None:
    refusal = b"AMQP\x00\x01\x00\x00"[:end]

    assert asyncio.run(passed(refusal, [])) == refusal


@given(st.lists(st.integers(0, 10_000), max_size=8))
def test_an_alarm_is_seen_however_its_frame_is_cut(cuts: list[int]) -> None:
    alarm = Alarm(purpose="test")
    stream = DELIVER + HEADER + BODY + BLOCKED + HEARTBEAT

    assert asyncio.run(passed_with(alarm, stream, cuts)) == stream
    assert alarm.reason == "low on memory"


@given(st.lists(st.integers(0, 10_000), max_size=8))
def test_the_end_of_an_alarm_is_seen(cuts: list[int]) -> None:
    alarm = Alarm(purpose="test")
    heard: list[bool] = []
    alarm.watchers.append(lambda: heard.append(alarm.is_raised))

    asyncio.run(passed_with(alarm, BLOCKED + DELIVER + HEADER + BODY + UNBLOCKED, cuts))

    assert heard == [True, False]


def test_a_body_that_looks_like_an_alarm_is_none() -> None:
    alarm = Alarm(purpose="test")
    body = frame.marshal(ContentBody(BLOCKED), 1)

    asyncio.run(passed_with(alarm, body, [7, 9, 20]))

    assert not alarm.is_raised


def test_a_connection_that_is_gone_leaves_no_alarm() -> None:
    alarm = Alarm(purpose="test")
    asyncio.run(passed_with(alarm, BLOCKED, []))

    alarm.forget()

    assert not alarm.is_raised
