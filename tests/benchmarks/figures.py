"""What was measured, as `build/bench.json` and as tables."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.console import Console
from rich.table import Table

from tests.benchmarks import budget
from tests.benchmarks.drain import Drained, Relayed
from tests.benchmarks.latency import Latency
from tests.benchmarks.storage import Stored

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"
MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOut:
    """Documents that went to many mailboxes each, and the same documents through the bare relay."""

    drained: Drained
    relayed: Relayed

    @property
    def recipients(self) -> int:
        """How many mailboxes each document went to."""
        return self.drained.deliveries // self.drained.documents

    @property
    def cpu_ms_per_delivery(self) -> float:
        """Processor milliseconds of everything, checks and receipts included, for one delivery."""
        return self.drained.cpu_ms()["total"] / self.recipients

    @property
    def for_bare_message(self) -> float:
        """Cost of a delivery for one message of the bare relay, which takes, publishes, acknowledges it."""
        return self.cpu_ms_per_delivery / self.relayed.cpu_ms()["total"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything that one bench found out; what a quick one leaves out is None."""

    machine: Mapping[str, str | int | float]
    drains: Mapping[int, Sequence[Drained]]
    """By the number of hub processes."""
    relays: Sequence[Relayed]
    latencies: Mapping[int, Latency]
    """By the number of hub processes."""
    stored: Stored
    steps: Mapping[str, float]
    large: Drained | None
    large_steps: Mapping[str, float] | None
    fan_out: FanOut | None
    restart_seconds: float | None = None
    """From the kill of a hub to the first delivery of its successor."""

    @property
    def hubs(self) -> int:
        """The number of hub processes that was fastest."""
        return fastest(self.drains)

    @property
    def ratio(self) -> float:
        """Documents of the axis for one message of the bare relay."""
        return _rate(self.drains[self.hubs]) / _rate(self.relays)

    @property
    def ratios(self) -> list[float]:
        """The same, round by round: how far they lie apart is how far the ratio can be trusted."""
        rounds = zip(self.drains[self.hubs], self.relays, strict=True)
        return [drained.per_second / relayed.per_second for drained, relayed in rounds]

    def as_json(self) -> dict[str, Json]:
        """Return the content of `build/bench.json`."""
        return {
            "axis": {
                **self._axis(self.hubs),
                "by_hubs": {str(hubs): self._axis(hubs) for hubs in self.drains},
            },
            "bare_relay": self._relays(),
            "ratio": round(self.ratio, 3),
            "ratio_of_each_round": [round(each, 3) for each in self.ratios],
            "cpu_ratio": round(self._cpu_ratio(), 3),
            "storage": {
                "octets_per_submitted_octet": round(self.stored.per_submitted_octet, 3),
                "by_table": self.stored.largest_first(),
            },
            "steps_ms": _rounded(self.steps),
            "large": self._large(),
            "fan_out": self._fan_out(),
            "restart_seconds": None if self.restart_seconds is None else round(self.restart_seconds, 2),
            "machine": dict(self.machine),
        }

    def _axis(self, hubs: int) -> dict[str, Json]:
        return {**self._drains(hubs), **self._latency(self.latencies[hubs])}

    def _drains(self, hubs: int) -> dict[str, Json]:
        drains = self.drains[hubs]
        return {
            "documents_per_second": round(_rate(drains), 1),
            "documents_per_second_of_each_run": [round(each.per_second, 1) for each in drains],
            "cpu_ms_per_document": _median_of_each([each.cpu_ms() for each in drains]),
            "hub_rss_mb": round(max(max(each.resident) for each in drains) / MB, 1),
            "hubs": hubs,
            "documents": drains[0].documents,
            "octets_per_document": round(drains[0].octets / drains[0].documents),
            "start_seconds": round(statistics.median(each.start_seconds for each in drains), 2),
        }

    def _latency(self, latency: Latency) -> dict[str, Json]:
        return {
            "p50_ms": round(latency.p50, 1),
            "p99_ms": round(latency.p99, 1),
            "max_ms": round(latency.longest, 1),
            "acceptance_p50_ms": round(latency.acceptance_p50, 1),
            "consignment_p50_ms": round(latency.consignment_p50, 1),
        }

    def _relays(self) -> dict[str, Json]:
        return {
            "messages_per_second": round(_rate(self.relays), 1),
            "messages_per_second_of_each_run": [round(each.per_second, 1) for each in self.relays],
            "cpu_ms_per_message": _median_of_each([each.cpu_ms() for each in self.relays]),
        }

    def _cpu_ratio(self) -> float:
        bare = statistics.median(each.cpu_ms()["total"] for each in self.relays)
        return bare / statistics.median(each.cpu_ms()["total"] for each in self.drains[self.hubs])

    def _large(self) -> Json:
        if self.large is None or self.large_steps is None:
            return None
        alone = ("parse_bare", "verify_signature", "xsd")  # who verifies bytes has to parse them
        checks = sum(self.large_steps[step] for step in alone)
        return {
            "documents": self.large.documents,
            "octets_per_document": round(self.large.octets / self.large.documents),
            "documents_per_second": round(self.large.per_second, 1),
            "mb_per_second": round(self.large.octets / self.large.seconds / MB, 1),
            "cpu_ms_per_document": _rounded(self.large.cpu_ms()),
            "signature_and_xsd_ms": round(checks, 2),
            "document_for_signature_and_xsd": round(self.large.cpu_ms()["total"] / checks, 2),
            "checks_for_signature_and_xsd": round(self.large_steps["intake_line"] / checks, 2),
            "hub_rss_mb": round(max(self.large.resident) / MB, 1),
            "steps_ms": _rounded(self.large_steps),
        }

    def _fan_out(self) -> Json:
        if self.fan_out is None:
            return None
        drained, relayed = self.fan_out.drained, self.fan_out.relayed
        return {
            "documents": drained.documents,
            "recipients": self.fan_out.recipients,
            "octets_per_document": round(drained.octets / drained.documents),
            "documents_per_second": round(drained.per_second, 1),
            "deliveries_per_second": round(drained.deliveries / drained.seconds, 1),
            "receipts_per_document": round(drained.receipts / drained.documents, 2),
            "cpu_ms_per_document": _rounded(drained.cpu_ms()),
            "cpu_ms_per_delivery": round(self.fan_out.cpu_ms_per_delivery, 3),
            "bare_cpu_ms_per_message": _rounded(relayed.cpu_ms()),
            "bare_messages_per_second": round(relayed.per_second, 1),
            "delivery_for_bare_message": round(self.fan_out.for_bare_message, 2),
        }

    def show(self, console: Console) -> None:
        """Print the tables."""
        console.print(self._throughput_table(), self._step_table(), self._other_table())
        console.print(budget.table(self.as_json()))

    def _throughput_table(self) -> Table:
        table = Table("", "a second", "of each run", "cpu ms", "hub", "broker", "database", "RSS MB")
        table.title = "Drain of a full queue, 10 kB each"
        for hubs, drains in self.drains.items():
            cpu = _median_of_each([each.cpu_ms() for each in drains])
            runs = " ".join(f"{each.per_second:.0f}" for each in drains)
            memory = " ".join(f"{octets / MB:.0f}" for octets in drains[-1].resident)
            parts = [f"{cpu[name]:.2f}" for name in ("total", "hub", "broker", "database")]
            table.add_row(f"axis, {_hubs(hubs)}", f"{_rate(drains):.0f}", runs, *parts, memory)
        cpu = _median_of_each([each.cpu_ms() for each in self.relays])
        runs = " ".join(f"{each.per_second:.0f}" for each in self.relays)
        parts = [f"{cpu[name]:.2f}" for name in ("total", "relay", "broker")]
        table.add_row("bare relay", f"{_rate(self.relays):.0f}", runs, *parts, "", "")
        table.add_section()
        rounds = " ".join(f"{each:.2f}" for each in self.ratios)
        table.add_row("ratio", f"{self.ratio:.3f}", rounds, f"{self._cpu_ratio():.3f}")
        return table

    def _step_table(self) -> Table:
        table = Table("check", "10 kB, ms", "1 MB, ms", title="Each check by itself, one thread")
        for name, cost in self.steps.items():
            large = f"{self.large_steps[name]:.2f}" if self.large_steps else ""
            table.add_row(name, f"{cost:.3f}", large)
        return table

    def _other_table(self) -> Table:
        table = Table("", "", title="Latency, storage, other loads", show_header=False)
        for hubs, late in self.latencies.items():
            times = f"p50 {late.p50:.1f}, p99 {late.p99:.1f}, max {late.longest:.1f} ms"
            table.add_row(f"latency, {_hubs(hubs)}", times)
            back = f"p50 {late.acceptance_p50:.1f} and {late.consignment_p50:.1f} ms"
            table.add_row("  acceptance and consignment are back", back)
        table.add_row("stored for each octet submitted", f"{self.stored.per_submitted_octet:.2f}")
        if self.large is not None:
            cost = self.large.cpu_ms()["total"]
            table.add_row("1 MB documents", f"{self.large.per_second:.1f} a second, {cost:.1f} cpu ms each")
        if self.fan_out is not None:
            drained = self.fan_out.drained
            rate = drained.deliveries / drained.seconds
            fan_out = f"{drained.per_second:.1f} documents, {rate:.0f} deliveries a second"
            table.add_row(f"one document to {self.fan_out.recipients} mailboxes", fan_out)
            cost, ratio = self.fan_out.cpu_ms_per_delivery, self.fan_out.for_bare_message
            table.add_row("  a delivery", f"{cost:.2f} cpu ms, {ratio:.2f} for one of the bare relay")
        return table


def fastest(drains: Mapping[int, Sequence[Drained]]) -> int:
    """Return the number of hub processes whose median was the highest."""
    return max(drains, key=lambda hubs: _rate(drains[hubs]))


def _hubs(count: int) -> str:
    return "1 hub" if count == 1 else f"{count} hubs"


def _rate(runs: Sequence[Drained] | Sequence[Relayed]) -> float:
    return statistics.median(each.per_second for each in runs)


def _median_of_each(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(run[name] for run in runs), 3) for name in runs[0]}


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}
