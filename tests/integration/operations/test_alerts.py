import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from hub.backends.clock import SystemClock
from hub.backends.postgres.pool import Database
from hub.errors import OperationRefused, TemporaryFailure
from hub.message.alert import AlertTerms, Moment
from hub.message.alert_text import Letter, Notice
from hub.message.receipt_xml import VIETNAM_TIME
from hub.operations.alerts import AlertDesk
from hub.workers.alerts import AlertWorker
from tests.integration.operations.conftest import Office
from tests.support.database import PrivateDatabase
from tests.support.decisions import a_submission
from tests.support.waiting import until

AT_ONCE = AlertTerms(calm=timedelta())
PARK = "update mailboxes set breaker = 'open', failures = 5, failing_since = now() where name = $1"
CUT_OFF = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'truc test'"
UNPARK = "update mailboxes set breaker = 'closed', failures = 0, failing_since = null where name = $1"


@dataclass(slots=True)
class Letterbox:
    """A channel that keeps what it is given, or is out of order."""

    name: str = "letterbox"
    trouble: str | None = None
    letters: list[tuple[Letter, tuple[Notice, ...]]] = field(default_factory=list)

    async def send(self, letter: Letter, notices: tuple[Notice, ...]) -> None:
        if self.trouble is not None:
            raise TemporaryFailure(self.trouble)
        self.letters.append((letter, notices))

    def told(self) -> list[tuple[Moment, str, str]]:
        return [
            (each.moment, each.kind.value, each.subject) for _, notices in self.letters for each in notices
        ]


@dataclass(slots=True, kw_only=True)
class FirstLetterCutsOff(Letterbox):
    """A channel during whose first letter the database lets go of the hub."""

    database: PrivateDatabase

    async def send(self, letter: Letter, notices: tuple[Notice, ...]) -> None:
        self.letters.append((letter, notices))
        if len(self.letters) == 1:
            await self.database.rewrite(CUT_OFF)


@pytest.fixture
def letterbox() -> Letterbox:
    return Letterbox()


@pytest.fixture
async def worker(office: Office, hub_database: Database, letterbox: Letterbox) -> AlertWorker:
    """Look with the rights of a hub process."""
    return AlertWorker(
        database=hub_database,
        registry=office.store.registry(),
        channels=[letterbox],
        terms=AT_ONCE,
        clock=SystemClock(),
    )


async def rounds(worker: AlertWorker, count: int = 1) -> None:
    for _ in range(count):
        await worker.look()
        await worker.tell()


async def test_an_incident_is_told_once_when_it_begins_and_once_when_it_is_over(
    office: Office, worker: AlertWorker, letterbox: Letterbox
) -> None:
    await office.store.fetch(PARK, "H41")
    await rounds(worker, 3)
    await office.store.fetch(UNPARK, "H41")
    await rounds(worker, 3)

    assert letterbox.told() == [
        (Moment.START, "recipient_failing", "H41"),
        (Moment.END, "recipient_failing", "H41"),
    ]


async def test_what_flickers_is_one_incident(
    office: Office, worker: AlertWorker, letterbox: Letterbox
) -> None:
    worker.terms = replace(AT_ONCE, calm=timedelta(minutes=10))
    for statement in (PARK, UNPARK, PARK, UNPARK):
        await office.store.fetch(statement, "H41")
        await rounds(worker)

    assert letterbox.told() == [(Moment.START, "recipient_failing", "H41")]


async def test_many_incidents_of_one_moment_are_one_letter(
    office: Office, worker: AlertWorker, letterbox: Letterbox
) -> None:
    for mailbox in ("H41", "H14", "G22"):
        await office.store.fetch(PARK, mailbox)

    await rounds(worker)

    assert len(letterbox.letters) == 1
    assert "3 cảnh báo" in letterbox.letters[0][0].subject


async def test_a_channel_that_is_out_of_order_is_tried_again_and_hears_it_once(
    office: Office, worker: AlertWorker, letterbox: Letterbox
) -> None:
    letterbox.trouble = "the mail server is away"
    await office.store.fetch(PARK, "H41")
    await rounds(worker, 2)
    (kept,) = await office.store.fetch("select attempts, last_error, sent_at from alert_notices")
    letterbox.trouble = None
    await office.store.fetch("update alert_notices set due_at = now()")
    await rounds(worker, 2)

    assert kept == (1, "the mail server is away", None)
    assert len(letterbox.letters) == 1


