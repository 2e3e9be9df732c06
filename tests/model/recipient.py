"""The recipient's kit: `reception.py`, `incoming.py` and `outgoing.py` of `adapters/kit`."""

from collections.abc import Iterator

from tests.model import seam
from tests.model.search import Step, mishap, then
from tests.model.state import (
    UNSEEN,
    Consumer,
    Copy,
    Plant,
    Return,
    Row,
    State,
    Trouble,
    World,
    put,
    status_about,
    troubled,
    without,
)

HANDLED = frozenset({"handed_over", "answered"})


def with_consumer(state: State, place: int, **changes: object) -> State:
    """Return *state* with one consumer changed."""
    return state._replace(consumers=put(state.consumers, place, state.consumers[place]._replace(**changes)))


def with_row(state: State, number: int, row: Row) -> State:
    """Return *state* with the journal's row of a delivery changed."""
    return state._replace(journal=put(state.journal, number, row))


def collect(world: World, state: State, place: int) -> Iterator[Step[State]]:
    """The broker gives a message of the queue to a consumer, which inspects it."""
    if state.consumers[place].copy:
        return
    for copy in sorted(set(state.queue)):
        taken = state._replace(queue=without(state.queue, copy))
        taken = with_consumer(taken, place, copy=(copy,), is_attached=True, step="inspected")
        if world.has(Plant.KIT_ACKS_BEFORE_COMMIT):
            taken = with_consumer(taken, place, is_attached=False)
        yield then(-1, f"a consumer takes delivery {copy.delivery}, attempt {copy.attempt}", taken)


def receive(world: World, state: State, place: int) -> Iterator[Step[State]]:
    """`incoming.receive`: record that it came in; the row decides what to do with it."""
    if state.consumers[place].step != "inspected":
        return
    (copy,) = state.consumers[place].copy
    row = state.journal[copy.delivery]
    is_newer = copy.attempt > row.attempt
    what = f"delivery {copy.delivery}, attempt {copy.attempt}"
    if row.state in HANDLED or (row != UNSEEN and world.has(Plant.SEEN_IS_HANDLED)):
        yield then(-1, f"the journal knows {what}", with_consumer(state, place, step="dropped"))
    elif row.state == "rejected" and not is_newer:
        yield then(-1, f"the journal has rejected {what}", with_consumer(state, place, step="rejected"))
    else:
        journalled = with_row(state, copy.delivery, Row("received", max(row.attempt, copy.attempt)))
        yield then(-1, f"the journal notes {what}", with_consumer(journalled, place, step="offered"))


def handle(world: World, state: State, place: int) -> Iterator[Step[State]]:
    """The agency's handler runs: it accepts, or it fails."""
    if state.consumers[place].step != "offered":
        return
    (copy,) = state.consumers[place].copy
    after = with_consumer(state, place, step="handled")
    if not world.is_transactional:
        after = _acted(world, after, copy)
    yield then(-1, f"the handler takes delivery {copy.delivery}", after)
    if world.may(state, Trouble.REJECTION):
        failed = troubled(with_consumer(state, place, step="failed"), Trouble.REJECTION)
        yield mishap(-1, f"the handler fails on delivery {copy.delivery}", failed)


def _acted(world: World, state: State, copy: Copy) -> State:
    """Ghost: the handler has its effect outside; an idempotent one has it once for each `delivery_id`."""
    about = state.deliveries[copy.delivery].about
    mark = 1 << copy.delivery
    done = state.effects[about]
    again = done & mark and world.has(Plant.NAIVE_HANDLER)
    return state._replace(effects=put(state.effects, about, done | mark | (again and 1 << 15)))


def hand_over(world: World, state: State, place: int) -> Iterator[Step[State]]:
    """`_commit_hand_over`: hand-over, the handler's writes and the statuses in one commit of the journal."""
    if state.consumers[place].step != "handled":
        return
    (copy,) = state.consumers[place].copy
    row = state.journal[copy.delivery]
    what = f"delivery {copy.delivery}"
    is_taken = row.state in HANDLED or (
        row.state == "rejected" and world.has(Plant.REJECTED_ELSEWHERE_IS_HANDLED)
    )
    if is_taken and not world.has(Plant.HAND_OVER_WITHOUT_KEY):
        dropped = with_consumer(state, place, step="dropped")
        yield then(-1, f"the journal says that {what} is handled already", dropped)
        return
    after = with_row(state, copy.delivery, Row("handed_over", row.attempt))
    if world.is_transactional:
        after = _written(after, copy)
    after = _answered(with_consumer(after, place, step="committed"), copy.delivery)
    yield then(-1, f"the journal commits {what}, and its status goes out", after)
    if world.may(state, Trouble.UNCONFIRMED):
        twice = troubled(_answered(after, copy.delivery), Trouble.UNCONFIRMED)
        yield mishap(-1, f"the journal commits {what}, and its status goes out twice", twice)


