"""What `truc agency export` and `import` do: the catalogue of agencies as JSON, a line for each."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hub.backends.postgres.agency_catalogue import CatalogueEntry
from hub.commands import shown
from hub.commands.place import load_settings, operators_database
from hub.errors import OperationRefused
from hub.message.identifiers import AgencyCode
from hub.operations.agency_catalogue import Entered, NewAgency, enter_agencies, read_all

_COMPLAINTS: Final = 10


class _Line(BaseModel):
    """One line of a list; what else stands in it, as in a list that was exported, is read by nobody."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    code: Annotated[str, Field(min_length=1, max_length=100)]
    name: Annotated[str, Field(min_length=1, max_length=1000)]
    parent: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    closed_at: str | None = None


async def export_catalogue(home: Path | None, settings: Path | None) -> Iterator[str]:
    """Return the lines of the whole catalogue as it is at one instant, each with its line end."""
    async with operators_database(load_settings(home, settings)) as database:
        return map(_written, await read_all(database))


async def import_agencies(home: Path | None, settings: Path | None, operator: str, text: str) -> Entered:
    """Enter the agencies that the lines of *text* name, all or none; closed ones are left out.

    Raises `OperationRefused` with what is wrong, line by line.
    """
    agencies = read_lines(text)
    async with operators_database(load_settings(home, settings)) as database:
        return await enter_agencies(database, agencies, operator=operator)


def read_lines(text: str) -> list[NewAgency]:
    """Read a list of agencies; raises `OperationRefused` with what is wrong, line by line."""
    agencies: list[NewAgency] = []
    complaints: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            read = _Line.model_validate_json(line)
        except ValidationError as error:
            complaints += [f"line {number}: {_told(each)}" for each in error.errors(include_url=False)]
            continue
        if read.closed_at is None:
            parent = AgencyCode(read.parent) if read.parent is not None else None
            agencies.append(NewAgency(code=AgencyCode(read.code), name=read.name, parent=parent))
    if complaints:
        more = f"; and {len(complaints) - _COMPLAINTS} more" if len(complaints) > _COMPLAINTS else ""
        raise OperationRefused("; ".join(complaints[:_COMPLAINTS]) + more)
    return agencies


def _told(error: object) -> str:
    match error:
        case {"loc": [*place], "msg": str(sentence)}:
            return " ".join((*map(str, place), sentence))
        case _:
            return "it cannot be read"


def _written(entry: CatalogueEntry) -> str:
    return json.dumps(shown.plain(entry), ensure_ascii=False) + "\n"
