"""What many queues cost the broker: to declare, to add one to, to hold, to check, to start again with.

By the clock where somebody waits for it, and in processor time, which says the same on a busy machine.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from deploy.local import LocalStack
from hub.backends.rabbitmq.management import ManagementApi
from hub.commands.local_axis import LocalAxis
from hub.operations.topology import topology_drift
from tests.benchmarks.processor_time import seconds_of

MB = 1_000_000
IDLE_SECONDS = 10.0
ONE_MORE = "X"
"""The agency that is connected when all others are; no backlog is for it."""


@dataclass(slots=True, kw_only=True)
class Queues:
    """The broker of one axis, and what was found about it."""

    axis: LocalAxis
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def pid(self) -> int:
        """The broker's process: another one after each start."""
        return LocalStack(self.axis.home).status().broker_pid or 0

    async def declare(self) -> None:
        """Let the broker have what the registry wants; then look for drift, and connect one agency more."""
        async with self.axis.registry() as registry:
            mailboxes = await registry.mailboxes()
        for each in mailboxes:
            self.axis.mailbox_password(each.name)  # a file each: not the broker's work
        with self._timed("declare"):
            await self.axis.apply_topology()
        with self._timed("check"):
            left = await topology_drift(self.axis.management(), mailboxes)
        assert not left, left[:3]
        count = sum(1 for each in mailboxes if each.name.startswith(ONE_MORE))
        with self._timed("one_more"):
            await self.axis.add_agency(f"{ONE_MORE}{count:04}", "Cơ quan đến sau")

    async def hold(self) -> None:
        """Note what the broker needs while nothing happens."""
        await self._settled()
        before = seconds_of(self.pid)
        await asyncio.sleep(IDLE_SECONDS)
        self.figures["idle_percent_of_a_core"] = 100 * (seconds_of(self.pid) - before) / IDLE_SECONDS
        self.figures["broker_rss_mb"] = psutil.Process(self.pid).memory_info().rss / MB

    async def restart(self) -> None:
        """Stop the broker as an operator does, and start it again."""
        broker = LocalStack(self.axis.home).broker
        async with ManagementApi(self.axis.management()) as api:
            totals = (await api.record("overview"))["queue_totals"]
        self.figures["messages_held"] = float(str(totals["messages"])) if isinstance(totals, dict) else 0.0
        began = time.perf_counter()
        await asyncio.to_thread(broker.stop)
        self.figures["stop_seconds"] = time.perf_counter() - began
        began = time.perf_counter()
        await asyncio.to_thread(broker.start)
        self.figures["start_seconds"] = time.perf_counter() - began
        self.figures["start_broker_cpu_seconds"] = seconds_of(self.pid)

    async def _settled(self) -> None:
        """Wait until what follows a declaration is over: the broker is nearly idle for a second."""
        last = seconds_of(self.pid)
        for _ in range(20):
            await asyncio.sleep(1)
            now = seconds_of(self.pid)
            if now - last < 0.3:
                return
            last = now

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began, own, brokers = time.perf_counter(), time.process_time(), seconds_of(self.pid)
        yield
        self.figures[f"{what}_seconds"] = time.perf_counter() - began
        self.figures[f"{what}_broker_cpu_seconds"] = seconds_of(self.pid) - brokers
        self.figures[f"{what}_own_cpu_seconds"] = time.process_time() - own
