"""What goes wrong with hub processes and time, and how it heals."""

from collections.abc import Iterator

from tests.model import seam
from tests.model.intake import back_in_queue, with_hub
from tests.model.returns import return_in_queue
from tests.model.search import Step, mishap, then
from tests.model.state import Hub, Kind, Phase, State, Trouble, World, put, troubled


def crash(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """A process is killed at any point: memory is gone, the broker takes back what was unsettled."""
    if world.may(state, Trouble.CRASH):
        crashed = return_in_queue(back_in_queue(troubled(state, Trouble.CRASH), hub), hub)
        crashed = seam.orphan(crashed, hub)
        down = Hub(is_up=False, is_present=False)
        yield mishap(hub, "is killed", crashed._replace(hubs=put(crashed.hubs, hub, down)))


def start(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """A process starts under a new claimant's number."""
    yield then(hub, "starts", state._replace(hubs=put(state.hubs, hub, Hub())))


def lose_connection(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """Both connections break and come back: `RabbitPublisher._answer_all`, and unsettled messages come again.

    What was written and not taken is gone; what was taken stays. A broker outage is this for every process.
    """
    me = state.hubs[hub]
    in_flight = [each for each in me.hand if each.phase in {Phase.WIRE, Phase.TAKEN}]
    is_attached = any(attached for _, attached in me.batch) or me.is_returning_attached
    if not (in_flight or is_attached) or not world.may(state, Trouble.CONNECTION):
        return
    hand = tuple(
        sorted(each._replace(phase=Phase.UNKNOWN) if each in in_flight else each for each in me.hand)
    )
    lost = return_in_queue(back_in_queue(troubled(state, Trouble.CONNECTION), hub), hub)
    yield mishap(hub, "loses its connection to the broker", with_hub(lost, hub, hand=hand, wire=()))


def lapse(world: World, state: State) -> Iterator[Step[State]]:
    """The lease of a claim ends: its holder waits for the broker, is stopped, or does not know of it."""
    if not world.may(state, Trouble.LAPSE):
        return
    for number, entry in enumerate(state.entries):
        if entry.owner >= 0 and not entry.is_lapsed:
            lapsed = seam.with_entry(state, number, entry._replace(is_lapsed=True))
            yield mishap(-1, f"the lease of delivery {number} ends", troubled(lapsed, Trouble.LAPSE))


def absence(world: World, state: State, hub: int) -> Iterator[Step[State]]:
    """`Presence.keep`: the session that holds the advisory lock is lost, and taken anew."""
    if not state.hubs[hub].is_present:
        yield then(hub, "holds its advisory lock again", with_hub(state, hub, is_present=True))
    elif world.may(state, Trouble.ABSENCE):
        away = with_hub(troubled(state, Trouble.ABSENCE), hub, is_present=False)
        yield mishap(hub, "loses its advisory lock", away)


def lateness(world: World, state: State) -> Iterator[Step[State]]:
    """Time passes, and with it the time of a delivery that waits."""
    if not world.may(state, Trouble.LATENESS):
        return
    for number, delivery in enumerate(state.deliveries):
        if delivery.kind is Kind.DOCUMENT and delivery.state == "waiting" and not delivery.is_late:
            late = seam.with_delivery(state, number, is_late=True)
            yield mishap(-1, f"the time of delivery {number} is over", troubled(late, Trouble.LATENESS))
