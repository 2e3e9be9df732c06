"""A breaker for each mailbox: one that only fails gets nothing for a while, then a probe, then more and more.

Pure: the rows of `mailboxes` hold it, whoever settles returns, takes in statuses or claims moves it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias

from hub.message.identifiers import DeliveryId
from hub.message.outbox import Recovery, Retry, ReturnedDelivery, ReturnReason

COUNTED: Final = frozenset(
    {ReturnReason.REJECTED, ReturnReason.DELIVERY_LIMIT, ReturnReason.UNROUTABLE},
)
"""What a mailbox does; not what the hub itself failed on, and not what nobody collected in time."""
RAMP_ENDS: Final = 256
"""An allowance that no claim reaches limits nothing any more."""
STEP: Final = timedelta(seconds=1)
"""How long a step of the ramp lasts where nobody acknowledges anything."""
Said: TypeAlias = Mapping[DeliveryId, datetime | None]
"""What a recipient acknowledged, and when each of it was first published."""
_DOUBLED_AT_MOST: Final = 20
_BEHIND: Final = timedelta(milliseconds=1)
"""A probe that came back goes behind the others: the next probe is another delivery."""


class BreakerState(StrEnum):
    """Whether a mailbox gets what waits for it."""

    CLOSED = "closed"
    """It does."""
    OPEN = "open"
    """It gets nothing until `parked_until`, then one delivery."""
    HALF_OPEN = "half_open"
    """It has got that one."""
    DRAINING = "draining"
    """It gets more with every claim."""


class ParkedBecause(StrEnum):
    """Why a mailbox gets nothing."""

    FAILING = "failing"
    """Everything comes back."""
    FULL = "full"
    """Its queue takes nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerTerms:
    """When a mailbox counts as failing, and how it is tried again."""

    failures: int = 5
    """Returns in a row; 0 never opens a breaker."""
    documents: int = 3
    """Different deliveries among them."""
    pause: timedelta = timedelta(seconds=30)
    """Twice as long each time, up to `longest_pause`."""
    longest_pause: timedelta = timedelta(minutes=10)
    probe_patience: timedelta = timedelta(seconds=30)
    """How long a probe may be neither acknowledged nor returned before it counts as taken."""

    def pause_after(self, pauses: int) -> timedelta:
        """Return the pause that follows *pauses* others."""
        times: int = 1 << min(pauses, _DOUBLED_AT_MOST)
        return min(self.pause * times, self.longest_pause)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """What the hub knows of one mailbox's trouble."""

    state: BreakerState = BreakerState.CLOSED
    because: ParkedBecause | None = None
    failures: int = 0
    """Since it began to fail."""
    failures_in_a_row: int = 0
    failing_deliveries: frozenset[DeliveryId] = frozenset()
    """The different ones among those in a row, no more of them than are needed."""
    failing_since: datetime | None = None
    """When something came back for the first time since it was heard of: it wants to hear of it now."""
    parked_since: datetime | None = None
    parked_until: datetime | None = None
    pauses: int = 0
    probe: DeliveryId | None = None
    allowance: int | None = None
    """How many entries the next claim may take; None where nothing limits it."""
    heard_at: datetime | None = None
    """When it was in trouble and acknowledged something for the last time."""

    @property
    def sends_probe(self) -> bool:
        """Whether the next claim takes the probe: something that never came back, where there is such."""
        return self.state is BreakerState.OPEN

    @property
    def costs_no_try(self) -> bool:
        """Whether what comes back now is the mailbox's trouble and not the delivery's."""
        is_shut = self.state in {BreakerState.OPEN, BreakerState.HALF_OPEN}
        return is_shut and self.because is ParkedBecause.FAILING

    def failed(self, delivery_id: DeliveryId, at: datetime, terms: BreakerTerms) -> "Breaker":
        """Count a return; opens after enough in a row, of enough different deliveries."""
        counted = self._counted(delivery_id, at, terms)
        if self.costs_no_try:
            return counted if self.state is BreakerState.OPEN else _opened(counted, at, terms)
        is_enough = counted.failures_in_a_row >= terms.failures > 0
        is_enough = is_enough and len(counted.failing_deliveries) >= terms.documents
        return _opened(counted, at, terms) if is_enough else counted

    def acknowledged(self, said: Said, at: datetime) -> "Breaker":
        """Take the recipient's word: the row ends, and a word on what was published since is proof.

        Words about what it had before may be late, and prove nothing while it is parked.
        """
        if self.costs_no_try and not self._is_proof(said):
            return self
        if self.state is BreakerState.CLOSED:
            return Breaker(heard_at=at)
        calmed = replace(self, failures_in_a_row=0, failing_deliveries=frozenset(), probe=None, heard_at=at)
        if self.because is ParkedBecause.FULL:
            return calmed
        return replace(calmed, state=BreakerState.DRAINING, parked_until=None)

    def _is_proof(self, said: Said) -> bool:
        since = self.failing_since
        is_recent = since is not None and any(at is not None and at > since for at in said.values())
        return is_recent or self.probe in said

    def refused_for_length(self, at: datetime, park_time: timedelta) -> "Breaker":
        """Park a mailbox whose queue is full; a failing one stays that."""
        until = at + park_time
        if self.costs_no_try:
            until = max(until, self.parked_until or until)
            return replace(self, state=BreakerState.OPEN, parked_until=until, probe=None)
        return replace(
            self,
            state=BreakerState.OPEN,
            because=ParkedBecause.FULL,
            parked_since=self.parked_since or at,
            parked_until=until,
            allowance=max(1, (self.allowance or 1) // 2),
        )

    def took(self, *, is_empty: bool) -> "Breaker":
        """Go on where the broker has put something into a full queue; *is_empty* where nothing waits."""
        if self.because is not ParkedBecause.FULL:
            return self
        doubled = 2 * (self.allowance or 1)
        if is_empty or doubled >= RAMP_ENDS:
            return Breaker(heard_at=self.heard_at)
        return replace(self, state=BreakerState.DRAINING, parked_until=None, allowance=doubled)

    def claimed(
        self, taken: Sequence[DeliveryId], at: datetime, terms: BreakerTerms, *, is_empty: bool
    ) -> "Breaker":
        """Go on after a claim that was allowed to take something; *is_empty* where nothing waits any more."""
        if not taken:
            is_over = is_empty and not (self.costs_no_try and self.state is BreakerState.OPEN)
            return Breaker(heard_at=self.heard_at) if is_over else self
        if self.because is ParkedBecause.FULL:
            return replace(self, state=BreakerState.DRAINING, parked_until=at + terms.probe_patience)
        if self.state is BreakerState.OPEN:
            until = at + terms.probe_patience
            return replace(self, state=BreakerState.HALF_OPEN, probe=taken[0], parked_until=until)
        return self._after_step(at)

    def _counted(self, delivery_id: DeliveryId, at: datetime, terms: BreakerTerms) -> "Breaker":
        known = self.failing_deliveries
        return replace(
            self,
            failures=self.failures + 1,
            failures_in_a_row=self.failures_in_a_row + 1,
            failing_deliveries=known if len(known) >= terms.documents else known | {delivery_id},
            failing_since=self.failing_since or at,
        )

    def _after_step(self, at: datetime) -> "Breaker":
        """Allow twice as much; a probe that nobody answered in time has let this claim be made."""
        doubled = 2 * (self.allowance or 1)
        if doubled >= RAMP_ENDS:
            return Breaker(heard_at=self.heard_at)
        draining = replace(self, state=BreakerState.DRAINING, parked_until=at + STEP, allowance=doubled)
        if self.state is BreakerState.DRAINING:
            return draining
        return replace(draining, probe=None, failures_in_a_row=0, failing_deliveries=frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """When a delivery came back before, since it was accepted or replayed; None where it never did."""

    first_back_at: datetime | None = None
    last_back_at: datetime | None = None

    def is_to_blame(self, breaker: Breaker) -> bool:
        """Whether the mailbox took others since it came back last: it is bad itself."""
        return _is_before(self.last_back_at, breaker.heard_at)

    def is_suspect(self, breaker: Breaker) -> bool:
        """Whether the mailbox took others since it came back first: it may be bad, or the mailbox again."""
        return _is_before(self.first_back_at, breaker.heard_at)


def judge(
    breaker: Breaker,
    returned: ReturnedDelivery,
    past: Past,
    decide: Callable[[], Recovery],
    terms: BreakerTerms,
) -> tuple[Breaker, Recovery]:
    """Return the mailbox's breaker after *returned*, and what becomes of the delivery: *decide* says that.

    While the breaker is open a return costs no try, so that nothing is given up for its mailbox's trouble;
    its attempt rises all the same, because that is the fence. A suspect pays where it was the probe: what is
    bad must come to an end, also where nothing else waits. What is to blame itself is not counted.
    """
    if returned.reason not in COUNTED:
        return breaker, decide()
    if not breaker.costs_no_try and past.is_to_blame(breaker):
        return replace(breaker, failing_since=breaker.failing_since or returned.at), decide()
    after = breaker.failed(returned.delivery_id, returned.at, terms)
    if not breaker.costs_no_try:
        return after, decide()
    if breaker.probe == returned.delivery_id:
        what = decide() if past.is_suspect(breaker) else Retry(not_before=returned.at, costs_try=False)
        return after, _behind_the_others(what, after)
    return after, Retry(not_before=returned.at, costs_try=False)


def _behind_the_others(what: Recovery, breaker: Breaker) -> Recovery:
    """Let the next probe be another delivery."""
    if not isinstance(what, Retry) or breaker.parked_until is None:
        return what
    return replace(what, not_before=max(what.not_before, breaker.parked_until + _BEHIND))


def _is_before(earlier: datetime | None, later: datetime | None) -> bool:
    return earlier is not None and later is not None and earlier < later


def _opened(breaker: Breaker, at: datetime, terms: BreakerTerms) -> Breaker:
    return replace(
        breaker,
        state=BreakerState.OPEN,
        because=ParkedBecause.FAILING,
        failures_in_a_row=0,
        failing_deliveries=frozenset(),
        parked_since=breaker.parked_since or at,
        parked_until=at + terms.pause_after(breaker.pauses),
        pauses=breaker.pauses + 1,
        probe=None,
        allowance=1,
    )
