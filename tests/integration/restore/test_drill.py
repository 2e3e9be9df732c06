"""The drill: the database is put back into the midst of a load, and no document is lost or had twice."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.kit.evidence import export
from hub.commands.local_axis import LocalAgency
from tests.support.axis import World
from tests.support.hub_process import HubProcess
from tests.support.ledger import AgencyProcess, every_document_has_its_effects
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(600)
STEPS = ("Reinstate", "Submit")
DOCUMENTS = "select message_id, submission_id from messages where kind = 'document' and verdict = 'accepted'"


@dataclass(slots=True, kw_only=True)
class Drill:
    """A sender and two recipients, each with one journal through all that happens."""

    world: World
    sender: LocalAgency
    recipients: tuple[LocalAgency, ...]
    software: dict[str, AgencyProcess] = field(default_factory=dict)
    sent: int = 0

    async def start(self, agency: LocalAgency, *, sends: int = 0) -> AgencyProcess:
        """Start the software of *agency* on its journal, after the one before has ended."""
        if agency.code in self.software:
            await asyncio.to_thread(self.software[agency.code].stop)
        codes = [each.code for each in self.recipients]
        process = AgencyProcess(agency, self.world.folder / agency.code, sends=sends, to=codes)
        self.software[agency.code] = process
        self.world.processes.append(process)
        self.sent += sends
        return process

    async def send(self, count: int, *, until_decided: int | None = None) -> None:
        """Send *count* more documents; return once they, or the first of them, were decided."""
        wanted = self.sent + (count if until_decided is None else until_decided)
        process = await self.start(self.sender, sends=count)
        await until(lambda: len(process.lines("decided")) >= wanted, what=f"{wanted} decisions", seconds=60)

    async def everything_is_decided(self) -> None:
        process = self.software[self.sender.code]
        await until(lambda: len(process.lines("decided")) >= self.sent, what="every decision")

    async def everything_is_read(self) -> None:
        """Return once nothing lies in anybody's queue."""
        for agency in (self.sender, *self.recipients):
            await until(lambda each=agency: self._is_read(each), what=f"{agency.code}'s empty queue")

    async def documents(self) -> dict[str, str]:
        """Return the documents that the database knows, and the submissions they came from."""
        return {str(row["message_id"]): row["submission_id"] for row in await self.world.rows(DOCUMENTS)}

    def evidence(self) -> str:
        """Let every agency export its journal; return the folder with all of them."""
        folder = self.world.folder / f"evidence-{datetime.now(UTC):%H%M%S%f}"
        for agency in (self.sender, *self.recipients):
            journal = self.world.folder / agency.code / "journal.db"
            export(journal, agency.mailbox, folder / agency.code, at=datetime.now(UTC))
        return str(folder)

    async def truc(self, *arguments: str, wants: int = 0) -> str:
        code, text = await self.world.truc(*arguments)
        assert code == wants, f"truc {' '.join(arguments)} ended with {code}: {text}"
        return text

    async def reconcile(self, *arguments: str, wants: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
        text = await self.truc("reconcile", *arguments, "--json", wants=wants)
        return json.loads(text[text.index("{\n") :])

    async def the_database_knows_every_receipt(self) -> None:
        """Assert that what the sender holds is what the database stores, byte for byte."""
        held = list(self._sheets(self.world.folder / self.sender.code / "journal.db"))
        query = "select r.receipt_id::text, s.body from receipts r join receipt_sheets s using (sheet_id)"
        stored = {row[0]: row[1] for row in await self.world.rows(query)}
        assert held
        assert [name for name, body in held if stored.get(name) != body] == []

    def _sheets(self, journal: Path) -> Sequence[tuple[str, bytes]]:
        connection = sqlite3.connect(journal)
        rows = connection.execute(
            "SELECT receipt_id, body FROM receipts JOIN receipt_sheets ON digest = sheet"
        )
        return rows.fetchall()

    async def _is_read(self, agency: LocalAgency) -> bool:
        return await self.world.lying_in_queue(agency.mailbox) == 0


@pytest.fixture
async def drill(ruin: World) -> Drill:
    sender, *recipients = await ruin.connected(3)
    return Drill(world=ruin, sender=sender, recipients=tuple(recipients))


async def test_what_a_restore_loses_comes_back_with_one_effect(drill: Drill) -> None:
    hub, instant = await a_load_after_a_backup(drill)
    assert "RESTORE-3" in await drill.truc("restore", "--to", "latest", "--replace", wants=1)
    await the_hub_dies_at_work(drill, hub)
    head = (await drill.truc("audit", "head")).strip()
    known = await drill.documents()

    await drill.truc("restore", "--to", instant.isoformat(), "--replace")

    left = await drill.documents()
    lost = {name: submission for name, submission in known.items() if name not in left}
    assert len(lost) >= 10
    await the_hub_is_kept_out(drill)
    folder = await everybody_reads_and_exports(drill)
    await the_loss_is_named(drill, folder, lost)
    await the_loss_is_brought_back(drill, folder)
    await drill.truc("reconcile", "--evidence", folder, "--release")
    await drill.world.hub()
    recipients = [drill.software[each.code] for each in drill.recipients]
    sender = drill.software[drill.sender.code]
    await every_document_has_its_effects(sender, recipients, count=drill.sent, seconds=60)
    await drill.the_database_knows_every_receipt()
    await the_log_holds_and_the_head_is_of_another_history(drill, head)


async def the_log_holds_and_the_head_is_of_another_history(drill: Drill, head: str) -> None:
    """See that the log holds in itself, and that what was sealed after the restored instant is told apart."""
    alone = await drill.truc("audit", "verify")
    against = await drill.truc("audit", "verify", "--head", head, wants=1)

    assert "the log is as it was sealed" in alone
    assert "hubs were held" in alone
    assert "not the head that was kept" in " ".join(against.split())


async def a_load_after_a_backup(drill: Drill) -> tuple[HubProcess, datetime]:
    """Return the hub, and an instant in the midst of what happened since the backup."""
    hub = await drill.world.hub()
    _, slow = [await drill.start(each) for each in drill.recipients]
    await drill.truc("backup")
    await drill.send(30, until_decided=10)
    instant = datetime.now(UTC)
    await drill.everything_is_decided()
    await asyncio.to_thread(slow.stop)  # what comes now stays in its queue
    return hub, instant


async def the_hub_dies_at_work(drill: Drill, hub: HubProcess) -> None:
    """Kill it in the midst of a load: some was decided, some published, some not even taken."""
    await drill.send(25, until_decided=12)
    hub.kill()
    process = drill.software[drill.sender.code]
    await until(lambda: len(process.lines("sent")) == drill.sent, what="documents that nobody answers")


async def the_hub_is_kept_out(drill: Drill) -> None:
    assert await drill.world.launch_hub().ended() == 3
    assert "hub is held" in await drill.truc("up", wants=1)
    assert "something is left" in await drill.truc("reconcile", "--release", wants=1)


async def everybody_reads_and_exports(drill: Drill) -> str:
    await drill.start(drill.recipients[1])
    await drill.everything_is_read()
    return drill.evidence()


async def _once_counted(drill: Drill, folder: str) -> dict[str, Any] | None:
    """Return what is found once the broker's counts, some seconds old, show empty queues."""
    found = await drill.reconcile("--evidence", folder, wants=1)
    return None if found["incomplete"] else found


async def the_loss_is_named(drill: Drill, folder: str, lost: dict[str, str]) -> None:
    """Assert that every lost document is named, and that only those are brought back under old names."""
    found = await until(
        lambda: _once_counted(drill, folder), what="the broker's count of empty queues", pause=1
    )
    steps = {kind: [each["what"] for each in found["steps"] if each["step"] == kind] for kind in STEPS}
    again = {each.split(",")[0].removeprefix("message ") for each in steps["Reinstate"]}
    assert again <= set(lost)
    unheard_of = {submission for name, submission in lost.items() if name not in again}
    assert {each for each in unheard_of if not any(each in what for what in steps["Submit"])} == set()
    assert (found["missing"], found["incomplete"], found["lane_gap"]) == ([], {}, 0)
    assert not set(lost) & set(await drill.documents())  # nothing was changed yet


async def the_loss_is_brought_back(drill: Drill, folder: str) -> None:
    await drill.reconcile("--evidence", folder, "--apply", "--reason", "the drill")
    assert (await drill.reconcile("--evidence", folder))["steps"] == []
