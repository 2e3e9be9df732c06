"""What we write, the client library reads; what it writes, we read: its codec is the judge."""

import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import frame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from hub.backends.rabbitmq.frames import (
    HEAD,
    UNREADABLE,
    Place,
    Said,
    acknowledging,
    body_size,
    giving_back,
    publishing,
    read_confirm,
    read_deliver,
    read_properties,
    rejecting,
)

TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)
NAMES = st.text(st.characters(codec="utf-8"), max_size=32)  # pamqp cuts names of fields at 128 octets
TAGS = st.integers(1, 2**63 - 1)
EXCHANGES = st.sampled_from(["", "axis.submit", "hub.dead"])
INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(2106, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
INSTANT = datetime(2026, 3, 9, 2, 0, tzinfo=UTC)
SAID = Said(
    content_type="application/xml",
    headers={"x-attempt": 1},
    priority=0,
    correlation_id="c",
    message_id="m",
    sent_at=INSTANT,
    kind="document",
    user_id="hub",
)


def frames_in(octets: bytes) -> list[object]:
    found = []
    while octets:
        used, channel, one = frame.unmarshal(octets)
        assert channel == 7
        found.append(one)
        octets = octets[used:]
    return found


@given(
    st.builds(
        Said,
        content_type=st.just("application/xml"),
        headers=st.dictionaries(NAMES, TEXTS | st.integers(-(2**63), 2**63 - 1), max_size=8),
        priority=st.integers(0, 9),
        correlation_id=TEXTS,
        message_id=TEXTS,
        sent_at=INSTANTS,
        kind=TEXTS,
        user_id=TEXTS,
    ),
    TEXTS,
    st.binary(max_size=700),
)
def test_the_library_reads_what_we_publish(said: Said, mailbox: str, body: bytes) -> None:
    octets = publishing("axis.deliver", mailbox, said, body, at=Place(channel=7, largest=8_000))

    publish, header, *bodies = frames_in(b"".join(octets))

    assert isinstance(publish, Basic.Publish)
    assert (publish.exchange, publish.routing_key, publish.mandatory) == ("axis.deliver", mailbox, True)
    assert isinstance(header, ContentHeader)
    assert header.body_size == len(body)
    assert dict(header.properties) == dict(
        Basic.Properties(
            content_type="application/xml",
            headers={**said.headers},
            delivery_mode=2,
            priority=said.priority,
            correlation_id=said.correlation_id,
            message_id=said.message_id,
            timestamp=said.sent_at.replace(microsecond=0),
            message_type=said.kind,
            user_id=said.user_id,
        )
    )
    assert b"".join(part.value for part in bodies if isinstance(part, ContentBody)) == body


def test_a_large_body_goes_into_frames_that_the_broker_takes() -> None:
    octets = publishing("e", "k", SAID, b"x" * 1_001, at=Place(channel=7, largest=500))

    bodies = [each for each in frames_in(b"".join(octets)) if isinstance(each, ContentBody)]

    assert [len(each.value) for each in bodies] == [500, 500, 1]


@pytest.mark.parametrize("what", ["correlation_id", "message_id", "kind", "user_id", "content_type"])
def test_what_is_longer_than_amqp_can_say_is_refused(what: str) -> None:
    fields = {name: getattr(SAID, name) for name in Said.__dataclass_fields__} | {what: "x" * 256}

    with pytest.raises(ValueError, match="longer than the 255 bytes"):
        publishing("e", "k", Said(**fields), b"", at=Place(channel=7, largest=500))


@given(tag=TAGS, multiple=st.booleans())
def test_the_library_reads_how_we_settle(tag: int, multiple: bool) -> None:  # noqa: FBT001
    (ack,) = frames_in(acknowledging(7, tag, multiple=multiple))
    (nack,) = frames_in(giving_back(7, tag))
    (reject,) = frames_in(rejecting(7, tag))

    assert dict(ack) == dict(Basic.Ack(tag, multiple))
    assert dict(nack) == dict(Basic.Nack(tag, multiple=False, requeue=True))
    assert dict(reject) == dict(Basic.Reject(tag, requeue=False))


@given(tag=TAGS, multiple=st.booleans())
def test_we_read_confirms(tag: int, multiple: bool) -> None:  # noqa: FBT001
    for confirm in (Basic.Ack(tag, multiple), Basic.Nack(tag, multiple, requeue=False)):
        assert read_confirm(payload_of(frame.marshal(confirm, 7))) == (tag, multiple)


@given(consumer=TEXTS, tag=TAGS, redelivered=st.booleans(), exchange=EXCHANGES, key=TEXTS)
def test_we_read_deliveries(consumer: str, tag: int, redelivered: bool, exchange: str, key: str) -> None:  # noqa: FBT001
    deliver = Basic.Deliver(consumer, tag, redelivered, exchange, key)

    assert read_deliver(payload_of(frame.marshal(deliver, 7))) == (tag, redelivered, key)


@given(
    texts=st.dictionaries(
        st.sampled_from(
            [
                "content_type",
                "content_encoding",
                "correlation_id",
                "reply_to",
                "expiration",
                "message_id",
                "message_type",
                "user_id",
                "app_id",
            ]
        ),
        TEXTS.filter(bool),
    ),
    headers=st.none() | st.dictionaries(NAMES, TEXTS | st.integers(-(2**63), 2**63 - 1) | st.booleans()),
    octets=st.dictionaries(st.sampled_from(["delivery_mode", "priority"]), st.integers(1, 2)),
    sent_at=st.none() | INSTANTS,
    size=st.integers(0, 2**40),
)
def test_we_read_the_properties_that_there_are(
    texts: dict[str, str],
    headers: dict[str, str | int | bool] | None,
    octets: dict[str, int],
    sent_at: datetime | None,
    size: int,
) -> None:
    properties = Basic.Properties(**texts, **octets, headers=headers, timestamp=sent_at)  # type: ignore[arg-type]
    header = payload_of(frame.marshal(ContentHeader(properties=properties, body_size=size), 7))

    heard = read_properties(header)

    assert body_size(header) == size
    assert heard.headers == (headers or {})
    assert heard.correlation_id == texts.get("correlation_id")
    assert heard.message_id == texts.get("message_id")
    assert heard.kind == texts.get("message_type")
    assert heard.user_id == texts.get("user_id")
    assert heard.sent_at == (None if sent_at is None else sent_at.replace(microsecond=0))


@given(flags=st.integers(0, 0xFFFF), octets=st.binary(max_size=80))
def test_properties_that_nobody_can_read_say_so(flags: int, octets: bytes) -> None:
    heard = read_properties(struct.pack(">HHQH", 60, 0, 3, flags) + octets)

    assert UNREADABLE not in heard.headers or heard.user_id is None


@pytest.mark.parametrize(
    ("flags", "octets"),
    [
        pytest.param(1 << 10, b"\x02\xff\xfe", id="text that is not UTF-8"),
        pytest.param(1 << 10, b"\x09short", id="text that ends beyond the frame"),
        pytest.param(1 << 6, b"\x7f" + b"\xff" * 7, id="an instant beyond all years"),
        pytest.param(1 << 13, struct.pack(">I", 40), id="a table that ends beyond the frame"),
        pytest.param(1 << 12, b"", id="an octet that is missing"),
    ],
)
def test_unreadable_properties_leave_nobody_who_vouches(flags: int, octets: bytes) -> None:
    heard = read_properties(struct.pack(">HHQH", 60, 0, 3, flags) + octets)

    assert UNREADABLE in heard.headers
    assert (heard.user_id, heard.correlation_id) == (None, None)


def payload_of(octets: bytes) -> bytes:
    return octets[HEAD.size : -1]
