"""What a soak proves: nothing grows but what is meant to, nothing gets slower, nothing goes wrong."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from tests.soak.sampling import Sample
from tests.soak.trend import Trend, floor_of, second_half, trend_of

EVENTS: Final = ("SubmissionAcceptance", "ContentConsignment", "ContentHandover", "arrived")
"""What must have happened once to every document."""
SCARCE: Final = 8
"""With no more samples than this nothing is said about growth."""
WARM_UP: Final = 60.0
DATABASE: Final = "database"
SERVERS: Final = ("broker", DATABASE)
WRONG: Final = ("SubmissionRejection", "ContentConsignmentFailure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is still called flat."""

    python_mb_per_hour: float = 6.0
    broker_mb_per_hour: float = 60.0
    """Of the floor; four points make it a rough line."""
    database_mb_per_hour: float = 60.0
    files_per_hour: float = 10.0
    tasks_per_hour: float = 10.0
    slower_by: float = 1.5
    """Median of the last third of the latencies, against that of the first third."""
    slower_ms: float = 20.0
    """A difference below this is no difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found; a soak passes where nothing is in `complaints`."""

    complaints: tuple[str, ...]
    memory_mb_per_hour: Mapping[str, Trend]
    """Private memory of each process, over the second half of the time."""
    files_per_hour: Mapping[str, Trend]
    tasks_per_hour: Mapping[str, Trend]
    latencies_ms: Mapping[str, Mapping[str, float]]
    database_octets_per_document: float
    journal_octets_per_document: Mapping[str, float]
    processor_ms_per_document: Mapping[str, float]
    counts: Mapping[str, int]
    bounds: Bounds = field(default_factory=Bounds)

    @property
    def is_passed(self) -> bool:
        """Whether there is nothing to complain about."""
        return not self.complaints

    def as_json(self) -> dict[str, object]:
        """Return it for the report."""
        return {"passed": self.is_passed, **asdict(self)}


def judge(samples: Sequence[Sample], *, log_errors: Sequence[str], bounds: Bounds | None = None) -> Verdict:
    """Judge *samples*, the last of which was taken when everything had come to rest."""
    chosen = bounds or Bounds()
    running, last = samples[:-1], samples[-1]
    memory = _memory(running)
    files = _trends(running, lambda each: {name: usage.files for name, usage in each.usage.items()})
    tasks = _trends(running, lambda each: each.tasks)
    latencies = {event: _latency(running, event) for event in EVENTS}
    complaints = (
        *_growing(memory, lambda name: _bound(name, chosen), "MB of private memory"),
        *_growing(_opened_by_us(files), lambda _: chosen.files_per_hour, "open files"),
        *_growing(tasks, lambda _: chosen.tasks_per_hour, "asyncio tasks"),
        *_slower(latencies, chosen),
        *_wrong(last, log_errors),
    )
    return Verdict(
        complaints=complaints,
        memory_mb_per_hour=memory,
        files_per_hour=files,
        tasks_per_hour=tasks,
        latencies_ms=latencies,
        database_octets_per_document=_per_document(running, [each.database_octets for each in running]),
        journal_octets_per_document={
            name: _per_document(running, [each.journal_octets[name] for each in running])
            for name in last.journal_octets
        },
        processor_ms_per_document={
            name: _per_document(running, [1000 * each.usage[name].processor_seconds for each in running])
            for name in last.usage
        },
        counts=last.counts,
        bounds=chosen,
    )


def _trends(samples: Sequence[Sample], measure: Callable[[Sample], Mapping[str, float]]) -> dict[str, Trend]:
    """Fit a line for each name that *measure* gives, through the second half of the time."""
    names = dict.fromkeys(name for each in samples for name in measure(each))
    points = {
        name: [(each.seconds, found[name]) for each in samples if name in (found := measure(each))]
        for name in names
    }
    return {name: trend_of(second_half(each)) for name, each in points.items() if len(each) > SCARCE}


def _memory(samples: Sequence[Sample]) -> dict[str, Trend]:
    """Fit a line for each process; for the servers, whose buffers fill and empty, through their floor."""
    trends = _trends(samples, lambda each: {name: usage.private_mb for name, usage in each.usage.items()})
    for name in trends.keys() & set(SERVERS):
        points = [(each.seconds, each.usage[name].private_mb) for each in samples]
        trends[name] = trend_of(floor_of(second_half(points)))
    return trends


def _opened_by_us(files: Mapping[str, Trend]) -> dict[str, Trend]:
    """Leave PostgreSQL out: each backend keeps up to `max_files_per_process` (1,000) open, until it ends."""
    return {name: trend for name, trend in files.items() if name != DATABASE}


def _bound(name: str, bounds: Bounds) -> float:
    servers = {"broker": bounds.broker_mb_per_hour, "database": bounds.database_mb_per_hour}
    return servers.get(name, bounds.python_mb_per_hour)


def _growing(trends: Mapping[str, Trend], bound: Callable[[str], float], what: str) -> Iterator[str]:
    for name, trend in trends.items():
        if trend.exceeds(bound(name)):
            yield (
                f"{name} grows by {trend.per_hour:.1f} ± {trend.error:.1f} {what} an hour,"
                f" more than {bound(name):g}"
            )


def _latency(samples: Sequence[Sample], event: str) -> dict[str, float]:
    """Compare the first and the last third of the time, after a minute to get warm."""
    spells = [each.spells[event] for each in samples if event in each.spells and each.seconds > WARM_UP]
    third = max(1, len(spells) // 3)
    if not spells:
        return {}
    return {
        "first_median": statistics.median(each.median_ms for each in spells[:third]),
        "last_median": statistics.median(each.median_ms for each in spells[-third:]),
        "first_p99": statistics.median(each.p99_ms for each in spells[:third]),
        "last_p99": statistics.median(each.p99_ms for each in spells[-third:]),
    }


def _slower(latencies: Mapping[str, Mapping[str, float]], bounds: Bounds) -> Iterator[str]:
    for event, found in latencies.items():
        if not found:
            yield f"nothing was told about {event}"
            continue
        first, last = found["first_median"], found["last_median"]
        if last > first * bounds.slower_by and last - first > bounds.slower_ms:
            yield f"{event} took {first:.0f} ms in the middle at first and {last:.0f} ms at last"


def _wrong(last: Sample, log_errors: Sequence[str]) -> Iterator[str]:
    posted = last.counts.get("posted", 0)
    for event in EVENTS:
        if last.counts.get(event, 0) != posted:
            yield f"{posted} documents were posted and {last.counts.get(event, 0)} times it came to {event}"
    for event in WRONG:
        if last.counts.get(event, 0):
            yield f"{event} happened {last.counts[event]} times"
    if last.cases or last.invalid:
        yield f"{last.cases} cases and {last.invalid} invalid messages are left"
    lying = {name: count for name, count in last.queues.items() if count}
    if lying or last.waiting:
        yield f"at rest {last.waiting} entries wait and queues hold {lying}"
    for line in log_errors[:10]:
        yield f"a hub has logged: {line}"


def _per_document(samples: Sequence[Sample], amounts: Sequence[float]) -> float:
    """Divide what was added to *amounts* in the second half of the time by the documents posted in it."""
    half = next(place for place, each in enumerate(samples) if each.seconds >= samples[-1].seconds / 2)
    posted = samples[-1].counts.get("posted", 0) - samples[half].counts.get("posted", 0)
    return round((amounts[-1] - amounts[half]) / max(1, posted), 2)
