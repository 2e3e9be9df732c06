from datetime import timedelta

from hub.backends.clock import SystemClock
from hub.operations.connected import connected
from hub.operations.overview import look
from tests.integration.operations.conftest import Office
from tests.support.decisions import a_submission
from tests.support.store import documents


async def test_an_overview_counts_what_came_in_went_out_waits_and_failed(office: Office) -> None:
    _, handed_over = await office.hub.accept(a_submission().to("H14").admitted())
    await office.hub.deliver(handed_over)
    await office.hub.decide(a_submission().refused())
    await office.dead_letters(a_submission())
    _, waiting = await office.hub.accept(a_submission().to("H41").admitted())

    seen = await look(office.database, SystemClock())

    assert len(seen.minutes) == 60
    assert sum(each.arrived for each in seen.minutes) == 4
    assert sum(each.refused for each in seen.minutes) == 1
    assert sum(each.consigned for each in seen.minutes) == 2
    assert seen.waiting >= len(documents(waiting))
    assert seen.oldest_waiting is not None
    assert (seen.open_cases, seen.invalid_messages, seen.failing) == (1, 0, ())


async def test_a_parked_mailbox_stands_among_the_failing_ones_with_its_reason(office: Office) -> None:
    await office.hub.accept(a_submission().to("H41").admitted())
    await office.store.fetch(
        "update mailboxes set breaker = 'open', failures = 5, failing_since = now(), parked_since = now(),"
        " parked_until = now() + interval '1 minute', parked_because = 'failing' where name = 'H41'"
    )

    (failing,) = (await look(office.database, SystemClock())).failing

    assert (failing.mailbox, failing.breaker, failing.parked_because) == ("H41", "open", "failing")
    assert failing.waiting == 1


async def test_who_is_connected_is_told_with_what_is_known_of_each(office: Office) -> None:
    await office.hub.accept(a_submission().to("H41").admitted())
    await office.store.fetch("insert into mailbox_sightings values ('G22', now())")
    await office.store.fetch(
        "insert into certificates (fingerprint, agency, subject, der, not_before, not_after)"
        " values (sha256('x'), 'G22', 'CN=G22', '', now() - interval '1 day', now() + interval '10.5 days')"
    )
    await office.store.fetch("update mailboxes set breaker = 'open' where name = 'H41'")

    found = await connected(office.database, None)

    by_name = {each.mailbox: each for each in found.mailboxes}
    now = SystemClock().now()
    assert found.mailboxes[0].mailbox == "H41"
    assert by_name["H41"].waiting == 1
    assert by_name["H41"].days_certified(now) is None
    assert by_name["G22"].days_certified(now) == 10
    assert by_name["G22"].seen_at is not None
    assert now - by_name["G22"].seen_at < timedelta(minutes=1)
    assert (found.depths, found.broker_silent_because) == ({}, "management_url is not set")
