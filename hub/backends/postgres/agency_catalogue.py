"""The catalogue of agencies: what everybody who sends has to know of the registry, page by page."""

from dataclasses import dataclass
from datetime import datetime

from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.statements import statement
from hub.message.identifiers import AgencyCode, AgencyKey


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """An agency, open or closed, as those who send by the catalogue know it."""

    number: int
    """Its own for good, whatever its code is written like."""
    key: AgencyKey
    code: AgencyCode
    name: str
    level: int
    parent: AgencyKey | None
    closed_at: datetime | None
    successor: AgencyKey | None
    version: int
    """That of the catalogue with which the entry last changed."""
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CataloguePage:
    """Some of the catalogue, in the order of keys, as it was at one instant."""

    version: int
    """That of the whole catalogue at that instant: what changes later has a higher one."""
    entries: tuple[CatalogueEntry, ...]


async def read_catalogue(
    connection: Transaction, *, after: AgencyKey | None = None, since: int = 0, limit: int | None = None
) -> CataloguePage:
    """Return the entries behind the key *after* that have changed since the version *since*."""
    rows = await connection.fetch(statement("read_catalogue"), after, since, limit)
    entries = [dict(row) for row in rows]
    standing = int(str(entries[0].pop("standing")))
    for each in entries[1:]:
        del each["standing"]
    return CataloguePage(
        version=standing,
        entries=tuple(CatalogueEntry(**each) for each in entries if each["key"] is not None),
    )
