"""A whole axis on the local stack: database, roles, keys, topology, and agencies that are ready to speak."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import quote, urlencode

from deploy.given import GivenStack
from deploy.local import StackAddress
from deploy.local.broker import PRODUCT_VHOST
from deploy.local.ports import free_ports
from hub.backends.clock import SystemClock
from hub.backends.postgres.administration import Login, ensure_database
from hub.backends.postgres.holding import refuse_while_held
from hub.backends.postgres.migrating import migrate
from hub.backends.postgres.pool import Database
from hub.backends.postgres.register import AgencyEntry
from hub.backends.rabbitmq.management import ManagementAddress
from hub.commands import secret_file
from hub.commands.local_keys import LocalKeys
from hub.commands.place import HUB_FILE, OPERATOR_FILE, Stack, stack_of
from hub.message.identifiers import AgencyCode, AgencyKey, MailboxName, agency_key
from hub.operations.registry import MailboxKind, RegistryDesk
from hub.operations.topology import apply_topology
from hub.settings import Settings
from hub.transport.tls import TlsFiles

DATABASE: Final = "truc"
OWNER: Final = "truc_owner"
HUB: Final = "truc_hub"
OPERATOR: Final = "truc_operator"
SEALER: Final = "truc_sealer"
HUB_USER: Final = "hub"
WRITTEN_BY_UP: Final = "# Written by `truc up`.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAgency:
    """An agency that is to exist; a connected one has a mailbox of its own."""

    code: str
    name: str
    parent: str | None = None
    is_connected: bool = True
    kind: MailboxKind = "agency"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAgency:
    """An agency of the local axis and the files with which its software speaks."""

    code: AgencyCode
    key: AgencyKey
    mailbox: MailboxName
    """Its own, or that of the nearest connected agency above it."""
    key_file: Path
    """Encrypted key, certificate and chain in PEM form."""
    key_password: str = field(repr=False)
    amqp_url: str = field(repr=False)
    """Of the mailbox."""
    anchors_file: Path
    hub_certificate_file: Path
    journal_file: Path
    kit_file: Path
    """All of it, as `adapters.kit.settings.read_settings` wants it; 0600."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAxis:
    """A provisioned axis; its hub is not running."""

    stack: Stack
    address: StackAddress
    keys: LocalKeys
    settings_file: Path
    """What hub processes run with; 0600."""
    operator_file: Path
    """What operators' commands run with: the same, and the rights that no hub needs; 0600."""
    operator_dsn: str = field(repr=False)

    @classmethod
    def at(cls, stack: Stack) -> Self:
        """Return the axis that was provisioned on *stack*; raises `StackError` where there is none."""
        address = stack.address()
        return cls(
            stack=stack,
            address=address,
            keys=LocalKeys(stack.home),
            settings_file=stack.home / HUB_FILE,
            operator_file=stack.home / OPERATOR_FILE,
            operator_dsn=_dsn(address, OPERATOR, _secret(stack.home, f"postgres-{OPERATOR}"), DATABASE),
        )

    @property
    def home(self) -> Path:
        """Where everything lies."""
        return self.stack.home

    def settings(self) -> Settings:
        """Return what a hub process of this axis runs with."""
        return Settings.load(self.settings_file)

    def dsn(self, role: Literal["postgres", "truc_owner", "truc_hub", "truc_operator", "truc_sealer"]) -> str:
        """Return the address of the axis's database as *role*; `postgres` is its administrator."""
        if role == "postgres":
            return administrators_dsn(self.address)
        return _dsn(self.address, role, _secret(self.home, f"postgres-{role}"), DATABASE)

    def operator_dsn_at(self, port: int) -> str:
        """Return the operators' address of one server of the database, whichever the primary is."""
        place = f"{self.address.postgres_host}:{port}/{DATABASE}"
        password = _secret(self.home, f"postgres-{OPERATOR}")
        return _dsn_of(OPERATOR, password, place, _database_trust(self.address))

    async def add_agency(
        self,
        code: str,
        name: str,
        *,
        parent: str | None = None,
        connected: bool = True,
        kind: MailboxKind = "agency",
    ) -> LocalAgency:
        """Make one agency ready to speak; see `add_agencies`."""
        wanted = NewAgency(code=code, name=name, parent=parent, is_connected=connected, kind=kind)
        return (await self.add_agencies([wanted]))[0]

    async def add_agencies(self, wanted: Sequence[NewAgency]) -> tuple[LocalAgency, ...]:
        """Enter agencies, connect them on the broker, issue and register their keys; parents before children.

        What exists already stays as it is, so that the same call may be made again.
        """
        async with self.registry() as registry:
            for each in wanted:
                await _enter(registry, each)
            if any(each.is_connected for each in wanted):
                await self.apply_topology()
            for each in wanted:
                key = self.keys.of_agency(AgencyCode(each.code), each.name)
                await registry.register_certificate(AgencyCode(each.code), key.certificate)
            tree = {entry.key: entry for entry in await registry.agencies()}
        return tuple(self._agency(tree, agency_key(each.code)) for each in wanted)

    async def agency(self, code: str) -> LocalAgency:
        """Return an agency that was added before."""
        async with self.registry() as registry:
            tree = {entry.key: entry for entry in await registry.agencies()}
            await registry.agency(AgencyCode(code))
        return self._agency(tree, agency_key(code))

    async def apply_topology(self) -> None:
        """Let the broker have exactly what the registry asks for."""
        async with self.registry() as registry:
            mailboxes = await registry.mailboxes()
        passwords = {each.name: self.mailbox_password(each.name) for each in mailboxes}
        await apply_topology(
            self.management(), mailboxes, passwords=passwords, hub_password=self.hub_broker_password()
        )

    def mailbox_password(self, mailbox: MailboxName) -> str:
        """Return the password of the mailbox's broker user."""
        return _secret(self.home, f"broker-{mailbox}")

    def hub_broker_password(self) -> str:
        """Return the password of the hub's broker user."""
        return _secret(self.home, "broker-hub")

    @property
    def bodies_url(self) -> str:
        """Where mailboxes check in large bodies, and redeem them."""
        return f"http://127.0.0.1:{_bodies_port(self.home)}"

    @property
    def takes_large_bodies(self) -> bool:
        """Whether there is a folder for them: hubs on servers of somebody else may have no disk in common."""
        return not isinstance(self.stack, GivenStack)

    def bodies_settings(self) -> dict[str, str | int]:
        """Return where large bodies lie, and where they are taken in."""
        if not self.takes_large_bodies:
            return {}
        return {
            "bodies_store": (self.home / "bodies").as_uri(),
            "bodies_port": _bodies_port(self.home),
        }

    def management(self) -> ManagementAddress:
        """Return where the broker is administered, and as whom."""
        return management_of(self.address)

    @asynccontextmanager
    async def registry(self) -> AsyncIterator[RegistryDesk]:
        """Open the registry as its keeper."""
        database = await Database.open(self.operator_dsn, name="truc provisioning", size=2)
        try:
            yield RegistryDesk(database, operator="provisioning", clock=SystemClock())
        finally:
            await database.close()

    def _agency(self, tree: Mapping[AgencyKey, AgencyEntry], key: AgencyKey) -> LocalAgency:
        mailbox, root = nearest_mailbox(tree, key)
        folder = self.home / "agencies" / mailbox
        url = _amqp_url(self.address, mailbox, self.mailbox_password(mailbox))
        units = [each for each in tree if nearest_mailbox(tree, each)[0] == mailbox and self.keys.has(each)]
        head = {"broker": url, **_broker_trust(self.address), "mailbox": mailbox}
        head |= {"bodies": self.bodies_url} if self.takes_large_bodies else {}
        _write_kit_file(folder / "kit.toml", head, self.keys, root, units)
        return LocalAgency(
            code=tree[key].code,
            key=key,
            mailbox=mailbox,
            key_file=self.keys.file_of(key),
            key_password=self.keys.password_of(key),
            amqp_url=url,
            anchors_file=self.keys.anchors_file,
            hub_certificate_file=self.keys.hub_certificate_file,
            journal_file=folder / "journal.db",
            kit_file=folder / "kit.toml",
        )


