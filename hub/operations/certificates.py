"""Certificates as the axis' keeper works on them: import, retire, watch their ends, weigh their loss."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.backends.postgres import desk, register, validating
from hub.backends.postgres.desk import Action
from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.register import CertificateEntry, CertificateKind
from hub.backends.postgres.revocation import PostgresRevocation, SourceEntry
from hub.backends.postgres.statements import statement
from hub.backends.postgres.validating import KeptVerdict
from hub.errors import OperationRefused
from hub.message.identifiers import AgencyCode, Fingerprint, MessageId, agency_key
from hub.message.trust import Validation
from hub.operations.registry import LEAST_PREFIX, existing_agency
from hub.ports import Clock
from hub.signature.certificate_file import CertificateFile
from hub.signature.certificates import TrustAnchors, find_signing_path
from hub.signature.finding import Finding
from hub.signature.path import Path
from hub.signature.source import fingerprint_of
from hub.signature.verdict import judge_again

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did."""

    fingerprint: Fingerprint
    is_new: bool
    issuers: int
    """Certificates of authorities between it and its anchor, which the hub knows now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejudged:
    """The verdict that a message was accepted or refused by, and the one that its evidence gives today."""

    kept: KeptVerdict
    again: Validation | None

    @property
    def is_the_same(self) -> bool:
        """Whether the evidence still gives the verdict that was kept."""
        return self.again == self.kept.validation


class CertificateDesk:
    """The keeper's work on certificates; each act is one transaction, and leaves who did it."""

    def __init__(self, database: Database, *, operator: str, clock: Clock, anchors: TrustAnchors) -> None:
        """Work on *database* in the name of *operator*; only what leads to *anchors* is registered."""
        self._database = database
        self._operator = operator
        self._clock = clock
        self._anchors = anchors

    async def import_certificate(
        self, code: AgencyCode, file: CertificateFile, kind: CertificateKind = CertificateKind.SEAL
    ) -> Imported:
        """Register the certificate in *file* beside those that the agency has, and know its issuers.

        One that begins only later may be registered before. Raises `OperationRefused` where it could not sign
        on this axis, or is registered for another agency, or was revoked or retired before.
        """
        certificate, fingerprint = file.certificate, fingerprint_of(file.certificate)
        async with self._database.transaction() as transaction:
            path = self._path(file, await _known_issuers(transaction))
            agency = await existing_agency(transaction, code)
            is_new = await register.register_certificate(
                transaction,
                fingerprint=fingerprint,
                agency=agency.key,
                subject=certificate.subject.rfc4514_string(),
                der=certificate.public_bytes(Encoding.DER),
                not_before=certificate.not_valid_before_utc,
                not_after=certificate.not_valid_after_utc,
                kind=kind,
            )
            await _register_issuers(transaction, path[1:-1])
            if is_new:
                detail: dict[str, object] = {
                    "agency": agency.key,
                    "fingerprint": fingerprint.hex(),
                    "kind": kind.value,
                }
                await self._record(transaction, "certificate.import", detail)
            else:
                await _refuse_unless_good(transaction, agency.key, fingerprint)
        return Imported(fingerprint=fingerprint, is_new=is_new, issuers=len(path) - 2)

    async def certificates(self, code: AgencyCode | None = None) -> tuple[CertificateEntry, ...]:
        """Return the registered certificates of everybody, or of one agency."""
        async with self._database.connection() as connection:
            if code is not None:
                await existing_agency(connection, code)
            return await register.read_certificates(
                connection, agency_key(code) if code is not None else None
            )

    async def expiring(self, within: timedelta) -> tuple[CertificateEntry, ...]:
        """Return those in use that end by themselves *within* so long, the nearest end first."""
        now = self._clock.now()
        found = [
            each
            for each in await self.certificates()
            if each.retired_at is None
            and each.revoked_at is None
            and timedelta(0) <= each.not_after - now < within
        ]
        return tuple(sorted(found, key=lambda each: each.not_after))

    async def retire(self, name: str, *, at: datetime | None, reason: str) -> CertificateEntry:
        """Let the certificate that *name* means end by plan *at*, now where that is None.

        What was received before stays good, and nothing that is queued is touched. Raises `OperationRefused`
        where none is meant or several, or it was revoked.
        """
        chosen = at or self._clock.now()
        async with self._database.transaction() as transaction:
            entry = find_certificate(await register.read_certificates(transaction), name)
            if await transaction.fetchval(statement("retire_certificate"), entry.fingerprint, chosen) is None:
                raise OperationRefused(f"{entry.fingerprint.hex()[:16]} was revoked before")
            detail: dict[str, object] = {
                "agency": entry.agency,
                "fingerprint": entry.fingerprint.hex(),
                "at": chosen.isoformat(),
            }
            await self._record(transaction, "certificate.retire", detail, reason=reason)
        return entry

    async def sources(self) -> tuple[SourceEntry, ...]:
        """Return where the hub asks for the status of certificates, and how that went."""
        return await PostgresRevocation(self._database).sources()

    async def judge_again(self, message_id: MessageId) -> Rejudged:
        """Judge the certificate of a message again, by nothing but the evidence that was kept with it.

        Raises `OperationRefused` where nothing was kept.
        """
        async with self._database.connection() as connection:
            kept = await validating.read(connection, message_id)
        if kept is None:
            raise OperationRefused(f"no verdict was kept with the message {message_id}")
        return Rejudged(kept=kept, again=judge_again(kept.validation, kept.received_at))

    def _path(self, file: CertificateFile, known: Iterable[x509.Certificate]) -> Path:
        at = max(self._clock.now(), file.certificate.not_valid_before_utc)
        found = find_signing_path(file.certificate, (*file.chain, *known), self._anchors, at)
        if isinstance(found, Finding):
            raise OperationRefused(
                found.violation.en if found.violation is not None else found.indication.value
            )
        return found

    async def _record(
        self, transaction: Transaction, action: str, detail: dict[str, object], *, reason: str | None = None
    ) -> None:
        act = Action(operator=self._operator, action=action, reason=reason, detail=detail)
        await desk.record(transaction, [act])


