"""Returns, expiry and replay: `hub/workers/returns.py`, `giving_up.py`, `hub/operations/cases.py`."""

from collections.abc import Iterator

from tests.model import seam
from tests.model.intake import may_not_claim, offer, with_hub
from tests.model.search import Step, mishap, then
from tests.model.state import (
    GONE,
    NOBODY,
    UNSEEN,
    Delivery,
    Entry,
    Phase,
    Plant,
    Return,
    State,
    Trouble,
    World,
    troubled,
    without,
)


def take_return(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """`Consumer.batches` over `hub.returned`; batches of one."""
    if state.hubs[hub].returning:
        return
    for returned in sorted(set(state.returned)):
        is_acked = world.has(Plant.RETURN_ACKED_BEFORE_COMMIT)
        taken = state._replace(returned=without(state.returned, returned))
        taken = with_hub(taken, hub, returning=(returned,), is_returning_attached=not is_acked)
        yield then(hub, f"takes {_named(returned)}", taken)


def find_expired(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """`PostgresReturns.expired` (`find_expired_deliveries.sql`): what nobody holds, beyond its time."""
    if state.hubs[hub].returning:
        return
    for number, entry in enumerate(state.entries):
        delivery = state.deliveries[number]
        is_held = entry.owner != NOBODY and not entry.is_lapsed
        if entry != GONE and delivery.is_late and delivery.state == "waiting" and not is_held:
            expired = Return(number, delivery.attempt, "expired")
            found = with_hub(state, hub, returning=(expired,), is_returning_attached=False)
            yield then(hub, f"finds that the time of delivery {number} is over", found)


def settle(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """`PostgresReturns.settle`: look first, decide, store, all in one transaction."""
    me = state.hubs[hub]
    if not me.returning or me.is_returned or may_not_claim(me):
        return
    what = _named(me.returning[0])
    after, given = seam.give_up_or_retry(world, state, hub, me.returning[0])
    yield then(hub, f"settles {what}", with_hub(after, hub, is_returned=True, due=given))
    if world.may(state, Trouble.ANSWER):
        lost = _given_back(troubled(after, Trouble.ANSWER), hub)
        yield mishap(hub, f"settles {what}; the answer is lost", with_hub(lost, hub, has_strays=True))


def acknowledge_return(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """`ReturnsWorker._is_settled` and `handle`: receipts in hand, then the broker is answered."""
    me = state.hubs[hub]
    if me.is_returned:
        after = offer(state, hub, me.due, Phase.HEAP)
        after = with_hub(after, hub, returning=(), is_returning_attached=False, is_returned=False, due=())
        yield then(hub, f"acknowledges {_named(me.returning[0])}", after)


def return_in_queue(state: State, hub: int) -> State:
    """Return *state* with what *hub* was returning in the queue again, if the broker still waits for it."""
    me = state.hubs[hub]
    if me.is_returning_attached:
        state = state._replace(returned=tuple(sorted((*state.returned, *me.returning))))
    return with_hub(state, hub, is_returning_attached=False)


def _given_back(state: State, hub: int) -> State:
    return with_hub(return_in_queue(state, hub), hub, returning=())


def _named(returned: Return) -> str:
    return f"the return of delivery {returned.delivery}, attempt {returned.attempt} ({returned.reason})"


def replay(world: World, state: State) -> Iterator[Step[State]]:
    """`CaseDesk.replay` (`replay_deliveries.sql`): the same delivery id, a new episode, a higher attempt."""
    for number in state.cases:
        if not world.may(state, Trouble.REPLAY) or state.deliveries[number].state != "dead":
            continue
        after = troubled(state, Trouble.REPLAY)
        after = after._replace(cases=tuple(each for each in state.cases if each != number))
        yield mishap(-1, f"an operator replays delivery {number}", _replayed(world, after, number))


def _replayed(world: World, state: State, number: int) -> State:
    delivery = state.deliveries[number]
    if world.has(Plant.REPLAY_UNDER_NEW_ID):
        state = seam.with_delivery(state, number, state="discarded")
        return state._replace(
            deliveries=(*state.deliveries, Delivery(delivery.kind, delivery.about, is_excused=True)),
            entries=(*state.entries, Entry(1, is_fresh=False)),
            journal=(*state.journal, UNSEEN),
        )
    attempt = delivery.attempt + 1
    state = seam.with_delivery(
        state, number, state="waiting", attempt=attempt, first=attempt, episode=delivery.episode + 1
    )
    return seam.with_entry(state, number, Entry(attempt, is_fresh=False))
