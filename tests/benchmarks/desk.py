"""The operators' desk: looking at 100,000 cases, and sending them again; adds to `build/bench.json`."""

import argparse
import asyncio
import json
import logging
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import uuid4

import structlog
import uvloop
from rich.console import Console
from rich.table import Table

from deploy.local import LocalStack
from hub.backends.clock import SystemClock, new_id
from hub.backends.postgres.administration import Login
from hub.backends.postgres.campaigning import Campaign, CampaignTerms
from hub.backends.postgres.desk import CaseFilter
from hub.backends.postgres.pool import Database
from hub.backends.postgres.registry import PostgresRegistry
from hub.message.campaign import AT_WORK, CampaignState
from hub.operations.campaign_runner import CampaignRunner, CampaignTools
from hub.operations.campaigns import CampaignDesk
from hub.operations.cases import CaseDesk
from tests.benchmarks.checking import BenchFailed
from tests.benchmarks.place import CHECKOUT
from tests.support.crowd_of_cases import crowd
from tests.support.database import OPERATOR, PrivateDatabase, copy_template, drop_all, make_template
from tests.support.decisions import plain_pen, plain_seal
from tests.support.envelopes import a_document
from tests.support.memory_hub import a_line, a_register, signed
from tests.support.store import PostgresUnderTest

HOME = CHECKOUT / ".truc" / "bench-desk"
RESULT = CHECKOUT / "build" / "bench.json"
LOOKS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskFigures:
    """What was measured; milliseconds, and cases in a second."""

    cases: int
    groups_p95_ms: float
    page_p95_ms: float
    page_of_group_p95_ms: float
    one_case_p95_ms: float
    judged_per_second: float
    replayed_per_second: float


@dataclass(slots=True, kw_only=True)
class DeskBench:
    """One run."""

    database: Database
    runner: CampaignRunner
    cases: int
    campaign: int

    @property
    def desk(self) -> CaseDesk:
        return CaseDesk(self.database, operator="bench", clock=SystemClock(), new_id=new_id)

    @property
    def campaigns(self) -> CampaignDesk:
        return CampaignDesk(self.database, operator="bench", second_person_above=self.cases)

    async def run(self) -> DeskFigures:
        """Measure everything."""
        groups = await self.desk.groups()
        group = groups[len(groups) // 2].group_key
        step = self.cases // LOOKS
        looks = {
            "groups_p95_ms": await _p95(lambda _: self.desk.groups()),
            "page_p95_ms": await _p95(lambda n: self.desk.find(CaseFilter(), after=n * step)),
            "page_of_group_p95_ms": await _p95(
                lambda n: self.desk.find(CaseFilter(group=group), after=n * step)
            ),
            "one_case_p95_ms": await _p95(lambda n: self.desk.show(1 + n * step)),
        }
        chosen = CaseFilter(case_ids=tuple(range(1, self.campaign + 1)))
        judged, judging = await self._timed(await self.campaigns.ask(chosen, CampaignTerms(is_canary=False)))
        if judged.would_pass != self.campaign:
            raise BenchFailed(f"only {judged.would_pass} of {self.campaign} would pass")
        replayed, replaying = await self._timed(await self.campaigns.start(judged.campaign_id))
        if replayed.sent != self.campaign:
            raise BenchFailed(f"only {replayed.sent} of {self.campaign} went out")
        return DeskFigures(
            cases=self.cases,
            **looks,
            judged_per_second=self.campaign / judging,
            replayed_per_second=self.campaign / replaying,
        )

    async def _timed(self, campaign: Campaign) -> tuple[Campaign, float]:
        """Work *campaign* off until nothing more goes out; return it, and how long that took."""
        began = time.perf_counter()
        while True:
            await self.runner.work()
            found = (await self.campaigns.show(campaign.campaign_id)).campaign
            is_over = found.state not in AT_WORK or found.sent == self.campaign
            if is_over and found.state is not CampaignState.JUDGING:
                return found, time.perf_counter() - began
            if found.state is CampaignState.STOPPED:
                raise BenchFailed(found.stopped_because or "")


async def _p95(look: Callable[[int], Awaitable[object]]) -> float:
    took = []
    for number in range(LOOKS):
        began = time.perf_counter()
        await look(number)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.quantiles(took, n=20)[-1]


async def measure(cases: int, campaign: int) -> DeskFigures:
    """Measure on a private stack with *cases* open cases, of which *campaign* are replayed."""
    stack = LocalStack(HOME)
    address = stack.up()
    try:
        await make_template(address)
        private = PrivateDatabase(stack=stack, address=address, name=await copy_template(address))
        store = PostgresUnderTest(private, await Database.open(private.dsn(), name="truc bench"))
        await store.register(*a_register())
        administrator = Login(role=address.postgres_superuser, password=address.postgres_password)
        body = signed(a_document().identified_by(f"G22,{uuid4().hex}").to("H41"))
        async with private.connect(administrator) as connection:
            await crowd(connection, body, rows=cases)
        database = await Database.open(private.dsn(OPERATOR), name="truc bench desk", size=4)
        with ThreadPoolExecutor(1) as executor:
            runner = CampaignRunner(database, _tools(database, executor))
            figures = await DeskBench(database=database, runner=runner, cases=cases, campaign=campaign).run()
        await database.close()
        await store.database.close()
        await drop_all(address, [private.name])
        return figures
    finally:
        stack.purge()


def _tools(database: Database, executor: ThreadPoolExecutor) -> CampaignTools:
    return CampaignTools(
        line=a_line(),
        registry=PostgresRegistry(database, clock=SystemClock(), max_age=timedelta(seconds=1)),
        attest=plain_pen,
        seal=plain_seal,
        clock=SystemClock(),
        new_id=new_id,
        executor=executor,
    )


def main() -> None:
    """Measure, and add what was found to `build/bench.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--campaign", type=int, default=20_000)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = asdict(runner.run(measure(given.cases, given.campaign)))
    RESULT.parent.mkdir(exist_ok=True)
    before = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {}
    RESULT.write_text(json.dumps({**before, "desk": figures}, indent=2) + "\n", "utf-8")
    table = Table("desk", "", title=f"{os.cpu_count()} cores")
    for name, value in figures.items():
        table.add_row(name, f"{value:,.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
