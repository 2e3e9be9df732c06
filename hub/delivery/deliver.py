"""One delivery item: routed and published once; whatever happens to it stays with it."""

from dataclasses import replace

import structlog

from hub.crash import crash_point
from hub.delivery.route import route
from hub.message.directory import Directory
from hub.message.outbox import Attempted, OutboxEntry, PublishResult
from hub.ports import Clock, Publisher

log = structlog.get_logger(__name__)


async def deliver(entry: OutboxEntry, directory: Directory, publisher: Publisher, clock: Clock) -> Attempted:
    """Publish *entry* and return what the broker said; publishes happen in the order of the calls.

    What was in hand until its time was over is not sent: its sender is told that it has expired.
    """
    if entry.expires_at is not None and entry.expires_at <= clock.now():
        return Attempted(entry=entry, result=PublishResult.EXPIRED, at=clock.now())
    mailbox = route(entry, directory, clock.now())
    if mailbox is None:
        return Attempted(entry=entry, result=PublishResult.UNROUTABLE, at=clock.now())
    crash_point("delivery.before_publish")
    result = await publisher.publish(entry if mailbox == entry.mailbox else replace(entry, mailbox=mailbox))
    crash_point("delivery.after_publish_before_mark")
    return Attempted(entry=entry, result=result, at=clock.now())
