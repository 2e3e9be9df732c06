"""A whole provisioned axis for the acceptance floor, and a world on it for each test."""

import asyncio
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, product
from pathlib import Path
from string import ascii_uppercase

import aio_pika
import asyncpg
import psutil
import pytest

from deploy.local import LocalStack
from hub.backends.rabbitmq.management import ManagementApi, segment
from hub.backends.rabbitmq.topology import POLICY_PRIORITY, SHARED_POLICY, own_policy_of
from hub.commands.local_axis import LocalAgency, LocalAxis, NewAgency, provision_local
from hub.message.identifiers import MailboxName
from hub.message.properties import queue_of
from tests.support.hub_process import HubProcess, hub_processes
from tests.support.ledger import AgencyProcess
from tests.support.waiting import until

HOMES = Path(__file__).resolve().parents[2] / ".truc" / "test-acceptance"
SESSION = "TRUC_ACCEPTANCE_SESSION"
"""In the environment of every process that a session starts: the session's own pid."""
QUICK = {
    "HUB_RETRY_DELAYS": '["PT0.3S", "PT0.6S"]',
    "HUB_PARK_TIME": "PT1S",
    "HUB_BREAKER_PAUSE": "PT1S",
    "HUB_BREAKER_LONGEST_PAUSE": "PT4S",
    "HUB_BREAKER_PROBE_PATIENCE": "PT3S",
    "HUB_POLL_INTERVAL": "PT0.2S",
    "HUB_STATUS_PATIENCE": "PT1S",
    "HUB_REGISTRY_INTERVAL": "PT0.2S",
}
"""What an operator would set in minutes and hours, in tenths of seconds."""
SETTLED_SECONDS = 4.0
"""RabbitMQ 3.10 forgets quorum queues that were declared less than about three seconds before a SIGKILL."""

_CODES = (f"{letter}{number:02}" for number, letter in product(range(10, 100), ascii_uppercase))
"""First-level codes that nobody in a session has used before."""


