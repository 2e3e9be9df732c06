"""The laws of the architecture, as far as the model can speak of them: each holds in every state."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from tests.model.recipient import HANDLED
from tests.model.state import GONE, TO_PUBLISH, Copy, Kind, Return, State, Trouble, World

LIVENESS: Final = "every_message_ends_somewhere_visible"


def a_submission_that_the_broker_confirmed_is_never_lost(world: World, state: State) -> bool:
    """Law 2, before the seam: it is in the queue, in a hand that has not answered for it, or accepted."""
    missing = set(range(world.documents)) - _accepted(state)
    return all(_is_underway(state, document) for document in missing)


def an_accepted_document_is_never_lost(world: World, state: State) -> bool:
    """Law 2, behind the seam: a promise stands for what waits; what was consigned is there, or handled."""
    return all(
        _is_kept(state, number)
        for number, delivery in enumerate(state.deliveries)
        if delivery.kind is Kind.DOCUMENT
    )


def no_answer_before_it_is_safe(world: World, state: State) -> bool:
    """Law 2: who was told of an acceptance may throw the document away."""
    return set(state.told) <= _accepted(state)


def one_effect(world: World, state: State) -> bool:
    """Law 3: a document is one delivery, and its recipient acts on it once."""
    return all(done & (done - 1) == 0 for done in state.effects)


def every_receipt_is_true(world: World, state: State) -> bool:
    """Each proves what it says: it is in the queue, it was handled, there was cause to give it up."""
    return all(_is_true(state, event, about) for event, about, _ in state.receipts)


def every_given_up_delivery_has_a_case(world: World, state: State) -> bool:
    """Law 6: a dead letter waits for an operator, and its sender has a signed failure."""
    return all(
        number in state.cases and (Kind.FAILURE, delivery.about, delivery.episode) in state.receipts
        for number, delivery in enumerate(state.deliveries)
        if delivery.state == "dead" and delivery.kind is Kind.DOCUMENT
    )


def an_outage_counts_as_no_attempt(world: World, state: State) -> bool:
    """Law 8: beyond the first, each attempt answers to something that the mailbox did, or to a replay."""
    return all(each.attempt <= each.blamed + each.episode for each in state.deliveries)


def a_claim_has_one_holder(world: World, state: State) -> bool:
    """While no lease ended and no lock was lost, no two processes are about to publish the same attempt."""
    if len(state.hubs) < 2 or _came(world, state, Trouble.LAPSE) or _came(world, state, Trouble.ABSENCE):
        return True
    first, second = (
        {(each.delivery, each.attempt) for each in hub.hand if each.phase in TO_PUBLISH} for hub in state.hubs
    )
    return not first & second


LAWS: Final[Mapping[str, Callable[[World, State], bool]]] = MappingProxyType(
    {
        law.__name__: law
        for law in (
            a_submission_that_the_broker_confirmed_is_never_lost,
            an_accepted_document_is_never_lost,
            no_answer_before_it_is_safe,
            one_effect,
            every_receipt_is_true,
            every_given_up_delivery_has_a_case,
            an_outage_counts_as_no_attempt,
            a_claim_has_one_holder,
        )
    }
)
"""`order_in_a_lane` and `nothing_is_sent_after_its_time` speak of steps: see `relay.py`."""


def broken_law(world: World, state: State) -> str | None:
    """Return the name of a law that *state* breaks."""
    if state.broken:
        return state.broken
    return next((name for name, law in LAWS.items() if not law(world, state)), None)


def is_end(world: World, state: State) -> bool:
    """Whether all that was submitted has come to an end that somebody can see, and nothing is under way."""
    is_idle = not (state.intake or state.returned or any(each != GONE for each in state.entries))
    ends = (
        {"accepted", "dead", "expired", "discarded"} if world.consumers else {"consigned", "dead", "expired"}
    )
    return (
        is_idle
        and len(_accepted(state)) == world.documents
        and all(hub.is_up and not (hub.batch or hub.hand or hub.returning) for hub in state.hubs)
        and all(each.state in ends for each in state.deliveries if each.kind is Kind.DOCUMENT)
        and (Kind.ACCEPTANCE not in world.follows or len(state.told) == world.documents)
        and (not world.consumers or not state.queue)
    )


def _accepted(state: State) -> set[int]:
    return {each.about for each in state.deliveries if each.kind is Kind.DOCUMENT}


def _is_underway(state: State, document: int) -> bool:
    held = (document == item for hub in state.hubs for item, _ in hub.batch)
    return document in state.intake or any(held)


def _is_kept(state: State, number: int) -> bool:
    delivery = state.deliveries[number]
    if delivery.state == "waiting":
        return state.entries[number] != GONE
    if delivery.state != "consigned":
        return True  # acknowledged, or ended in a way that another law looks at
    copy = Copy(number, delivery.attempt)
    is_handled = state.journal[number].state in HANDLED
    return is_handled or copy in state.queue or _is_held(state, copy) or _is_returned(state, copy)


def _is_held(state: State, copy: Copy) -> bool:
    return any(copy in each.copy for each in state.consumers)


def _is_returned(state: State, copy: Copy) -> bool:
    back = Return(copy.delivery, copy.attempt, "rejected")
    return back in state.returned or any(back in hub.returning for hub in state.hubs)


def _is_true(state: State, event: Kind, about: int) -> bool:
    deliveries = [each for each in state.deliveries if each.kind is Kind.DOCUMENT and each.about == about]
    match event:
        case Kind.CONSIGNMENT:
            return any(each.has_arrived for each in deliveries)
        case Kind.HANDOVER:
            return state.effects[about] > 0
        case Kind.FAILURE:
            return any(each.blamed or each.is_late for each in deliveries)
        case _:
            return bool(deliveries)


def _came(world: World, state: State, trouble: Trouble) -> bool:
    return state.left[trouble.value - 1] < world.troubles.get(trouble, 0)
