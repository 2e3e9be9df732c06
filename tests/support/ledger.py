"""Agencies as processes and what their ledgers prove: nothing lost or doubled, in order, receipts true."""

import json
import os
import signal
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from hub.commands.local_axis import LocalAgency
from tests.support.agency_process import read_effects, read_ledger
from tests.support.waiting import until

Line = dict[str, object]
ACCEPTANCE, REJECTION = "SubmissionAcceptance", "SubmissionRejection"
CONSIGNMENT, HANDOVER, FAILURE = "ContentConsignment", "ContentHandover", "ContentConsignmentFailure"
START_SECONDS = 40.0


class AgencyProcess:
    """One agency's software: consumes, answers, and sends where it is told to."""

    def __init__(
        self,
        agency: LocalAgency,
        folder: Path,
        *,
        sends: int = 0,
        to: Sequence[str] = (),
        size: int = 6_000,
        environment: Mapping[str, str] | None = None,
        policy: Mapping[str, object] | None = None,
    ) -> None:
        self.agency = agency
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        settings = folder / "agency.toml"
        settings.write_text(_settings(agency, policy or {}), "utf-8")
        settings.chmod(0o600)
        command = [sys.executable, "-m", "tests.support.agency_process", "--settings", str(settings)]
        if sends:
            command += ["--send", str(sends), "--size", str(size), "--from", agency.code]
            command += ["--to", ",".join(to), "--stay"]
        self._command, self._environment = command, dict(environment or {})
        self._process = self._launch()

    def restart(self, **policy: object) -> None:
        """Start the software again on its journal, perhaps with another policy; it sends nothing anew."""
        (self.folder / "agency.toml").write_text(_settings(self.agency, policy), "utf-8")
        self._command, self._environment = self._command[:5], {}
        self._process = self._launch()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    async def ready(self) -> "AgencyProcess":
        """Return once it consumes."""
        await until(lambda: self.lines("ready"), what=self._story, seconds=START_SECONDS)
        return self

    def lines(self, event: str) -> list[Line]:
        return [line for line in read_ledger(self.folder / "ledger.jsonl") if line["event"] == event]

    def effects(self) -> list[Line]:
        """Return what it did, in the order in which it did it."""
        journal = self.folder / "journal.db"
        return read_effects(journal) if journal.exists() and self.lines("ready") else []

    def receipts(self, event: str | None = None) -> list[Line]:
        """Return each receipt once, however often it came; two receipts that say the same are still two."""
        distinct = {line["receipt_id"]: line for line in self.lines("receipt")}
        return [line for line in distinct.values() if event in {None, line["receipt_event"]}]

    def terminate(self) -> None:
        if self.exit_code is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(30)

    def stop(self) -> None:
        """Ask it to end, and end it where it does not."""
        self.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def _launch(self) -> subprocess.Popen[bytes]:
        with (self.folder / "process.log").open("ab") as output:
            return subprocess.Popen(
                self._command,
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _story(self) -> str:
        text = (self.folder / "process.log").read_text("utf-8", "replace")
        return f"agency {self.agency.code} (exit code {self.exit_code}) to be ready:\n{text[-2000:]}"


async def every_document_has_its_effects(
    sender: AgencyProcess,
    recipients: Sequence[AgencyProcess],
    *,
    count: int,
    seconds: float,
    in_order: bool = True,
) -> None:
    """Wait until each recipient has *count* effects and the sender every receipt about them; then judge."""

    def settled() -> bool:
        return (
            len(sender.lines("sent")) == count
            and all(len(each.effects()) >= count for each in recipients)
            and _recipients_in(sender.receipts(CONSIGNMENT)) >= count * len(recipients)
            and _recipients_in(sender.receipts(HANDOVER)) >= count * len(recipients)
        )

    def progress() -> str:
        effects = {each.agency.code: len(each.effects()) for each in recipients}
        events = Counter(str(line["receipt_event"]) for line in sender.receipts())
        return f"{count} documents: sent {len(sender.lines('sent'))}, effects {effects}, receipts {events}"

    await until(settled, what=progress, seconds=seconds, pause=0.2)
    judge(sender, recipients, count=count)
    if in_order:
        for each in recipients:
            assert_in_order(each.effects())


def judge(sender: AgencyProcess, recipients: Sequence[AgencyProcess], *, count: int) -> None:
    """Assert that nothing is lost or doubled and that the receipts say what happened, once each."""
    documents = [line["document_id"] for line in sender.lines("sent")]
    assert len(set(documents)) == count
    for each in recipients:
        effects = each.effects()
        assert Counter(line["document_id"] for line in effects) == Counter(documents), "one effect each"
        assert len({line["delivery_id"] for line in effects}) == count
    submissions = Counter(line["submission_id"] for line in sender.lines("sent"))
    assert Counter(line["submission_id"] for line in sender.receipts(ACCEPTANCE)) == submissions
    assert sender.receipts(REJECTION) == []
    assert sender.receipts(FAILURE) == []
    for event in (CONSIGNMENT, HANDOVER):
        told = Counter(_told(sender.receipts(event)))
        assert set(told.values()) == {1}, f"one {event} for each delivery"
        assert {submission for submission, _ in told} == set(submissions)
        assert len(told) == count * len(recipients)


def assert_in_order(effects: Sequence[Line]) -> None:
    """Assert that each lane's documents took effect in the order of their acceptance."""
    lanes: dict[tuple[object, object, object], list[int]] = {}
    for line in effects:
        lane = (line["sender"], line["recipient"], line["lane"])
        lanes.setdefault(lane, []).append(int(str(line["lane_number"])))
    for lane, numbers in lanes.items():
        assert numbers == sorted(numbers), f"{lane} took effect in the order {numbers}"


def highest_attempt(recipients: Sequence[AgencyProcess]) -> int:
    """Return the highest attempt number that anybody was ever offered."""
    return max(int(str(line["attempt"])) for each in recipients for line in each.lines("offered"))


def _told(receipts: Sequence[Line]) -> list[tuple[object, object]]:
    return [(line["submission_id"], code) for line in receipts for code in _codes(line)]


def _recipients_in(receipts: Sequence[Line]) -> int:
    return sum(len(_codes(line)) for line in receipts)


def _codes(line: Line) -> list[object]:
    recipients = line["recipients"]
    assert isinstance(recipients, list)
    return recipients


def _settings(agency: LocalAgency, policy: Mapping[str, object]) -> str:
    """Write the agency's settings with a journal of its own beside them."""
    kit = tomllib.loads(agency.kit_file.read_text("utf-8"))
    keys = kit.pop("keys")
    kit["journal"] = "journal.db"
    parts = [("[kit]", kit), *(("[[kit.keys]]", key) for key in keys), ("[agency]", policy)]
    return "\n".join(f"{head}\n{_table(values)}" for head, values in parts)


def _table(values: Mapping[str, object]) -> str:
    # JSON writes strings, numbers and lists of strings as TOML does.
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())
