"""Alarms of a private node: it finds itself low on memory or disk, and then has room again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from deploy.local.broker import Broker


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """What is set while the node runs, and what brings the room back."""

    resource: str
    begin: tuple[str, ...]
    end: tuple[str, ...]


MEMORY = Shortage(
    resource="memory",
    begin=("set_vm_memory_high_watermark", "absolute", "1MB"),
    end=("set_vm_memory_high_watermark", "0.4"),
)
DISK = Shortage(
    resource="disk", begin=("set_disk_free_limit", "900000GB"), end=("set_disk_free_limit", "50MB")
)
SHORTAGES = {each.resource: each for each in (MEMORY, DISK)}


@asynccontextmanager
async def shortage(broker: Broker, of: Shortage) -> AsyncIterator[None]:
    """Let *broker* be low on something, for as long as the block lasts."""
    await asyncio.to_thread(broker.control, *of.begin)
    try:
        yield
    finally:
        await asyncio.to_thread(broker.control, *of.end)
