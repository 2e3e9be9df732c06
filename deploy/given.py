"""A RabbitMQ and a PostgreSQL that somebody else runs: looked at and used, never started or stopped."""

import asyncio
import base64
import http.client
import json
import time
import tomllib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, Field, asdict, dataclass, fields, replace
from http import HTTPStatus
from pathlib import Path
from typing import Final

import asyncpg

from deploy.local import database
from deploy.local.address import StackAddress, StackError, write_private
from deploy.local.broker import PRODUCT_VHOST, management_connection, speaks_amqp, tls_of
from deploy.local.stack import say

SERVICES_FILE: Final = "services.toml"
PATIENCE_SECONDS: Final = 60.0
"""Containers that were just started need about half of it."""
LOOK_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 0.5
_KINDS: Final[Mapping[object, str]] = {
    int: "a number",
    str: "a text that is not empty",
    bool: "true or false",
}
PROMETHEUS_PORT: Final = 15_692
"""Where RabbitMQ's own figures are unless somebody moved them; nothing depends on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenStatus:
    """What answers; whose processes they are is not known here."""

    home: Path
    address: StackAddress
    away: tuple[str, ...]
    """A sentence for each that does not answer."""
    broker_pid: None = None
    database_pid: None = None

    @property
    def is_running(self) -> bool:
        """Whether both answer."""
        return not self.away


class GivenStack:
    """The servers that `services.toml` in *home* names; making the object does nothing."""

    def __init__(
        self,
        home: Path,
        *,
        progress: Callable[[str], None] = say,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.home = home.absolute()
        self._progress = progress
        self._patience_seconds = patience_seconds

    def adopt(self, services: Path) -> None:
        """Use the servers that *services* names from now on; keeps a copy that only its owner can read."""
        if (self.home / "stack.toml").exists():
            raise StackError(f"{self.home} has a stack of its own: name another home for servers of others")
        content = _toml(_with_whole_path(read_services(services), services.absolute().parent))
        self.home.mkdir(mode=0o755, parents=True, exist_ok=True)
        write_private(self.home / SERVICES_FILE, content)

    def up(self) -> StackAddress:
        """Return once both servers answer; raises `StackError` that names those which do not in time."""
        address, deadline = self.address(), time.monotonic() + self._patience_seconds
        told: tuple[str, ...] = ()
        while away := look(address):
            if time.monotonic() > deadline:
                raise StackError("; ".join(away))
            if away != told:
                self._progress(
                    f"{'; '.join(away)}: waiting up to {self._patience_seconds:.0f} seconds in all"
                )
            told = away
            time.sleep(PAUSE_SECONDS)
        return address

    def down(self) -> None:
        """Stop nothing, and say so."""
        self._progress("somebody else runs RabbitMQ and PostgreSQL for this home; they are left as they are")

    def status(self) -> GivenStatus:
        """Look, without changing anything."""
        address = self.address()
        return GivenStatus(home=self.home, address=address, away=look(address))

    def address(self) -> StackAddress:
        """Say where the servers are, answering or not."""
        return read_services(self.home / SERVICES_FILE)


def read_services(file: Path) -> StackAddress:
    """Read where the servers are and whom they let in; raises `StackError` with every complaint at once."""
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise StackError(f"{file} cannot be read: {error}") from error
    values = {"prometheus_port": PROMETHEUS_PORT} | values
    if complaints := _complaints(values):
        raise StackError(f"{file} does not describe two servers:\n" + "\n".join(complaints))
    return StackAddress(**values)


def _complaints(values: Mapping[str, object]) -> list[str]:
    known = {item.name: item for item in fields(StackAddress)}
    wrong = [f"  {name}: is unknown here" for name in values if name not in known]
    for name, item in known.items():
        if name not in values:
            wrong += [f"  {name}: is missing"] if item.default is MISSING else []
        elif not _fits(values[name], item):
            wrong.append(f"  {name}: must be {_KINDS.get(item.type, 'something else')}")
    return wrong


def _fits(value: object, item: "Field[object]") -> bool:
    """Whether *value* is one for *item*; what is empty by itself may be said to be empty."""
    return type(value) is item.type and (value == item.default or bool(value) or item.type is bool)


def look(address: StackAddress) -> tuple[str, ...]:
    """Tell which server does not answer yet; raises `StackError` where one answers with a refusal."""
    with ThreadPoolExecutor(1) as executor:  # asyncpg wants a loop; the caller may be in one already
        looked = executor.submit(asyncio.run, _look_at_database(address))
        found = (_look_at_broker(address), looked.result())
    return tuple(sentence for sentence in found if sentence is not None)


def _look_at_broker(address: StackAddress) -> str | None:
    """Look at each node until one is well; tell what is wrong with the last where none is."""
    wrong: str | None = None
    for host in address.amqp_host.split(","):
        if (wrong := _look_at_node(address, host.strip())) is None:
            return None
    return wrong


def _look_at_node(address: StackAddress, host: str) -> str | None:
    if not speaks_amqp(address.amqp_port, host, tls=tls_of(address)):
        with_tls = f" with TLS that {address.broker_ca or 'the machine'} trusts" if address.broker_tls else ""
        return f"no RabbitMQ answers at {host}:{address.amqp_port}{with_tls}"
    place = f"{host}:{address.management_port}"
    try:
        status = _ask_management(address, host)
    except (OSError, http.client.HTTPException) as error:
        return f"RabbitMQ's management interface at {place} does not answer ({error})"
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise StackError(
            f"RabbitMQ at {place} refuses {address.broker_admin!r}: "
            "check its password and its `administrator` tag"
        )
    if status == HTTPStatus.NOT_FOUND:
        raise StackError(
            f"RabbitMQ at {place} has no virtual host {PRODUCT_VHOST!r}: make it (rabbitmqctl add_vhost) "
            f"and give {address.broker_admin!r} every permission in it"
        )
    return None if status == HTTPStatus.OK else f"RabbitMQ at {place} is not ready ({status})"


def _ask_management(address: StackAddress, host: str) -> int:
    credentials = f"{address.broker_admin}:{address.broker_admin_password}".encode()
    headers = {"Authorization": "Basic " + base64.b64encode(credentials).decode("ascii")}
    connection = management_connection(address, host, timeout=LOOK_SECONDS)
    try:
        connection.request("GET", f"/api/vhosts/{PRODUCT_VHOST}", headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


async def _look_at_database(address: StackAddress) -> str | None:
    place = address.postgres_servers
    try:
        connection = await asyncpg.connect(
            host=[host.strip() for host in address.postgres_host.split(",")],
            port=address.postgres_port,
            target_session_attrs="read-write",
            user=address.postgres_superuser,
            password=address.postgres_password,
            database="postgres",
            ssl=database.tls_of(address),
            timeout=LOOK_SECONDS,
        )
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise StackError(f"PostgreSQL at {place} refuses {address.postgres_superuser!r}: {error}") from error
    except (
        OSError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.TargetServerAttributeNotMatched,
    ) as error:
        return f"no PostgreSQL answers at {place} ({error})"
    await connection.close()
    return None


def _with_whole_path(address: StackAddress, folder: Path) -> StackAddress:
    """Let authorities' files be found from everywhere: their paths start from the services file's folder."""
    broker_ca, postgres_ca = (
        str(folder / each) if each else "" for each in (address.broker_ca, address.postgres_ca)
    )
    return replace(address, broker_ca=broker_ca, postgres_ca=postgres_ca)


def _toml(address: StackAddress) -> str:
    lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in asdict(address).items())
    return "# Written by `truc up --services`.\n" + "".join(lines)
