"""An agency of the catalogue, as the hub tells of it."""

import re
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hub.message.identifiers import AgencyCode, AgencyKey

_LARGEST: Final = 2**53 - 1
_DECREE_20: Final = re.compile(r"[A-Z][0-9]{2}(?:\.[0-9A-Z]+)*")
_LONGEST_DECREE_20: Final = 35


class CatalogueEntry(BaseModel):
    """An agency, open or closed; what a later hub adds is left aside."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    number: Annotated[int, Field(ge=1, le=_LARGEST)]
    """Its own for good."""
    key: Annotated[AgencyKey, Field(min_length=1)]
    code: Annotated[AgencyCode, Field(min_length=1)]
    """As the registry writes it."""
    name: str
    level: int
    parent: AgencyKey | None
    closed_at: AwareDatetime | None
    successor: AgencyKey | None
    version: Annotated[int, Field(ge=1, le=_LARGEST)]
    changed_at: AwareDatetime

    @property
    def is_open(self) -> bool:
        """Whether it exists still."""
        return self.closed_at is None


class CataloguePage(BaseModel):
    """Some of the catalogue, as it was at one instant."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    version: Annotated[int, Field(ge=0, le=_LARGEST)]
    agencies: tuple[CatalogueEntry, ...]
    next_after: str | None


def has_decree_20_form(code: str) -> bool:
    """Whether *code* is written as QĐ 20/2020 has it, `H37.02.02`; no other form is ever turned into it."""
    return len(code) <= _LONGEST_DECREE_20 and _DECREE_20.fullmatch(code) is not None
