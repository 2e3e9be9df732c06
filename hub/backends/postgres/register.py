"""The registry as its keeper changes it; hub processes notice every change within a second."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.statements import columns, statement
from hub.message.identifiers import AgencyCode, AgencyKey, Fingerprint, MailboxName


class CertificateKind(StrEnum):
    """Whose certificate it is."""

    SEAL = "seal"
    """The agency's own."""
    OFFICER = "officer"
    """Of a person who signs for the agency."""
    SYSTEM = "system"
    """Of a system that signs for the agencies behind it, as an LGSP does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyEntry:
    """An agency as the registry has it, with its own mailbox if it is connected itself."""

    key: AgencyKey
    code: AgencyCode
    name: str
    level: int
    parent: AgencyKey | None
    closed_at: datetime | None
    successor: AgencyKey | None
    mailbox: MailboxName | None
    mailbox_kind: str | None
    mailbox_closed_at: datetime | None
    certificates: int
    """How many of its certificates are in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxEntry:
    """A connected endpoint as the registry has it."""

    name: MailboxName
    agency: AgencyKey
    kind: str
    closed_at: datetime | None
    parked_until: datetime | None
    parked_because: str | None
    breaker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateEntry:
    """A signing certificate as the registry has it."""

    fingerprint: Fingerprint
    agency: AgencyKey
    subject: str
    der: bytes = field(repr=False)
    not_before: datetime
    not_after: datetime
    registered_at: datetime
    revoked_at: datetime | None
    kind: CertificateKind
    retired_at: datetime | None
    """From when on it is no longer accepted; it may lie ahead."""


async def insert_agency(
    transaction: Transaction, *, key: AgencyKey, code: AgencyCode, name: str, parent: AgencyKey | None
) -> bool:
    """Enter an agency; False where its key is taken."""
    return await transaction.fetchval(statement("insert_agency"), key, code, name, parent) is not None


async def insert_agencies(
    transaction: Transaction, agencies: Sequence[tuple[AgencyKey, AgencyCode, str, AgencyKey | None]]
) -> list[AgencyKey]:
    """Enter agencies (key, code, name, parent), their parents before them; returns the keys of the new."""
    rows = await transaction.fetch(statement("insert_agencies"), *columns(agencies, 4))
    return [AgencyKey(row["key"]) for row in rows]


async def read_agencies(
    connection: Transaction, keys: Sequence[AgencyKey] | None = None
) -> tuple[AgencyEntry, ...]:
    """Return all agencies, or those with *keys*, in the order of their keys."""
    rows = await connection.fetch(statement("list_agencies"), list(keys) if keys is not None else None)
    return tuple(AgencyEntry(**row) for row in rows)


async def rename_agency(transaction: Transaction, key: AgencyKey, name: str) -> None:
    """Give an agency another name."""
    await transaction.execute(statement("rename_agency"), key, name)


async def close_agency(
    transaction: Transaction, key: AgencyKey, at: datetime, successor: AgencyKey | None
) -> bool:
    """Close an agency, its mandate and its mailbox; False where it was closed before or never existed."""
    if await transaction.fetchval(statement("close_agency"), key, at, successor) is None:
        return False
    await transaction.execute(statement("end_mandates_of"), key, at)
    await transaction.execute(statement("close_mailboxes_of"), key, at)
    return True


async def open_mailbox(transaction: Transaction, name: MailboxName, agency: AgencyKey, kind: str) -> None:
    """Connect a mailbox, or connect it again; one that is open already stays as it is."""
    await transaction.execute(statement("open_mailbox"), name, agency, kind)


async def grant_mandate(transaction: Transaction, mailbox: MailboxName, root: AgencyKey) -> MailboxName:
    """Let *mailbox* speak for *root* and what is below, unless another does; returns the one that does."""
    await transaction.execute(statement("grant_mandate"), mailbox, root)
    return MailboxName(str(await transaction.fetchval(statement("read_mandate_in_force"), root)))


async def read_mailboxes(connection: Transaction) -> tuple[MailboxEntry, ...]:
    """Return every mailbox that was ever connected."""
    return tuple(MailboxEntry(**row) for row in await connection.fetch(statement("list_mailboxes")))


async def register_certificate(
    transaction: Transaction,
    *,
    fingerprint: Fingerprint,
    agency: AgencyKey,
    subject: str,
    der: bytes,
    not_before: datetime,
    not_after: datetime,
    kind: CertificateKind = CertificateKind.SEAL,
) -> bool:
    """Enter a certificate; False where it is there already, whosever it is."""
    row = await transaction.fetchval(
        statement("register_certificate"),
        fingerprint,
        agency,
        subject,
        der,
        not_before,
        not_after,
        kind.value,
    )
    return row is not None


async def read_certificates(
    connection: Transaction, agency: AgencyKey | None = None
) -> tuple[CertificateEntry, ...]:
    """Return all certificates, or those of *agency*."""
    rows = await connection.fetch(statement("list_certificates"), agency)
    return tuple(CertificateEntry(**{**row, "kind": CertificateKind(row["kind"])}) for row in rows)


async def revoke_certificate(
    transaction: Transaction, prefix: str, at: datetime
) -> tuple[tuple[Fingerprint, AgencyKey], ...]:
    """Revoke the certificates whose fingerprints begin with *prefix* (hexadecimal); returns them."""
    rows = await transaction.fetch(statement("revoke_certificate"), prefix.lower(), at)
    return tuple((Fingerprint(row["fingerprint"]), AgencyKey(row["agency"])) for row in rows)
