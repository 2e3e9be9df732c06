"""What the pages work with, and where the console is reached."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Request

from hub.backends.openid import OpenIdProvider
from hub.backends.postgres.pool import Database
from hub.backends.rabbitmq.management import ManagementAddress
from hub.console.templating import Templates
from hub.errors import OperationRefused
from hub.message.identifiers import MailboxName
from hub.operations.accounts import AccountDesk
from hub.operations.campaigns import CampaignDesk
from hub.operations.cases import CaseDesk
from hub.operations.entrance import Doorkeeper
from hub.operations.large_reading import IN_ROWS, Originals
from hub.operations.passwords import PasswordKeeper
from hub.operations.replaying import Detour
from hub.operations.rights import Account
from hub.ports import Attest, Clock, Registry, Seal


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicAddress:
    """Where browsers reach the console."""

    url: str | None
    """None where they come to the port itself."""

    @property
    def is_https(self) -> bool:
        """Whether cookies travel over TLS only."""
        return self.url is not None and self.url.startswith("https:")

    def origin(self, request: Request) -> str:
        """Return the origin that the console's own pages have."""
        if self.url is None:
            return f"{request.url.scheme}://{request.headers.get('host', '')}"
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingInForce:
    """One setting as this process runs with it."""

    name: str
    value: str | None
    """None for a secret, whether it is set or not shown by `is_set`."""
    is_set: bool
    is_default: bool
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """Everything that a page may need; who asks comes with the visit."""

    database: Database
    """As the operators' user."""
    clock: Clock
    new_id: Callable[[], UUID]
    attest: Attest
    """Signs with the hub's key what senders are told."""
    address: PublicAddress
    doorkeeper: Doorkeeper
    passwords: PasswordKeeper
    seal: Seal
    """Signs the routes that operators change."""
    registry: Registry
    templates: Templates = field(default_factory=Templates)
    at_most: int = 100
    """Cases that one person may act on at once; more of them are a campaign, which a second one confirms."""
    openid: OpenIdProvider | None = None
    management: ManagementAddress | None = None
    """Of the broker, who knows what lies in its queues."""
    alert_channels: Sequence[str] = ("log",)
    """Where hub processes tell alerts, if they have the same settings."""
    settings: Sequence[SettingInForce] = ()
    originals: Originals = IN_ROWS
    """Reads what mailboxes have submitted."""

    def accounts(self, operator: str) -> AccountDesk:
        """Open the desk of accounts in the name of *operator*."""
        return AccountDesk(self.database, operator=operator, clock=self.clock, passwords=self.passwords)

    def cases(self, account: Account) -> CaseDesk:
        """Open the desk of dead letters for *account*, which sees and touches its own agencies' only."""
        return CaseDesk(
            self.database,
            operator=account.login,
            clock=self.clock,
            new_id=self.new_id,
            visible_to=account.visible_to,
            at_most=self.at_most,
        )

    def campaigns(self, account: Account) -> CampaignDesk:
        """Open the desk of campaigns for *account*; over more cases than `at_most` two people decide."""
        return CampaignDesk(
            self.database,
            operator=account.login,
            visible_to=account.visible_to,
            second_person_above=self.at_most,
        )

    async def detour(self, mailbox: MailboxName) -> Detour:
        """Return the way to *mailbox*, for what cannot go its own way."""
        directory = await self.registry.directory()
        return Detour(
            mailbox=mailbox, directory=directory, seal=self.seal, clock=self.clock, new_id=self.new_id
        )

    def subject_of(self, subject: str) -> str:
        """Return what an account keeps of the *subject* that the provider gives to a person."""
        if self.openid is None:
            raise OperationRefused("no OpenID provider is set (console_oidc_issuer): give a password")
        return self.openid.subject_name(subject)


NOT_COMPOSED: Final = "the application was made without a console"


def console_of(request: Request) -> Console:
    """Return what the application was made of."""
    console: object = request.app.state.console
    if not isinstance(console, Console):
        raise TypeError(NOT_COMPOSED)
    return console
