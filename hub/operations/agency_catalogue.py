"""The catalogue of agencies: read page by page, taken along as a file, and entered from one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from hub.backends.postgres import agency_catalogue, desk, register
from hub.backends.postgres.agency_catalogue import CatalogueEntry, CataloguePage
from hub.backends.postgres.desk import Action
from hub.backends.postgres.pool import Database, Transaction
from hub.errors import OperationRefused
from hub.message.identifiers import AgencyCode, AgencyKey, agency_key

_NAMED: Final = 10
"""Codes that a refusal names, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAgency:
    """An agency to enter; the codes are in any of their forms."""

    code: AgencyCode
    name: str
    parent: AgencyCode | None

    @property
    def key(self) -> AgencyKey:
        """The canonical form of its code."""
        return agency_key(self.code)

    @property
    def above(self) -> AgencyKey | None:
        """The key of the agency above it."""
        return agency_key(self.parent) if self.parent is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """What became of a list of agencies."""

    entered: int
    were_there: int
    """The same in every respect."""


async def read_page(database: Database, *, after: AgencyKey | None, since: int, limit: int) -> CataloguePage:
    """Return a page of the catalogue: the entries behind *after* that have changed since the version *since*.

    It is no secret between agencies: who may ask at all sees all of it.
    """
    async with database.connection() as connection:
        return await agency_catalogue.read_catalogue(connection, after=after, since=since, limit=limit)


async def read_all(database: Database) -> Sequence[CatalogueEntry]:
    """Return the whole catalogue as it is at one instant."""
    async with database.connection() as connection:
        return (await agency_catalogue.read_catalogue(connection)).entries


async def enter_agencies(database: Database, agencies: Iterable[NewAgency], *, operator: str) -> Entered:
    """Enter all of *agencies*, or none; those that are there already, the same in every respect, stay.

    Raises `OperationRefused` where a code stands for another agency, or a parent for none.
    """
    wanted = _once_each(agencies)
    async with database.transaction() as transaction:
        new = await _insert_downwards(transaction, wanted)
        await _refuse_other_agencies(transaction, wanted)
        if new:
            detail: dict[str, object] = {"entered": len(new), "first": new[:_NAMED]}
            act = Action(operator=operator, action="agency.import", detail=detail)
            await desk.record(transaction, [act])
    return Entered(entered=len(new), were_there=len(wanted) - len(new))


def _once_each(agencies: Iterable[NewAgency]) -> dict[AgencyKey, NewAgency]:
    wanted: dict[AgencyKey, NewAgency] = {}
    for each in agencies:
        if wanted.setdefault(each.key, each) != each:
            raise OperationRefused(f"{each.code} stands in the list twice, with another name or parent")
    return wanted


async def _insert_downwards(transaction: Transaction, wanted: dict[AgencyKey, NewAgency]) -> list[AgencyKey]:
    """Insert level by level, the parent of each before it; return the keys of those that are new."""
    new: list[AgencyKey] = []
    left = dict(wanted)
    while left:
        rank = [each for each in left.values() if each.above is None or each.above not in left]
        if not rank:
            raise OperationRefused(f"these are above one another: {_names(left)}")
        await _refuse_orphans(transaction, rank)
        new += await register.insert_agencies(
            transaction, [(each.key, each.code, each.name, each.above) for each in rank]
        )
        for each in rank:
            del left[each.key]
    return new


async def _refuse_orphans(transaction: Transaction, rank: Sequence[NewAgency]) -> None:
    parents = {each.above for each in rank if each.above is not None}
    found = {each.key for each in await register.read_agencies(transaction, sorted(parents))}
    if missing := parents - found:
        raise OperationRefused(f"no agency of the registry or of the list has the code {_names(missing)}")


async def _refuse_other_agencies(transaction: Transaction, wanted: dict[AgencyKey, NewAgency]) -> None:
    found = await register.read_agencies(transaction, list(wanted))
    other = {
        each.code
        for each in found
        if (each.name, each.parent) != (wanted[each.key].name, wanted[each.key].above)
    }
    if other:
        raise OperationRefused(
            f"these stand for another name or parent: {_names(other)}; `truc agency show CODE` shows it"
        )


def _names(codes: Iterable[str]) -> str:
    ordered = sorted(codes)
    more = f" and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else ""
    return ", ".join(ordered[:_NAMED]) + more
