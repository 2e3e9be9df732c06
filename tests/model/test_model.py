"""The laws hold in every state that can be reached; and they fail where a guard is taken away."""

import pytest

from tests.model.axis import model_of
from tests.model.laws import LAWS
from tests.model.search import Exploration, NotExhausted, search
from tests.model.state import Kind, Plant, Trouble, World
from tests.model.worlds import FLOOR, PLANTED, WORLDS, once


def explored(world: World) -> Exploration:
    return search(model_of(world))


@pytest.mark.parametrize("world", FLOOR, ids=lambda world: world.name)
def test_the_laws_hold_whatever_one_trouble_comes_at_whatever_moment(world: World) -> None:
    found = explored(world)

    assert found.counterexample is None, str(found.counterexample)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_the_laws_hold_whatever_troubles_come_together(world: World) -> None:
    found = explored(world)

    assert found.counterexample is None, str(found.counterexample)


@pytest.mark.parametrize(("world", "law"), PLANTED, ids=lambda each: getattr(each, "name", each))
def test_a_guard_that_is_taken_away_is_missed(world: World, law: str) -> None:
    found = explored(world)

    assert found.counterexample is not None
    assert found.counterexample.law == law


def test_every_guard_is_taken_away_once() -> None:
    planted = {plant for world, _ in PLANTED for plant in world.plants}

    assert planted == set(Plant)


def test_every_law_of_a_state_is_broken_by_some_missing_guard() -> None:
    broken = {law for _, law in PLANTED}

    assert set(LAWS) <= broken


def test_without_its_guard_each_small_world_holds_the_laws() -> None:
    """The counterexamples come from what was planted, not from the worlds that it was planted in."""
    healthy = World(name="healthy", documents=2, hubs=2)

    assert explored(healthy).counterexample is None


def test_a_counterexample_is_a_story_with_the_same_names_from_its_beginning_to_its_end() -> None:
    world = World(name="told", hubs=2, plants=frozenset({Plant.CLAIM_WITHOUT_OWNER_CHECK}))

    told = str(explored(world).counterexample).splitlines()

    assert told[0] == "a_claim_has_one_holder is broken:"
    assert told[1] == "  1. hub A takes document 0"
    assert "hub B claims delivery 0" in told[3]
    assert told[-1] == "  5. hub A takes what it committed in hand and acknowledges"


def test_a_search_that_was_cut_short_proves_nothing() -> None:
    world = World(name="too large", documents=2, hubs=2, troubles=once(Trouble.CRASH))

    with pytest.raises(NotExhausted):
        search(model_of(world), most=100)


def test_receipts_that_are_followed_reach_their_sender() -> None:
    world = World(name="told of it", follows=frozenset({Kind.ACCEPTANCE, Kind.CONSIGNMENT, Kind.HANDOVER}))

    assert explored(world).counterexample is None
