"""The broker as the registry wants it, and how it differs."""

from collections.abc import Mapping, Sequence

from hub.backends.postgres.register import MailboxEntry
from hub.backends.rabbitmq.drift import Drift
from hub.backends.rabbitmq.management import ManagementAddress, ManagementApi
from hub.backends.rabbitmq.reconciler import Changes, Progress, Reconciler, untold
from hub.backends.rabbitmq.topology import HubUser, MailboxTopology, Topology, topology
from hub.message.identifiers import MailboxName


async def apply_topology(
    address: ManagementAddress,
    mailboxes: Sequence[MailboxEntry],
    *,
    passwords: Mapping[MailboxName, str] | None = None,
    hub_password: str | None = None,
    progress: Progress = untold,
) -> Changes:
    """Let the broker have everything that *mailboxes* need; what is right already is left alone.

    A user without a password keeps the one that it has. Raises `ConfigurationError` for a new one without.
    *progress* is told how many differences have been mended, and of how many.
    """
    wanted = _wanted(mailboxes, passwords or {}, hub_password)
    async with ManagementApi(address) as api:
        return await Reconciler(api).apply(wanted, progress)


async def topology_drift(
    address: ManagementAddress,
    mailboxes: Sequence[MailboxEntry],
    *,
    passwords: Mapping[MailboxName, str] | None = None,
    hub_password: str | None = None,
) -> tuple[Drift, ...]:
    """Return every difference between the broker and what *mailboxes* need; changes nothing.

    Passwords are compared where they are given.
    """
    async with ManagementApi(address) as api:
        return tuple(await Reconciler(api).drift(_wanted(mailboxes, passwords or {}, hub_password)))


def _wanted(
    mailboxes: Sequence[MailboxEntry], passwords: Mapping[MailboxName, str], hub_password: str | None
) -> Topology:
    return topology(
        [
            MailboxTopology(name=each.name, is_open=each.closed_at is None, password=passwords.get(each.name))
            for each in mailboxes
        ],
        HubUser(password=hub_password),
    )
