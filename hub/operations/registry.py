"""The registry: who exists, who is connected, who speaks for whom, whose certificates are whose."""

from typing import Final, Literal, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from hub.backends.postgres import desk, register
from hub.backends.postgres.desk import Action
from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.register import AgencyEntry, CertificateEntry, MailboxEntry
from hub.errors import OperationRefused
from hub.message.identifiers import AgencyCode, AgencyKey, Fingerprint, MailboxName, agency_key
from hub.ports import Clock
from hub.signature.key import check_key

MailboxKind: TypeAlias = Literal["agency", "lgsp"]
LEAST_PREFIX: Final = 8
"""Characters of a fingerprint that must be given: fewer name more than one too easily."""


class RegistryDesk:
    """The keeper's work on the registry; each act is one transaction, and leaves who did it."""

    def __init__(self, database: Database, *, operator: str, clock: Clock) -> None:
        """Work on *database* in the name of *operator*."""
        self._database = database
        self._operator = operator
        self._clock = clock

    async def agencies(self) -> tuple[AgencyEntry, ...]:
        """Return the whole registry, in the order of the keys."""
        async with self._database.connection() as connection:
            return await register.read_agencies(connection)

    async def agency(self, code: AgencyCode) -> AgencyEntry:
        """Return one agency, by any form of its code; raises `OperationRefused` where there is none."""
        async with self._database.connection() as connection:
            return await existing_agency(connection, code)

    async def mailboxes(self) -> tuple[MailboxEntry, ...]:
        """Return every mailbox, open and closed."""
        async with self._database.connection() as connection:
            return await register.read_mailboxes(connection)

    async def certificates(self, code: AgencyCode | None = None) -> tuple[CertificateEntry, ...]:
        """Return the registered certificates of everybody, or of one agency."""
        async with self._database.connection() as connection:
            return await register.read_certificates(
                connection, agency_key(code) if code is not None else None
            )

    async def add(self, *, code: AgencyCode, name: str, parent: AgencyCode | None = None) -> bool:
        """Enter an agency; False where it is there already, the same in every respect.

        Raises `OperationRefused` where the code stands for another agency, or the parent for none.
        """
        key = agency_key(code)
        above = agency_key(parent) if parent is not None else None
        async with self._database.transaction() as transaction:
            if parent is not None:
                await existing_agency(transaction, parent)
            is_new = await register.insert_agency(transaction, key=key, code=code, name=name, parent=above)
            if is_new:
                await self._record(transaction, "agency.add", {"agency": key, "parent": above})
            elif not await _is_same(transaction, key, name, above):
                raise OperationRefused(
                    f"{code} stands for another name or parent; `truc agency show {code}` shows it"
                )
        return is_new

    async def rename(self, code: AgencyCode, name: str) -> None:
        """Let an agency have another name from now on; its code stays. Its documents keep what they say.

        Raises `OperationRefused` where it does not exist or is closed.
        """
        async with self._database.transaction() as transaction:
            agency = await existing_agency(transaction, code)
            if agency.closed_at is not None:
                raise OperationRefused(f"{code} has been closed: it keeps the name that it had")
            if agency.name != name:
                await register.rename_agency(transaction, agency.key, name)
                detail: dict[str, object] = {"agency": agency.key, "from": agency.name, "to": name}
                await self._record(transaction, "agency.rename", detail)

    async def connect(self, code: AgencyCode, *, kind: MailboxKind = "agency") -> MailboxName:
        """Connect an agency: it gets a mailbox that speaks and receives for it and everything below.

        Raises `OperationRefused` where it does not exist, is closed, or another mailbox holds its mandate.
        """
        async with self._database.transaction() as transaction:
            agency = await existing_agency(transaction, code)
            if agency.closed_at is not None:
                raise OperationRefused(f"{code} has been closed; connect its successor")
            mailbox = agency.mailbox or MailboxName(agency.key)
            await register.open_mailbox(transaction, mailbox, agency.key, kind)
            holder = await register.grant_mandate(transaction, mailbox, agency.key)
            if holder != mailbox:
                raise OperationRefused(f"the mailbox {holder} holds the mandate for {code} at present")
            if agency.mailbox is None or agency.mailbox_closed_at is not None:
                await self._record(transaction, "agency.connect", {"agency": agency.key, "mailbox": mailbox})
        return mailbox

    async def close(self, code: AgencyCode, *, successor: AgencyCode | None = None) -> None:
        """Close an agency from now on; whoever writes to it is told its *successor*.

        Raises `OperationRefused` where one of them does not exist or it was closed before.
        """
        async with self._database.transaction() as transaction:
            agency = await existing_agency(transaction, code)
            following = (await existing_agency(transaction, successor)).key if successor is not None else None
            if not await register.close_agency(transaction, agency.key, self._clock.now(), following):
                raise OperationRefused(f"{code} was closed before, at {agency.closed_at:%d.%m.%Y}")
            await self._record(transaction, "agency.close", {"agency": agency.key, "successor": following})

    async def register_certificate(self, code: AgencyCode, certificate: x509.Certificate) -> bool:
        """Register a signing certificate for an agency; False where it is registered for it already.

        Raises `OperationRefused` where its key is too weak, or it is registered for somebody else.
        """
        if (weakness := check_key(certificate, "").violation) is not None:
            raise OperationRefused(weakness.en)
        fingerprint = Fingerprint(certificate.fingerprint(SHA256()))
        async with self._database.transaction() as transaction:
            agency = await existing_agency(transaction, code)
            is_new = await register.register_certificate(
                transaction,
                fingerprint=fingerprint,
                agency=agency.key,
                subject=certificate.subject.rfc4514_string(),
                der=certificate.public_bytes(Encoding.DER),
                not_before=certificate.not_valid_before_utc,
                not_after=certificate.not_valid_after_utc,
            )
            if is_new:
                detail: dict[str, object] = {"agency": agency.key, "fingerprint": fingerprint.hex()}
                await self._record(transaction, "certificate.register", detail)
            elif fingerprint not in await _certificates_in_force(transaction, agency.key):
                raise OperationRefused("this certificate belongs to another agency, or was revoked before")
        return is_new

    async def revoke_certificate(self, prefix: str, *, reason: str) -> Fingerprint:
        """Revoke the certificate whose fingerprint begins with *prefix*: what it signs is refused.

        Raises `OperationRefused` where none is meant, or more than one.
        """
        if len(prefix) < LEAST_PREFIX:
            raise OperationRefused(f"give at least {LEAST_PREFIX} characters of the fingerprint")
        async with self._database.transaction() as transaction:
            revoked = await register.revoke_certificate(transaction, prefix, self._clock.now())
            if len(revoked) != 1:
                raise OperationRefused(f"{len(revoked)} certificates in force begin with {prefix}")
            fingerprint, agency = revoked[0]
            await self._record(
                transaction,
                "certificate.revoke",
                {"agency": agency, "fingerprint": fingerprint.hex()},
                reason=reason,
            )
        return fingerprint

    async def _record(
        self,
        transaction: Transaction,
        action: str,
        detail: dict[str, object],
        *,
        reason: str | None = None,
    ) -> None:
        act = Action(operator=self._operator, action=action, reason=reason, detail=detail)
        await desk.record(transaction, [act])


async def existing_agency(connection: Transaction, code: AgencyCode) -> AgencyEntry:
    """Return one agency, by any form of its code; raises `OperationRefused` where there is none."""
    found = await register.read_agencies(connection, [agency_key(code)])
    if not found:
        raise OperationRefused(f"{code} is not in the registry; `truc agency add {code} NAME` enters it")
    return found[0]


async def _is_same(connection: Transaction, key: AgencyKey, name: str, parent: AgencyKey | None) -> bool:
    found = await register.read_agencies(connection, [key])
    return bool(found) and (found[0].name, found[0].parent) == (name, parent)


async def _certificates_in_force(connection: Transaction, agency: AgencyKey) -> frozenset[Fingerprint]:
    entries = await register.read_certificates(connection, agency)
    return frozenset(entry.fingerprint for entry in entries if entry.revoked_at is None)
