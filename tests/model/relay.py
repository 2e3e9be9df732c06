"""The relay: `hub/workers/relay.py`, `hub/delivery/deliver.py`, `hub/backends/rabbitmq/publisher.py`."""

from collections.abc import Iterator

from tests.model import seam
from tests.model.intake import may_not_claim, offer, unblocked, with_hub
from tests.model.search import Step, mishap, then
from tests.model.state import (
    ANSWERED,
    GONE,
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
    troubled,
)


def in_phase(hub: Hub, *phases: Phase) -> list[Held]:
    """Return what *hub* holds in one of *phases*."""
    return [each for each in hub.hand if each.phase in phases]


def moved(state: State, hub: int, held: Held, phase: Phase) -> State:
    """Return *state* with *held* in another phase."""
    hand = tuple(
        sorted(each._replace(phase=phase) if each == held else each for each in state.hubs[hub].hand)
    )
    return with_hub(state, hub, hand=hand)


def publish(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """`Relay._publish_forever`, `deliver`: the first of the heap goes out, unless its time is over."""
    me = state.hubs[hub]
    waiting = in_phase(me, *TO_PUBLISH)
    unanswered = in_phase(me, Phase.UNKNOWN) or [each for each in me.recorded if each.phase is Phase.UNKNOWN]
    if not waiting or waiting[0].phase is not Phase.HEAP or me.has_strays:
        return
    if unanswered and not world.has(Plant.PUBLISH_PAST_THE_UNANSWERED):
        return
    held = waiting[0]
    if not state.deliveries[held.delivery].is_late:
        sent = with_hub(moved(state, hub, held, Phase.WIRE), hub, wire=(*me.wire, held.delivery))
        if world.has(Plant.RECEIPT_BEFORE_CONFIRM):
            sent, _ = seam.issue(world, sent, hub, Kind.CONSIGNMENT, held.delivery)
        yield then(hub, f"publishes delivery {held.delivery}, attempt {held.attempt}", sent)
    elif world.has(Plant.LATE_IS_PUBLISHED):
        sent = with_hub(moved(state, hub, held, Phase.WIRE), hub, wire=(*me.wire, held.delivery))
        sent = sent._replace(broken="nothing_is_sent_after_its_time")
        yield then(hub, f"publishes delivery {held.delivery}, whose time is over", sent)
    else:
        expired = moved(state, hub, held, Phase.EXPIRED)
        yield then(hub, f"finds that the time of delivery {held.delivery} is over", expired)


def broker_takes(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """The broker reads the channel in order: into the queue, returned, or refused for length."""
    me = state.hubs[hub]
    if not me.wire:
        return
    held = next(each for each in me.hand if each.delivery == me.wire[0] and each.phase is Phase.WIRE)
    read = with_hub(state, hub, wire=me.wire[1:])
    what = f"delivery {held.delivery}, attempt {held.attempt}"
    yield then(hub, f"has {what} taken by the broker", _arrived(read, hub, held))
    for trouble, phase in ((Trouble.UNROUTABLE, Phase.UNROUTABLE), (Trouble.FULL, Phase.FULL)):
        if world.may(state, trouble) and state.deliveries[held.delivery].kind is Kind.DOCUMENT:
            refused = troubled(_excused(read, held.delivery, trouble), trouble)
            yield mishap(hub, f"hears that {what} is {phase.value}", moved(refused, hub, held, phase))


def _arrived(state: State, hub: int, held: Held) -> State:
    delivery = state.deliveries[held.delivery]
    state = moved(state, hub, held, Phase.TAKEN)
    if delivery.kind is Kind.ACCEPTANCE:
        state = state._replace(told=tuple(sorted({*state.told, delivery.about})))
    elif delivery.kind is Kind.DOCUMENT:
        state = _in_order(state, held.delivery)
        copy = Copy(held.delivery, held.attempt)
        state = state._replace(queue=tuple(sorted((*state.queue, copy))))
    return seam.with_delivery(state, held.delivery, has_arrived=True)


def _in_order(state: State, number: int) -> State:
    """Ghost: a delivery arrives after all that were accepted before it on its lane."""
    if state.deliveries[number].has_arrived:
        return state
    for earlier in range(number):
        other = state.deliveries[earlier]
        is_passed = other.kind is Kind.DOCUMENT and not other.has_arrived and not other.is_excused
        if is_passed and other.state == "waiting" and not other.is_late:
            return state._replace(broken="order_in_a_lane")
    return state


def _excused(state: State, number: int, trouble: Trouble) -> State:
    delivery = state.deliveries[number]
    is_missing = trouble is Trouble.UNROUTABLE
    return seam.with_delivery(state, number, is_excused=True, blamed=delivery.blamed + is_missing)


def broker_confirms(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """A confirm comes: `RabbitPublisher.publish` returns `CONFIRMED`."""
    for held in in_phase(state.hubs[hub], Phase.TAKEN):
        confirmed = moved(state, hub, held, Phase.CONFIRMED)
        yield then(hub, f"hears the confirm of delivery {held.delivery}", confirmed)


def record(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """`Relay._is_recorded`: everything answered, in one transaction (`PostgresOutbox.record`)."""
    me = state.hubs[hub]
    answered = [each for each in me.hand if each.phase in ANSWERED]
    if not answered or me.recorded or may_not_claim(me):
        return
    after, handed = state, []
    for held in sorted(answered, key=lambda each: each.phase is not Phase.CONFIRMED):
        after, more = seam.record_one(world, after, hub, held)
        handed += more
    told = ", ".join(f"{each.delivery} {each.phase.value}" for each in answered)
    recorded = with_hub(after, hub, recorded=tuple(answered), handed=tuple(sorted(handed)))
    yield then(hub, f"records: {told}", recorded)
    if world.may(state, Trouble.ANSWER):
        lost = with_hub(troubled(after, Trouble.ANSWER), hub, has_strays=True)
        yield mishap(hub, f"records: {told}; the answer is lost", lost)


def hear_of_record(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """The answer comes: what was recorded is let go, what was handed back or made true is taken in hand."""
    me = state.hubs[hub]
    if not me.recorded:
        return
    deliveries = {each.delivery for each in me.recorded}
    hand = tuple(each for each in me.hand if each.delivery not in deliveries)
    state = with_hub(state, hub, hand=hand, recorded=(), handed=())
    state = _let_go_of_reclaimed(world, state, hub, deliveries, {each.delivery for each in me.handed})
    lost = [each for each in me.recorded if each.phase is Phase.UNKNOWN and not _is_in(me.handed, each)]
    if lost and not world.has(Plant.SUCCESSORS_OF_THE_LOST_STAY):
        state = with_hub(state, hub, has_strays=True)  # somebody else has it: what stands behind it must wait
    handed = me.handed if world.has(Plant.CLAIMED_AGAIN_IS_DROPPED) else _newest(me.handed, me.reclaimed)
    yield then(hub, "hears that it is recorded", offer(state, hub, handed, Phase.HEAP))


def _newest(handed: tuple[Copy, ...], reclaimed: tuple[Copy, ...]) -> tuple[Copy, ...]:
    """A return may have raised the attempt of what nobody answered for; then the claim knows it better."""
    newer = {each.delivery: each for each in reclaimed}
    return tuple(newer.get(each.delivery, each) for each in handed)


def _is_in(copies: tuple[Copy, ...], held: Held) -> bool:
    return any(each.delivery == held.delivery for each in copies)


def _let_go_of_reclaimed(world: World, state: State, hub: int, recorded: set[int], kept: set[int]) -> State:
    """What was claimed again while it was in hand is given back; the release is a transaction of its own.

    The model makes it one step with the let-go: between the two others see a row that a living process holds.
    """
    me = state.hubs[hub]
    state = with_hub(
        state, hub, reclaimed=tuple(each for each in me.reclaimed if each.delivery not in recorded)
    )
    if world.has(Plant.CLAIMED_AGAIN_IS_DROPPED):
        return state
    for copy in me.reclaimed:
        if copy.delivery in recorded - kept:
            state = seam.release(state, hub, copy)
    return state


def claim(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """`Relay._claim` with `claim_outbox_entries.sql`: what nobody holds, in order, as far as lanes allow."""
    me = state.hubs[hub]
    if me.claimed or may_not_claim(me):
        return
    taken = _claimable(world, state, hub)[: world.claim_limit]
    if not taken:
        return
    after, copies = state, []
    for number in taken:
        entry = state.entries[number]
        if state.deliveries[number].state == "waiting":
            after = seam.with_entry(after, number, entry._replace(owner=hub, is_lapsed=False))
            copies.append(Copy(number, entry.attempt))
        else:
            after = seam.with_entry(after, number, GONE)  # delete_acknowledged_outbox_entries.sql
    what = " and ".join(str(each) for each in taken)
    there = {each.delivery for each in me.hand}
    again = tuple(each for each in copies if each.delivery in there)
    claimed = with_hub(after, hub, claimed=tuple(copies), claimed_again=again)
    yield then(hub, f"claims delivery {what}", claimed)
    if world.may(state, Trouble.ANSWER):
        lost = with_hub(troubled(after, Trouble.ANSWER), hub, has_strays=True)
        yield mishap(hub, f"claims delivery {what}; the answer is lost", lost)


def _claimable(world: World, state: State, hub: int) -> list[int]:
    """`due`, `picked` and `allowed` of the statement."""
    unchecked = world.has(Plant.CLAIM_WITHOUT_OWNER_CHECK)
    free = [
        number
        for number, entry in enumerate(state.entries)
        if entry != GONE and (unchecked or seam.is_free(state, entry, hub))
    ]
    if world.has(Plant.NO_LANE_GUARD_AT_CLAIM):
        return free[: world.claim_limit]
    picked = [number for number in free if not _is_behind_another(state, number, hub)][: world.claim_limit]
    return [
        number
        for number in picked
        if not state.entries[number].is_fresh or seam.may_pass(state, number, hub, picked)
    ]


def _is_behind_another(state: State, number: int, hub: int) -> bool:
    if not state.entries[number].is_fresh or state.deliveries[number].kind is not Kind.DOCUMENT:
        return False
    return any(
        entry.is_fresh
        and state.deliveries[earlier].kind is Kind.DOCUMENT
        and entry.owner != hub
        and seam.is_alive(state, entry.owner)
        and not entry.is_lapsed
        for earlier, entry in enumerate(state.entries[:number])
    )


def hear_of_claim(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """`Relay._take`: what was in hand when it was claimed is given back once let go; the rest is new."""
    me = state.hubs[hub]
    if not me.claimed:
        return
    again = () if world.has(Plant.LET_GO_WHILE_CLAIMED_IS_TAKEN) else me.claimed_again
    there = {each.delivery for each in me.hand}
    still = tuple(each for each in me.claimed if each.delivery in there)
    state = with_hub(
        state, hub, claimed=(), claimed_again=(), reclaimed=tuple(sorted({*me.reclaimed, *still}))
    )
    is_behind = me.stage == "committed" and not world.has(Plant.OFFERED_PAST_ANOTHER_ACT)
    phase = Phase.BEHIND_COMMIT if is_behind else Phase.HEAP
    state = offer(state, hub, tuple(each for each in me.claimed if each not in again), phase)
    for copy in again:
        if copy not in still:
            state = seam.release(state, hub, copy)
    yield then(hub, "hears what it has claimed", unblocked(state, hub, Phase.BEHIND_CLAIM))
