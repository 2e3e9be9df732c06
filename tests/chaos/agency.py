"""One process of one office of a campaign: `python -m tests.chaos.agency agency.toml`.

It consumes its mailbox, and sends while the campaign's flag `sending` stands, until SIGTERM. Its clock is
wrong by as many seconds as the file `skew` beside its settings says. Everything it does stands in its ledger.
"""

import argparse
import asyncio
import signal
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import time_machine
import uvloop
from pydantic import TypeAdapter

from adapters.kit import outgoing
from adapters.kit.broker import SubmitChannel
from adapters.kit.mailbox import Mailbox
from adapters.kit.outgoing import Outgoing, OutgoingState
from adapters.kit.settings import KitSettings, settings_of
from hub.errors import TemporaryFailure
from hub.message.edxml import MessageKind
from hub.message.identifiers import SubmissionId, digest_of
from tests.chaos import effects
from tests.chaos.cast import Handling
from tests.chaos.desk import Desk
from tests.chaos.ledger import Confirmed, Ledger, Started, Submitted, read_ledger
from tests.chaos.letters import Kind, Letter, Writer

_LOOK_AGAIN = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the campaign wants of this process: the table `[campaign]` of its settings."""

    name: str
    seed: int
    handling: Handling
    is_difficult: bool
    rate: float
    speakers: tuple[str, ...]
    recipients: tuple[str, ...]
    flag: Path
    """Documents are sent while this file exists."""


class Clock:
    """This process's clock, which the nemesis may set wrong."""

    def __init__(self, folder: Path) -> None:
        """Obey the file `skew` in *folder*, which need not be there."""
        self._file = folder / "skew"
        self._told = 0.0
        self._wrong: time_machine.travel | None = None

    async def obey_for_ever(self) -> None:
        """Be wrong by what the file says; a signal would kill a process that is starting or ending."""
        while True:
            self.obey()
            await asyncio.sleep(_LOOK_AGAIN)

    def obey(self) -> None:
        """Be wrong by what the file says from now on; 0 is right again."""
        told = float(self._file.read_text("ascii")) if self._file.exists() else 0.0
        if told != self._told:
            self._told = told
            self._set_wrong(told)

    def _set_wrong(self, seconds: float) -> None:
        if self._wrong is not None:
            self._wrong.stop()
            self._wrong = None
        if seconds:
            self._wrong = time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=True)
            self._wrong.start()


