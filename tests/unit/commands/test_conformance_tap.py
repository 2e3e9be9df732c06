"""What passes on a connection is read as frames, however it is cut, and is told in its order."""

from collections.abc import Sequence

import pamqp.frame
import pytest
from pamqp import body, commands, header
from pamqp.base import Frame

from hub.commands.conforming.tap import ConnectionTap, Settled, Tap
from hub.message import properties

CHANNEL = 1
DELIVERY = "0b0f6f2e-6b0b-4b5e-9d0e-6f0c5a3a1c11"


def octets(*frames: Frame | header.ContentHeader | body.ContentBody) -> bytes:
    return b"".join(pamqp.frame.marshal(each, CHANNEL) for each in frames)


def a_tap() -> tuple[Tap, ConnectionTap]:
    tap = Tap(told=lambda: None)
    return tap, tap.witness()


def handed_out(tag: int, *, redelivered: bool = False, consumer: str = "c") -> bytes:
    deliver = commands.Basic.Deliver(consumer, tag, redelivered, "axis.deliver", "H41")
    headers = {properties.DELIVERY_ID: f"{DELIVERY[:-1]}{tag}", properties.ATTEMPT: 1}
    return octets(
        deliver,
        header.ContentHeader(0, 3, commands.Basic.Properties(headers=headers)),
        body.ContentBody(b"doc"),
    )


def consumes(tap: ConnectionTap, *, no_ack: bool = False, prefetch: int = 10) -> None:
    qos = commands.Basic.Qos(0, prefetch, False)  # noqa: FBT003 - the frame's own fields
    consume = commands.Basic.Consume(0, "agency.H41", "c", no_ack=no_ack)
    tap.saw(b"AMQP\x00\x00\x09\x01" + octets(qos, consume), from_client=True)


def settled(tap: Tap) -> Sequence[tuple[str, Settled]]:
    return [(each.handed.delivery_id[-1], each.how) for each in tap.settled]


@pytest.mark.parametrize("size", [1, 7, 8, 100, 10_000])
def test_pieces_of_any_size_say_the_same(size: int) -> None:
    tap, connection = a_tap()
    consumes(connection)
    stream = handed_out(1) + handed_out(2, redelivered=True)

    for begin in range(0, len(stream), size):
        connection.saw(stream[begin : begin + size], from_client=False)

    assert [each.delivery_id[-1] for each in tap.handed] == ["1", "2"]
    assert [each.is_redelivered for each in tap.handed] == [False, True]


def test_each_way_to_settle_is_known_and_one_ack_may_stand_for_several() -> None:
    tap, connection = a_tap()
    consumes(connection)
    for tag in range(1, 7):
        connection.saw(handed_out(tag), from_client=False)

    for frame in (
        commands.Basic.Reject(2, requeue=False),
        commands.Basic.Ack(3, multiple=True),
        commands.Basic.Nack(4, multiple=False, requeue=True),
        commands.Basic.Ack(99),
        commands.Basic.Ack(0, multiple=True),
    ):
        connection.saw(octets(frame), from_client=True)

    assert settled(tap) == [
        ("2", Settled.REJECTED),
        ("1", Settled.ACKNOWLEDGED),
        ("3", Settled.ACKNOWLEDGED),
        ("4", Settled.REQUEUED),
        ("5", Settled.ACKNOWLEDGED),
        ("6", Settled.ACKNOWLEDGED),
    ]


def test_who_wants_no_acknowledgements_and_no_limit_is_seen() -> None:
    tap, connection = a_tap()
    consumes(connection, no_ack=True, prefetch=0)

    connection.saw(handed_out(1), from_client=False)

    assert settled(tap) == [("1", Settled.UNASKED)]
    assert (tap.reading, tap.unlimited) == (1, 1)


def test_the_brokers_confirms_settle_nothing_of_the_adapters() -> None:
    tap, connection = a_tap()
    consumes(connection)
    connection.saw(handed_out(1) + octets(commands.Basic.Ack(1)), from_client=False)

    assert settled(tap) == []


def test_a_publish_is_told_with_what_stands_around_it() -> None:
    tap, connection = a_tap()
    seen: list[str | None] = []
    tap.watch_publishes(lambda published: seen.append(published.kind))
    properties_ = commands.Basic.Properties(correlation_id="s-1", message_type="document")
    publish = commands.Basic.Publish(0, "axis.submit", "H41", mandatory=True)
    head = header.ContentHeader(0, 3, properties_)

    connection.saw(octets(publish, head, body.ContentBody(b"doc")), from_client=True)
    connection.saw(octets(commands.Confirm.Select(), publish, head), from_client=True)

    first, second = tap.published
    assert (first.exchange, first.routing_key, first.submission_id) == ("axis.submit", "H41", "s-1")
    assert (first.is_mandatory, first.is_confirmed, second.is_confirmed) == (True, False, True)
    assert seen == ["document", "document"]


def test_what_is_no_amqp_is_passed_over() -> None:
    tap, connection = a_tap()

    connection.saw(b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n" * 100, from_client=True)
    connection.saw(b"\x01\xff\xff\xff\xff\xff\xff" * 1000, from_client=False)

    assert (tap.handed, tap.settled, tap.published) == ([], [], [])
