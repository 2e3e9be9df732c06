"""Proves that the audit log is as it was sealed, or names the first row that is not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from hub.backends.postgres.audit_log import (
    LOWEST,
    LoggedEvent,
    LogState,
    Unsealed,
    count_unsealed,
    read_log,
    read_log_state,
    read_restores,
)
from hub.backends.postgres.pool import Database
from hub.evidence.chain import GENESIS, canonical_fields, leaf, link

NAMED: Final = 20
"""Broken rows that are named; the rest is counted."""


class Damage(StrEnum):
    """What was done to a row of the log."""

    ALTERED = "altered"
    """The event, or its link, is not what was sealed."""
    INSERTED = "inserted"
    """An event stands between sealed ones and was never sealed."""
    REMOVED = "removed"
    """The seal is there, and the event is gone."""
    CUT_OUT = "cut out"
    """Events are gone with their seals: positions are missing."""
    OTHER_HEAD = "other head"
    """A head that was kept elsewhere is not in this log: its end was cut off, or the log was written anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """One place where the log is not as it was sealed."""

    damage: Damage
    position: int | None
    event_id: int | None
    at: datetime | None = None
    name: str | None = None
    message_id: UUID | None = None
    delivery_id: UUID | None = None


@dataclass(slots=True)
class ChainCheck:
    """Follows the chain, row by row in the order of event ids; goes on behind what is broken."""

    heads: Mapping[int, bytes] = field(default_factory=dict)
    """Links that were kept elsewhere, by their positions."""
    position: int = 0
    link: bytes = GENESIS
    checked: int = 0
    count: int = 0
    first: list[Broken] = field(default_factory=list)

    def follow(self, rows: Sequence[LoggedEvent]) -> None:
        """Check the next *rows*."""
        for row in rows:
            self.checked += 1
            if row.position is None or row.link is None:
                self._tell(_about(Damage.INSERTED, row))
            else:
                self._follow(row, row.position, row.link)

    def end(self) -> None:
        """Check that every head was passed: one that is not reached was cut off."""
        for position in sorted(each for each in self.heads if each > self.position):
            self._tell(Broken(damage=Damage.OTHER_HEAD, position=position, event_id=None))

    def _follow(self, row: LoggedEvent, position: int, sealed: bytes) -> None:
        if position != self.position + 1:
            self._tell(Broken(damage=Damage.CUT_OUT, position=self.position + 1, event_id=None))
        elif row.fields is None:
            self._tell(_about(Damage.REMOVED, row))
        elif link(self.link, leaf(canonical_fields(*row.fields))) != sealed:
            self._tell(_about(Damage.ALTERED, row))
        if self.heads.get(position, sealed) != sealed:
            self._tell(_about(Damage.OTHER_HEAD, row))
        self.position, self.link = position, sealed

    def _tell(self, broken: Broken) -> None:
        self.count += 1
        if len(self.first) < NAMED:
            self.first.append(broken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """The database was put back to an instant; heads from after it are of the history that was replaced."""

    at: datetime
    operator: str
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found."""

    state: LogState
    checked: int
    broken_count: int
    broken: tuple[Broken, ...]
    """The first of them, in the order of the log."""
    unsealed: Unsealed
    restores: tuple[Restore, ...]

    @property
    def holds(self) -> bool:
        """Whether everything that is sealed is as it was sealed."""
        return not self.broken_count


async def verify_log(
    database: Database,
    *,
    heads: Mapping[int, bytes] | None = None,
    progress: Callable[[int, int], None] = lambda _checked, _all: None,
) -> Verdict:
    """Check every sealed event against the chain, and the chain against *heads* (position → link).

    What is sealed never changes, so batches of it need no common snapshot, and a running hub is not in the
    way. Whoever may write every table can write the whole chain anew: only a head that was kept elsewhere
    shows that.
    """
    state = await read_log_state(database)
    check = ChainCheck(dict(heads or {}))
    start = LOWEST
    while start <= state.event_id:
        async with database.connection() as connection:
            rows, reached = await read_log(connection, start=start, up_to=state.event_id)
        check.follow(rows)
        start = reached + 1
        progress(check.position, state.sealed)
    check.end()
    async with database.connection() as connection:
        unsealed = await count_unsealed(connection, state.event_id)
        restores = await read_restores(connection)
    return Verdict(
        state=state,
        checked=check.checked,
        broken_count=check.count,
        broken=tuple(check.first),
        unsealed=unsealed,
        restores=tuple(Restore(at=at, operator=who, detail=detail) for at, who, detail in restores),
    )


def _about(damage: Damage, row: LoggedEvent) -> Broken:
    if row.fields is None:
        return Broken(damage=damage, position=row.position, event_id=row.event_id)
    _, at, name, message_id, delivery_id, _ = row.fields
    return Broken(
        damage=damage,
        position=row.position,
        event_id=row.event_id,
        at=None if at is None else _instant(at),
        name=None if name is None else name.decode(),
        message_id=None if message_id is None else UUID(bytes=message_id),
        delivery_id=None if delivery_id is None else UUID(bytes=delivery_id),
    )


def _instant(octets: bytes) -> datetime:
    return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=int.from_bytes(octets, signed=True))
