import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from hub.backends.postgres.lateness import LateDelivery
from hub.message.edxml import StatusCode
from hub.message.identifiers import AgencyKey, DeliveryId
from hub.message.lateness import Lateness
from hub.operations.lateness import COLUMNS, LateDesk
from tests.integration.operations.conftest import Office
from tests.support.decisions import Submission, a_submission
from tests.support.store import documents

LONG_AGO = timedelta(days=3)


class FixedClock:
    """Tells an instant that a test chose."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now


def desk(office: Office, *, days: float = 2) -> LateDesk:
    """Look at the axis so many days from now."""
    return LateDesk(office.database, FixedClock(datetime.now(UTC) + timedelta(days=days)))


async def consigned(office: Office, submission: Submission) -> DeliveryId:
    _, handed_over = await office.hub.accept(submission.admitted())
    (entry,) = documents(handed_over)
    await office.hub.deliver(handed_over)
    return entry.delivery_id


async def late(office: Office, *, days: float = 2) -> dict[DeliveryId, Lateness]:
    looked = desk(office, days=days)
    return {each.delivery_id: each.lateness for each in await looked.find(looked.filter())}


async def test_what_arrived_today_is_not_late(office: Office) -> None:
    await consigned(office, a_submission())

    assert await late(office, days=0) == {}


async def test_what_lies_since_yesterday_with_a_silent_mailbox_is_not_collected(office: Office) -> None:
    lying = await consigned(office, a_submission())

    assert await late(office) == {lying: Lateness.NOT_COLLECTED}


async def test_a_recipient_that_works_and_does_not_acknowledge_is_told_apart(office: Office) -> None:
    lying = await consigned(office, a_submission())
    await office.store.fetch("insert into mailbox_sightings values ('H41', now() + interval '1 hour')")

    assert await late(office) == {lying: Lateness.NOT_ACKNOWLEDGED}


async def test_what_is_acknowledged_is_late_only_once_its_due_date_has_passed(office: Office) -> None:
    document = a_submission().with_(due_on=datetime.now(UTC).date() + timedelta(days=1))
    arrived = await consigned(office, document)
    await office.hub.accept(document.status(StatusCode.ARRIVED, by="H41"))

    assert await late(office, days=0) == {}
    assert await late(office, days=3) == {arrived: Lateness.OVERDUE}


async def test_what_is_finished_is_never_late(office: Office) -> None:
    document = a_submission().with_(due_on=date(2020, 1, 1))
    await consigned(office, document)
    await office.hub.accept(document.status(StatusCode.FINISHED, by="H41"))

    assert await late(office) == {}


async def test_what_the_axis_itself_still_has_since_yesterday_is_late_too(office: Office) -> None:
    _, handed_over = await office.hub.accept(a_submission().admitted())
    (waiting,) = documents(handed_over)
    dead = (await office.dead_letters(a_submission()))[0]

    assert await late(office) == {
        waiting.delivery_id: Lateness.NOT_DELIVERED,
        dead.delivery_id: Lateness.NOT_DELIVERED,
    }


async def test_lateness_is_counted_by_agency_the_worst_first(office: Office) -> None:
    for recipient in ("H14", "H41", "H41"):
        await consigned(office, a_submission().to(recipient))

    agencies = await desk(office).agencies()

    assert [(each.recipient, each.deliveries) for each in agencies] == [("H41", 2), ("H14", 1)]
    assert agencies[0].counts[Lateness.NOT_COLLECTED].deliveries == 2
    assert await desk(office).agencies((AgencyKey("H99"),)) == ()


async def test_filters_narrow_and_pages_follow_one_another(office: Office) -> None:
    for recipient in ("H14", "H41", "H41"):
        await consigned(office, a_submission().to(recipient))
    looked = desk(office)
    only = replace(looked.filter(), recipient=AgencyKey("H41"), lateness=Lateness.NOT_COLLECTED)

    first: tuple[LateDelivery, ...] = await looked.find(only, limit=1)
    second = await looked.find(only, limit=1, behind=first[0].delivery_id)

    assert [each.recipient for each in (*first, *second)] == ["H41", "H41"]
    assert await looked.find(only, limit=1, behind=second[0].delivery_id) == ()
    assert await looked.find(replace(only, visible_to=(AgencyKey("H14"),))) == ()


async def test_an_export_is_a_table_and_runs_nothing_in_a_spreadsheet(office: Office) -> None:
    await consigned(office, a_submission().with_(subject='=cmd|"/c calc"!A1'))
    looked = desk(office)

    pieces = [piece async for piece in looked.export(looked.filter())]

    lines = list(csv.reader("".join(pieces).splitlines()))
    assert tuple(lines[0]) == COLUMNS
    assert dict(zip(COLUMNS, lines[1], strict=True))["subject"] == '\'=cmd|"/c calc"!A1'
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("@SUM(1)", "'@SUM(1)"),
        (" =1+1", " '=1+1"),
        ("công văn;=1+1;hết", "công văn;'=1+1;hết"),
        ('công văn";=1+1', "công văn\";'=1+1"),
        ("công văn\n=1+1", "công văn\n'=1+1"),
        ("＝1+1", "'＝1+1"),
        ("từ 1-2 đến 3; sau đó", "từ 1-2 đến 3; sau đó"),
    ],
)
async def test_a_formula_is_text_wherever_a_spreadsheet_may_begin_a_cell(
    office: Office, subject: str, told: str
) -> None:
    await consigned(office, a_submission().with_(subject=subject))
    looked = desk(office)

    pieces = [piece async for piece in looked.export(looked.filter())]

    lines = list(csv.reader(io.StringIO("".join(pieces), newline="")))
    assert dict(zip(COLUMNS, lines[1], strict=True))["subject"] == told
