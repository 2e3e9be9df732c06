"""What the adapter does on its connections, as the broker sees it: publishes, consumes, settles."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pamqp.commands import Basic, Confirm, Connection
from pamqp.header import ContentHeader

from hub.commands.conforming.frames import Frame, FrameReader
from hub.message import properties


class Settled(StrEnum):
    """How a delivery was settled."""

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    """Without requeue: the axis decides what becomes of it."""
    REQUEUED = "requeued"
    UNASKED = "unasked"
    """The consumer wanted no acknowledgements: the broker forgot it as it went out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A delivery that went out to the adapter, perhaps not for the first time."""

    delivery_id: str
    attempt: int
    is_redelivered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What the adapter did with it."""

    handed: Handed
    how: Settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What the adapter published, by what stands outside the body."""

    exchange: str
    routing_key: str
    is_mandatory: bool
    is_confirmed: bool
    """Whether the channel has asked for confirms."""
    submission_id: str | None
    kind: str | None


def _ignore(_published: Published) -> None:
    """Do nothing about it."""


@dataclass(slots=True)
class Tap:
    """Everything that was seen on all lines so far, in the order in which it was seen."""

    told: Callable[[], None]
    """Called after each frame that says something."""
    when_published: Callable[[Published], None] = _ignore
    """Called as soon as a publish went on to the broker, before its confirm can have come back."""
    connections: int = 0
    reading: int = 0
    """How often somebody began to consume or fetched a message."""
    unlimited: int = 0
    """How often somebody began to consume without a prefetch limit."""
    handed: list[Handed] = field(default_factory=list)
    settled: list[Settlement] = field(default_factory=list)
    published: list[Published] = field(default_factory=list)
    closed_by_broker: list[str] = field(default_factory=list)
    """What the broker said as it closed a connection on the adapter."""

    def watch_publishes(self, look: Callable[[Published], None] = _ignore) -> None:
        """Let *look* see each publish from now on."""
        self.when_published = look

    def witness(self) -> "ConnectionTap":
        """Watch a new connection."""
        self.connections += 1
        return ConnectionTap(self)

    def settlements(self, delivery_id: str, attempt: int | None = None) -> list[Settlement]:
        """Return how that delivery was settled, each time that it was."""
        return [
            each
            for each in self.settled
            if each.handed.delivery_id == delivery_id and attempt in {None, each.handed.attempt}
        ]

    def times_handed(self, delivery_id: str) -> int:
        """Return how often that delivery went out."""
        return sum(each.delivery_id == delivery_id for each in self.handed)


_NOBODYS: Final = "?"
"""Of a consumer whose tag the broker is about to make up."""


@dataclass(slots=True)
class _Channel:
    """What one channel of one connection is in the middle of."""

    is_confirmed: bool = False
    is_limited: bool = False
    without_acknowledgement: set[str] = field(default_factory=set)
    """Tags of its consumers that want none."""
    outgoing: Basic.Publish | None = None
    incoming: Basic.Deliver | Basic.GetOk | None = None
    fetches_unasked: bool = False
    unsettled: OrderedDict[int, Handed] = field(default_factory=OrderedDict)


class ConnectionTap:
    """One connection, both ways."""

    def __init__(self, tap: Tap) -> None:
        """Report to *tap*."""
        self._tap = tap
        self._readers = {from_client: FrameReader() for from_client in (True, False)}
        self._channels: dict[int, _Channel] = {}

    def saw(self, piece: bytes, *, from_client: bool) -> None:
        """Take note of *piece*."""
        for number, frame in self._readers[from_client].read(piece):
            channel = self._channels.setdefault(number, _Channel())
            if from_client:
                self._from_client(channel, frame)
            else:
                self._from_broker(channel, frame)
            self._tap.told()

    def _from_client(self, channel: _Channel, frame: Frame) -> None:
        match frame:
            case Confirm.Select():
                channel.is_confirmed = True
            case Basic.Qos(prefetch_count=count):
                channel.is_limited = bool(count)
            case Basic.Consume() | Basic.Get():
                self._reads(channel, frame)
            case Basic.Publish():
                channel.outgoing = frame
            case ContentHeader():
                self._publishes(channel, frame)
            case Basic.Ack() | Basic.Nack() | Basic.Reject():
                self._settles(channel, frame)
            case _:
                return

    def _reads(self, channel: _Channel, frame: Basic.Consume | Basic.Get) -> None:
        self._tap.reading += 1
        if isinstance(frame, Basic.Get):
            channel.fetches_unasked = frame.no_ack
            return
        self._tap.unlimited += not channel.is_limited
        if frame.no_ack:
            channel.without_acknowledgement.add(frame.consumer_tag or _NOBODYS)

    def _publishes(self, channel: _Channel, head: ContentHeader) -> None:
        if (publish := channel.outgoing) is None:
            return
        channel.outgoing = None
        published = Published(
            exchange=publish.exchange,
            routing_key=publish.routing_key,
            is_mandatory=publish.mandatory,
            is_confirmed=channel.is_confirmed,
            submission_id=head.properties.correlation_id,
            kind=head.properties.message_type,
        )
        self._tap.published.append(published)
        self._tap.when_published(published)

    def _settles(self, channel: _Channel, frame: Basic.Ack | Basic.Nack | Basic.Reject) -> None:
        is_multiple = not isinstance(frame, Basic.Reject) and frame.multiple
        how = Settled.ACKNOWLEDGED
        if isinstance(frame, Basic.Nack | Basic.Reject):
            how = Settled.REQUEUED if frame.requeue else Settled.REJECTED
        last = frame.delivery_tag or 0
        tags = [tag for tag in channel.unsettled if tag == last or (is_multiple and (tag < last or not last))]
        for tag in tags:
            self._tap.settled.append(Settlement(handed=channel.unsettled.pop(tag), how=how))

    def _from_broker(self, channel: _Channel, frame: Frame) -> None:
        match frame:
            case Basic.Deliver() | Basic.GetOk():
                channel.incoming = frame
            case ContentHeader():
                self._hands_out(channel, frame)
            case Connection.Close():
                self._tap.closed_by_broker.append(f"{frame.reply_code} {frame.reply_text}")
            case Basic.ConsumeOk() if _NOBODYS in channel.without_acknowledgement:
                channel.without_acknowledgement.discard(_NOBODYS)
                channel.without_acknowledgement.add(frame.consumer_tag or "")
            case _:
                return

    def _hands_out(self, channel: _Channel, head: ContentHeader) -> None:
        if (deliver := channel.incoming) is None:
            return
        channel.incoming = None
        headers = head.properties.headers or {}
        attempt = headers.get(properties.ATTEMPT)
        handed = Handed(
            delivery_id=str(headers.get(properties.DELIVERY_ID)),
            attempt=attempt if isinstance(attempt, int) else 0,
            is_redelivered=bool(deliver.redelivered),
        )
        self._tap.handed.append(handed)
        if isinstance(deliver, Basic.GetOk):
            is_unasked = channel.fetches_unasked
        else:
            is_unasked = deliver.consumer_tag in channel.without_acknowledgement
        if is_unasked:
            self._tap.settled.append(Settlement(handed=handed, how=Settled.UNASKED))
        else:
            channel.unsettled[deliver.delivery_tag or 0] = handed
