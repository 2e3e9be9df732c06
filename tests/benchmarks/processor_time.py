"""Processor time of process trees, sampled while they work; also of their short-lived children."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import psutil

PAUSE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the trees had used at an instant, in seconds, and how much memory their roots held."""

    at: float
    seconds: Mapping[str, float]
    resident: Mapping[str, int]


def seconds_of(pid: int) -> float:
    """Return the processor time of *pid* and its descendants.

    Those that have ended count in the children's time of whoever waited for them: a live process's own time
    stands nowhere else, so nothing counts twice.
    """
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(_seconds(process) for process in tree)


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # its parent has its time by now; the next sample sees it there
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


class Sampler:
    """Looks at process trees ten times a second, from a thread: `with Sampler({"hub": pid}) as sampler`."""

    def __init__(self, trees: Mapping[str, int]) -> None:
        self._trees = dict(trees)
        self._samples: list[Sample] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="sampler", daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def add(self, name: str, pid: int) -> None:
        """Look at this one too from now on."""
        self._trees = {**self._trees, name: pid}

    def used(self, name: str, since: float, until: float) -> float:
        """Return the processor seconds of *name* between two instants, on straight lines between samples."""
        return self._total_at(name, until) - self._total_at(name, since)

    def most_resident(self, name: str) -> int:
        """Return the most memory that *name* was seen to hold, in octets."""
        return max(sample.resident.get(name, 0) for sample in self._samples)

    def _total_at(self, name: str, at: float) -> float:
        points = [(sample.at, sample.seconds[name]) for sample in self._samples if sample.seconds.get(name)]
        before = max((point for point in points if point[0] <= at), default=points[0])
        after = min((point for point in points if point[0] > at), default=points[-1])
        if after[0] <= before[0]:
            return before[1]
        share = (at - before[0]) / (after[0] - before[0])
        return before[1] + share * (after[1] - before[1])

    def _work(self) -> None:
        while not self._stop.wait(PAUSE):
            self._look()
        self._look()

    def _look(self) -> None:
        trees = self._trees
        self._samples.append(
            Sample(
                at=time.time(),
                seconds={name: seconds_of(pid) for name, pid in trees.items()},
                resident={name: _resident(pid) for name, pid in trees.items()},
            )
        )


def _resident(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
