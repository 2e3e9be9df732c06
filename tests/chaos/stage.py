"""The real stack of one campaign, and everybody on it, each behind a proxy of its own."""

import asyncio
import json
import sys
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from deploy.local import LocalStack, StackError, process
from hub.commands import secret_file
from hub.commands.conforming.line import Line
from hub.commands.local_axis import LocalAgency, LocalAxis, provision_local
from tests.chaos.actor import Actor, Exit
from tests.chaos.cast import CAST, Office, recipients_for
from tests.chaos.plan import BROKER, DATABASE, HUBS
from tests.support.axis import SETTLED_SECONDS
from tests.support.waiting import until

CHECKOUT: Final = Path(__file__).resolve().parents[2]
HUB_ENVIRONMENT: Final = {
    "HUB_LOG_FORMAT": "json",
    "HUB_LOG_LEVEL": "info",
    "HUB_RETRY_DELAYS": '["PT0.5S", "PT1S", "PT2S"]',
    "HUB_PARK_TIME": "PT1S",
    "HUB_BREAKER_PAUSE": "PT0.3S",
    "HUB_BREAKER_LONGEST_PAUSE": "PT1S",
    "HUB_BREAKER_PROBE_PATIENCE": "PT2S",
    "HUB_POLL_INTERVAL": "PT0.2S",
    "HUB_STATUS_PATIENCE": "PT2S",
}
"""What an operator would set in minutes and hours, in seconds."""
_LOOK_AGAIN: Final = 1.0
_MANY: Final = 500
"""Ends without an act after which a campaign makes no sense any more."""
_START_SECONDS: Final = 90.0
_STARTS: Final = 3
"""How often a server is waited for that does not answer."""


class Stage:
    """Broker, database, hubs, agencies and the lines between them."""

    def __init__(self, axis: LocalAxis, *, seed: int) -> None:
        """Use *axis*; `a_stage` makes the rest."""
        self.axis = axis
        self.seed = seed
        self.lines: dict[str, Line] = {}
        self.actors: dict[str, Actor] = {}
        self.exits: list[Exit] = []
        self.servers = {BROKER: asyncio.Lock(), DATABASE: asyncio.Lock()}
        """Held by whoever does something to a server."""

    @property
    def folder(self) -> Path:
        """Where ledgers, logs and settings lie."""
        return self.axis.home / "campaign"

    @property
    def flag(self) -> Path:
        """Senders send while this file exists."""
        return self.folder / "sending"

    @property
    def stack(self) -> LocalStack:
        """What carries the axis."""
        return LocalStack(self.axis.home, progress=lambda _: None)

    async def connect(self, client: str, server: str) -> Line:
        """Open the line from *client* to *server*."""
        address = self.axis.address
        targets = {
            BROKER: (address.amqp_host, address.amqp_port),
            DATABASE: (address.postgres_host, address.postgres_port),
        }
        line = await Line(f"{client}>{server}", targets[server]).open()
        self.lines[line.name] = line
        return line

    async def everybody_is_ready(self) -> None:
        """Return once every process works."""

        def waiting() -> list[str]:
            return [each.name for each in self.actors.values() if not each.is_ready]

        await until(
            lambda: not waiting(), what=lambda: f"{waiting()} to be ready", seconds=_START_SECONDS, pause=0.2
        )

    async def watch_over(self) -> None:
        """Start again whoever has ended by itself, for ever, and remember it."""
        while True:
            for actor in self.actors.values():
                if not actor.alone.locked() and actor.exit_code is not None:
                    self._revive(actor, actor.exit_code)
            await asyncio.sleep(_LOOK_AGAIN)

    def _revive(self, actor: Actor, code: int) -> None:
        if len(self.exits) >= _MANY:
            raise AssertionError(f"{actor.name} ended once more:\n{actor.last_words()}")
        self.exits.append(Exit(name=actor.name, code=code, last_words=actor.last_words()))
        actor.launch()

    def members(self, target: str) -> list[psutil.Process]:
        """Return the processes of a server."""
        pid = self.stack.broker.pid if target == BROKER else self.stack.database.pid
        return process.family(psutil.Process(pid)) if pid is not None else []

    async def kill_server(self, target: str) -> None:
        """End a server as a power cut would."""
        await asyncio.to_thread(self.stack.broker.kill if target == BROKER else self.stack.database.kill)

    async def start_server(self, target: str) -> None:
        """Start a server and return once it answers; on a machine with much to do that takes its time."""
        start = self.stack.broker.start if target == BROKER else self.stack.database.start
        for _ in range(_STARTS - 1):
            with suppress(StackError):
                return await asyncio.to_thread(start)
        return await asyncio.to_thread(start)

    async def stop_everybody(self) -> Mapping[str, int | None]:
        """Ask every process to end; return with what each ended."""
        codes = await asyncio.gather(*(actor.stop() for actor in self.actors.values()))
        return dict(zip(self.actors, codes, strict=True))


