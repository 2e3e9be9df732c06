"""Whether the database has room: with a full disk it refuses what grows, and answers all else.

A look that only reads, or commits next to nothing, would find such a database well; intake would take, fail
and give back in a circle, and each round would count towards the broker's delivery limit.
"""

from typing import Final, Protocol

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger()

ADVICE: Final = (
    "the disk of the database is full: free space on it or enlarge it; intake waits, nothing is lost, and it "
    "goes on by itself"
)
LITTLE_MEMORY: Final = "set local work_mem = '64kB'"
FILL: Final = """
select max(length(filler)) from (
    select repeat(md5(number::text), 250) as filler from generate_series(1, 4096) as number order by 1
) as sorted
"""
"""Sorts 32 MB, more than the largest batch, in files on the database's own disk, which go away with it."""


class Session(Protocol):
    """A connection inside a transaction."""

    async def execute(self, query: str, *values: object) -> str:
        """Run *query*."""
        ...

    async def fetchval(self, query: str, *values: object) -> object:
        """Run *query* and return the first value of its first row."""
        ...


class Room:
    """Remembers that the database had none, until it has again."""

    def __init__(self) -> None:
        """Begin with room."""
        self.shortage: str | None = None
        """What the database said; nothing while there is room."""

    def is_missing(self, why: str) -> None:
        """Take note that something was refused because the disk is full."""
        if self.shortage is None:
            log.error("database.full", reason=why, advice=ADVICE)
        self.shortage = why

    async def look(self, session: Session) -> None:
        """Return once *session* could write as much as a batch does; raises what the database says else."""
        await session.execute(LITTLE_MEMORY)
        await session.fetchval(FILL)
        self.shortage = None
        log.warning("database.has_room")
