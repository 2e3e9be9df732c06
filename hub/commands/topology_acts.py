"""What `truc topology` and `truc queues` do."""

from collections.abc import Sequence
from pathlib import Path

from hub.backends.postgres.register import MailboxEntry
from hub.backends.rabbitmq.drift import Drift
from hub.backends.rabbitmq.reconciler import Changes, Progress, untold
from hub.commands.agency_acts import local_axis, management_of_settings, registry_desk
from hub.commands.place import load_settings, operators_database, settings_file_of
from hub.message.identifiers import MailboxName
from hub.operations.queues import MailboxQueue, mailbox_queues
from hub.operations.topology import apply_topology, topology_drift


async def apply_registry(home: Path | None, settings: Path | None, progress: Progress = untold) -> Changes:
    """Make the broker as the registry wants it, with the passwords that are kept beside the settings."""
    async with registry_desk(home, settings, "") as desk:
        mailboxes = await desk.mailboxes()
    return await apply_topology(
        management_of_settings(load_settings(home, settings)),
        mailboxes,
        passwords=_kept_passwords(home, settings, mailboxes),
        hub_password=_hubs_password(home, settings),
        progress=progress,
    )


async def read_drift(home: Path | None, settings: Path | None) -> tuple[Drift, ...]:
    """Return where the broker differs from what the registry wants, and from the passwords that are kept."""
    async with registry_desk(home, settings, "") as desk:
        mailboxes = await desk.mailboxes()
    return await topology_drift(
        management_of_settings(load_settings(home, settings)),
        mailboxes,
        passwords=_kept_passwords(home, settings, mailboxes),
        hub_password=_hubs_password(home, settings),
    )


def _kept_passwords(
    home: Path | None, settings: Path | None, mailboxes: Sequence[MailboxEntry]
) -> dict[MailboxName, str]:
    folder = settings_file_of(home, settings).parent / "secrets"
    files = {each.name: folder / f"broker-{each.name}" for each in mailboxes}
    return {name: file.read_text("utf-8") for name, file in files.items() if file.exists()}


def _hubs_password(home: Path | None, settings: Path | None) -> str | None:
    axis = local_axis(home, settings)
    return axis.hub_broker_password() if axis is not None else None


async def read_queues(home: Path | None, settings: Path | None) -> tuple[MailboxQueue, ...]:
    """Return every mailbox with what waits for it."""
    loaded = load_settings(home, settings)
    async with operators_database(loaded) as database:
        return await mailbox_queues(database, management_of_settings(loaded))
