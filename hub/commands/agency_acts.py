"""What `truc agency` does, on a local axis or on one that settings describe."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.backends.clock import SystemClock
from hub.backends.postgres.register import AgencyEntry, CertificateEntry
from hub.backends.rabbitmq.management import ManagementAddress
from hub.commands import secret_file
from hub.commands.local_axis import LocalAxis, nearest_mailbox
from hub.commands.place import (
    OPERATOR_FILE,
    has_stack,
    home_of,
    load_settings,
    operators_database,
    settings_file_of,
    stack_of,
)
from hub.errors import ConfigurationError
from hub.message.identifiers import AgencyCode, MailboxName, agency_key
from hub.operations.registry import MailboxKind, RegistryDesk
from hub.operations.topology import apply_topology
from hub.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyFile:
    """An agency with what belongs to it."""

    agency: AgencyEntry
    reached_through: MailboxName | None
    certificates: tuple[CertificateEntry, ...]


@asynccontextmanager
async def registry_desk(
    home: Path | None, settings: Path | None, operator: str
) -> AsyncIterator[RegistryDesk]:
    """Open the registry that is meant, in the name of *operator*."""
    async with operators_database(load_settings(home, settings)) as database:
        yield RegistryDesk(database, operator=operator, clock=SystemClock())


async def add_agency(
    home: Path | None,
    settings: Path | None,
    operator: str,
    *,
    code: str,
    name: str,
    parent: str | None,
    is_connected: bool,
    kind: MailboxKind,
) -> dict[str, object]:
    """Enter an agency and connect it; on a local axis, make it ready to speak. Returns what it has now."""
    async with registry_desk(home, settings, operator) as desk:
        above = AgencyCode(parent) if parent is not None else None
        await desk.add(code=AgencyCode(code), name=name, parent=above)
    if is_connected:
        return await connect_agency(home, settings, operator, code=code, kind=kind)
    return await _equip(home, settings, operator, code)


async def connect_agency(
    home: Path | None, settings: Path | None, operator: str, *, code: str, kind: MailboxKind
) -> dict[str, object]:
    """Connect an agency; on a local axis, make it ready to speak. Returns what it has now."""
    async with registry_desk(home, settings, operator) as desk:
        mailbox = await desk.connect(AgencyCode(code), kind=kind)
        mailboxes = await desk.mailboxes()
    file = settings_file_of(home, settings)
    password_file = file.parent / "secrets" / f"broker-{mailbox}"
    passwords = {mailbox: secret_file.read_or_make(password_file)}
    await apply_topology(management_of_settings(Settings.load(file)), mailboxes, passwords=passwords)
    equipped = await _equip(home, settings, operator, code)
    return {"mailbox": mailbox, "broker password in": password_file, **equipped}


async def rename_agency(
    home: Path | None, settings: Path | None, operator: str, *, code: str, name: str
) -> None:
    """Give an agency another name."""
    async with registry_desk(home, settings, operator) as desk:
        await desk.rename(AgencyCode(code), name)


async def close_agency(
    home: Path | None, settings: Path | None, operator: str, *, code: str, successor: str | None
) -> None:
    """Close an agency and take its mailbox's rights on the broker."""
    async with registry_desk(home, settings, operator) as desk:
        await desk.close(AgencyCode(code), successor=AgencyCode(successor) if successor is not None else None)
        mailboxes = await desk.mailboxes()
    await apply_topology(management_of_settings(load_settings(home, settings)), mailboxes)


async def read_registry(home: Path | None, settings: Path | None) -> tuple[AgencyEntry, ...]:
    """Return the whole registry."""
    async with registry_desk(home, settings, "") as desk:
        return await desk.agencies()


async def read_agency(home: Path | None, settings: Path | None, code: str) -> AgencyFile:
    """Return one agency with what belongs to it."""
    async with registry_desk(home, settings, "") as desk:
        agency = await desk.agency(AgencyCode(code))
        tree = {each.key: each for each in await desk.agencies()}
        mailbox, owner = nearest_mailbox(tree, agency.key)
        return AgencyFile(
            agency=agency,
            reached_through=mailbox if tree[owner].mailbox is not None else None,
            certificates=await desk.certificates(agency.code),
        )


def management_of_settings(settings: Settings) -> ManagementAddress:
    """Return where the broker is administered; raises `ConfigurationError` where the settings do not say."""
    if (
        settings.management_url is None
        or settings.management_user is None
        or settings.management_password is None
    ):
        raise ConfigurationError("management_url, management_user and management_password are not all set")
    return ManagementAddress(
        url=settings.management_url,
        user=settings.management_user,
        password=settings.management_password.get_secret_value(),
        tls=settings.broker_tls,
    )


def local_axis(home: Path | None, settings: Path | None) -> LocalAxis | None:
    """Return the local axis that is meant; None where the settings are those of another one."""
    folder = home_of(home)
    file = settings_file_of(home, settings)
    if file.absolute() != folder / OPERATOR_FILE or not has_stack(folder):
        return None
    return LocalAxis.at(stack_of(folder))


async def _equip(home: Path | None, settings: Path | None, operator: str, code: str) -> dict[str, object]:
    """On a local axis: issue and register a key, and write the mailbox's kit.toml."""
    axis = local_axis(home, settings)
    if axis is None:
        return {"next": f"truc certificates import {code} CERTIFICATE.pem"}
    async with registry_desk(home, settings, operator) as desk:
        entry = await desk.agency(AgencyCode(code))
        key = axis.keys.of_agency(entry.code, entry.name)
        await desk.register_certificate(entry.code, key.certificate)
    agency = await axis.agency(code)
    return {"key": agency.key_file, "kit": agency.kit_file, "agency": agency_key(code)}
