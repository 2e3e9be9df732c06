"""What is done to a log shows, and where; the chain is followed without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.backends.postgres.audit_log import LoggedEvent
from hub.evidence.chain import GENESIS, EventRow, canonical, canonical_fields, leaf, link
from hub.operations.audit import NAMED, ChainCheck, Damage

AT = datetime(2026, 11, 22, 10, 15, 0, 123456, tzinfo=UTC)


def row(number: int) -> EventRow:
    return EventRow(
        event_id=number * 3,  # numbers of transactions that were rolled back are missing
        at=AT + timedelta(seconds=number),
        name="delivery.consigned",
        message_id=UUID(int=number),
        delivery_id=None,
        detail='{"attempt": 1}',
    )


def fields_of(event: EventRow) -> tuple[bytes | None, ...]:
    """Take a canonical form apart: what the database hands over."""
    form, fields = canonical(event), []
    while form:
        length = int.from_bytes(form[:4], signed=True)
        fields.append(None if length < 0 else form[4 : 4 + length])
        form = form[4 + max(length, 0) :]
    return tuple(fields)


def a_log(length: int) -> list[LoggedEvent]:
    log, last = [], GENESIS
    for number in range(1, length + 1):
        event = row(number)
        last = link(last, leaf(canonical(event)))
        log.append(LoggedEvent(event_id=event.event_id, fields=fields_of(event), position=number, link=last))
    return log


def check(log: list[LoggedEvent], heads: dict[int, bytes] | None = None) -> ChainCheck:
    followed = ChainCheck(heads or {})
    followed.follow(log[: len(log) // 2])
    followed.follow(log[len(log) // 2 :])
    followed.end()
    return followed


def test_a_log_that_nobody_touched_holds() -> None:
    log = a_log(9)

    found = check(log, {9: log[8].link or b"", 4: log[3].link or b""})

    assert (found.count, found.position, found.checked) == (0, 9, 9)


@pytest.mark.parametrize("place", [0, 4, 8])
@pytest.mark.parametrize("field", range(6))
def test_any_altered_field_is_found_where_it_is(place: int, field: int) -> None:
    log = a_log(9)
    fields = list(log[place].fields or ())
    fields[field] = {1: bytes(8), 2: b"message.refused", 5: None}.get(field, bytes(16))
    log[place] = replace(log[place], fields=tuple(fields))

    found = check(log)

    assert [(each.damage, each.event_id) for each in found.first] == [(Damage.ALTERED, log[place].event_id)]


def test_an_event_that_was_inserted_is_found() -> None:
    log = a_log(9)
    fake = replace(row(5), event_id=14)
    log.insert(4, LoggedEvent(event_id=14, fields=fields_of(fake), position=None, link=None))

    found = check(log)

    assert [(each.damage, each.event_id, each.at) for each in found.first] == [(Damage.INSERTED, 14, fake.at)]


def test_an_event_that_was_removed_is_found_and_what_follows_is_still_checked() -> None:
    log = a_log(9)
    log[2] = replace(log[2], fields=None)
    log[6] = replace(log[6], link=bytes(32))

    found = check(log)

    assert [(each.damage, each.position) for each in found.first] == [
        (Damage.REMOVED, 3),
        (Damage.ALTERED, 7),
        (Damage.ALTERED, 8),  # it was linked to what stood there
    ]


def test_an_event_that_was_cut_out_with_its_seal_is_found() -> None:
    log = a_log(9)
    del log[4]

    found = check(log)

    assert [(each.damage, each.position) for each in found.first] == [(Damage.CUT_OUT, 5)]


def test_a_log_that_was_written_anew_holds_in_itself_and_not_against_a_kept_head() -> None:
    kept = {7: a_log(7)[6].link or b""}
    anew, last = [], GENESIS
    for number, each in enumerate(a_log(9), start=1):
        fields = (
            each.fields if number != 2 else (*(each.fields or ())[:2], b"message.refused", None, None, None)
        )
        last = link(last, leaf(canonical_fields(*(fields or ()))))
        anew.append(replace(each, fields=fields, link=last))

    assert check(anew).count == 0
    assert [each.damage for each in check(anew, kept).first] == [Damage.OTHER_HEAD]


def test_a_log_whose_end_was_cut_off_does_not_reach_a_kept_head() -> None:
    kept = {7: a_log(7)[6].link or b""}

    found = check(a_log(6), kept)

    assert [(each.damage, each.position) for each in found.first] == [(Damage.OTHER_HEAD, 7)]


def test_many_broken_rows_are_counted_and_the_first_are_named() -> None:
    log = [replace(each, fields=None) for each in a_log(50)]

    found = check(log)

    assert (found.count, len(found.first), found.first[0].position) == (50, NAMED, 1)


fields = st.lists(st.one_of(st.none(), st.binary(max_size=12)), min_size=6, max_size=6)


@given(fields, fields)
def test_two_rows_have_two_forms(one: list[bytes | None], other: list[bytes | None]) -> None:
    assert (canonical_fields(*one) == canonical_fields(*other)) == (one == other)
