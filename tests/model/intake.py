"""Intake: `hub/workers/intake.py`, `hub/backends/postgres/seam.py`."""

from collections.abc import Iterator

from tests.model import seam
from tests.model.search import Step, mishap, then
from tests.model.state import (
    NOBODY,
    TO_PUBLISH,
    Copy,
    Held,
    Hub,
    Kind,
    Phase,
    Plant,
    State,
    Trouble,
    World,
    put,
    troubled,
    without,
)

BATCH = 2


def named(item: int) -> str:
    """Call an item of `hub.intake` by a name."""
    return f"status about delivery {item - 100}" if item >= 100 else f"document {item}"


def with_hub(state: State, hub: int, **changes: object) -> State:
    """Return *state* with one hub process changed."""
    return state._replace(hubs=put(state.hubs, hub, state.hubs[hub]._replace(**changes)))


def take_in(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """`Consumer.batches`: one message more into the batch in hand."""
    me = state.hubs[hub]
    if me.stage or len(me.batch) >= BATCH:
        return
    for item in sorted(set(state.intake)):
        batch = tuple(sorted((*me.batch, (item, True))))
        taken = with_hub(state._replace(intake=without(state.intake, item)), hub, batch=batch)
        if world.has(Plant.ACK_BEFORE_COMMIT):
            taken = with_hub(taken, hub, batch=tuple((each, False) for each, _ in batch))
        if world.has(Plant.RECEIPT_BEFORE_COMMIT) and item < 100:
            taken = taken._replace(told=tuple(sorted({*taken.told, item})))
        yield then(hub, f"takes {named(item)}", taken)


def commit(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """`IntakeWorker._commit`: everything in hand in one transaction (`_Work.run`)."""
    me = state.hubs[hub]
    if me.stage or not me.batch or may_not_claim(me):
        return
    what = " and ".join(named(item) for item, _ in me.batch)
    committed, given = _decided(world, state, hub)
    yield then(
        hub, f"commits {what}", with_hub(committed, hub, stage="committed", given=tuple(sorted(given)))
    )
    if world.may(state, Trouble.ANSWER):
        lost = with_hub(troubled(committed, Trouble.ANSWER), hub, stage="failed", has_strays=True)
        yield mishap(hub, f"commits {what}, and the answer is lost", lost)
    if world.may(state, Trouble.FAILED_COMMIT):
        failed = with_hub(troubled(state, Trouble.FAILED_COMMIT), hub, stage="failed")
        yield mishap(hub, f"fails to commit {what}", failed)


def may_not_claim(hub: Hub) -> bool:
    """`Custody.claiming`: nothing more is claimed before doubtful claims are given back."""
    return hub.has_strays


def _decided(world: World, state: State, hub: int) -> tuple[State, list[Copy]]:
    """`_Work.run`: keys decide what is new (`enlist_submissions.sql`); then rows are written."""
    before = state
    new: list[Copy] = []
    given: list[Copy] = []
    for item, _ in state.hubs[hub].batch:
        if item >= 100:
            state, more = seam.acknowledge(world, state, hub, item - 100)
            given += more
        elif _is_enlisted(state, item) and not world.has(Plant.NO_DEDUPE_KEY):
            state, more = seam.again(world, state, hub, Kind.ACCEPTANCE, item)
            given += more
        else:
            state, copy = seam.enter(state, hub, Kind.DOCUMENT, item)
            new.append(copy)
            state, more = seam.issue(world, state, hub, Kind.ACCEPTANCE, copy.delivery)
            given += more
    state, documents = seam.promise(world, before, state, hub, new)
    return state, [*given, *documents]


def _is_enlisted(state: State, document: int) -> bool:
    return any(each.kind is Kind.DOCUMENT and each.about == document for each in state.deliveries)


def conclude(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """`IntakeWorker._conclude`: the relay gets what was handed over, then the broker is answered."""
    me = state.hubs[hub]
    if me.stage != "committed":
        return
    after = offer(state, hub, me.given, Phase.BEHIND_CLAIM if me.claimed else Phase.HEAP)
    if world.has(Plant.OFFERED_PAST_ANOTHER_ACT):
        after = offer(state, hub, me.given, Phase.HEAP)
    if world.has(Plant.GIVE_BACK_HANDED_OVER):
        after = _without_room(state, after, hub)
    after = with_hub(unblocked(after, hub, Phase.BEHIND_COMMIT), hub, batch=(), stage="", given=())
    yield then(hub, "takes what it committed in hand and acknowledges", after)


def unblocked(state: State, hub: int, phase: Phase) -> State:
    """`Custody.is_settled`: what waited behind an act that is over may be published."""
    hand = state.hubs[hub].hand
    if not any(each.phase is phase for each in hand):
        return state
    moved = (each._replace(phase=Phase.HEAP) if each.phase is phase else each for each in hand)
    return with_hub(state, hub, hand=tuple(sorted(moved)))


def _without_room(before: State, after: State, hub: int) -> State:
    """Planted: a relay with room for one entry lets go of what a commit hands it beyond that."""
    there = before.hubs[hub].hand
    hand = tuple(
        each if each in there or not (there or number) else each._replace(phase=Phase.GIVEN_BACK)
        for number, each in enumerate(after.hubs[hub].hand)
    )
    return with_hub(after, hub, hand=tuple(sorted(hand)))


def give_back(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """Planted: the transaction that makes rows of what there was no room for."""
    for held in state.hubs[hub].hand:
        if held.phase is Phase.GIVEN_BACK:
            hand = without(state.hubs[hub].hand, held)
            after = seam.release(with_hub(state, hub, hand=hand), hub, Copy(held.delivery, held.attempt))
            yield then(hub, f"gives back delivery {held.delivery}, for which it has no room", after)


def sit_out(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """`IntakeWorker._sit_out`: what is in hand goes back to the queue, once."""
    me = state.hubs[hub]
    if me.stage == "failed":
        yield then(hub, "gives its batch back", with_hub(back_in_queue(state, hub), hub, batch=(), stage=""))


def back_in_queue(state: State, hub: int) -> State:
    """Return *state* with the batch of *hub* in the queue again, if the broker still waits for it."""
    me = state.hubs[hub]
    items = [item for item, is_attached in me.batch if is_attached]
    state = state._replace(intake=tuple(sorted((*state.intake, *items))))
    return with_hub(state, hub, batch=tuple((item, False) for item, _ in me.batch))


def disown(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """`Custody.clear` and `Relay._give_back`: once nobody claims, all that is not in flight becomes rows.

    What waits to be published goes, too: it may stand behind something that nobody knows of.
    """
    me = state.hubs[hub]
    is_claiming = me.stage == "committed" or me.recorded or me.claimed or me.is_returned
    if not me.has_strays or is_claiming:
        return
    if world.has(Plant.LOST_ANSWER_UNNOTICED):
        yield then(hub, "goes on", with_hub(state, hub, has_strays=False))
        return
    hand = tuple(each for each in me.hand if each.phase not in TO_PUBLISH)
    held = {(each.delivery, each.attempt) for each in hand}
    entries = tuple(
        each._replace(owner=NOBODY, is_lapsed=False)
        if each.owner == hub and (number, each.attempt) not in held
        else each
        for number, each in enumerate(state.entries)
    )
    disowned = with_hub(state._replace(entries=entries), hub, has_strays=False, hand=hand)
    yield then(hub, "gives back what is claimed in its name and not in flight", disowned)


def offer(state: State, hub: int, copies: tuple[Copy, ...], phase: Phase) -> State:
    """`Relay.offer` with `_Hold.put`: what is in hand already is left alone."""
    hand = state.hubs[hub].hand
    there = {each.delivery for each in hand}
    new = [Held(each.delivery, each.attempt, phase) for each in copies if each.delivery not in there]
    return with_hub(state, hub, hand=tuple(sorted((*hand, *new))))