class Correspondence:
    """What this process sends, and what it still has to learn about it."""

    def __init__(self, orders: Orders, settings: KitSettings, ledger: Ledger) -> None:
        self._orders = orders
        self._ledger = ledger
        self._settings = settings
        written = tuple(read_ledger(ledger.path))
        self._random = Random(f"{orders.seed}/{orders.name}/{len(written)}")
        self._writer = Writer(
            mailbox=settings.mailbox,
            speakers=orders.speakers,
            recipients=orders.recipients,
            keys=settings.keys,
            random=self._random,
        )
        confirmed = {each.submission_id for each in written if isinstance(each, Confirmed)}
        submitted = [each.submission_id for each in written if isinstance(each, Submitted)]
        self._unconfirmed = {each: None for each in submitted if each not in confirmed}

    async def send_for_ever(self, mailbox: Mailbox, tasks: asyncio.TaskGroup) -> None:
        """Send documents at the ordered rate whenever the flag stands."""
        repeated: asyncio.Queue[Letter] = asyncio.Queue()
        again = tasks.create_task(self._publish_again(repeated))
        try:
            while True:
                await asyncio.sleep(min(3.0, self._random.expovariate(self._orders.rate)))
                if self._orders.flag.exists():
                    await self._send(mailbox, await asyncio.to_thread(self._writer.write), repeated)
        finally:
            again.cancel()

    async def note_confirms(self, mailbox: Mailbox) -> None:
        """Write down what the broker has confirmed, for ever."""
        while True:
            await self.note_new_confirms(mailbox)
            await asyncio.sleep(_LOOK_AGAIN)

    async def note_new_confirms(self, mailbox: Mailbox) -> None:
        """Write down what the journal knows to be with the broker."""
        unconfirmed = list(self._unconfirmed)
        states = await mailbox.journal.write(
            lambda connection: [outgoing.state_of(connection, each) for each in unconfirmed]
        )
        confirmed = [
            submission
            for submission, state in zip(unconfirmed, states, strict=True)
            if state not in {None, OutgoingState.JOURNALLED}
        ]
        written = [Confirmed(submission_id=each) for each in confirmed]
        await asyncio.to_thread(self._ledger.append, *written)
        for each in confirmed:
            del self._unconfirmed[each]

    async def _send(self, mailbox: Mailbox, letter: Letter, repeated: "asyncio.Queue[Letter]") -> None:
        await self._post(mailbox, letter)
        if letter.kind is Kind.COPIED:
            await self._post(mailbox, self._writer.copy(letter))
        elif letter.kind is Kind.REPEATED:
            repeated.put_nowait(letter)

    async def _post(self, mailbox: Mailbox, letter: Letter) -> None:
        await asyncio.to_thread(self._ledger.append, letter.entry)
        self._unconfirmed[letter.entry.submission_id] = None
        await mailbox.post(letter.body, submission=letter.entry.submission_id)

    async def _publish_again(self, repeated: "asyncio.Queue[Letter]") -> None:
        """Publish submissions a second time, as a sender does that never heard of the first."""
        channel = await SubmitChannel.open(self._settings.broker)
        try:
            while True:
                letter = await repeated.get()
                await asyncio.sleep(self._random.random())
                try:
                    await channel.submit(_outgoing(letter))
                except TemporaryFailure:
                    continue  # the first one is in the journal and goes out in any case
        finally:
            await channel.close()


def _outgoing(letter: Letter) -> Outgoing:
    return Outgoing(
        submission_id=SubmissionId(letter.entry.submission_id),
        kind=MessageKind.DOCUMENT,
        digest=digest_of(letter.body),
        about_delivery=None,
        body=letter.body,
    )


async def work(file: Path, stop: asyncio.Event) -> None:
    """Be the process that *file* describes until *stop*."""
    table = tomllib.loads(file.read_text("utf-8"))
    orders = TypeAdapter(Orders).validate_python(table["campaign"])
    settings = settings_of(table["kit"], file.parent)
    ledger = Ledger(file.parent / f"{orders.name}.ledger")
    is_idempotent = orders.handling == "idempotent"
    register = effects.Register(file.parent.parent / "register.db") if is_idempotent else None
    ledger.append(Started(consumer=orders.name, mailbox=settings.mailbox))
    desk = Desk(consumer=orders.name, is_difficult=orders.is_difficult, register=register, ledger=ledger)
    correspondence = Correspondence(orders, settings, ledger)
    async with Mailbox.open(settings, tables=effects.TABLES) as mailbox, asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(
                mailbox.run(desk.take_document, status=desk.take_status, receipt=desk.take_receipt)
            ),
            tasks.create_task(desk.copy_for_ever(mailbox)),
            tasks.create_task(correspondence.note_confirms(mailbox)),
            tasks.create_task(Clock(file.parent).obey_for_ever()),
            tasks.create_task(_say_ready(mailbox, file.parent / "ready")),
        ]
        if orders.rate:
            running.append(tasks.create_task(correspondence.send_for_ever(mailbox, tasks)))
        await stop.wait()
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        await desk.copy_new_effects(mailbox)
        await correspondence.note_new_confirms(mailbox)


async def _say_ready(mailbox: Mailbox, marker: Path) -> None:
    await mailbox.consuming.wait()
    marker.touch()


async def main(file: Path) -> None:
    """Work until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await work(file, stop)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="One process of one office of a campaign.")
    parser.add_argument("settings", type=Path)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(parser.parse_args().settings))
