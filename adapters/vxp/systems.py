"""The systems that call the gateway, and for which agencies each of them speaks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self

from hub.message.identifiers import AgencyCode, AgencyKey, agency_key


class Face(StrEnum):
    """The interfaces that a system may use."""

    XROAD = "xroad"
    PROVINCIAL = "provincial"


class FailMeans(StrEnum):
    """What the sender is told when a system reports `fail` for a document."""

    REFUSAL = "refusal"
    """Status 02, with the description."""
    NOTHING = "nothing"
    """It stays between the system and its gateway, and the axis calls an operator when 01 stays away."""


ALL_FACES: Final = frozenset(Face)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A document-management system of one agency, or of several."""

    systemid: str
    """ASCII without spaces: it stands in the signatures that are made for the system."""
    secret: str = field(repr=False)
    agency: AgencyCode
    """Whose system it is."""
    units: tuple[AgencyCode, ...] = ()
    """Others that it speaks for."""
    with_subordinates: bool = False
    """Whether it speaks for every agency below its own that has no system itself."""
    requests_per_minute: int = 600
    documents_per_minute: int = 120
    faces: frozenset[Face] = ALL_FACES
    acknowledges_itself: bool = False
    """Whether it sends its own status 01 or 03 always, so that `done` must not send one."""
    fail_means: FailMeans = FailMeans.REFUSAL

    @property
    def key(self) -> AgencyKey:
        """Canonical key of its agency."""
        return agency_key(self.agency)

    @property
    def named_keys(self) -> frozenset[AgencyKey]:
        """Its agency and the others that are named."""
        return frozenset({self.key, *map(agency_key, self.units)})

    def is_above(self, agency: AgencyKey) -> bool:
        """Whether *agency* is below the system's own."""
        return agency.startswith(f"{self.key}.")


class Systems:
    """All systems, as the settings have them now."""

    def __init__(self, systems: Iterable[System]) -> None:
        """Take *systems*; the settings have seen to it that no two claim one agency."""
        self._by_id: Mapping[str, System] = MappingProxyType({each.systemid: each for each in systems})
        self._by_agency: Mapping[AgencyKey, System] = MappingProxyType(
            {key: each for each in self._by_id.values() for key in each.named_keys}
        )

    @classmethod
    def none(cls) -> Self:
        """Return the systems of a gateway that nobody uses yet."""
        return cls(())

    def find(self, systemid: str) -> System | None:
        """Return the system of that name."""
        return self._by_id.get(systemid)

    def all(self) -> tuple[System, ...]:
        """Return every system."""
        return tuple(self._by_id.values())

    def serving(self, agency: AgencyKey) -> System | None:
        """Return the one that speaks for *agency*: by name, or else the nearest above that says so."""
        found = self._by_agency.get(agency)
        if found is not None:
            return found
        groups = agency.split(".")
        above = (AgencyKey(".".join(groups[:count])) for count in range(len(groups) - 1, 0, -1))
        for each in above:
            system = self._by_agency.get(each)
            if system is not None and system.with_subordinates and system.key == each:
                return system
        return None

    def speaks_for(self, system: System, code: AgencyCode) -> bool:
        """Whether *system* may send in the name of *code* and receive what is for it."""
        return self.serving(agency_key(code)) is system
