"""What the nemesis will do and when: drawn from a seed before anything runs, the same for the same seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle
from random import Random
from typing import Final, TypeAlias

from adapters.kit.crash import CrashPoint
from hub.crash import POINTS, SEALER_POINTS
from tests.chaos.cast import CAST

HUBS: Final = ("hub-1", "hub-2")
BROKER: Final = "broker"
DATABASE: Final = "database"
CASES: Final = "cases"
AGENCIES: Final = tuple(process for office in CAST for process in office.processes)
SENDERS: Final = tuple(office.processes[0] for office in CAST if office.rate)
SKEWED: Final = tuple(office.processes[0] for office in CAST if office.may_be_skewed)
SENDING_POINTS: Final = frozenset(
    {CrashPoint.AFTER_JOURNAL_BEFORE_PUBLISH, CrashPoint.AFTER_PUBLISH_BEFORE_CONFIRM_MARK}
)
FIRST_ACT: Final = 2.0
"""Seconds of peace at the beginning."""


class Deed(StrEnum):
    """What can be done to a target."""

    KILL = "kill"
    """SIGKILL, and a new start some time later."""
    PAUSE = "pause"
    """SIGSTOP, and SIGCONT some time later."""
    CRASH = "crash"
    """A new start that kills itself at a named point of the code, and a start without that."""
    SKEW = "skew"
    """The clock of the process jumps, and jumps back."""
    CUT = "cut"
    SILENCE = "silence"
    SLOW = "slow"
    FORGET_CLIENT = "forget client"
    """The process's half of its connections is reset, and the server is not told."""
    FORGET_SERVER = "forget server"
    """The server's half of the connections is reset, and the process is not told."""
    REPLAY = "replay"
    """An operator sends every dead letter again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing that the nemesis does."""

    at: float
    """Seconds after the load has begun."""
    deed: Deed
    target: str
    """A process, `broker`, `database`, a line (`hub-1>broker`), or the operators' `cases`."""
    seconds: float
    """How long it lasts."""
    detail: str = ""
    """The point of a crash with the passage that kills, the seconds of a skew or of a delay."""

    def __str__(self) -> str:
        """Tell it in a line."""
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.deed} {self.target}{detail} for {self.seconds:.1f} s"


Draft: TypeAlias = tuple[Deed, str, str]
"""A deed, its target and its detail, before it has a time."""


def schedule(seed: int, seconds: float) -> tuple[Act, ...]:
    """Return the acts of a campaign of *seconds*: first what none may lack, then what chance brings."""
    random = Random(f"nemesis/{seed}")
    return tuple(sorted(_timed(_drafts(random), random, seconds), key=lambda act: act.at))


def _drafts(random: Random) -> Iterator[Draft]:
    yield from _shuffled(random, _core(random))
    yield from _shuffled(random, [*_crashes(random), *_rest(random)])
    while True:
        yield random.choice([*_core(random), *_rest(random), *_crashes(random)])


def _core(random: Random) -> list[Draft]:
    """Return what even the shortest campaign does."""
    return [
        (Deed.KILL, random.choice(HUBS), ""),
        (Deed.KILL, BROKER, ""),
        (Deed.KILL, DATABASE, ""),
        (Deed.KILL, random.choice(AGENCIES), ""),
        (Deed.PAUSE, random.choice([*HUBS, *AGENCIES]), ""),
        (Deed.CUT, _line(random, random.choice([BROKER, DATABASE])), ""),
    ]


def _rest(random: Random) -> list[Draft]:
    """Return what a campaign of some minutes does besides."""
    broker, database = _line(random, BROKER), _line(random, DATABASE)
    agency = f"{random.choice(AGENCIES)}>{BROKER}"
    return [
        (Deed.PAUSE, BROKER, ""),
        (Deed.PAUSE, DATABASE, ""),
        (Deed.REPLAY, CASES, ""),
        *((Deed.SKEW, target, str(random.choice([-240, 3_600, 86_400]))) for target in SKEWED),
        (Deed.SILENCE, broker, ""),
        (Deed.SILENCE, database, ""),
        (Deed.SLOW, broker, f"{random.uniform(0.05, 0.4):.2f}"),
        (Deed.SLOW, database, f"{random.uniform(0.01, 0.1):.2f}"),
        (Deed.CUT, agency, ""),
        *(
            (deed, line, "")
            for deed in (Deed.FORGET_CLIENT, Deed.FORGET_SERVER)
            for line in (broker, database)
        ),
    ]


def _crashes(random: Random) -> list[Draft]:
    """Return a crash at every named point, each in a process that passes there."""
    hubs = [(Deed.CRASH, hub, _nth(random, point)) for hub, point in zip(cycle(HUBS), sorted(POINTS))]
    kit = [
        (
            Deed.CRASH,
            random.choice(SENDERS if point in SENDING_POINTS else AGENCIES[:-1]),
            _nth(random, point),
        )
        for point in CrashPoint
    ]
    sealers = [(Deed.CRASH, HUBS[-1], _nth(random, point)) for point in sorted(SEALER_POINTS)]
    return [*hubs, *sealers, *kit]


def _nth(random: Random, point: str) -> str:
    """Say at which passage: what is given back comes seldom, and its points are passed seldom."""
    passages = [1] if point.startswith("returns.") else [1, 1, 2, 5, 11]
    return f"{point}:{random.choice(passages)}"


def _line(random: Random, server: str) -> str:
    clients = HUBS if server == DATABASE else (*HUBS, *AGENCIES)
    return f"{random.choice(clients)}>{server}"


def _shuffled(random: Random, drafts: Sequence[Draft]) -> list[Draft]:
    return random.sample(drafts, len(drafts))


def _timed(drafts: Iterator[Draft], random: Random, seconds: float) -> Iterator[Act]:
    """Give each draft its time: when its turn comes, or later, when its target has recovered."""
    cursor = FIRST_ACT
    free_at: dict[str, float] = {}
    for deed, target, detail in drafts:
        if cursor > seconds:
            return
        at = round(max(cursor, free_at.get(target, 0.0)), 2)
        lasting = _duration(deed, target, random, seconds)
        if at <= seconds:
            free_at[target] = at + lasting + _recovery(deed, target)
            yield Act(at=at, deed=deed, target=target, seconds=round(lasting, 2), detail=detail)
        pause = random.choice([0.0, *(random.uniform(1.0, 5.0) for _ in range(4))])  # at times two at once
        cursor = round(cursor + pause, 2)


def _duration(deed: Deed, target: str, random: Random, seconds: float) -> float:
    """Return how long *deed* lasts; long campaigns also outlast heartbeats and leases now and then."""
    if deed in {Deed.KILL, Deed.CUT}:
        return random.uniform(0.1, 5.0)
    if deed in {Deed.CRASH, Deed.REPLAY}:
        return 0.0
    if target in {
        BROKER,
        DATABASE,
    }:  # everybody waits for them: a campaign of nothing but outages shows nothing
        return random.choice(
            [random.uniform(1, 7), random.uniform(1, 7), random.uniform(1, min(20, seconds / 8))]
        )
    longest = 75.0 if seconds >= 240 else 40.0 if seconds >= 150 else 7.0
    return random.choice([random.uniform(1, 7), random.uniform(1, 7), random.uniform(1, longest)])


def _recovery(deed: Deed, target: str) -> float:
    """Return how long *target* is left alone afterwards, so that it comes to itself in between."""
    if target in {BROKER, DATABASE}:
        return 30.0
    return 12.0 if deed is Deed.CRASH else 4.0
