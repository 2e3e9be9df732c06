"""Where systems apply for agencies below their own, and learn how that stands."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from adapters.vxp.applications import book
from adapters.vxp.applications.book import Application, Wish
from adapters.vxp.applications.fields import Code, Mail, Name, Telephone
from adapters.vxp.applications.standing import Standing, stand
from adapters.vxp.catalogue.catalogue import Catalogue
from adapters.vxp.refusals import Reason, Refused
from adapters.vxp.systems import System
from hub.message.identifiers import AgencyCode, agency_key

T = TypeVar("T")
_MOST: Final = 20_000
"""Applications of one system: more than any province has units."""
_LEVELS: Final = 32


class Journal(Protocol):
    """The kit's journal, as far as it is needed here."""

    async def write(self, act: Callable[[sqlite3.Connection], T]) -> T:
        """Run *act* in a transaction; what it wrote is on disk on return."""
        ...


class Asked(BaseModel):
    """What a system says of the agency that it applies for."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", coerce_numbers_to_str=True, str_strip_whitespace=True
    )

    code: Code
    name: Name
    pcode: Code
    """The agency above it."""
    mail: Mail = ""
    mobile: Telephone = ""
    fax: Telephone = ""


def read_asked(fields: Mapping[str, object]) -> Asked:
    """Read what a system sent; raises `Refused` and names the first field that is wrong."""
    try:
        return Asked.model_validate({name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        name = ".".join(map(str, wrong["loc"]))
        if wrong["type"] == "missing":
            raise Refused(Reason.MISSING_PARAMETER, name=name) from error
        raise Refused(Reason.WRONG_PARAMETER, name=name, value=wrong["input"]) from error


class ApplicationDesk:
    """What it returned for is on disk; it is pending until the catalogue is as it was applied for."""

    def __init__(self, journal: Journal, catalogue: Catalogue) -> None:
        """Keep applications in *journal*; *catalogue* says who is below whom."""
        self._journal = journal
        self._catalogue = catalogue

    async def enter(self, system: System, asked: Asked) -> None:
        """Apply for an agency to be entered, or to be known by another name.

        Raises `Refused` where it would not be below the system's own, or nobody knows the one above it.
        """
        self._require_catalogue()
        own = await self._journal.write(lambda connection: book.of_system(connection, system.systemid))
        self._require_below(system, asked, own)
        application = Application(
            systemid=system.systemid,
            wish=Wish.ENTER,
            code=AgencyCode(asked.code),
            name=asked.name,
            parent=AgencyCode(asked.pcode),
            contacts=tuple(
                (name, value)
                for name, value in (("mail", asked.mail), ("mobile", asked.mobile), ("fax", asked.fax))
                if value
            ),
            applied_at=datetime.now(UTC),
        )
        await self._keep(application, own)

    async def close(self, system: System, code: str) -> None:
        """Apply for an agency to be closed; for one that was only applied for, that is taken back.

        Raises `Refused` where there is none of that code below the system's own.
        """
        self._require_catalogue()
        own = await self._journal.write(lambda connection: book.of_system(connection, system.systemid))
        key = agency_key(code)
        found = self._catalogue.find(code)
        if found is None:
            if key not in {each.key for each in own}:
                raise Refused(Reason.UNKNOWN_AGENCY, code=code)
            await self._journal.write(lambda connection: book.forget(connection, system.systemid, key))
            return
        if key == system.key or not self._catalogue.is_within(code, system.agency):
            raise Refused(Reason.FOREIGN_AGENCY, sender=code, registered=system.agency)
        application = Application(
            systemid=system.systemid,
            wish=Wish.CLOSE,
            code=found.code,
            name=found.name,
            applied_at=datetime.now(UTC),
        )
        await self._keep(application, own)

    async def pending(self, system: System) -> Sequence[Standing]:
        """Return what of the system's applications the catalogue does not show yet."""
        own, others = await self._journal.write(lambda connection: _with_others(connection, system.systemid))
        found = [self._stand(each, others) for each in own]
        return [each for each in found if each.is_pending]

    def _stand(self, application: Application, others: Sequence[Application]) -> Standing:
        same = tuple(
            each for each in others if each.key == application.key and each.systemid != application.systemid
        )
        return stand(application, self._catalogue.find(application.code), others=same)

    async def _keep(self, application: Application, own: Sequence[Application]) -> None:
        if len(own) >= _MOST and application.key not in {each.key for each in own}:
            raise Refused(Reason.NOT_ALLOWED)
        await self._journal.write(lambda connection: book.note(connection, application))

    def _require_catalogue(self) -> None:
        if self._catalogue.version is None:
            raise Refused(Reason.NOT_READY)

    def _require_below(self, system: System, asked: Asked, own: Sequence[Application]) -> None:
        """Refuse what would not be below the system's own agency, by the catalogue and what is pending."""
        if agency_key(asked.code) == system.key:
            raise Refused(Reason.FOREIGN_AGENCY, sender=asked.code, registered=system.agency)
        known = self._catalogue.find(asked.code)
        if known is not None and not self._catalogue.is_within(known.key, system.agency):
            raise Refused(Reason.FOREIGN_AGENCY, sender=asked.code, registered=system.agency)
        above = {each.key: each.parent for each in own if each.wish is Wish.ENTER}
        current: str | None = asked.pcode
        for _ in range(_LEVELS):
            if current is None or agency_key(current) == agency_key(asked.code):
                break
            if (entry := self._catalogue.find(current)) is not None:
                if not self._catalogue.is_within(entry.key, system.agency):
                    raise Refused(Reason.FOREIGN_AGENCY, sender=asked.pcode, registered=system.agency)
                if not entry.is_open:
                    break
                return
            current = above.get(agency_key(current))
        raise Refused(Reason.UNKNOWN_AGENCY, code=asked.pcode)


def _with_others(
    connection: sqlite3.Connection, systemid: str
) -> tuple[Sequence[Application], Sequence[Application]]:
    own = book.of_system(connection, systemid)
    return own, book.about(connection, [each.key for each in own])
