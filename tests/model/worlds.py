"""The worlds that are searched: each is small, and everything that may happen in it is looked at."""

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from tests.model.state import Kind, Plant, Trouble, World

T: Final = Trouble


def once(*troubles: Trouble) -> MappingProxyType[Trouble, int]:
    """Return a mapping in which each of *troubles* may come once."""
    return MappingProxyType(dict.fromkeys(troubles, 1))


WORLDS: Final = (
    World(
        name="two hub processes share a lane",
        documents=2,
        hubs=2,
        troubles=once(T.CRASH, T.CONNECTION, T.ANSWER, T.LAPSE, T.ABSENCE, T.FULL, T.UNROUTABLE),
        at_most=2,
    ),
    World(
        name="one hub process, everything goes wrong",
        documents=2,
        troubles=once(
            T.CRASH, T.CONNECTION, T.ANSWER, T.FAILED_COMMIT, T.LAPSE, T.FULL, T.UNROUTABLE, T.LATENESS
        ),
        at_most=2,
    ),
    World(
        name="a document submitted twice, its acceptance followed",
        duplicates=1,
        follows=frozenset({Kind.ACCEPTANCE}),
        troubles=once(T.CRASH, T.CONNECTION, T.ANSWER, T.LAPSE),
        at_most=2,
    ),
    World(
        name="a document submitted twice, to two hub processes",
        duplicates=1,
        hubs=2,
        follows=frozenset({Kind.ACCEPTANCE}),
        troubles=once(T.CRASH, T.CONNECTION, T.ANSWER),
        at_most=1,
    ),
    World(
        name="consignments followed",
        follows=frozenset({Kind.CONSIGNMENT}),
        duplicates=1,
        troubles=once(T.CRASH, T.CONNECTION, T.ANSWER, T.LAPSE),
        at_most=3,
    ),
    World(
        name="a recipient that fails, until an operator replays",
        consumers=1,
        troubles=MappingProxyType(
            {**once(T.CRASH, T.CONNECTION, T.ANSWER, T.REPLAY, T.UNCONFIRMED), T.REJECTION: 2}
        ),
        at_most=4,
    ),
    World(
        name="two consumers, a handler inside the journal's transaction",
        consumers=2,
        troubles=MappingProxyType({**once(T.KIT_CRASH, T.REPLAY), T.KIT_CONNECTION: 2, T.REJECTION: 2}),
        at_most=3,
    ),
    World(
        name="two consumers, a handler idempotent by delivery id",
        consumers=2,
        is_transactional=False,
        troubles=MappingProxyType({**once(T.KIT_CRASH, T.REPLAY), T.KIT_CONNECTION: 2, T.REJECTION: 2}),
        at_most=3,
    ),
    World(
        name="failures followed, expiry, replay",
        consumers=1,
        max_attempts=1,
        follows=frozenset({Kind.FAILURE}),
        troubles=once(T.CRASH, T.LAPSE, T.LATENESS, T.REJECTION, T.REPLAY, T.UNROUTABLE),
        at_most=3,
    ),
)

FLOOR: Final = tuple(replace(world, at_most=1) for world in WORLDS if world.at_most > 1)
"""The same worlds with one trouble in a run: seconds instead of minutes."""


def planted(plant: Plant | frozenset[Plant], *troubles: Trouble, **bounds: object) -> World:
    """Return a small world in which *plant* was planted."""
    plants = plant if isinstance(plant, frozenset) else frozenset({plant})
    name = " and ".join(sorted(each.name.lower().replace("_", " ") for each in plants))
    return replace(World(name=name, plants=plants, troubles=once(*troubles)), **bounds)


LOST: Final = "an_accepted_document_is_never_lost"
UNACCEPTED: Final = "a_submission_that_the_broker_confirmed_is_never_lost"
EARLY: Final = "no_answer_before_it_is_safe"
DOUBLE: Final = "one_effect"
UNTRUE: Final = "every_receipt_is_true"
SILENT: Final = "every_message_ends_somewhere_visible"
ORDER: Final = "order_in_a_lane"
COUNTED: Final = "an_outage_counts_as_no_attempt"
TWO_HOLDERS: Final = "a_claim_has_one_holder"
NO_CASE: Final = "every_given_up_delivery_has_a_case"
LATE: Final = "nothing_is_sent_after_its_time"

