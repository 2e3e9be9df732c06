"""What a hub process spends its time on while it drains: stacks by py-spy, statements by PostgreSQL."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.place import Place
from tests.support.hub_process import HubProcess
from tests.support.waiting import until

RATE = 100
TOP = 60
WAITING = ("_worker (concurrent/futures", "select (selectors")
"""Where a thread that has nothing to do stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiler:
    """Writes `profile.txt` (read it first), `profile.raw` (stacks for a flame graph) and `statements.txt`."""

    place: Place
    folder: Path

    @asynccontextmanager
    async def attached(self, hub: HubProcess) -> AsyncIterator[None]:
        """Watch *hub* from the end of its imports to the end of the block."""
        await self._forget_statements()
        await until(lambda: bool(hub.lines("hub.started")), what="the hub to start")
        raw = self.folder / "profile.raw"
        spy = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "py-spy"), "record", "--pid", str(hub.pid), "--format", "raw",
            "--rate", str(RATE), "--duration", "600", "--threads", "--output", str(raw), "--nonblocking",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield
        finally:
            spy.send_signal(signal.SIGINT)
            await spy.wait()
            (self.folder / "profile.txt").write_text("\n".join(summary(raw)) + "\n", "utf-8")
            await self._write_statements()

    async def _forget_statements(self) -> None:
        async with self.place.database() as connection:
            await connection.execute("create extension if not exists pg_stat_statements")
            await connection.execute("select pg_stat_statements_reset()")

    async def _write_statements(self) -> None:
        async with self.place.database() as connection:
            rows = await connection.fetch(
                """
                select calls, rows, total_exec_time, mean_exec_time, wal_bytes,
                       regexp_replace(query, '\\s+', ' ', 'g') as query
                from pg_stat_statements order by total_exec_time desc limit 40
                """
            )
        total = sum(row["total_exec_time"] for row in rows) or 1.0
        lines = ["  share     ms in all   calls      rows   ms/call   WAL kB  statement"]
        lines += [
            f"{row['total_exec_time'] / total:7.1%} {row['total_exec_time']:13.1f} {row['calls']:7d}"
            f" {row['rows']:9d} {row['mean_exec_time']:9.3f} {row['wal_bytes'] / 1000:8.0f}"
            f"  {row['query'][:150]}"
            for row in rows
        ]
        (self.folder / "statements.txt").write_text("\n".join(lines) + "\n", "utf-8")


def summary(raw: Path) -> Iterable[str]:
    """Give the share of each kind of thread, and of functions by themselves and with all that they call."""
    stacks = [_stack(line) for line in raw.read_text("utf-8").splitlines() if line.strip()]
    busy = [(frames, count) for frames, count in stacks if not frames[-1].startswith(WAITING)]
    total = sum(count for _, count in busy) or 1
    own: Counter[str] = Counter()
    inclusive: Counter[str] = Counter()
    threads: Counter[str] = Counter()
    for frames, count in busy:
        threads["event loop" if any("Runner.run" in frame for frame in frames) else "checks"] += count
        own[frames[-1]] += count
        inclusive.update(dict.fromkeys(set(frames), count))
    yield f"{total} samples of busy threads at {RATE} Hz"
    for title, counter in (("thread", threads), ("by itself", own), ("with all it calls", inclusive)):
        yield f"\n{title}"
        yield from (f"{count / total:7.1%}  {name}" for name, count in counter.most_common(TOP))


def _stack(line: str) -> tuple[list[str], int]:
    stack, _, count = line.rpartition(" ")
    return [frame.rpartition(":")[0] or frame for frame in stack.split(";")], int(count)
