"""Revocation data in the database: fetched by one process, read by all, still there after a restart."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.statements import columns, statement
from hub.message.identifiers import Digest, Fingerprint
from hub.message.trust import NOTHING_KNOWN, TrustMaterial, TrustObject, TrustObjectKind
from hub.signature.expiry import Warned
from hub.signature.inquiry import Inquiry


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """A source, and how it went with it."""

    source: str
    kind: str
    url: str
    fingerprint: Fingerprint | None
    digest: Digest | None
    octets: int | None
    fetched_at: datetime | None
    next_update: datetime | None
    due_at: datetime
    failures: int
    failure: str | None


class RevocationStock:
    """The newest of all sources, in memory; bytes that are there already are not read again."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._version = -1
        self._objects: Mapping[bytes, TrustObject] = MappingProxyType({})
        self._material = NOTHING_KNOWN

    def is_older(self, version: int) -> bool:
        """Whether it was read before *version*."""
        return version != self._version

    async def renew(self, connection: Transaction, version: int) -> TrustMaterial:
        """Return what the database has as of *version* or later."""
        # One statement: nothing is replaced between its parts, and nothing is missing for a moment.
        rows = await connection.fetch(statement("read_revocation_data"), list(self._objects))
        issuers = await connection.fetch(statement("read_issuing_certificates"))
        found = {
            row["digest"]: self._objects[row["digest"]]
            if row["body"] is None
            else TrustObject.of(TrustObjectKind(row["kind"]), row["body"])
            for row in rows
        }
        self._objects = found
        self._version = version
        self._material = TrustMaterial(
            issuers=tuple(TrustObject.of(TrustObjectKind.CERTIFICATE, row["der"]) for row in issuers),
            crls={row["url"]: found[row["digest"]] for row in rows if row["fingerprint"] is None},
            responses={
                Fingerprint(row["fingerprint"]): found[row["digest"]]
                for row in rows
                if row["fingerprint"] is not None
            },
        )
        return self._material


async def remember_warnings(database: Database, warnings: Sequence[Warned]) -> tuple[Warned, ...]:
    """Note *warnings* and return those that nobody had noted before."""
    rows = [(each.fingerprint, each.days) for each in warnings]
    async with database.transaction() as transaction:
        new = await transaction.fetch(statement("enter_certificate_warnings"), *columns(rows, 2))
    return tuple(Warned(fingerprint=Fingerprint(row["fingerprint"]), days=row["days"]) for row in new)


class PostgresRevocation:
    """What was fetched, and what is to be fetched when."""

    def __init__(self, database: Database) -> None:
        """Keep everything in *database*."""
        self._database = database

    async def enter(self, sources: Iterable[Inquiry]) -> None:
        """Know exactly *sources*; what was fetched from others is dropped."""
        rows = sorted((each.key, each.kind.value, each.url, each.fingerprint) for each in sources)
        async with self._database.transaction() as transaction:
            await transaction.execute(statement("enter_revocation_sources"), *columns(rows, 4))
            await transaction.execute(statement("drop_revocation_sources"), [row[0] for row in rows])

    async def claim(self, wanted: Collection[str], *, limit: int, lease: timedelta) -> frozenset[str]:
        """Take up to *limit* sources of *wanted* that are due; for *lease* nobody else takes them."""
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch(
                statement("claim_revocation_sources"), list(wanted), limit, lease.total_seconds()
            )
        return frozenset(row["source"] for row in rows)

    async def keep(
        self, source: str, data: TrustObject, *, next_update: datetime | None, due_in: timedelta
    ) -> None:
        """Keep *data* as the newest of *source*."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                statement("keep_revocation_data"),
                source,
                data.digest,
                data.body,
                next_update,
                due_in.total_seconds(),
            )

    async def confirm(self, source: str, *, due_in: timedelta) -> None:
        """Note that the newest of *source* is what is kept already."""
        async with self._database.transaction() as transaction:
            await transaction.execute(statement("confirm_revocation_data"), source, due_in.total_seconds())

    async def note_failure(self, source: str, reason: str, *, due_in: timedelta) -> int:
        """Note that *source* gave nothing that can be used; returns how often this is so now."""
        async with self._database.transaction() as transaction:
            count = await transaction.fetchval(
                statement("note_revocation_failure"), source, reason, due_in.total_seconds()
            )
        return count if isinstance(count, int) else 0

    async def registry_version(self) -> int:
        """Return what every change of the registry changes."""
        async with self._database.connection() as connection:
            version = await connection.fetchval("select version from registry_versions")
        return version if isinstance(version, int) else 0

    async def certificates(self) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """Return the certificates that are good or will be, the hub's too, and those of issuers, in DER."""
        async with self._database.connection() as connection:
            good = await connection.fetch(statement("read_good_certificates"))
            issuers = await connection.fetch(statement("read_issuing_certificates"))
            above_us = await connection.fetch(statement("read_hub_chains"))
        return tuple(row["der"] for row in good), tuple(row["der"] for row in (*issuers, *above_us))

    async def sources(self) -> tuple[SourceEntry, ...]:
        """Return all sources."""
        async with self._database.connection() as connection:
            return tuple(
                SourceEntry(**row) for row in await connection.fetch(statement("list_revocation_sources"))
            )