async def provision_local(home: Path | None = None, *, stack: Stack | None = None) -> LocalAxis:
    """Make a whole axis in *home*, on what carries it; a second call is quick and changes nothing."""
    stack = stack or stack_of(home)
    address = await asyncio.to_thread(stack.up)
    axis = LocalAxis.at(stack)
    await _provision_database(stack.home, address)
    axis.keys.ensure_hub_key()
    settings = _hub_settings(stack.home, address, axis.keys) | axis.bodies_settings()
    secret_file.write(axis.settings_file, WRITTEN_BY_UP + _toml(settings))
    secret_file.write(axis.operator_file, WRITTEN_BY_UP + _toml(settings | _operator_settings(axis)))
    await axis.apply_topology()
    return axis


def administrators_dsn(address: StackAddress) -> str:
    """Return the address of the axis's database as its administrator."""
    return _dsn(address, address.postgres_superuser, address.postgres_password, DATABASE)


def management_of(address: StackAddress) -> ManagementAddress:
    """Return the management interface of the stack at *address*, as its administrator."""
    return ManagementAddress(
        url=f"{address.management_scheme}://{address.management_servers}",
        user=address.broker_admin,
        password=address.broker_admin_password,
        vhost=PRODUCT_VHOST,
        tls=TlsFiles(authorities=Path(address.broker_ca) if address.broker_ca else None),
    )


