"""What a campaign does next: decided from where it stands, and from nothing else."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias


class CampaignState(StrEnum):
    """Where a campaign stands."""

    JUDGING = "judging"
    """Its cases are held against today's rules: the dry run."""
    READY = "ready"
    """Judged; somebody has to start it."""
    AWAITING_SECOND = "awaiting_second"
    """Started; somebody else has to confirm it."""
    CANARY = "canary"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    """By itself, since something failed again; it can be resumed."""
    CANCELLED = "cancelled"
    DONE = "done"


class CampaignKind(StrEnum):
    """What is done to each case."""

    REPLAY = "replay"
    DISCARD = "discard"


AT_WORK: Final = frozenset({CampaignState.JUDGING, CampaignState.CANARY, CampaignState.RUNNING})
"""States in which a campaign goes on by itself."""
ENDED: Final = frozenset({CampaignState.CANCELLED, CampaignState.DONE})
CANARY_STEPS: Final = (1, 10)
"""How many go out in the first steps of a canary; the rest follows in the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a campaign that is under way stands."""

    is_canary: bool
    step: int
    """0 before anything went out; with `CANARY_STEPS` behind it, or without a canary, everything may go."""
    pending: int
    """Still to be done."""
    in_step: int
    """Went out in this step, whatever became of it."""
    unsettled: int
    """Went out, and nobody knows yet whether it comes back."""
    failed_now: int
    """Came back since the last look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Let up to *limit* go out (all, where it is None) as part of *step*."""

    step: int
    limit: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Wait for what went out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Something failed again: go no further until somebody says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """All is done."""


Move: TypeAlias = Send | Watch | Stop | Finish


def state_at_start(
    *, would_pass: int, second_person_above: int, is_confirmed: bool, is_canary: bool
) -> CampaignState:
    """Return where a judged campaign stands once one person or (*is_confirmed*) two have started it."""
    if not would_pass:
        return CampaignState.DONE
    if would_pass > second_person_above and not is_confirmed:
        return CampaignState.AWAITING_SECOND
    return state_under_way(0, is_canary=is_canary)


def state_under_way(step: int, *, is_canary: bool) -> CampaignState:
    """Return where a campaign stands while *step* is under way."""
    is_limited = size_of(step, is_canary=is_canary) is not None
    return CampaignState.CANARY if is_limited else CampaignState.RUNNING


def next_move(standing: Standing) -> Move:
    """Return what to do next: nothing more goes out once something has failed again.

    A step of a canary is full before it is watched, and over before the next one begins.
    """
    if standing.failed_now:
        return Stop()
    if not standing.pending:
        return Watch() if standing.unsettled else Finish()
    size = size_of(standing.step, is_canary=standing.is_canary)
    if size is None:
        return Send(step=standing.step, limit=None)
    if standing.in_step < size:
        return Send(step=standing.step, limit=size - standing.in_step)
    if standing.unsettled:
        return Watch()
    after = standing.step + 1
    return Send(step=after, limit=size_of(after, is_canary=True))


def size_of(step: int, *, is_canary: bool) -> int | None:
    """Return how many go out in *step*; None where nothing limits it. The step before the first has none."""
    if not is_canary or step > len(CANARY_STEPS):
        return None
    return CANARY_STEPS[step - 1] if step else 0