def _answered(state: State, number: int) -> State:
    """`Relay._publish` of the kit: journalled with the hand-over, published until the broker confirms.

    A status that goes out later is one that intake takes later.
    """
    return state._replace(intake=tuple(sorted((*state.intake, status_about(number)))))


def _written(state: State, copy: Copy) -> State:
    """Ghost: the handler's writes are in the journal; a second time would be a second effect."""
    about = state.deliveries[copy.delivery].about
    mark = 1 << copy.delivery
    done = state.effects[about]
    return state._replace(effects=put(state.effects, about, done | mark | (1 << 15 if done & mark else 0)))


def reject(world: World, state: State, place: int) -> Iterator[Step[State]]:
    """`Reception._give_back`: journal why (`incoming.reject`), then reject."""
    if state.consumers[place].step != "failed":
        return
    (copy,) = state.consumers[place].copy
    row = state.journal[copy.delivery]
    if row.state in {"received", "rejected"} and copy.attempt >= row.attempt:
        state = with_row(state, copy.delivery, Row("rejected", copy.attempt))
    after = with_consumer(state, place, step="rejected")
    yield then(-1, f"the journal notes the failure of delivery {copy.delivery}", after)


def answer_broker(world: World, state: State, place: int) -> Iterator[Step[State]]:
    """`Arrived.acknowledge` or `give_back`; nobody hears it on a channel that is lost."""
    me = state.consumers[place]
    if me.step == "rejected":
        (copy,) = me.copy
        after = state
        if me.is_attached:
            returned = Return(copy.delivery, copy.attempt, "rejected")
            after = after._replace(returned=tuple(sorted((*after.returned, returned))))
            blamed = after.deliveries[copy.delivery].blamed + 1
            after = seam.with_delivery(after, copy.delivery, blamed=blamed)
        yield then(-1, f"the consumer rejects delivery {copy.delivery}", _idle(after, place))
    elif me.step == "committed":
        yield then(-1, f"the consumer acknowledges delivery {me.copy[0].delivery}", _idle(state, place))
    elif me.step == "dropped":
        number = me.copy[0].delivery
        if state.journal[number].state in HANDLED:
            state = _answered(state, number)  # outgoing.publish_again
        yield then(-1, f"the consumer drops delivery {number}", _idle(state, place))


def _idle(state: State, place: int) -> State:
    return state._replace(consumers=put(state.consumers, place, Consumer()))


def in_queue(state: State, place: int) -> State:
    """Return *state* with what a consumer has in hand in the queue again, if the broker waits for it."""
    me = state.consumers[place]
    if me.is_attached:
        state = state._replace(queue=tuple(sorted((*state.queue, *me.copy))))
    return with_consumer(state, place, is_attached=False)


def crash(world: World, state: State, place: int) -> Iterator[Step[State]]:
    """A process of the kit dies and is started again; the journal stays."""
    me = state.consumers[place]
    if me.copy and world.may(state, Trouble.KIT_CRASH):
        crashed = troubled(_idle(in_queue(state, place), place), Trouble.KIT_CRASH)
        yield mishap(-1, f"the consumer dies with delivery {me.copy[0].delivery} in hand", crashed)


def lose_connection(world: World, state: State, place: int) -> Iterator[Step[State]]:
    """A consumer loses its channel: what it has in hand comes again, and it goes on with what it has."""
    me = state.consumers[place]
    if me.is_attached and world.may(state, Trouble.KIT_CONNECTION):
        lost = troubled(in_queue(state, place), Trouble.KIT_CONNECTION)
        yield mishap(-1, f"the consumer of delivery {me.copy[0].delivery} loses its connection", lost)
