"""Dead letters as cases: find them by root cause, look at them, share them out, replay or discard them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from hub.backends.postgres import caseload, desk
from hub.backends.postgres.caseload import CaseGroup, CaseNote, GroupFilter
from hub.backends.postgres.desk import Attempt, Case, CaseFilter, LockedCase
from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.statements import PLANNED_ANEW
from hub.backends.postgres.tracing import read_dossier
from hub.errors import NothingFound, OperationRefused
from hub.message.identifiers import AgencyKey
from hub.operations.case_batch import Act, Errand, Handled, each_batch
from hub.operations.discarding import Notice, discard, restore
from hub.operations.replaying import Detour, replay
from hub.operations.trace import Moment, timeline
from hub.ports import Attest, Clock

MOST_CHARACTERS: Final = 10_000
"""Of a note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """A case with everything that is known about its delivery."""

    case: Case
    attempts: tuple[Attempt, ...]
    notes: tuple[CaseNote, ...] = ()
    """Those on earlier cases of the same delivery, too."""
    timeline: tuple[Moment, ...] = ()
    """Of the message, as far as it is about this delivery or about all of them."""


class CaseDesk:
    """The operators' work on dead letters, a transaction for each few hundred; all of it is recorded."""

    def __init__(
        self,
        database: Database,
        *,
        operator: str,
        clock: Clock,
        new_id: Callable[[], UUID],
        visible_to: tuple[AgencyKey, ...] | None = None,
        at_most: int | None = None,
    ) -> None:
        """Work in the name of *operator*, who sees and touches what *visible_to* sends or receives.

        More than *at_most* cases are not replayed or discarded at once: that is a campaign, which a second
        person confirms.
        """
        self._database = database
        self._operator = operator
        self._clock = clock
        self._new_id = new_id
        self._visible_to = visible_to
        self._at_most = at_most

    async def groups(self, wanted: GroupFilter | None = None, *, limit: int = 200) -> tuple[CaseGroup, ...]:
        """Return the root causes of the open cases that *wanted* describes, the most frequent first."""
        seen = replace(wanted or GroupFilter(), visible_to=self._visible_to)
        async with self._database.transaction() as transaction:
            await transaction.execute(PLANNED_ANEW)
            return await caseload.read_groups(transaction, seen, limit=limit)

    async def find(self, wanted: CaseFilter, *, limit: int = 100, after: int = 0) -> tuple[Case, ...]:
        """Return up to *limit* of the cases that *wanted* describes, oldest first, behind number *after*."""
        seen = replace(wanted, visible_to=self._visible_to)
        async with self._database.transaction() as transaction:
            await transaction.execute(PLANNED_ANEW)
            return await desk.read_cases(transaction, seen, limit=limit, after=after)

    async def show(self, case_id: int) -> CaseFile:
        """Return one case with all that is known; raises `OperationRefused` where there is none."""
        wanted = CaseFilter(case_ids=(case_id,), is_open=False, visible_to=self._visible_to)
        async with self._database.transaction() as transaction:
            found = await desk.read_cases(transaction, wanted, limit=1)
            if not found:
                raise NothingFound(
                    f"there is no case {case_id}; `truc deadletter list` shows those that are open"
                )
            return await _file_of(transaction, found[0])

    async def replay(self, case_ids: Sequence[int], *, reason: str | None = None) -> Handled:
        """Send dead letters again, each under its own delivery id, once, however many operators ask.

        A case is refused, and nothing of it changed, where it is closed, where the recipient has acknowledged
        the delivery after all, or where the recipient has the same content through another delivery.
        """
        self._check_number(case_ids)
        return await self._each_batch(case_ids, partial(replay, errand=self._errand(reason)))

    async def reroute(self, case_ids: Sequence[int], detour: Detour, *, reason: str) -> Handled:
        """Send dead letters again to another mailbox, as a signed overlay says; the bytes stay as they are.

        Refused, besides what refuses a replay, where that mailbox has no mandate above the recipient.
        """
        self._check_number(case_ids)
        errand = self._errand(_given(reason, "a route is changed"))
        return await self._each_batch(case_ids, partial(replay, errand=errand, detour=detour))

    async def discard(self, case_ids: Sequence[int], *, reason: str, attest: Attest) -> Handled:
        """Give dead letters up for good; each sender gets a signed failure in the same commit."""
        self._check_number(case_ids)
        notice = Notice(attest=attest, clock=self._clock, new_id=self._new_id)
        errand = self._errand(_given(reason, "a dead letter is discarded"))
        return await self._each_batch(case_ids, partial(discard, errand=errand, notice=notice))

    async def restore(self, case_ids: Sequence[int], *, reason: str) -> Handled:
        """Take the discard of cases back: they are open again, and nothing is sent."""
        errand = self._errand(_given(reason, "a discard is taken back"))
        return await self._each_batch(case_ids, partial(restore, errand=errand))

    async def assign(self, case_ids: Sequence[int], owner: str | None) -> Handled:
        """Give cases to *owner*, or to nobody; what comes back later is theirs, too."""
        return await self._care(case_ids, "assign", partial(caseload.assign, owner=owner), owner=owner)

    async def snooze(self, case_ids: Sequence[int], until: datetime | None) -> Handled:
        """Put cases off until an instant that lies ahead, or (None) wake them."""
        if until is not None and until <= self._clock.now():
            raise OperationRefused(f"a case is put off until a time that lies ahead, not until {until}")
        told = until.isoformat() if until is not None else None
        return await self._care(case_ids, "snooze", partial(caseload.snooze, until=until), until=told)

    async def link(self, case_ids: Sequence[int], ticket: str | None) -> Handled:
        """Name the page (https) where else cases are worked on, or (None) none."""
        if ticket is not None and not _is_address(ticket):
            raise OperationRefused(f"a ticket is an https address without blanks, not {ticket!r}")
        return await self._care(case_ids, "ticket", partial(caseload.link, ticket=ticket), ticket=ticket)

    async def note(self, case_ids: Sequence[int], text: str) -> Handled:
        """Write something down about cases; it is read with every later case of the same deliveries."""
        if not 0 < len(text.strip()) <= MOST_CHARACTERS:
            raise OperationRefused(f"a note has 1 to {MOST_CHARACTERS} characters")

        async def act(transaction: Transaction, cases: Sequence[LockedCase]) -> Handled:
            noted = [(each.case_id, each.delivery.delivery_id if each.delivery else None) for each in cases]
            await caseload.note(transaction, noted, operator=self._operator, text=text.strip())
            return await _recorded(transaction, cases, self._errand(), "note")

        return await self._each_batch(case_ids, act)

    async def _care(
        self,
        case_ids: Sequence[int],
        name: str,
        change: Callable[[Transaction, Sequence[int]], Awaitable[None]],
        **detail: object,
    ) -> Handled:
        async def act(transaction: Transaction, cases: Sequence[LockedCase]) -> Handled:
            await change(transaction, [each.case_id for each in cases])
            return await _recorded(transaction, cases, self._errand(), name, **detail)

        return await self._each_batch(case_ids, act)

    async def _each_batch(self, case_ids: Sequence[int], act: Act) -> Handled:
        return await each_batch(self._database, case_ids, act, visible_to=self._visible_to)

    def _errand(self, reason: str | None = None) -> Errand:
        return Errand(operator=self._operator, reason=reason)

    def _check_number(self, case_ids: Sequence[int]) -> None:
        if self._at_most is not None and len(case_ids) > self._at_most:
            raise OperationRefused(
                f"{len(case_ids)} cases at once are a campaign, which a second person confirms; up to "
                f"{self._at_most} are done at once (second_person_above)"
            )