async def test_two_processes_tell_an_incident_once(
    office: Office, worker: AlertWorker, letterbox: Letterbox
) -> None:
    other = replace(worker)
    await office.store.fetch(PARK, "H41")

    await asyncio.gather(*(rounds(each, 3) for each in (worker, other)))

    assert letterbox.told() == [(Moment.START, "recipient_failing", "H41")]


async def test_every_kind_of_trouble_is_seen(
    office: Office, worker: AlertWorker, letterbox: Letterbox
) -> None:
    worker.terms = AlertTerms(
        waiting=timedelta(seconds=1), invalid_per_hour=2, cases_per_hour=1, unsealed=timedelta(seconds=1)
    )
    await office.dead_letters(a_submission().to("H14"))
    today = datetime.now(VIETNAM_TIME).date()
    await office.hub.accept(a_submission().with_(due_on=today).to("H41").admitted())
    await office.store.fetch(
        "insert into certificates (fingerprint, agency, subject, der, not_before, not_after)"
        " values (sha256('x'), 'G22', 'CN=G22', '', now() - interval '1 day', now() + interval '20 days')"
    )
    await office.store.fetch(
        "insert into invalid_messages (queue, digest, body, reason, arrived_at)"
        " select 'hub.invalid', sha256(n::text::bytea), '', 'x', now() from generate_series(1, 2) n"
    )
    await office.store.private.rewrite(
        "update deliveries set created_at = now() - interval '1 minute'",
        "update events set at = now() - interval '1 minute'",
    )

    await rounds(worker)

    kinds = {kind for _, kind, _ in letterbox.told()}
    assert kinds == {
        "queue_growing",
        "deadline_at_risk",
        "certificate_ending",
        "invalid_rising",
        "cases_rising",
        "audit_unsealed",
    }


async def test_nothing_is_told_of_an_axis_that_is_well(
    office: Office, worker: AlertWorker, letterbox: Letterbox
) -> None:
    _, handed_over = await office.hub.accept(a_submission().admitted())
    await office.hub.deliver(handed_over)

    await rounds(worker, 2)

    assert letterbox.letters == []


async def test_a_test_goes_the_way_of_alerts_and_is_recorded(
    office: Office, worker: AlertWorker, letterbox: Letterbox
) -> None:
    desk = AlertDesk(office.database, operator="Lan", clock=SystemClock())
    number = await desk.test(["letterbox"])
    with pytest.raises(OperationRefused):
        await desk.test(["letterbox"])

    told = asyncio.create_task(desk.told(number, within=timedelta(seconds=30)))
    await rounds(worker, 2)

    assert (await told).notices[0]["sent_at"] is not None
    assert letterbox.told() == [(Moment.TEST, "test", "Lan")]
    assert (await office.actions())[0][:2] == ("Lan", "alert.test")
    assert await desk.alerts() == ()
    assert await desk.test(["letterbox"]) > number


async def test_the_worker_goes_on_until_it_is_stopped(
    office: Office, worker: AlertWorker, letterbox: Letterbox
) -> None:
    stop = asyncio.Event()
    worker.interval = timedelta(milliseconds=20)
    running = asyncio.create_task(worker.run(stop))
    await office.store.fetch(PARK, "H41")

    async def is_told() -> bool:
        return bool(letterbox.letters)

    await until(is_told, what="the alert")
    stop.set()
    await running


async def test_an_outage_while_it_tells_is_sat_out_and_told_of_afterwards(
    office: Office, worker: AlertWorker, private_database: PrivateDatabase, letterbox: Letterbox
) -> None:
    stop = asyncio.Event()
    cut_off = FirstLetterCutsOff(name="cut off", database=private_database)
    worker.channels = [cut_off, letterbox]
    await office.store.fetch(PARK, "H41")
    running = asyncio.create_task(worker.run(stop))
    await until(lambda: cut_off.letters, what="a letter")

    stop.set()
    await running
    await rounds(worker)

    assert cut_off.told() == [(Moment.START, "recipient_failing", "H41")] * 2
    assert (Moment.START, "recipient_failing", "H41") in letterbox.told()
