"""The kit's examples, each run as it stands against a real hub."""

import asyncio
import os
import re
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen

import pytest

from hub.commands.local_axis import LocalAgency
from tests.acceptance.speaking import a_letter
from tests.support.axis import World, new_agency
from tests.support.waiting import until

PDF = b"%PDF-1.4\n" + b"x" * 2_000


@dataclass(slots=True, kw_only=True)
class Stage:
    """Three mailboxes, and the examples that run for them."""

    world: World
    ministry: LocalAgency
    agency: LocalAgency
    lgsp: LocalAgency
    units: tuple[LocalAgency, LocalAgency]
    newcomer: LocalAgency
    """A unit behind the LGSP that has no folder there."""
    folder: Path
    _running: list[Popen[bytes]] = field(default_factory=list)

    def start(self, example: str, *arguments: object, **environment: str) -> Popen[bytes]:
        """Run an example; what it prints lies in a file of its own."""
        command = [sys.executable, "-m", f"adapters.kit.examples.{example}", *map(str, arguments)]
        with self.output(len(self._running)).open("wb") as output:
            process = Popen(
                command, env=os.environ | environment, stdin=DEVNULL, stdout=output, stderr=STDOUT
            )
        self._running.append(process)
        return process

    async def run(self, example: str, *arguments: object) -> str:
        """Run an example to its end; return what it printed."""
        process = self.start(example, *arguments)
        code = await asyncio.to_thread(process.wait, 60)
        told = self.output(self._running.index(process)).read_text()
        assert code == 0, told
        return told

    def output(self, number: int) -> Path:
        return self.folder / f"example-{number}.log"

    def boxes(self, unit: LocalAgency, box: str) -> Path:
        return self.folder / "units" / unit.key / box

    def end(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()

    async def sent(self, recipient: LocalAgency, *, subject: str) -> str:
        """Send from the ministry by the example; return the submission that the axis accepted."""
        pdf = self.folder / "cong-van.pdf"
        pdf.write_bytes(PDF)
        told = await self.run(
            "send_a_document", self.ministry.kit_file, self.ministry.code, recipient.code, pdf, subject
        )
        assert "decision: SubmissionAcceptance" in told
        (submission,) = re.findall(r"submission: (\S+)", told)
        return submission

    async def answer(self, code: str, *, at: LocalAgency, description: str = "%") -> None:
        """Wait for a status in the tables of a receiving example."""
        query = "SELECT 1 FROM answers WHERE code = ? AND description LIKE ?"
        await self.row(at, query, code, description)

    async def row(self, at: LocalAgency, query: str, *values: object) -> tuple[object, ...]:
        """Wait for a row in the journal of *at*, and return the only one."""
        await until(lambda: rows(at.journal_file, query, *values), what=f"{query} at {at.code}")
        (row,) = rows(at.journal_file, query, *values)
        return row


def rows(database: Path, query: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            return list(connection.execute(query, values))
        except sqlite3.OperationalError:  # not there yet
            return []


@pytest.fixture(scope="module")
def stage(town: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Two agencies receive by the first example; an LGSP with two units has its own."""

    async def prepare() -> Stage:
        lgsp = new_agency(is_lgsp=True)
        units = [new_agency(parent=lgsp, is_connected=False) for _ in range(3)]
        ministry, agency, behind, *served = await town.add(new_agency(), new_agency(), lgsp, *units)
        await town.hub()
        first, second, third = served
        return Stage(
            world=town,
            ministry=ministry,
            agency=agency,
            lgsp=behind,
            units=(first, second),
            newcomer=third,
            folder=tmp_path_factory.mktemp("examples"),
        )

    stage = asyncio.run(prepare())
    try:
        for each in (stage.ministry, stage.agency):
            stage.start("receive_exactly_once", each.kit_file)
        for place in product(stage.units, ("in", "out")):
            stage.boxes(*place).mkdir(parents=True)
        stage.start("serve_units", stage.lgsp.kit_file, stage.folder / "units")
        yield stage
    finally:
        stage.end()


async def test_a_document_is_sent_received_registered_and_finished(stage: Stage) -> None:
    await stage.sent(stage.agency, subject="V/v họp giao ban")

    query = "SELECT delivery_id, sender, recipient FROM arrivals WHERE subject = ?"
    delivery_id, *parties = await stage.row(stage.agency, query, "V/v họp giao ban")
    assert parties == [stage.ministry.code, stage.agency.code]
    await stage.answer("01", at=stage.ministry)

    await stage.run(
        "register_and_finish", stage.agency.kit_file, delivery_id, "Số đến 07", "Đã trả lời bằng văn bản"
    )

    await stage.answer("03", at=stage.ministry, description="Số đến 07")
    await stage.answer("06", at=stage.ministry, description="Đã trả lời bằng văn bản")


async def test_a_document_is_asked_back(stage: Stage) -> None:
    submission = await stage.sent(stage.agency, subject="V/v gửi nhầm")
    await stage.row(stage.agency, "SELECT delivery_id FROM arrivals WHERE subject = ?", "V/v gửi nhầm")

    told = await stage.run("recall_a_document", stage.ministry.kit_file, submission, "Sai phụ lục")

    assert "asked: " in told
    await stage.answer("13", at=stage.agency, description="Sai phụ lục")


async def test_what_dies_before_its_commit_writes_elsewhere_once_all_the_same(stage: Stage) -> None:
    (agency,) = await stage.world.add(new_agency())
    database = stage.folder / "agency.db"
    arguments = ("receive_idempotently", agency.kit_file, database)
    dying = stage.start(*arguments, TRUC_CRASH_AT="after-handler-before-commit")

    await stage.sent(agency, subject="V/v một lần")
    assert await asyncio.to_thread(dying.wait, 60) == -signal.SIGKILL
    before = rows(database, "SELECT delivery_id, envelope FROM documents")
    stage.start(*arguments)

    query = "SELECT delivery_id FROM incoming WHERE kind = 'document' AND state = 'answered'"
    (answered,) = await stage.row(agency, query)
    assert [row[0] for row in before] == [answered], "the effect was written before the crash"
    assert rows(database, "SELECT delivery_id, envelope FROM documents") == before


async def test_units_behind_an_lgsp_send_with_their_own_keys_and_get_what_is_theirs(stage: Stage) -> None:
    first, second = stage.units
    out = stage.boxes(first, "out")

    out.joinpath("broken.edxml").write_bytes(b"<edXML/>")
    out.joinpath(".new").write_bytes(a_letter(first, second, stage.agency).about("V/v từ đơn vị").unsigned())
    out.joinpath(".new").replace(out / "letter.edxml")

    arrived = stage.boxes(second, "in")
    await until(lambda: [*arrived.glob("*.edxml")], what="the document at the other unit")
    await stage.row(stage.agency, "SELECT delivery_id FROM arrivals WHERE subject = ?", "V/v từ đơn vị")
    assert [*stage.boxes(first, "in").iterdir()] == []
    assert [each.name for each in out.iterdir()] == ["broken.refused"]
    (message,) = await stage.world.rows(
        "select c.agency from messages m join certificates c on c.fingerprint = m.signed_by"
        " where m.mailbox = $1 and m.kind = 'document'",
        stage.lgsp.mailbox,
    )
    assert message["agency"] == first.key


async def test_operators_read_why_an_lgsp_cannot_take_a_document(stage: Stage) -> None:
    await stage.sent(stage.newcomer, subject="V/v đơn vị mới")

    query = (
        "select c.case_id, r.reason from reject_reasons r join cases c using (delivery_id)"
        " where c.recipient = $1 and c.cause_code = 'rejected'"
    )
    told = await until(lambda: stage.world.rows(query, stage.newcomer.key), what="the case and its reasons")
    reason = f"no unit {stage.newcomer.key} here yet"
    assert {row["reason"] for row in told} == {reason}
    for command in (("groups",), ("list",), ("show", str(told[0]["case_id"]))):
        code, text = await stage.world.truc("deadletter", *command, "--json")
        assert (code, reason in text) == (0, True), text
