"""What transactions do to the rows: each function is what one statement, or a few, of the seam do together.

Named after what they model, in `hub/backends/postgres/`; the twin in `hub/backends/memory_*` does the same.
"""

from collections.abc import Sequence

from tests.model.state import (
    GONE,
    NOBODY,
    THE_DEAD,
    UNSEEN,
    Copy,
    Delivery,
    Entry,
    Held,
    Kind,
    Phase,
    Plant,
    Return,
    State,
    World,
    put,
)

ENDED = frozenset({"accepted", "discarded"})
OPEN = frozenset({"waiting", "consigned"})
ACKNOWLEDGED_FROM = frozenset({"waiting", "consigned", "dead", "expired"})
"""`TRANSITIONS`: where a 03 moves a delivery from."""
REASONS = {Phase.UNROUTABLE: "unroutable", Phase.EXPIRED: "expired"}
"""`_FAILED` of `outbox.py`."""


def with_delivery(axis: State, number: int, **changes: object) -> State:
    """Return *axis* with a row of `deliveries` changed."""
    return axis._replace(deliveries=put(axis.deliveries, number, axis.deliveries[number]._replace(**changes)))


def with_entry(state: State, number: int, entry: Entry) -> State:
    """Return *state* with the outbox entry of a delivery changed; `GONE` deletes it."""
    return state._replace(entries=put(state.entries, number, entry))


def is_alive(state: State, owner: int) -> bool:
    """`alive` of `claim_outbox_entries.sql`: whether the claimant's advisory lock is held."""
    return owner >= 0 and state.hubs[owner].is_present


def is_free(state: State, entry: Entry, hub: int) -> bool:
    """The claim's condition in `claim_outbox_entries.sql`."""
    if entry.owner == NOBODY or entry.is_lapsed:
        return True
    return entry.owner != hub and not is_alive(state, entry.owner)


def may_pass(state: State, number: int, hub: int, picked: Sequence[int] = ()) -> bool:
    """The lane guard of `insert_outbox_entries.sql` and of `allowed` in `claim_outbox_entries.sql`.

    Everything earlier on the lane that was never published is held by *hub*, or *picked* by the same claim.
    All documents of a world share one lane; receipts stand in none.
    """
    if state.deliveries[number].kind is not Kind.DOCUMENT:
        return True
    for earlier in range(number):
        entry = state.entries[earlier]
        is_before = state.deliveries[earlier].kind is Kind.DOCUMENT and entry != GONE and entry.is_fresh
        if is_before and entry.owner != hub and earlier not in picked:
            return False
    return True


def enter(state: State, hub: int, kind: Kind, about: int) -> tuple[State, Copy]:
    """`posting.enter` for one new delivery; returns its copy on the first attempt."""
    number = len(state.deliveries)
    copy = Copy(number, 1)
    state = state._replace(
        deliveries=(*state.deliveries, Delivery(kind, about)),
        entries=(*state.entries, Entry(1, is_fresh=True)),
        journal=(*state.journal, UNSEEN),
    )
    return state, copy


def promise(
    world: World, before: State, state: State, hub: int, copies: Sequence[Copy]
) -> tuple[State, tuple[Copy, ...]]:
    """`insert_outbox_entries.sql`: the statement sees the rows as they were *before* it."""
    given = []
    for copy in copies:
        waits = not may_pass(_as_seen(before, state), copy.delivery, hub)
        if not waits or world.has(Plant.NO_LANE_GUARD_AT_COMMIT):
            state = with_entry(state, copy.delivery, state.entries[copy.delivery]._replace(owner=hub))
            given.append(copy)
    return state, tuple(given)


def _as_seen(before: State, state: State) -> State:
    """Return *state* without the entries that are just being inserted: one statement inserts all of them."""
    new = len(state.entries) - len(before.entries)
    return state._replace(entries=before.entries + (GONE,) * new)


def issue(world: World, state: State, hub: int, event: Kind, number: int) -> tuple[State, tuple[Copy, ...]]:
    """`issuing.owe` and `issuing.issue`: one receipt for a delivery, an event and an episode."""
    delivery = state.deliveries[number]
    receipt = (event, delivery.about, delivery.episode)
    if receipt in state.receipts:
        return state, ()
    state = state._replace(receipts=tuple(sorted((*state.receipts, receipt))))
    return again(world, state, hub, event, delivery.about)


def again(world: World, state: State, hub: int, event: Kind, about: int) -> tuple[State, tuple[Copy, ...]]:
    """`issuing.again`: a delivery that sends the stored bytes, where the world follows such receipts."""
    if event not in world.follows:
        return state, ()
    before = state
    state, copy = enter(state, hub, event, about)
    return promise(world, before, state, hub, (copy,))


