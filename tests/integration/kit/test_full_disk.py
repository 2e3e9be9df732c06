"""A journal whose disk is full: nothing more is accepted, and what was accepted waits for room."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog.testing

from adapters.kit.delivery import Accepted, Answer, Delivery
from adapters.kit.error import JournalFull
from adapters.kit.journal import Journal
from adapters.kit.mailbox import Mailbox
from adapters.kit.transaction import Transaction
from tests.integration.kit.conftest import (
    LGSP,
    SENDER,
    Axis,
    a_draft,
    a_signed_document,
    settings_for,
)
from tests.integration.kit.hub_twin import HubTwin
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.waiting import until

NOTES = ("CREATE TABLE IF NOT EXISTS notes (text BLOB)",)
LARGE = 400_000
EFFECTS = ("CREATE TABLE IF NOT EXISTS effects (delivery_id TEXT, content BLOB)",)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", megabytes=16) as disk:
        yield disk
        disk.free()


def write_note(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO notes VALUES (zeroblob(?))", (LARGE,))


def count_notes(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM notes").fetchone()[0])


async def test_a_write_that_must_not_wait_is_refused_and_leaves_nothing(disk: SmallDisk) -> None:
    journal = await Journal.open(disk.folder / "a.journal", tables=NOTES)
    disk.fill()

    with pytest.raises(JournalFull, match="full"):
        await journal.write_or_refuse(write_note)

    assert await journal.write(count_notes) == 0
    disk.free()
    await journal.write_or_refuse(write_note)
    assert await journal.write(count_notes) == 1
    await journal.close()


async def test_a_write_that_must_not_be_given_up_waits_for_room(disk: SmallDisk) -> None:
    journal = await Journal.open(disk.folder / "a.journal", tables=NOTES)
    disk.fill()
    with structlog.testing.capture_logs() as told:
        writing = asyncio.ensure_future(journal.write(write_note))
        await until(lambda: told, what="the shortage in the log")
        assert "free space" in told[0]["advice"]
        assert not writing.done()

        disk.free()
        await writing

    assert [line["event"] for line in told] == ["journal.full", "journal.has_room"]
    assert await journal.write(count_notes) == 1
    await journal.close()


async def test_a_mailbox_refuses_to_accept_and_loses_nothing_of_what_it_has(
    axis: Axis, hub: HubTwin, disk: SmallDisk
) -> None:
    async with Mailbox.open(settings_for(axis, SENDER, disk.folder)) as mailbox:
        accepted = [await mailbox.send(a_draft())]
        disk.fill()
        refused = 0
        for _ in range(6):
            try:
                accepted.append(await mailbox.post(a_draft(size=LARGE)))
            except JournalFull:
                refused += 1
        assert refused >= 3
        disk.free()
        accepted.append(await mailbox.send(a_draft()))

        received = await hub.until_submitted(len(accepted))

    assert [message.correlation_id for message in received] == accepted


async def test_deliveries_wait_for_room_and_are_neither_rejected_nor_handled_twice(
    axis: Axis, hub: HubTwin, disk: SmallDisk
) -> None:
    handled: list[str] = []

    async def handle(delivery: Delivery, transaction: Transaction) -> Answer:
        handled.append(str(delivery.delivery_id))
        transaction.execute("INSERT INTO effects VALUES (?, zeroblob(?))", (str(delivery.delivery_id), LARGE))
        return Accepted()

    with structlog.testing.capture_logs() as told:
        async with (
            Mailbox.open(settings_for(axis, LGSP, disk.folder), tables=EFFECTS) as mailbox,
            asyncio.TaskGroup() as tasks,
        ):
            running = tasks.create_task(mailbox.run(handle))
            await mailbox.consuming.wait()
            disk.fill()
            sent = [
                str(await hub.deliver(a_signed_document(), mailbox=LGSP, sender=SENDER)) for _ in range(5)
            ]
            await until(lambda: any(line["event"] == "journal.full" for line in told), what="the shortage")
            disk.free()
            await hub.until_submitted(5)
            kept = await mailbox.journal.write(
                lambda connection: connection.execute("SELECT delivery_id FROM effects").fetchall()
            )
            running.cancel()

    assert sorted(handled) == sorted(sent)
    assert sorted(row[0] for row in kept) == sorted(sent)
    assert hub.returned == []