async def _file_of(transaction: Transaction, case: Case) -> CaseFile:
    deliveries = [case.delivery_id] if case.delivery_id is not None else []
    return CaseFile(
        case=case,
        attempts=await desk.read_attempts(transaction, deliveries),
        notes=await caseload.read_notes(transaction, [case.case_id], deliveries),
        timeline=await _timeline_of(transaction, case),
    )


async def _timeline_of(transaction: Transaction, case: Case) -> tuple[Moment, ...]:
    if case.message_id is None:
        return ()
    moments = timeline(await read_dossier(transaction, case.message_id))
    return tuple(each for each in moments if each.delivery_id in {None, case.delivery_id})


async def _recorded(
    transaction: Transaction, cases: Sequence[LockedCase], errand: Errand, name: str, **detail: object
) -> Handled:
    await desk.record(transaction, [errand.action(name, case, **detail) for case in cases])
    return Handled(done=tuple(case.case_id for case in cases))


def _given(reason: str, what: str) -> str:
    if not reason.strip():
        raise OperationRefused(f"{what} for a reason that stands in the evidence: give one")
    return reason.strip()


def _is_address(ticket: str) -> bool:
    split = urlsplit(ticket)
    return split.scheme == "https" and bool(split.netloc) and not any(each.isspace() for each in ticket)
