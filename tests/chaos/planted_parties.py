"""The two agencies of a planted scene: a sender in the test's own process, a recipient as a process."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from adapters.kit.broker import SubmitChannel
from adapters.kit.mailbox import Mailbox
from adapters.kit.outgoing import Outgoing
from adapters.kit.settings import KitSettings, settings_of
from hub.commands import secret_file
from hub.commands.local_axis import LocalAgency
from hub.message.edxml import MessageKind
from hub.message.identifiers import SubmissionId, digest_of
from tests.chaos import effects
from tests.chaos.desk import Desk
from tests.chaos.ledger import Confirmed, Ledger, Started
from tests.chaos.letters import Kind, Letter, Writer
from tests.support.waiting import until

_DECIDED: Final = "SELECT count(*) FROM outgoing WHERE state IN ('accepted', 'refused')"
_STOP_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Sends, and writes down what it learns."""

    mailbox: Mailbox
    settings: KitSettings
    writer: Writer
    ledger: Ledger

    async def send(self, count: int, *, kind: Kind = Kind.PLAIN) -> Sequence[Letter]:
        """Submit *count* documents, one after the other; return when the broker has confirmed them."""
        letters = [self.writer.write_one(kind) for _ in range(count)]
        for letter in letters:
            self.ledger.append(letter.entry)
            name = SubmissionId(letter.entry.submission_id)
            await self.mailbox.send(letter.body, submission=name)
            self.ledger.append(Confirmed(submission_id=name))
        return letters

    async def send_again(self, letter: Letter) -> None:
        """Publish a submission a second time, as a sender does that never saw the confirm."""
        again = Outgoing(
            submission_id=letter.entry.submission_id,
            kind=MessageKind.DOCUMENT,
            digest=digest_of(letter.body),
            about_delivery=None,
            body=letter.body,
        )
        channel = await SubmitChannel.open(self.settings.broker)
        await channel.submit(again)
        await channel.close()

    async def has_decisions(self, count: int) -> None:
        """Return once the hub's signed decision on *count* submissions is here."""

        async def are_here() -> bool:
            row = await self.mailbox.journal.write(lambda connection: connection.execute(_DECIDED).fetchone())
            return int(row[0]) >= count

        await until(are_here, what=f"{count} decisions")


@asynccontextmanager
async def a_sender(agency: LocalAgency, to: LocalAgency, folder: Path) -> AsyncIterator[Sender]:
    """Give a sender that is at work in this process."""
    folder.mkdir(parents=True)
    kit = tomllib.loads(agency.kit_file.read_text("utf-8"))
    settings = settings_of({**kit, "journal": str(folder / "journal.db")}, agency.kit_file.parent)
    ledger = Ledger(folder / "sender.ledger")
    ledger.append(Started(consumer="sender", mailbox=settings.mailbox))
    desk = Desk(consumer="sender", is_difficult=False, register=None, ledger=ledger)
    writer = Writer(
        mailbox=settings.mailbox,
        speakers=(agency.code,),
        recipients=(to.code,),
        keys=settings.keys,
        random=Random(1),
    )
    async with Mailbox.open(settings, tables=effects.TABLES) as mailbox:
        receiving = asyncio.create_task(
            mailbox.run(desk.take_document, status=desk.take_status, receipt=desk.take_receipt)
        )
        await mailbox.consuming.wait()
        try:
            yield Sender(mailbox=mailbox, settings=settings, writer=writer, ledger=ledger)
        finally:
            receiving.cancel()
            with suppress(asyncio.CancelledError):
                await receiving
            ledger.close()


class Recipient:
    """One agency's software, started with or without a fault, killed by it, started again."""

    def __init__(self, agency: LocalAgency, folder: Path) -> None:
        """Prepare its settings."""
        self.agency = agency
        self._folder = folder / "1"
        self._folder.mkdir(parents=True)
        self._settings = self._folder / "agency.toml"
        secret_file.write(self._settings, _settings_for(agency, folder))
        self._process: subprocess.Popen[bytes] | None = None

    def go_through(self, port: int, *, instead_of: int) -> None:
        """Reach the broker by another port from the next start on."""
        settings = self._settings.read_text("utf-8").replace(f":{instead_of}/", f":{port}/")
        secret_file.write(self._settings, settings)

    async def start(self, fault: str = "none", **environment: str) -> None:
        """Start it with *fault*; return once it consumes."""
        ready, log = self._folder / "ready", self._folder / "process.log"
        ready.unlink(missing_ok=True)
        program = ["tests.chaos.planted", fault, "tests.chaos.agency", str(self._settings)]
        self._process = _launch(program, log, environment)
        await until(ready.exists, what=lambda: f"the recipient:\n{log.read_text('utf-8')[-2000:]}")

    async def died(self) -> None:
        """Return once it has killed itself."""
        await until(lambda: self._exit_code() == -signal.SIGKILL, what="the recipient's crash")

    def stop(self) -> None:
        """Ask it to end, and wait until it has written down everything."""
        if self._process is not None and self._exit_code() is None:
            self._process.terminate()
            self._process.wait(_STOP_SECONDS)

    def _exit_code(self) -> int | None:
        return self._process.poll() if self._process is not None else None


def _launch(program: Sequence[str], log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", *program],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _settings_for(agency: LocalAgency, folder: Path) -> str:
    kit = tomllib.loads(agency.kit_file.read_text("utf-8"))
    keys = kit.pop("keys")
    kit["journal"] = str(folder / "journal.db")
    orders = {
        "name": f"{agency.code}-1",
        "seed": 1,
        "handling": "in the transaction",
        "is_difficult": False,
        "rate": 0.0,
        "speakers": [agency.code],
        "recipients": [],
        "flag": str(folder / "sending"),
    }
    parts = [("[kit]", kit), *(("[[kit.keys]]", key) for key in keys), ("[campaign]", orders)]
    return "\n".join(f"{head}\n{_toml(body)}" for head, body in parts)


def _toml(values: dict[str, object]) -> str:
    # JSON writes strings, numbers and lists of strings as TOML does.
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())
