"""Frames pass unchanged, however the socket cuts them; only unreadable headers are exchanged."""

import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import frame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.constants import FRAME_END_CHAR, FRAME_HEADER
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from hub.backends.rabbitmq.gate import Gate
from hub.backends.rabbitmq.wire import UNREADABLE, TolerantReader

DELIVER = frame.marshal(Basic.Deliver(consumer_tag="c", delivery_tag=1, exchange="e", routing_key="r"), 1)
HEADER = frame.marshal(ContentHeader(body_size=3, properties=Basic.Properties(correlation_id="id")), 1)
BODY = frame.marshal(ContentBody(b"\x02\x00\xce"), 1)
HEARTBEAT = frame.marshal(Heartbeat(), 0)
NOT_UTF8 = struct.pack(">HHQH", 60, 0, 3, 1 << 10) + b"\x02\xff\xfe"
UNREADABLE_HEADER = struct.pack(">BHI", FRAME_HEADER, 1, len(NOT_UTF8)) + NOT_UTF8 + FRAME_END_CHAR


async def passed(data: bytes, cuts: list[int]) -> bytes:
    reader = TolerantReader(asyncio.get_running_loop(), Gate())
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