@dataclass(slots=True, kw_only=True)
class World:
    """Agencies and processes of one test (or module) on the session's axis; everything ends with it."""

    axis: LocalAxis
    folder: Path
    start_hub: Callable[..., HubProcess] = field(repr=False)
    agencies: dict[str, LocalAgency] = field(default_factory=dict)
    processes: list[AgencyProcess] = field(default_factory=list)
    provisioned_at: float = 0.0

    # ——— who takes part ———

    async def add(self, *wanted: NewAgency) -> tuple[LocalAgency, ...]:
        """Make agencies ready to speak, parents before children."""
        added = await self.axis.add_agencies(wanted)
        self.agencies |= {each.code: each for each in added}
        self.provisioned_at = time.monotonic()
        return added

    async def connected(self, number: int) -> tuple[LocalAgency, ...]:
        """Make *number* new agencies with a queue each."""
        return await self.add(*(new_agency() for _ in range(number)))

    async def hub(self, **environment: str) -> HubProcess:
        """Start a hub and wait until it is ready."""
        return await self.launch_hub(**environment).ready()

    def launch_hub(self, **environment: str) -> HubProcess:
        """Start a hub."""
        return self.start_hub(**(QUICK | environment))

    def software(
        self,
        agency: LocalAgency,
        *,
        sends: int = 0,
        to: tuple[LocalAgency, ...] = (),
        environment: dict[str, str] | None = None,
        **policy: object,
    ) -> AgencyProcess:
        """Start the software of *agency* as a process; *policy* as in `tests.support.agency_process`."""
        process = AgencyProcess(
            agency,
            self.folder / f"{agency.code}-{len(self.processes)}",
            sends=sends,
            to=[each.code for each in to],
            environment=environment,
            policy=policy,
        )
        self.processes.append(process)
        return process

    def end(self) -> None:
        """End the agencies' software."""
        for each in self.processes:
            each.terminate()
        for each in self.processes:
            each.stop()

    # ——— what carries them ———

    @property
    def stack(self) -> LocalStack:
        """The broker and the database of this session, to be stopped and killed."""
        return LocalStack(self.axis.home)

    async def broker_is_settled(self) -> None:
        """Return when the queues of this world would survive a SIGKILL of the broker."""
        done = self.provisioned_at + SETTLED_SECONDS
        await until(lambda: time.monotonic() > done, what="settled queues")

    async def kill_broker(self) -> None:
        """End the broker as a power cut would."""
        await self.broker_is_settled()
        await asyncio.to_thread(self.stack.broker.kill)

    async def stop_broker(self) -> None:
        await asyncio.to_thread(self.stack.broker.stop)

    async def start_broker(self) -> None:
        await asyncio.to_thread(self.stack.broker.start)

    async def kill_database(self) -> None:
        await asyncio.to_thread(self.stack.database.kill)

    async def stop_database(self) -> None:
        await asyncio.to_thread(self.stack.database.stop)

    async def start_database(self) -> None:
        await asyncio.to_thread(self.stack.database.start)

    async def limit_queue(self, mailbox: MailboxName, **definition: int) -> None:
        """Let the broker's policy for one mailbox differ: `max_length`, `message_ttl`, `delivery_limit`."""
        changed = {name.replace("_", "-"): value for name, value in definition.items()}
        pattern = f"^{re.escape(queue_of(mailbox))}$"
        async with ManagementApi(self.axis.management()) as api:
            path = f"policies/{api.vhost}/{segment(own_policy_of(mailbox))}"
            policy = await api.find(path) or await api.record(f"policies/{api.vhost}/{SHARED_POLICY.name}")
            assert isinstance(policy["definition"], dict)
            kept = {"pattern": pattern, "apply-to": policy["apply-to"], "priority": POLICY_PRIORITY}
            await api.put(path, {**kept, "definition": {**policy["definition"], **changed}})
        await until(lambda: self._follows(mailbox, changed), what=f"the policy of {mailbox}")

    async def lying_in_queue(self, mailbox: MailboxName) -> int:
        """Count what lies ready in a mailbox's queue, by a fresh look that takes nothing."""
        address = self.axis.address
        connection = await aio_pika.connect(
            host=address.amqp_host,
            port=address.amqp_port,
            login=address.broker_admin,
            password=address.broker_admin_password,
            virtualhost="axis",
        )
        async with connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(queue_of(mailbox), passive=True)
            return queue.declaration_result.message_count or 0

    async def _follows(self, mailbox: MailboxName, changed: dict[str, int]) -> bool:
        async with ManagementApi(self.axis.management()) as api:
            queue = await api.record(f"queues/{api.vhost}/{segment(queue_of(mailbox))}")
        effective = queue.get("effective_policy_definition")
        return isinstance(effective, dict) and changed.items() <= effective.items()

    # ——— what an operator sees and does ———

    async def rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Read from the hub's database as the operators' user."""
        connection = await asyncpg.connect(self.axis.operator_dsn)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def cases(self) -> list[asyncpg.Record]:
        """Return the dead letters, open and closed, of this world's mailboxes."""
        query = "select * from cases where mailbox = any($1) order by case_id"
        return await self.rows(query, self.mailboxes)

    async def waiting(self) -> int:
        """Count what waits for this world's mailboxes."""
        query = "select count(*) from outbox_entries where mailbox = any($1)"
        return int((await self.rows(query, self.mailboxes))[0][0])

    async def nothing_waits(self, *, seconds: float = 30.0) -> None:
        """Return once every promise to this world is kept."""

        async def is_empty() -> bool:
            return await self.waiting() == 0

        await until(is_empty, what="an empty outbox", seconds=seconds, pause=0.2)

    async def highest_attempt(self) -> int:
        """Return the highest number of attempts at anything for this world, receipts included."""
        query = "select coalesce(max(attempt), 0) from deliveries where mailbox = any($1)"
        return int((await self.rows(query, self.mailboxes))[0][0])

    async def truc(self, *arguments: str) -> tuple[int, str]:
        """Run the command line as an operator would; return its exit code and what it wrote."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hub",
            *arguments,
            "--home",
            str(self.axis.home),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    @property
    def mailboxes(self) -> list[MailboxName]:
        return sorted({each.mailbox for each in self.agencies.values()})


def new_agency(
    *, parent: NewAgency | None = None, is_connected: bool = True, is_lgsp: bool = False
) -> NewAgency:
    """Make up an agency: of the first level, or a unit below *parent*."""
    code = next(_CODES) if parent is None else f"{parent.code}.{next(_UNITS):02}"
    return NewAgency(
        code=code,
        name=f"Cơ quan thử nghiệm {code}",
        parent=None if parent is None else parent.code,
        is_connected=is_connected,
        kind="lgsp" if is_lgsp else "agency",
    )


async def all_ready(*processes: HubProcess | AgencyProcess) -> None:
    """Return once each of *processes* is ready for what is about to come."""
    await asyncio.gather(*(each.ready() for each in processes))


_UNITS = count(1)


@contextmanager
def world_on(axis: LocalAxis, folder: Path) -> Iterator[World]:
    """Give a world whose processes all end with the block."""
    with hub_processes(axis.settings_file, folder) as start_hub:
        world = World(axis=axis, folder=folder, start_hub=start_hub)
        try:
            yield world
        finally:
            world.end()


@pytest.fixture(scope="session")
def local_axis() -> Iterator[LocalAxis]:
    """Provision a fresh axis for the session, in a home of its own that goes with it."""
    for process in _processes_of_the_dead():
        process.kill()
    for left_behind in _homes_of_the_dead():
        LocalStack(left_behind).purge()
    stack = LocalStack(HOMES / str(os.getpid()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SESSION, str(os.getpid()))
        try:
            yield asyncio.run(provision_local(stack=stack))
        finally:
            stack.purge()


def _processes_of_the_dead() -> list[psutil.Process]:
    """Return the hubs and agencies of sessions that were killed and could not end them."""
    found = []
    for process in psutil.process_iter():
        try:
            session = process.environ().get(SESSION, "")
        except psutil.Error:
            continue
        if session.isdigit() and not psutil.pid_exists(int(session)):
            found.append(process)
    return found


def _homes_of_the_dead() -> list[Path]:
    """Return the homes of sessions that were killed: each is named after its process."""
    found = HOMES.iterdir() if HOMES.exists() else []
    return [home for home in found if home.name.isdigit() and not psutil.pid_exists(int(home.name))]


@pytest.fixture
def world(local_axis: LocalAxis, tmp_path: Path) -> Iterator[World]:
    """Give one test a world of its own; broker and database run when it begins."""
    local_axis.stack.up()
    with world_on(local_axis, tmp_path) as fresh:
        yield fresh


@pytest.fixture(scope="module")
def town(local_axis: LocalAxis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give a module one world for all its tests."""
    local_axis.stack.up()
    with world_on(local_axis, tmp_path_factory.mktemp("town")) as shared:
        yield shared
