"""How fast the console answers with much in it (`python -m tests.benchmarks.console`).

A real console process on a fresh axis, asked over HTTP on the loopback address, one question after the other,
by somebody who is logged in. The clock runs from the question to the last byte of the page. What comes out is
added to `build/bench.json`.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import asyncpg
import httpx
from rich.console import Console
from rich.table import Table

from deploy.local import LocalStack
from hub.backends.clock import SystemClock
from hub.backends.postgres.pool import Database
from hub.commands.local_axis import LocalAxis, provision_local
from hub.operations.rights import Role
from hub.workers.search_index import SearchIndexer
from tests.benchmarks.console_filling import CASES, DOCUMENTS, Filling
from tests.benchmarks.place import CHECKOUT
from tests.support.console import PASSWORD
from tests.support.console_process import console_process, make_accounts

HOME = CHECKOUT / ".truc" / "bench-console"
FILE = CHECKOUT / "build" / "bench.json"
ASKED, WARM_UP = 30, 3
MISS_GOAL, CASE_LIST_GOAL = 100.0, 150.0
"""Milliseconds: of the slowest in twenty."""
QUESTIONS = {
    "search, nothing has such a word": "/documents?name=khongcotunay",
    "search, common words, nothing has all": "/documents?name=ke+hoach+zzz",
    "search, nobody is called so": "/documents?recipient=X99",
    "search, common words": "/documents?name=ke+hoach+dau+tu",
    "search, a number": "/documents?name=123%2FUBND-VX",
    "documents, newest first": "/documents",
    "root causes": "/deadletters",
    "case list, the oldest": "/deadletters/cases",
    "case list, of one root cause": "/deadletters/cases?group={group}",
    "case list, of one mailbox": "/deadletters/cases?mailbox=H07",
    "case list, in the middle": "/deadletters/cases?after={middle}",
    "one case": "/deadletters/cases/{middle}",
    "one document": "/documents/{document}",
    "now": "/now",
    "late": "/late",
    "agencies": "/agencies",
    "audit": "/audit",
}
GOALS = dict.fromkeys(list(QUESTIONS)[:3], MISS_GOAL) | {
    name: CASE_LIST_GOAL for name in QUESTIONS if name.startswith("case list")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How long a question took, in milliseconds."""

    name: str
    p50: float
    p95: float
    octets: int
    goal: float | None

    @property
    def is_met(self) -> bool:
        return self.goal is None or self.p95 < self.goal


async def measure(axis: LocalAxis, log: Path) -> list[Answered]:
    """Ask everything."""
    await make_accounts(axis.operator_dsn, bench=Role.ADMINISTRATOR)
    places = await _places(axis)
    async with _logged_in(axis, log) as client:
        return [await _told(client, name, path.format_map(places)) for name, path in QUESTIONS.items()]


async def _told(client: httpx.AsyncClient, name: str, path: str) -> Answered:
    answered = await _ask(client, name, path)
    sys.stderr.write(f"{name}: p50 {answered.p50:.0f} ms, p95 {answered.p95:.0f} ms\n")
    return answered


@asynccontextmanager
async def _logged_in(axis: LocalAxis, log: Path) -> AsyncIterator[httpx.AsyncClient]:
    with console_process(axis.operator_file, log) as process:
        url = await process.ready()
        async with httpx.AsyncClient(base_url=url, timeout=60, headers={"Origin": url}) as client:
            answer = await client.post("/login", data={"login": "bench", "password": PASSWORD})
            assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
            yield client


async def _ask(client: httpx.AsyncClient, name: str, path: str) -> Answered:
    took: list[float] = []
    octets = 0
    for number in range(WARM_UP + ASKED):
        began = time.perf_counter()
        answer = await client.get(path)
        if number >= WARM_UP:
            took.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == httpx.codes.OK, f"{path}: {answer.status_code}"
        octets = len(answer.content)
    p95 = statistics.quantiles(took, n=20)[-1]
    return Answered(name=name, p50=statistics.median(took), p95=p95, octets=octets, goal=GOALS.get(name))


async def _places(axis: LocalAxis) -> Mapping[str, object]:
    connection = await asyncpg.connect(axis.operator_dsn)
    try:
        return {
            "group": await connection.fetchval("select group_key from cases order by case_id limit 1"),
            "middle": await connection.fetchval(
                "select case_id from cases order by case_id offset $1", CASES // 2
            ),
            "document": await connection.fetchval("select message_id from messages limit 1"),
        }
    finally:
        await connection.close()


async def fill(axis: LocalAxis) -> None:
    """Put everything into the axis's database, and into the index of words."""
    connection = await asyncpg.connect(axis.dsn("postgres"))
    try:
        filling = Filling()
        await filling.into(connection)
        database = await Database.open(axis.operator_dsn, name="truc bench", size=2)
        try:
            await SearchIndexer(database=database, clock=SystemClock()).catch_up(asyncio.Event())
        finally:
            await database.close()
        await filling.settle(connection)
    finally:
        await connection.close()


async def main(home: Path, *, keeps: bool) -> int:
    console, stack = Console(stderr=True), LocalStack(home)
    if not keeps:
        stack.purge()
    try:
        axis = await provision_local(stack=stack)
        began = time.perf_counter()
        if not keeps or not await _is_filled(axis):
            await fill(axis)
            console.print(f"{DOCUMENTS:,} documents, {CASES:,} cases: {time.perf_counter() - began:.0f} s")
        found = await measure(axis, axis.home / "console.log")
    finally:
        stack.down() if keeps else stack.purge()
    _show(console, found)
    _write(found)
    return 0


async def _is_filled(axis: LocalAxis) -> bool:
    connection = await asyncpg.connect(axis.operator_dsn)
    try:
        return bool(await connection.fetchval("select exists (select from cases)"))
    finally:
        await connection.close()


def _show(console: Console, found: Sequence[Answered]) -> None:
    table = Table("question", "p50", "p95", "kB", "goal")
    for each in found:
        goal = "" if each.goal is None else f"{each.goal:.0f} ms {'met' if each.is_met else 'MISSED'}"
        table.add_row(
            each.name, f"{each.p50:.0f} ms", f"{each.p95:.0f} ms", f"{each.octets / 1000:.0f}", goal
        )
    console.print(table)


def _write(found: Sequence[Answered]) -> None:
    """Add to what `make bench` has measured."""
    FILE.parent.mkdir(exist_ok=True)
    before = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
    before["console"] = {
        "search_miss_p95_ms": max(each.p95 for each in found if each.goal == MISS_GOAL),
        "case_list_p95_ms": max(each.p95 for each in found if each.goal == CASE_LIST_GOAL),
        "questions": [asdict(each) for each in found],
    }
    FILE.write_text(json.dumps(before, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=HOME)
    parser.add_argument(
        "--keep", action="store_true", help="keep the filled database for another measurement"
    )
    arguments = parser.parse_args()
    sys.exit(asyncio.run(main(arguments.home, keeps=arguments.keep)))
