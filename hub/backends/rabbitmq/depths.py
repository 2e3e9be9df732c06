"""How full the queues are, for operators and for health: unknown is never told as zero."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from hub.backends.rabbitmq.management import ManagementApi
from hub.message.identifiers import MailboxName
from hub.message.properties import queue_of

NAMES_IN_A_REQUEST: Final = 20
"""The broker's web server refuses request lines of 8000 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """What the broker counts in one queue; `None` where it does not say."""

    ready: int | None
    unsettled: int | None
    consumers: int | None


async def queue_depths(
    api: ManagementApi, mailboxes: Sequence[MailboxName]
) -> dict[MailboxName, QueueDepth | None]:
    """Return the depth of each mailbox's queue; `None` for one that does not exist."""
    depths = await depths_of(api, [queue_of(mailbox) for mailbox in mailboxes])
    return {mailbox: depths.get(queue_of(mailbox)) for mailbox in mailboxes}


async def depths_of(api: ManagementApi, queues: Sequence[str]) -> dict[str, QueueDepth]:
    """Return the depths of those of *queues* that exist, some of them at a time."""
    depths: dict[str, QueueDepth] = {}
    consumers = await _consumers(api)
    for start in range(0, len(queues), NAMES_IN_A_REQUEST):
        async for record in api.pages(
            f"queues/{api.vhost}",
            name=_any_of(queues[start : start + NAMES_IN_A_REQUEST]),
            use_regex="true",
            # With its statistics the broker answers slowly, and leaves out what is only seconds old.
            disable_stats="true",
            enable_queue_totals="true",
        ):
            name = str(record["name"])
            depths[name] = QueueDepth(
                ready=_count(record.get("messages_ready")),
                unsettled=_count(record.get("messages_unacknowledged")),
                consumers=None if consumers is None else consumers[name],
            )
    return depths


async def _consumers(api: ManagementApi) -> Counter[str] | None:
    """Count each queue's consumers; nothing where the broker keeps no statistics, as later 4.x will not."""
    if (await api.record("overview")).get("disable_stats") is True:
        return None
    records = await api.records(f"consumers/{api.vhost}")
    return Counter(str(queue["name"]) for record in records if isinstance(queue := record["queue"], dict))


def _any_of(names: Iterable[str]) -> str:
    return f"^({'|'.join(re.escape(name) for name in names)})$"


def _count(value: JsonValue) -> int | None:
    return value if isinstance(value, int) else None
