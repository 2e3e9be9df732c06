"""What the books find for a day is what came on that day in Vietnam."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from adapters.vxp import books
from adapters.vxp.books import TABLES, Departure
from adapters.vxp.gateway import PacketKind, Period
from hub.message.identifiers import AgencyCode, AgencyKey, DocumentId, SubmissionId, digest_of
from hub.message.receipt_xml import VIETNAM_TIME as VIETNAM

DAY = Period(
    since=datetime(2026, 11, 22, tzinfo=VIETNAM), until=datetime(2026, 11, 22, tzinfo=VIETNAM) + timedelta(1)
)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:", isolation_level=None)
    for statement in TABLES:
        opened.execute(statement)
    yield opened
    opened.close()


def send(connection: sqlite3.Connection, at: datetime) -> None:
    name = SubmissionId(str(uuid4()))
    departure = Departure(
        submission_id=name,
        systemid="qlvb",
        kind=PacketKind.EDOC,
        sender=AgencyKey("H41"),
        sender_code=AgencyCode("H41"),
        recipients=((AgencyKey("H17"), AgencyCode("H17")),),
        document_id=DocumentId("d-1"),
        title="",
        notation="",
        likeness=digest_of(name.encode()),
    )
    books.plan(connection, departure=departure, at=at)
    books.mark_posted(connection, name)


@pytest.mark.parametrize(
    ("at", "is_found"),
    [
        (datetime(2026, 11, 21, 16, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 21, 17, 0, 0, 1, tzinfo=UTC), True),
        (datetime(2026, 11, 22, 16, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 22, 17, 0, tzinfo=UTC), False),
    ],
    ids=["evening-before", "after-midnight", "before-midnight", "morning-after"],
)
def test_a_day_begins_at_midnight_in_vietnam(
    connection: sqlite3.Connection, at: datetime, *, is_found: bool
) -> None:
    send(connection, at)

    assert len(books.sent_by(connection, "qlvb", None, period=DAY, limit=10)) == is_found


def test_a_period_from_the_first_day_to_the_last_is_always(connection: sqlite3.Connection) -> None:
    send(connection, datetime(2026, 11, 22, tzinfo=UTC))
    first, last = datetime(1, 1, 1, tzinfo=VIETNAM), datetime(9999, 12, 31, 23, tzinfo=VIETNAM)

    assert len(books.sent_by(connection, "qlvb", None, period=Period(since=first, until=last), limit=10)) == 1