PLANTED: Final = (
    (planted(Plant.ACK_BEFORE_COMMIT, T.CRASH), UNACCEPTED),
    (planted(Plant.NO_DEDUPE_KEY, duplicates=1, consumers=1), DOUBLE),
    (planted(Plant.RECEIPT_BEFORE_COMMIT), EARLY),
    (planted(Plant.RECEIPT_BEFORE_CONFIRM), UNTRUE),
    (planted(Plant.CLAIM_WITHOUT_OWNER_CHECK, hubs=2), TWO_HOLDERS),
    (planted(Plant.GIVE_BACK_HANDED_OVER, documents=3), ORDER),
    (planted(Plant.NO_LANE_GUARD_AT_COMMIT, hubs=2, documents=2), ORDER),
    (planted(Plant.NO_LANE_GUARD_AT_CLAIM, hubs=2, documents=2), ORDER),
    (
        planted(
            frozenset({Plant.UNANSWERED_IS_LET_GO, Plant.SUCCESSORS_OF_THE_LOST_STAY}),
            T.CONNECTION,
            documents=2,
        ),
        ORDER,
    ),
    (planted(Plant.PUBLISH_PAST_THE_UNANSWERED, T.CONNECTION, documents=2), ORDER),
    (planted(Plant.SUCCESSORS_OF_THE_LOST_STAY, T.CONNECTION, T.ABSENCE, hubs=2, documents=2), ORDER),
    (planted(Plant.LOST_ANSWER_UNNOTICED, T.ANSWER), SILENT),
    (planted(Plant.OFFERED_PAST_ANOTHER_ACT, hubs=2, documents=2), ORDER),
    (planted(Plant.CLAIMED_AGAIN_IS_DROPPED, T.UNROUTABLE), SILENT),
    (planted(Plant.LET_GO_WHILE_CLAIMED_IS_TAKEN, T.FULL, T.ANSWER, hubs=2), TWO_HOLDERS),
    (planted(Plant.LATE_IS_PUBLISHED, T.LATENESS), LATE),
    (planted(Plant.CONFIRM_WITHOUT_FENCE, T.REJECTION, consumers=1), LOST),
    (planted(Plant.RETURN_WITHOUT_FENCE, T.REJECTION, T.ANSWER, consumers=1, max_attempts=3), COUNTED),
    (planted(Plant.RETURN_ACKED_BEFORE_COMMIT, T.REJECTION, T.CRASH, consumers=1), LOST),
    (planted(Plant.OUTAGE_COUNTS_AS_ATTEMPT, T.CONNECTION), COUNTED),
    (planted(Plant.GIVEN_UP_WITHOUT_CASE, T.UNROUTABLE, max_attempts=1), NO_CASE),
    (
        planted(
            Plant.REPLAY_UNDER_NEW_ID, T.KIT_CONNECTION, T.REJECTION, T.REPLAY, consumers=2, max_attempts=1
        ),
        DOUBLE,
    ),
    (planted(Plant.SEEN_IS_HANDLED, T.KIT_CRASH, consumers=1), LOST),
    (planted(Plant.KIT_ACKS_BEFORE_COMMIT, T.KIT_CRASH, consumers=1), LOST),
    (planted(Plant.REJECTED_ELSEWHERE_IS_HANDLED, T.KIT_CONNECTION, T.REJECTION, consumers=2), LOST),
    (planted(Plant.NAIVE_HANDLER, T.KIT_CRASH, consumers=1, is_transactional=False), DOUBLE),
    (planted(Plant.HAND_OVER_WITHOUT_KEY, T.KIT_CONNECTION, consumers=2), DOUBLE),
)
"""Every guard taken away in turn, and the law that then breaks first."""
