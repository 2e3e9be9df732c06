import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.kit import outgoing
from adapters.kit.journal import Journal
from adapters.kit.outgoing import Outgoing, OutgoingState
from adapters.kit.relay import Relay
from hub.errors import TemporaryFailure
from hub.message.edxml import MessageKind
from hub.message.identifiers import SubmissionId, digest_of


def a_message(name: str) -> Outgoing:
    body = f"<signed>{name}</signed>".encode()
    return Outgoing(
        submission_id=SubmissionId(name),
        kind=MessageKind.DOCUMENT,
        digest=digest_of(body),
        about_delivery=None,
        body=body,
    )


class BrokerTwin:
    """Confirms, or fails as often as it is told; remembers what it was given."""

    def __init__(self, *, failures: int = 0) -> None:
        self.published: list[Outgoing] = []
        self.failures = failures
        self.gate = asyncio.Event()
        self.gate.set()

    async def submit(self, message: Outgoing) -> None:
        await self.gate.wait()
        if self.failures > 0:
            self.failures -= 1
            raise TemporaryFailure("nack")
        self.published.append(message)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = await Journal.open(tmp_path / "m.journal")
    yield journal
    await journal.close()


async def state_of(journal: Journal, name: str) -> OutgoingState | None:
    return await journal.write(lambda connection: outgoing.state_of(connection, SubmissionId(name)))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - polled until a deadline
            await asyncio.sleep(0.005)


async def run_until_confirmed(relay: Relay, broker: BrokerTwin, *names: str) -> None:
    confirmations = [relay.confirmation(SubmissionId(name)) for name in names]
    running = asyncio.ensure_future(relay.run(broker.submit))
    async with asyncio.timeout(10):
        await asyncio.gather(*confirmations)
    running.cancel()
    await asyncio.wait([running])


async def test_a_message_is_confirmed_in_the_journal_once_the_broker_has_it(journal: Journal) -> None:
    relay, broker = Relay(journal, window=10), BrokerTwin()
    await relay.journal_all([a_message("s-1")])

    await run_until_confirmed(relay, broker, "s-1")

    assert [message.submission_id for message in broker.published] == ["s-1"]
    assert await state_of(journal, "s-1") is OutgoingState.CONFIRMED


async def test_what_the_broker_refuses_is_published_again_with_the_same_bytes(journal: Journal) -> None:
    relay, broker = Relay(journal, window=10), BrokerTwin(failures=2)
    await relay.journal_all([a_message("s-1")])

    await run_until_confirmed(relay, broker, "s-1")

    assert broker.published == [a_message("s-1")]


async def test_a_new_relay_resumes_what_the_old_one_left_unconfirmed(journal: Journal) -> None:
    old, deaf = Relay(journal, window=10), BrokerTwin()
    deaf.gate.clear()
    await old.journal_all([a_message("s-1"), a_message("s-2")])
    running = asyncio.ensure_future(old.run(deaf.submit))
    running.cancel()
    await asyncio.wait([running])
    await old.stop()

    new, broker = Relay(journal, window=10), BrokerTwin()
    await run_until_confirmed(new, broker, "s-1", "s-2")

    assert [message.submission_id for message in broker.published] == ["s-1", "s-2"]


async def test_what_does_not_fit_in_memory_goes_out_from_the_journal_in_its_order(journal: Journal) -> None:
    relay, broker = Relay(journal, window=2), BrokerTwin()
    names = [f"s-{number:03}" for number in range(50)]
    await relay.journal_all([a_message(name) for name in names])

    await run_until_confirmed(relay, broker, *names)

    assert [message.submission_id for message in broker.published] == names


async def test_a_message_that_a_living_relay_holds_is_not_taken_by_another(journal: Journal) -> None:
    holder, other, broker = Relay(journal, window=10), Relay(journal, window=10), BrokerTwin()
    await holder.journal_all([a_message("held")])
    await journal.write(
        lambda connection: outgoing.insert(connection, [a_message("free")], owner=None, at=datetime.now(UTC))
    )

    await run_until_confirmed(other, broker, "free")

    assert [message.submission_id for message in broker.published] == ["free"]


async def test_what_a_dead_process_held_is_taken_at_once(journal: Journal) -> None:
    nobody = 2**22 + 1  # above the largest process id that Linux gives
    await journal.write(
        lambda connection: outgoing.insert(
            connection, [a_message("orphan")], owner=f"{nobody}:x", at=datetime.now(UTC)
        )
    )
    relay, broker = Relay(journal, window=10), BrokerTwin()

    await run_until_confirmed(relay, broker, "orphan")

    assert await state_of(journal, "orphan") is OutgoingState.CONFIRMED


async def test_no_more_than_the_window_is_in_flight(journal: Journal) -> None:
    relay, broker = Relay(journal, window=3), BrokerTwin()
    broker.gate.clear()
    in_flight = 0

    async def submit(message: Outgoing) -> None:
        nonlocal in_flight
        in_flight += 1
        await broker.submit(message)

    await relay.journal_all([a_message(f"s-{number}") for number in range(10)])
    running = asyncio.ensure_future(relay.run(submit))
    await until(lambda: in_flight >= 3)
    for _ in range(20):
        await asyncio.sleep(0)

    assert in_flight == 3
    running.cancel()
    await asyncio.wait([running])