def nearest_mailbox(tree: Mapping[AgencyKey, AgencyEntry], key: AgencyKey) -> tuple[MailboxName, AgencyKey]:
    """Return the mailbox that speaks for *key*, and whose it is: the nearest upwards in the tree."""
    entry = tree[key]
    if entry.mailbox is not None and entry.mailbox_closed_at is None:
        return entry.mailbox, entry.key
    if entry.parent is None:
        return MailboxName(key), key
    return nearest_mailbox(tree, entry.parent)


async def _enter(registry: RegistryDesk, agency: NewAgency) -> None:
    code = AgencyCode(agency.code)
    parent = AgencyCode(agency.parent) if agency.parent is not None else None
    await registry.add(code=code, name=agency.name, parent=parent)
    if agency.is_connected:
        await registry.connect(code, kind=agency.kind)


async def _provision_database(home: Path, address: StackAddress) -> None:
    owner, *others = (
        Login(role=role, password=_secret(home, f"postgres-{role}"))
        for role in (OWNER, HUB, OPERATOR, SEALER)
    )
    administrator = _dsn(address, address.postgres_superuser, address.postgres_password, "postgres")
    await refuse_while_held(administrator, HUB)
    await ensure_database(administrator, name=DATABASE, owner=owner, others=others)
    await migrate(
        _dsn(address, OWNER, owner.password, DATABASE),
        hub_role=HUB,
        operator_role=OPERATOR,
        sealer_role=SEALER,
    )


def _hub_settings(home: Path, address: StackAddress, keys: LocalKeys) -> dict[str, str | int]:
    return {
        "postgres_dsn": _dsn(address, HUB, _secret(home, f"postgres-{HUB}"), DATABASE),
        "sealer_dsn": _dsn(address, SEALER, _secret(home, f"postgres-{SEALER}"), DATABASE),
        "amqp_url": _amqp_url(address, HUB_USER, _secret(home, "broker-hub")),
        "trust_anchors": str(keys.anchors_file),
        "hub_key": str(keys.hub_key_file),
        "hub_key_password": keys.hub_key_password,
        **_broker_trust(address),
    }


def _bodies_port(home: Path) -> int:
    """Return where the service of large bodies of this home listens: always the same port."""
    file = home / "bodies.port"
    if not file.exists():
        secret_file.write(file, str(free_ports(1)[0]))
    return int(file.read_text("utf-8"))


def _operator_settings(axis: LocalAxis) -> dict[str, str | int]:
    """Return what an operator needs and a hub must not have: whoever takes a hub over gains none of it."""
    management = axis.management()
    return {
        "operator_dsn": axis.operator_dsn,
        "management_url": management.url,
        "management_user": management.user,
        "management_password": management.password,
    }


def _write_kit_file(
    path: Path, head: Mapping[str, str], keys: LocalKeys, root: AgencyKey, units: Sequence[AgencyKey]
) -> None:
    head_and_trust = {
        **head,
        "journal": "journal.db",
        "anchors": [str(keys.anchors_file)],
        "hub_certificates": [str(keys.hub_certificate_file)],
    }
    parts = []
    for key in units:
        owner = {} if key == root else {"agency": key}
        entry = owner | {"file": str(keys.file_of(key)), "password": keys.password_of(key)}
        parts.append(f"  {{ {', '.join(_toml(entry).splitlines())} }},\n")
    # No [[keys]]: as it is, the file is also what stands under [kit] in an adapter's settings.
    content = f"{_toml(head_and_trust)}keys = [\n{''.join(parts)}]\n"
    secret_file.write(path, "# Written by `truc agency add`.\n" + content)


def _toml(values: Mapping[str, object]) -> str:
    # JSON writes strings and lists of strings as TOML does.
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())


def _secret(home: Path, name: str) -> str:
    return secret_file.read_or_make(home / "secrets" / name)


def _dsn(address: StackAddress, user: str, password: str, database: str) -> str:
    """Name every server of the database: whoever connects looks for the primary among them."""
    servers = address.postgres_servers
    choice = {"target_session_attrs": "read-write"} if "," in servers else {}
    return _dsn_of(user, password, f"{servers}/{database}", choice | _database_trust(address))


def _dsn_of(user: str, password: str, place: str, words: Mapping[str, str]) -> str:
    query = f"?{urlencode(words, quote_via=quote)}" if words else ""
    return f"postgresql://{user}:{quote(password, safe='')}@{place}{query}"


def _database_trust(address: StackAddress) -> dict[str, str]:
    if not address.postgres_ca:
        return {}
    return {"sslmode": "verify-full", "sslrootcert": address.postgres_ca}


def _amqp_url(address: StackAddress, user: str, password: str) -> str:
    credentials = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return f"{address.amqp_scheme}://{credentials}@{address.amqp_servers}/{PRODUCT_VHOST}"


def _broker_trust(address: StackAddress) -> dict[str, str]:
    return {"broker_ca": address.broker_ca} if address.broker_ca else {}