def give_up_or_retry(
    world: World, state: State, hub: int, returned: Return
) -> tuple[State, tuple[Copy, ...]]:
    """`giving_up.give_up_or_retry` with `RecoveryPolicy.decide`: look first, then decide."""
    number = returned.delivery
    delivery = state.deliveries[number]
    is_present = returned.attempt == delivery.attempt or world.has(Plant.RETURN_WITHOUT_FENCE)
    if delivery.state not in OPEN or not is_present:
        return state, ()
    if returned.reason == "expired":
        return _end(world, state, hub, number, "expired")
    if delivery.tries < world.max_attempts:
        state = with_delivery(state, number, state="waiting", attempt=delivery.attempt + 1)
        return with_entry(state, number, Entry(delivery.attempt + 1, is_fresh=False)), ()
    return _end(world, state, hub, number, "dead")


def _end(world: World, state: State, hub: int, number: int, end: str) -> tuple[State, tuple[Copy, ...]]:
    state = with_entry(with_delivery(state, number, state=end), number, GONE)
    if end == "dead" and not world.has(Plant.GIVEN_UP_WITHOUT_CASE):
        state = state._replace(cases=tuple(sorted({*state.cases, number})))
    if state.deliveries[number].kind is not Kind.DOCUMENT:
        return state, ()  # a receipt causes no receipt
    return issue(world, state, hub, Kind.FAILURE, number)


def acknowledge(world: World, state: State, hub: int, number: int) -> tuple[State, tuple[Copy, ...]]:
    """`reporting.apply` with a 03: what the recipient has, it has, whatever the hub believed."""
    delivery = state.deliveries[number]
    if delivery.state in ACKNOWLEDGED_FROM:
        state = with_delivery(state, number, state="accepted")
        if state.entries[number] != GONE and state.entries[number].owner == NOBODY:
            state = with_entry(state, number, GONE)  # delete_idle_outbox_entries.sql
        state = state._replace(cases=tuple(each for each in state.cases if each != number))
    return issue(world, state, hub, Kind.HANDOVER, number)


def release(state: State, hub: int, copy: Copy) -> State:
    """`release_outbox_entries.sql`, then `delete_needless_outbox_entries.sql`."""
    entry = state.entries[copy.delivery]
    if entry != GONE and entry.attempt == copy.attempt and entry.owner == hub:
        entry = entry._replace(owner=NOBODY, is_lapsed=False)
    if entry != GONE and entry.owner == NOBODY and state.deliveries[copy.delivery].state != "waiting":
        entry = GONE
    return with_entry(state, copy.delivery, entry)


def confirm(world: World, state: State, hub: int, copy: Copy) -> tuple[State, tuple[Copy, ...]]:
    """`confirm_deliveries.sql` and `confirm_receipts.sql`, with the consignment that it makes true."""
    entry, delivery = state.entries[copy.delivery], state.deliveries[copy.delivery]
    is_ours = entry.attempt == copy.attempt or world.has(Plant.CONFIRM_WITHOUT_FENCE)
    if entry == GONE or not is_ours:
        return state, ()
    state = with_entry(state, copy.delivery, GONE)
    if delivery.state == "waiting":
        state = with_delivery(state, copy.delivery, state="consigned")
    if delivery.kind is not Kind.DOCUMENT:
        return state, ()
    return issue(world, state, hub, Kind.CONSIGNMENT, copy.delivery)


def keep_unanswered(world: World, state: State, hub: int, copy: Copy) -> tuple[State, tuple[Copy, ...]]:
    """`PostgresOutbox._keep_unanswered`: renewed and kept where it is still ours to publish."""
    entry, delivery = state.entries[copy.delivery], state.deliveries[copy.delivery]
    if world.has(Plant.OUTAGE_COUNTS_AS_ATTEMPT):
        returned = Return(copy.delivery, copy.attempt, "unknown")
        return give_up_or_retry(world, state, hub, returned)
    is_ours = entry != GONE and entry.attempt == copy.attempt and entry.owner == hub
    if is_ours and delivery.state == "waiting" and not world.has(Plant.UNANSWERED_IS_LET_GO):
        return with_entry(state, copy.delivery, entry._replace(is_lapsed=False)), (copy,)
    return release(state, hub, copy), ()


def record_one(world: World, state: State, hub: int, held: Held) -> tuple[State, tuple[Copy, ...]]:
    """What `PostgresOutbox.record` does with one answer."""
    copy = Copy(held.delivery, held.attempt)
    match held.phase:
        case Phase.CONFIRMED:
            return confirm(world, state, hub, copy)
        case Phase.UNKNOWN:
            return keep_unanswered(world, state, hub, copy)
        case Phase.FULL:
            return release(state, hub, copy), ()
        case _:
            returned = Return(held.delivery, held.attempt, REASONS[held.phase])
            state, given = give_up_or_retry(world, state, hub, returned)
            return release(state, hub, copy), given


def orphan(state: State, hub: int) -> State:
    """Return *state* after the process *hub* is gone, and the session that held its advisory lock."""
    entries = tuple(each._replace(owner=THE_DEAD) if each.owner == hub else each for each in state.entries)
    return state._replace(entries=entries)
