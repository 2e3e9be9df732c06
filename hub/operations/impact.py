"""What stops when a certificate is revoked or ends now."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

from hub.backends.postgres import register
from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.register import CertificateEntry
from hub.backends.postgres.registry import PostgresRegistry
from hub.backends.postgres.statements import statement
from hub.errors import OperationRefused
from hub.message.directory import Directory, RegisteredCertificate
from hub.message.identifiers import AgencyKey, Fingerprint, MailboxName
from hub.operations.certificates import find_certificate
from hub.ports import Clock
from hub.signature.certificates import TrustAnchors
from hub.signature.path import NoPath
from hub.signature.source import fingerprint_of

LOOKED_BACK: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class SilencedAgency:
    """An agency that could sign nothing any more."""

    agency: AgencyKey
    name: str
    mailbox: MailboxName | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What would stop, and what would not."""

    lost: tuple[CertificateEntry, ...]
    """The certificates that count no more; more than one where an authority's is meant."""
    silenced: tuple[SilencedAgency, ...]
    """Who could send neither documents nor acknowledgements; those with another certificate are not here."""
    waiting_from: int
    """Deliveries of theirs in the outbox; they were accepted and go out all the same."""
    waiting_for: int
    """Deliveries to them in the outbox: they are consigned, and nobody can acknowledge them."""
    unacknowledged: int
    """Documents in their queues that nobody has acknowledged yet."""
    messages: int
    """Signed by a lost certificate in the last 90 days."""
    last_used_at: datetime | None


async def weigh(database: Database, anchors: TrustAnchors, clock: Clock, name: str) -> Impact:
    """Return what stops when the certificate that *name* means is revoked or ends now.

    It is a registered one, or that of an authority, by serial number or the beginning of its fingerprint.
    Raises `OperationRefused` where none is meant, or several.
    """
    directory = await PostgresRegistry(database, clock=clock, max_age=timedelta(0)).directory()
    async with database.connection() as connection:
        entries = await register.read_certificates(connection)
        lost = _lost(entries, directory, anchors, name, clock.now())
        silenced = _silenced(directory, frozenset(each.fingerprint for each in lost), clock.now())
        return await _counted(connection, lost, silenced, clock.now() - LOOKED_BACK)


def _lost(
    entries: Iterable[CertificateEntry], directory: Directory, anchors: TrustAnchors, name: str, now: datetime
) -> tuple[CertificateEntry, ...]:
    known = tuple(entries)
    issuers = tuple(x509.load_der_x509_certificate(each.body) for each in directory.material.issuers)
    above = [each for each in (*issuers, *anchors.certificates) if _is_called(each, name)]
    if len(above) > 1:
        raise OperationRefused(f"{len(above)} authorities are called {name}")
    if not above:
        return (find_certificate(known, name),)
    return tuple(each for each in known if _leads_through(each, above[0], issuers, anchors, now))


def _is_called(certificate: x509.Certificate, name: str) -> bool:
    wanted = name.lower().replace(":", "").removeprefix("0x")
    serials = {f"{certificate.serial_number:x}", str(certificate.serial_number)}
    by_fingerprint = len(wanted) >= len("12345678") and fingerprint_of(certificate).hex().startswith(wanted)
    return by_fingerprint or wanted.lstrip("0") in serials


def _leads_through(
    entry: CertificateEntry,
    authority: x509.Certificate,
    issuers: tuple[x509.Certificate, ...],
    anchors: TrustAnchors,
    now: datetime,
) -> bool:
    certificate = x509.load_der_x509_certificate(entry.der)
    path = anchors.path_to(certificate, issuers, max(now, certificate.not_valid_before_utc))
    return not isinstance(path, NoPath) and authority in path


def _silenced(
    directory: Directory, lost: frozenset[Fingerprint], now: datetime
) -> tuple[SilencedAgency, ...]:
    usable = [each for each in directory.certificates() if _is_usable(each, now)]
    before = frozenset(each.agency for each in usable)
    after = frozenset(each.agency for each in usable if each.fingerprint not in lost)
    found = []
    for agency in directory.agencies():
        if before.isdisjoint(directory.ancestry(agency.key)) or not agency.is_open(now):
            continue
        mailbox = directory.mailbox_for(agency.key, now)
        signers = _signers_for(directory, agency.key, mailbox, now)
        if not before.isdisjoint(signers) and after.isdisjoint(signers):
            found.append(SilencedAgency(agency=agency.key, name=agency.name, mailbox=mailbox))
    return tuple(sorted(found, key=lambda each: each.agency))


def _signers_for(
    directory: Directory, agency: AgencyKey, mailbox: MailboxName | None, now: datetime
) -> frozenset[AgencyKey]:
    """Return whose certificates sign for *agency*, as intake has it: its own, and those of roots above it."""
    roots = directory.roots_of(mailbox, now) if mailbox is not None else frozenset()
    return roots.intersection(directory.ancestry(agency)) | {agency}


def _is_usable(certificate: RegisteredCertificate, now: datetime) -> bool:
    ends = (certificate.not_after, certificate.retired_at, certificate.revoked_at)
    return certificate.not_before <= now and all(each is None or now < each for each in ends)


async def _counted(
    connection: Transaction,
    lost: tuple[CertificateEntry, ...],
    silenced: tuple[SilencedAgency, ...],
    since: datetime,
) -> Impact:
    queued = await connection.fetchrow(
        statement("count_deliveries_of_agencies"), [each.agency for each in silenced]
    )
    used = await connection.fetchrow(
        statement("read_certificate_use"), [each.fingerprint for each in lost], since
    )
    if queued is None or used is None:
        raise AssertionError("a count always has a row")
    return Impact(lost=lost, silenced=silenced, **queued, **used)
