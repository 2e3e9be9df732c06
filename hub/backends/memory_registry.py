"""The registry, in the twin."""

from collections.abc import Iterable

from hub.message.directory import Agency, Directory, Mandate, RegisteredCertificate
from hub.message.identifiers import MailboxName


class MemoryRegistry:
    """Implements `hub.ports.Registry`; every change is in force at once."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._agencies: list[Agency] = []
        self._mandates: list[Mandate] = []
        self._certificates: list[RegisteredCertificate] = []
        self._closed: set[MailboxName] = set()

    async def directory(self) -> Directory:
        """Return the registry in force."""
        connected = {mandate.mailbox for mandate in self._mandates}
        return Directory(
            agencies=self._agencies,
            mandates=self._mandates,
            open_mailboxes=connected - self._closed,
            certificates=self._certificates,
        )

    def register(
        self,
        agencies: Iterable[Agency] = (),
        mandates: Iterable[Mandate] = (),
        certificates: Iterable[RegisteredCertificate] = (),
    ) -> None:
        """Enter more; whoever holds a mandate is connected."""
        self._agencies += agencies
        self._mandates += mandates
        self._certificates += certificates

    def close_mailbox(self, mailbox: MailboxName) -> None:
        """Disconnect *mailbox*."""
        self._closed.add(mailbox)
