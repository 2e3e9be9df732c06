"""Exhaustive search through a model: every reachable state, once, and the shortest way to a wrong one."""

from array import array
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Generic, NamedTuple, TypeVar

State = TypeVar("State", bound=Hashable)


class Step(NamedTuple, Generic[State]):
    """One thing that may happen next."""

    actor: int
    """Which hub process does it; -1 for anybody else."""
    label: str
    is_healing: bool
    """Whether it happens by itself when nothing goes wrong any more."""
    after: State


def then(actor: int, label: str, after: State) -> Step[State]:
    """Return a step of the ordinary course of things."""
    return Step(actor, label, True, after)  # noqa: FBT003 - the field's name says it


def mishap(actor: int, label: str, after: State) -> Step[State]:
    """Return a step that comes from outside and heals nothing."""
    return Step(actor, label, False, after)  # noqa: FBT003


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterexample:
    """How a law is broken, in the fewest steps."""

    law: str
    trace: tuple[str, ...]

    def __str__(self) -> str:
        """Return the trace, one numbered step a line."""
        lines = [f"{number:3}. {step}" for number, step in enumerate(self.trace, start=1)]
        return "\n".join([f"{self.law} is broken:", *lines])


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """What a search found."""

    states: int
    transitions: int
    depth: int
    counterexample: Counterexample | None


class NotExhausted(Exception):
    """There are more states than the search was told to look at: nothing is proved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(Generic[State]):
    """What is searched."""

    initial: State
    steps: Callable[[State], Iterable[Step[State]]]
    broken_law: Callable[[State], str | None]
    """Names a law that does not hold in a state."""
    is_end: Callable[[State], bool]
    """Whether everything has come to its end."""
    liveness: str
    """Name of the law that an end can be reached from everywhere, by healing alone."""
    canonical: Callable[[State], tuple[State, bool]]
    """Returns the state that stands for all that differ in names only, and whether two were swapped."""


@dataclass(slots=True)
class _Search(Generic[State]):
    model: Model[State]
    most: int
    found: dict[State, int] = field(default_factory=dict)
    states: list[State] = field(default_factory=list)
    parents: "array[int]" = field(default_factory=lambda: array("l"))
    depths: "array[int]" = field(default_factory=lambda: array("l"))
    healers: "list[array[int]]" = field(default_factory=list)
    """For each state, those from which healing leads to it."""
    transitions: int = 0

    def run(self) -> Exploration:
        self._meet(self.model.canonical(self.model.initial)[0], parent=-1)
        looked_at = 0
        while looked_at < len(self.states):
            law = self.model.broken_law(self.states[looked_at])
            if law is not None:
                return self._result(Counterexample(law=law, trace=self._trace(looked_at)))
            self._expand(looked_at)
            looked_at += 1
        stuck = self._first_stuck()
        if stuck is None:
            return self._result(None)
        trace = (*self._trace(stuck), "… and from here no end can be reached without a further accident")
        return self._result(Counterexample(law=self.model.liveness, trace=trace))

    def _expand(self, place: int) -> None:
        for step in self.model.steps(self.states[place]):
            self.transitions += 1
            after, _ = self.model.canonical(step.after)
            target = self.found.get(after)
            if target is None:
                target = self._meet(after, parent=place)
            if step.is_healing:
                self.healers[target].append(place)

    def _meet(self, state: State, *, parent: int) -> int:
        number = len(self.states)
        if number >= self.most:
            raise NotExhausted(f"more than {self.most} states")
        self.found[state] = number
        self.states.append(state)
        self.parents.append(parent)
        self.depths.append(0 if parent < 0 else self.depths[parent] + 1)
        self.healers.append(array("l"))
        return number

    def _first_stuck(self) -> int | None:
        """Return the nearest state from which healing leads to no end."""
        heals = bytearray(len(self.states))
        reached = [number for number, state in enumerate(self.states) if self.model.is_end(state)]
        for number in reached:
            heals[number] = 1
        while reached:
            for earlier in self.healers[reached.pop()]:
                if not heals[earlier]:
                    heals[earlier] = 1
                    reached.append(earlier)
        return next((number for number in range(len(heals)) if not heals[number]), None)

    def _trace(self, place: int) -> tuple[str, ...]:
        """Walk the way once more, calling everybody by the same name from its beginning to its end."""
        way = [place]
        while self.parents[way[-1]] >= 0:
            way.append(self.parents[way[-1]])
        way.reverse()
        lines, is_swapped = [], False
        for here, there in pairwise(way):
            step, swaps = self._step_between(here, there)
            lines.append(_told(step, is_swapped=is_swapped))
            is_swapped ^= swaps
        return tuple(lines)

    def _step_between(self, here: int, there: int) -> tuple[Step[State], bool]:
        for step in self.model.steps(self.states[here]):
            after, swaps = self.model.canonical(step.after)
            if self.found.get(after) == there:
                return step, swaps
        raise AssertionError  # `there` was met from `here`

    def _result(self, counterexample: Counterexample | None) -> Exploration:
        return Exploration(
            states=len(self.states),
            transitions=self.transitions,
            depth=max(self.depths),
            counterexample=counterexample,
        )


def _told(step: Step[State], *, is_swapped: bool) -> str:
    if step.actor < 0:
        return step.label
    number = 1 - step.actor if is_swapped else step.actor
    return f"hub {'AB'[number]} {step.label}"


def search(model: Model[State], *, most: int = 5_000_000) -> Exploration:
    """Look at every state of *model*; ends at the first that breaks a law.

    Raises `NotExhausted` where there are more than *most*.
    """
    return _Search(model=model, most=most).run()