def find_certificate(entries: Iterable[CertificateEntry], name: str) -> CertificateEntry:
    """Return the certificate that *name* means: its serial number, or the beginning of its fingerprint.

    Raises `OperationRefused` where none is meant, or several.
    """
    wanted = name.lower().replace(":", "").removeprefix("0x")
    meant = [each for each in entries if _is_named(each, wanted)]
    if len(meant) != 1:
        raise OperationRefused(f"{len(meant)} registered certificates are called {name}")
    return meant[0]


def days_left(entry: CertificateEntry, now: datetime) -> int:
    """Return how many whole days are left until the axis stops accepting it; negative once it has."""
    ends = (entry.not_after, entry.retired_at, entry.revoked_at)
    return (min(each for each in ends if each is not None) - now) // _DAY


def serial_of(entry: CertificateEntry) -> str:
    """Return the serial number in hexadecimal."""
    return f"{x509.load_der_x509_certificate(entry.der).serial_number:x}"


def _is_named(entry: CertificateEntry, wanted: str) -> bool:
    if len(wanted) >= LEAST_PREFIX and entry.fingerprint.hex().startswith(wanted):
        return True
    serial = x509.load_der_x509_certificate(entry.der).serial_number
    return wanted.lstrip("0") == f"{serial:x}" or wanted == str(serial)


async def _known_issuers(transaction: Transaction) -> list[x509.Certificate]:
    rows = await transaction.fetch(statement("read_issuing_certificates"))
    return [x509.load_der_x509_certificate(row["der"]) for row in rows]


async def _register_issuers(transaction: Transaction, issuers: Sequence[x509.Certificate]) -> None:
    for each in issuers:
        await transaction.execute(
            statement("register_issuing_certificate"),
            fingerprint_of(each),
            each.subject.rfc4514_string(),
            each.public_bytes(Encoding.DER),
        )


async def _refuse_unless_good(transaction: Transaction, agency: str, fingerprint: Fingerprint) -> None:
    entries = await register.read_certificates(transaction)
    (entry,) = (each for each in entries if each.fingerprint == fingerprint)
    if entry.agency != agency:
        raise OperationRefused(f"this certificate is registered for {entry.agency}")
    if entry.revoked_at is not None or entry.retired_at is not None:
        raise OperationRefused("this certificate was revoked or retired before")