@asynccontextmanager
async def a_stage(home: Path, *, seed: int) -> AsyncIterator[Stage]:
    """Provision a fresh axis in *home* with the whole cast at work on it; it goes with the block."""
    stack = LocalStack(home, progress=lambda _: None)
    stack.purge()
    stage: Stage | None = None
    try:
        stage = Stage(await provision_local(stack=stack), seed=seed)
        stage.folder.mkdir(parents=True)
        agencies = await _provision_cast(stage.axis)
        for name in HUBS:
            await _add_hub(stage, name)
        for office in CAST:
            await _add_office(stage, office, agencies)
        for actor in stage.actors.values():
            actor.launch()
        await stage.everybody_is_ready()
        await asyncio.sleep(SETTLED_SECONDS)
        yield stage
    finally:
        if stage is not None:
            await stage.stop_everybody()
            await asyncio.gather(*(line.close() for line in stage.lines.values()))
        await asyncio.to_thread(stack.purge)


async def _provision_cast(axis: LocalAxis) -> Mapping[str, LocalAgency]:
    added = await axis.add_agencies([agency for office in CAST for agency in office.agencies])
    return {each.code: each for each in added}


async def _add_hub(stage: Stage, name: str) -> None:
    broker = await stage.connect(name, BROKER)
    database = await stage.connect(name, DATABASE)
    address = stage.axis.address
    table = tomllib.loads(stage.axis.settings_file.read_text("utf-8"))
    table["amqp_url"] = _moved(table["amqp_url"], address.amqp_port, broker.port)
    for dsn in ("postgres_dsn", "sealer_dsn"):
        table[dsn] = _moved(table[dsn], address.postgres_port, database.port)
    settings = stage.folder / f"{name}.toml"
    secret_file.write(settings, _toml(table))
    stage.actors[name] = Actor(
        name,
        [sys.executable, "-m", "hub", "serve", "--settings", str(settings)],
        log=stage.folder / f"{name}.log",
        environment=HUB_ENVIRONMENT,
        ready=stage.folder / f"{name}.ready",
    )


async def _add_office(stage: Stage, office: Office, agencies: Mapping[str, LocalAgency]) -> None:
    for number, name in enumerate(office.processes):
        line = await stage.connect(name, BROKER)
        folder = stage.folder / office.code / name
        folder.mkdir(parents=True)
        kit = tomllib.loads(agencies[office.code].kit_file.read_text("utf-8"))
        keys = kit.pop("keys")
        kit["broker"] = _moved(kit["broker"], stage.axis.address.amqp_port, line.port)
        kit["journal"] = "../journal.db"
        orders = _orders(stage, office, name, rate=0.0 if number else office.rate)
        parts = [("[kit]", kit), *(("[[kit.keys]]", key) for key in keys), ("[campaign]", orders)]
        secret_file.write(folder / "agency.toml", "\n".join(f"{head}\n{_toml(body)}" for head, body in parts))
        stage.actors[name] = Actor(
            name,
            [sys.executable, "-m", "tests.chaos.agency", str(folder / "agency.toml")],
            log=folder / "process.log",
            environment={},
            ready=folder / "ready",
        )


def _orders(stage: Stage, office: Office, name: str, *, rate: float) -> dict[str, object]:
    return {
        "name": name,
        "seed": stage.seed,
        "handling": office.handling,
        "is_difficult": office.is_difficult,
        "rate": rate,
        "speakers": list(office.speakers),
        "recipients": list(recipients_for(office)),
        "flag": str(stage.flag),
    }


def _moved(url: str, port: int, other: int) -> str:
    """Return *url* with another port: the way then leads through a proxy."""
    return url.replace(f":{port}/", f":{other}/")


def _toml(values: Mapping[str, object]) -> str:
    # JSON writes strings, numbers and lists of strings as TOML does.
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())
