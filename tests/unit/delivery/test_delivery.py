"""The pure steps of delivery, and its net."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hub.backends.clock import SystemClock
from hub.delivery.line import Broken, DeliveryLine, guarded
from hub.delivery.recover import RecoveryPolicy, RetryRule
from hub.delivery.report import report
from hub.delivery.route import route
from hub.errors import StorageRefused, TemporaryFailure
from hub.message.directory import Agency, Directory, Mandate
from hub.message.identifiers import AgencyCode, AgencyKey, DeliveryId, MailboxName
from hub.message.outbox import (
    Expire,
    GiveUp,
    OutboxEntry,
    PublishResult,
    Retry,
    ReturnedDelivery,
    ReturnReason,
)
from hub.message.properties import ATTEMPT, DELIVERY_ID
from tests.support.entries import an_entry

NOW = datetime(2026, 6, 1, 3, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
SOME_ID = UUID(int=7)
POLICY = RecoveryPolicy(otherwise=RetryRule(delays=(timedelta(seconds=10), timedelta(minutes=1))))


def a_return(reason: ReturnReason = ReturnReason.REJECTED, note: str | None = None) -> ReturnedDelivery:
    return ReturnedDelivery(delivery_id=DeliveryId(SOME_ID), attempt=4, reason=reason, note=note, at=NOW)


def a_directory(*open_mailboxes: str) -> Directory:
    """H49 is below H37; both hold a mandate of their own."""
    keys = (("H37", None), ("H49.02", AgencyKey("H37")))
    return Directory(
        agencies=[
            Agency(key=AgencyKey(key), code=AgencyCode(key), name=key, parent=parent) for key, parent in keys
        ],
        mandates=[
            Mandate(mailbox=MailboxName(mailbox), root=AgencyKey(root), valid_from=NOW)
            for mailbox, root in (("H49", "H49.02"), ("H37", "H37"))
        ],
        open_mailboxes=map(MailboxName, open_mailboxes),
    )


# Route -----------------------------------------------------------------------------------------------------


def test_a_delivery_stays_with_the_mailbox_it_was_accepted_for() -> None:
    assert route(an_entry("H49"), a_directory("H49", "H37"), NOW) == "H49"


def test_a_delivery_of_a_closed_mailbox_goes_to_whoever_receives_for_the_recipient_now() -> None:
    assert route(an_entry("H49"), a_directory("H37"), NOW) == "H37"


def test_a_delivery_that_nobody_receives_any_more_has_no_route() -> None:
    assert route(an_entry("H49"), a_directory(), NOW) is None


# Recover ---------------------------------------------------------------------------------------------------


def test_delays_grow_and_then_it_is_enough() -> None:
    decided = [POLICY.decide(a_return(), tries, 0.0) for tries in (1, 2, 3, 4)]

    assert decided == [
        Retry(not_before=NOW + timedelta(seconds=10)),
        Retry(not_before=NOW + timedelta(minutes=1)),
        GiveUp(cause="rejected at attempt 4"),
        GiveUp(cause="rejected at attempt 4"),
    ]


def test_the_cause_says_what_was_said() -> None:
    decided = POLICY.decide(a_return(ReturnReason.HUB_FAILURE, "ValueError: broken"), 3, 0.0)

    assert decided == GiveUp(cause="hub_failure at attempt 4: ValueError: broken")


@pytest.mark.parametrize("tries", [1, 2, 3])
def test_an_expiry_is_final_however_often_it_was_tried(tries: int) -> None:
    assert isinstance(POLICY.decide(a_return(ReturnReason.EXPIRED), tries, 0.0), Expire)


def test_the_first_rule_that_covers_a_return_decides_about_it() -> None:
    policy = RecoveryPolicy(
        rules=(
            RetryRule(mailboxes=("G22*",), causes=frozenset({ReturnReason.UNROUTABLE}), delays=(HOUR,)),
            RetryRule(causes=frozenset({ReturnReason.UNROUTABLE}), delays=(MINUTE,)),
            RetryRule(mailboxes=("H41",), delays=(SECOND,)),
        ),
        otherwise=RetryRule(delays=(timedelta(),)),
    )
    found = [
        policy.decide(replace(a_return(reason), mailbox=MailboxName(mailbox)), 1, 0.0)
        for mailbox, reason in (
            ("G22.01", ReturnReason.UNROUTABLE),
            ("H41", ReturnReason.UNROUTABLE),
            ("H41", ReturnReason.REJECTED),
            ("G22.01", ReturnReason.REJECTED),
        )
    ]

    assert found == [Retry(not_before=NOW + delay) for delay in (HOUR, MINUTE, SECOND, timedelta())]


def test_a_delay_grows_by_its_part_of_chance_and_never_shrinks() -> None:
    policy = RecoveryPolicy(otherwise=RetryRule(delays=(timedelta(), MINUTE), jitter=0.5))

    first, least, most = (policy.decide(a_return(), *each) for each in ((1, 0.9), (2, 0.0), (2, 0.999)))

    assert first == Retry(not_before=NOW)
    assert least == Retry(not_before=NOW + MINUTE)
    assert isinstance(most, Retry)
    assert MINUTE < most.not_before - NOW < 1.5 * MINUTE


def test_the_workers_draw_a_new_chance_for_every_return() -> None:
    chances = iter((0.0, 1 / 2))
    policy = RecoveryPolicy(otherwise=RetryRule(delays=(MINUTE,), jitter=1.0))
    recover = policy.drawing(lambda: next(chances))

    assert [recover(a_return(), 1), recover(a_return(), 1)] == [
        Retry(not_before=NOW + MINUTE),
        Retry(not_before=NOW + 1.5 * MINUTE),
    ]


# Report ----------------------------------------------------------------------------------------------------


def headers(**other: object) -> dict[str, object]:
    return {DELIVERY_ID: str(SOME_ID), ATTEMPT: 4} | other


@pytest.mark.parametrize(
    ("reason", "meant"),
    [
        ("rejected", ReturnReason.REJECTED),
        ("delivery_limit", ReturnReason.DELIVERY_LIMIT),
        ("expired", ReturnReason.EXPIRED),
        ("maxlen", ReturnReason.REJECTED),
    ],
)
def test_the_brokers_account_says_why_it_came_back(reason: str, meant: ReturnReason) -> None:
    found = report(headers(**{"x-death": [{"reason": reason}]}), NOW)

    assert found == a_return(meant)


def test_the_newest_death_counts() -> None:
    found = report(headers(**{"x-death": [{"reason": "expired"}, {"reason": "rejected"}]}), NOW)

    assert found == a_return(ReturnReason.EXPIRED)


def test_a_broker_that_gives_no_list_gives_its_first_reason() -> None:
    assert report(headers(**{"x-first-death-reason": "expired"}), NOW) == a_return(ReturnReason.EXPIRED)


@pytest.mark.parametrize("deaths", [None, [], "rejected", [None], [{}], [{"reason": 7}]])
def test_an_account_of_no_known_form_counts_as_a_rejection(deaths: object) -> None:
    assert report(headers(**{"x-death": deaths}), NOW) == a_return(ReturnReason.REJECTED)


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {DELIVERY_ID: str(SOME_ID)},
        {ATTEMPT: 1},
        {DELIVERY_ID: "no id", ATTEMPT: 1},
        {DELIVERY_ID: 7, ATTEMPT: 1},
        {DELIVERY_ID: str(SOME_ID), ATTEMPT: "1"},
        {DELIVERY_ID: str(SOME_ID), ATTEMPT: True},
        {DELIVERY_ID: str(SOME_ID), ATTEMPT: 0},
    ],
)
def test_what_is_no_delivery_of_ours_is_not_reported(strange: dict[str, object]) -> None:
    assert report(strange, NOW) is None


# The net ---------------------------------------------------------------------------------------------------


class Publisher:
    is_up = True

    def __init__(self, outcome: PublishResult | Exception) -> None:
        self._outcome = outcome
        self.published: list[OutboxEntry] = []

    async def publish(self, entry: OutboxEntry) -> PublishResult:
        self.published.append(entry)
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


@pytest.mark.parametrize("result", list(PublishResult))
async def test_what_the_broker_said_is_handed_on(result: PublishResult) -> None:
    entry = an_entry("H49")

    attempted = await DeliveryLine(publisher=Publisher(result), clock=SystemClock()).attempt(
        entry, a_directory("H49")
    )

    assert (attempted.entry, attempted.result) == (entry, result)


async def test_a_rerouted_entry_is_published_elsewhere_and_recorded_as_it_is() -> None:
    publisher, entry = Publisher(PublishResult.CONFIRMED), an_entry("H49")

    attempted = await DeliveryLine(publisher=publisher, clock=SystemClock()).attempt(
        entry, a_directory("H37")
    )

    assert [each.mailbox for each in publisher.published] == ["H37"]
    assert attempted.entry == entry


async def test_an_entry_without_a_route_is_not_published() -> None:
    publisher = Publisher(PublishResult.CONFIRMED)

    attempted = await DeliveryLine(publisher=publisher, clock=SystemClock()).attempt(
        an_entry("H49"), a_directory()
    )

    assert attempted.result is PublishResult.UNROUTABLE
    assert publisher.published == []


async def test_a_failure_of_our_own_stays_with_its_delivery() -> None:
    line = DeliveryLine(publisher=Publisher(ValueError("broken")), clock=SystemClock())

    attempted = await line.attempt(an_entry("H49"), a_directory("H49"))

    assert (attempted.result, attempted.note) == (PublishResult.FAILED, "ValueError: broken")


async def test_the_net_lets_an_outage_through_and_holds_everything_else() -> None:
    async def away() -> None:
        raise TemporaryFailure("away")

    async def refused() -> None:
        raise StorageRefused("no")

    with pytest.raises(TemporaryFailure):
        await guarded(away)
    assert await guarded(refused) == Broken(error="StorageRefused: no")
