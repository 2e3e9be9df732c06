"""Everything that may happen next, and the model that the search looks through."""

from collections.abc import Iterator
from functools import partial

from tests.model import intake, laws, recipient, relay, returns, weather
from tests.model.search import Model, Step
from tests.model.state import Consumer, Hub, Plant, State, Trouble, World, begin, canonical


def steps(world: World, state: State) -> Iterator[Step[State]]:
    """Return every step that may be the next."""
    if state.cases:
        yield from returns.replay(world, state)
    if sum(state.left):
        yield from weather.lapse(world, state)
        yield from weather.lateness(world, state)
    for hub, process in enumerate(state.hubs):
        if process.is_up:
            yield from _of_intake(world, state, hub, process)
            yield from _of_relay(world, state, hub, process)
            yield from _of_returns(world, state, hub, process)
            yield from weather.absence(world, state, hub)
            yield from _of_weather(world, state, hub)
        else:
            yield from weather.start(world, state, hub)
    for place, consumer in enumerate(state.consumers):
        yield from _of_a_consumer(world, state, place, consumer)


def _of_intake(world: World, state: State, hub: int, me: Hub) -> Iterator[Step[State]]:
    if me.has_strays:
        yield from intake.disown(world, state, hub)
    if me.stage:
        yield from intake.conclude(world, state, hub)
        yield from intake.sit_out(world, state, hub)
        return
    if state.intake:
        yield from intake.take_in(world, state, hub)
    if me.batch:
        yield from intake.commit(world, state, hub)


def _of_relay(world: World, state: State, hub: int, me: Hub) -> Iterator[Step[State]]:
    if me.hand:
        yield from relay.publish(world, state, hub)
        yield from relay.broker_takes(world, state, hub)
        yield from relay.broker_confirms(world, state, hub)
        yield from relay.record(world, state, hub)
        if world.has(Plant.GIVE_BACK_HANDED_OVER):
            yield from intake.give_back(world, state, hub)
    if me.recorded:
        yield from relay.hear_of_record(world, state, hub)
    if me.claimed:
        yield from relay.hear_of_claim(world, state, hub)
    elif state.entries:
        yield from relay.claim(world, state, hub)


def _of_returns(world: World, state: State, hub: int, me: Hub) -> Iterator[Step[State]]:
    if me.returning:
        yield from returns.settle(world, state, hub)
        yield from returns.acknowledge_return(world, state, hub)
        return
    if state.returned:
        yield from returns.take_return(world, state, hub)
    if Trouble.LATENESS in world.troubles:
        yield from returns.find_expired(world, state, hub)


def _of_weather(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    if sum(state.left):
        yield from weather.crash(world, state, hub)
        yield from weather.lose_connection(world, state, hub)


def _of_a_consumer(world: World, state: State, place: int, me: Consumer) -> Iterator[Step[State]]:
    if not me.copy:
        if state.queue:
            yield from recipient.collect(world, state, place)
        return
    for act in (
        recipient.receive,
        recipient.handle,
        recipient.hand_over,
        recipient.reject,
        recipient.answer_broker,
        recipient.crash,
        recipient.lose_connection,
    ):
        yield from act(world, state, place)


def model_of(world: World) -> Model[State]:
    """Return the model of *world*."""
    return Model(
        initial=begin(world),
        steps=partial(steps, world),
        broken_law=partial(laws.broken_law, world),
        is_end=partial(laws.is_end, world),
        liveness=laws.LIVENESS,
        canonical=canonical,
    )
