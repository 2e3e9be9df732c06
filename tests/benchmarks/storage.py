"""What the axis keeps in PostgreSQL for each octet that was submitted."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.benchmarks.place import Place

SIZES = """
    select relname as name, pg_total_relation_size(oid) as octets
    from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The growth of the product's tables, with indexes and TOAST, after a vacuum."""

    submitted: int
    by_table: Mapping[str, int]

    @property
    def octets(self) -> int:
        """All tables together."""
        return sum(self.by_table.values())

    @property
    def per_submitted_octet(self) -> float:
        """Octets stored for one octet received."""
        return self.octets / self.submitted

    def largest_first(self) -> dict[str, int]:
        """Return the octets of each table, in the order of their size."""
        return dict(sorted(self.by_table.items(), key=lambda item: -item[1]))


async def table_sizes(place: Place) -> dict[str, int]:
    """Return the octets that each table takes now."""
    async with place.database() as connection:
        await connection.execute("vacuum analyze")
        return {row["name"]: row["octets"] for row in await connection.fetch(SIZES)}


def stored(before: Mapping[str, int], after: Mapping[str, int], submitted: int) -> Stored:
    """Return what came to lie in the tables."""
    grown = {name: octets - before.get(name, 0) for name, octets in after.items()}
    return Stored(submitted=submitted, by_table={name: octets for name, octets in grown.items() if octets})
