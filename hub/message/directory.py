"""The registry as a value: who exists, who is connected, who speaks for whom, whose certificate is whose."""

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from hub.message.identifiers import AgencyCode, AgencyKey, Fingerprint, MailboxName
from hub.message.trust import NOTHING_KNOWN, TrustMaterial


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """A registered unit of the state."""

    key: AgencyKey
    code: AgencyCode
    name: str
    parent: AgencyKey | None
    closed_at: datetime | None = None
    successor: AgencyKey | None = None

    def is_open(self, at: datetime) -> bool:
        """Whether the agency exists at *at*."""
        return self.closed_at is None or at < self.closed_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """A mailbox speaks and receives for an agency and all units below it, in an interval of time."""

    mailbox: MailboxName
    root: AgencyKey
    valid_from: datetime
    valid_to: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether the mandate is in force at *at*."""
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredCertificate:
    """A signing certificate and the agency that it was registered for."""

    fingerprint: Fingerprint
    agency: AgencyKey
    subject: str
    not_before: datetime
    not_after: datetime
    revoked_at: datetime | None = None
    retired_at: datetime | None = None
    """From when on another one stands for it; it may lie ahead."""


class Directory:
    """A snapshot of the registry; resolves over the tree of parents, never over the text of codes."""

    def __init__(
        self,
        *,
        agencies: Iterable[Agency] = (),
        mandates: Iterable[Mandate] = (),
        open_mailboxes: Iterable[MailboxName] = (),
        certificates: Iterable[RegisteredCertificate] = (),
        material: TrustMaterial = NOTHING_KNOWN,
    ) -> None:
        """Index the given rows."""
        self.material = material
        """What is known of the status of certificates."""
        self._agencies = {agency.key: agency for agency in agencies}
        self._open_mailboxes = frozenset(open_mailboxes)
        self._certificates = {certificate.fingerprint: certificate for certificate in certificates}
        self._mandates: dict[AgencyKey, list[Mandate]] = {}
        self._held: dict[MailboxName, list[Mandate]] = {}
        for mandate in mandates:
            self._mandates.setdefault(mandate.root, []).append(mandate)
            self._held.setdefault(mandate.mailbox, []).append(mandate)

    def with_material(self, material: TrustMaterial) -> Self:
        """Return the same registry with other knowledge about certificates."""
        renewed = copy(self)
        renewed.material = material
        return renewed

    def agency(self, key: AgencyKey) -> Agency | None:
        """Return the agency with *key*, open or closed."""
        return self._agencies.get(key)

    def agencies(self) -> tuple[Agency, ...]:
        """Return every agency, open or closed."""
        return tuple(self._agencies.values())

    def certificate(self, fingerprint: Fingerprint) -> RegisteredCertificate | None:
        """Return the registered certificate with *fingerprint*."""
        return self._certificates.get(fingerprint)

    def certificates(self) -> tuple[RegisteredCertificate, ...]:
        """Return every registered certificate, also those that have ended."""
        return tuple(self._certificates.values())

    def is_open(self, mailbox: MailboxName) -> bool:
        """Whether *mailbox* is connected and not closed."""
        return mailbox in self._open_mailboxes

    def mailbox_for(self, key: AgencyKey, at: datetime) -> MailboxName | None:
        """Return the open mailbox that speaks and receives for *key*: the nearest above it in the tree."""
        for ancestor in self._upwards(key):
            for mandate in self._mandates.get(ancestor.key, ()):
                if mandate.holds(at) and mandate.mailbox in self._open_mailboxes:
                    return mandate.mailbox
        return None

    def is_within(self, key: AgencyKey, ancestor: AgencyKey) -> bool:
        """Whether *key* is *ancestor* or a unit somewhere below it."""
        return any(agency.key == ancestor for agency in self._upwards(key))

    def ancestry(self, key: AgencyKey) -> tuple[AgencyKey, ...]:
        """Return *key* and what is above it, upwards."""
        return tuple(agency.key for agency in self._upwards(key))

    def roots_of(self, mailbox: MailboxName, at: datetime) -> frozenset[AgencyKey]:
        """Return the roots of the mandates that *mailbox* holds at *at*."""
        return frozenset(mandate.root for mandate in self._held.get(mailbox, ()) if mandate.holds(at))

    def _upwards(self, key: AgencyKey) -> Iterator[Agency]:
        seen: set[AgencyKey] = set()
        current = self._agencies.get(key)
        while current is not None and current.key not in seen:
            seen.add(current.key)
            yield current
            current = self._agencies.get(current.parent) if current.parent is not None else None
