"""Who is late: documents that were not delivered, not collected, not acknowledged in time, or are overdue."""

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from hub.backends.postgres import lateness
from hub.backends.postgres.lateness import LateCount, LateDelivery, LateFilter
from hub.backends.postgres.pool import Database
from hub.message.identifiers import AgencyKey, DeliveryId, agency_key
from hub.message.lateness import Lateness, Today
from hub.message.receipt_xml import VIETNAM_TIME
from hub.ports import Clock

HORIZON: Final = timedelta(days=60)
"""How far back is looked unless somebody asks for more."""
_PAGE: Final = 2000
COLUMNS: Final = (
    "lateness",
    "recipient",
    "sender",
    "document_id",
    "number",
    "subject",
    "state",
    "accepted_at",
    "consigned_at",
    "acknowledged_at",
    "due_on",
    "delivery_id",
)
"""First line of an export; instants are in Vietnam time (ISO 8601)."""
_FORMULA: Final = re.compile(r"(^|[;\t\r\n\"])( *)(?=[=+\-@＝＋－＠\t\r])")
"""Where a formula may begin: a spreadsheet set to Vietnamese takes a semicolon for the end of a cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LateAgency:
    """One recipient with what is late there."""

    recipient: AgencyKey
    name: str | None
    counts: dict[Lateness, LateCount]

    @property
    def deliveries(self) -> int:
        """How many are late in all."""
        return sum(each.deliveries for each in self.counts.values())


class LateDesk:
    """What an operator sees of lateness, as of now."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Read *database*; *clock* says which day it is."""
        self._database = database
        self._clock = clock

    def filter(
        self,
        *,
        recipient: str | None = None,
        lateness: Lateness | None = None,
        visible_to: tuple[AgencyKey, ...] | None = None,
    ) -> LateFilter:
        """Return what takes everything within `HORIZON` that fits; a recipient by any form of its code."""
        return LateFilter(
            since=self._clock.now() - HORIZON,
            recipient=agency_key(recipient) if recipient else None,
            lateness=lateness,
            visible_to=visible_to,
        )

    async def agencies(self, visible_to: tuple[AgencyKey, ...] | None = None) -> tuple[LateAgency, ...]:
        """Return the recipients where something is late, the worst first."""
        now = self._clock.now()
        counts = await lateness.count_late(self._database, now - HORIZON, Today.at(now), visible_to)
        return tuple(sorted(_by_agency(counts), key=lambda each: (-each.deliveries, each.recipient)))

    async def find(
        self, wanted: LateFilter, *, behind: DeliveryId | None = None, limit: int = 100
    ) -> tuple[LateDelivery, ...]:
        """Return up to *limit* late deliveries behind *behind*, the oldest first."""
        today = Today.at(self._clock.now())
        return await lateness.find_late(self._database, wanted, today, behind=behind, limit=limit)

    async def export(self, wanted: LateFilter) -> AsyncIterator[str]:
        """Yield everything that *wanted* describes as CSV (RFC 4180), piece by piece."""
        yield _written([COLUMNS])
        behind: DeliveryId | None = None
        while found := await self.find(wanted, behind=behind, limit=_PAGE):
            yield _written(_line(each) for each in found)
            behind = found[-1].delivery_id


def _by_agency(counts: Iterable[LateCount]) -> Iterable[LateAgency]:
    found: dict[AgencyKey, LateAgency] = {}
    for each in counts:
        known = found.get(each.recipient) or LateAgency(recipient=each.recipient, name=each.name, counts={})
        found[each.recipient] = replace(known, counts={**known.counts, each.lateness: each})
    return found.values()


def _line(late: LateDelivery) -> tuple[str, ...]:
    instants = (late.created_at, late.consigned_at, late.acknowledged_at)
    accepted, consigned, acknowledged = (
        at.astimezone(VIETNAM_TIME).isoformat(timespec="seconds") if at is not None else "" for at in instants
    )
    return (
        late.lateness.value,
        late.recipient,
        late.sender,
        _harmless(late.document_id),
        _harmless(late.document_code),
        _harmless(late.subject),
        late.state.value,
        accepted,
        consigned,
        acknowledged,
        late.due_on.isoformat() if late.due_on is not None else "",
        str(late.delivery_id),
    )


def _harmless(text: str | None) -> str:
    """Return *text* so that a spreadsheet takes it for text: a sender chose it, and formulas are run."""
    return _FORMULA.sub(r"\1\2'", text or "")


def _written(rows: Iterable[Iterable[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()
