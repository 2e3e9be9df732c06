"""Acknowledging with `multiple` never reaches what is still open."""

from hypothesis import given
from hypothesis import strategies as st

from hub.backends.rabbitmq.settlement import Ledger, Settlement


def test_a_batch_in_order_is_acknowledged_at_once() -> None:
    assert Ledger().accept([1, 2, 3]).acknowledge_up_to == 3


def test_what_is_open_holds_nothing_up_that_came_later() -> None:
    ledger = Ledger()

    later = ledger.accept([4, 5, 6])

    assert (later.acknowledge_up_to, later.acknowledge) == (None, (4, 5, 6))


def test_a_tag_that_was_acknowledged_alone_is_not_acknowledged_again() -> None:
    ledger = Ledger()
    ledger.accept([3, 4])

    settlement = ledger.accept([1, 2, 5, 7])

    assert (settlement.acknowledge_up_to, settlement.acknowledge) == (5, (7,))


def test_what_was_given_back_is_never_the_tag_that_is_acknowledged() -> None:
    ledger = Ledger()
    ledger.accept([1])

    settlement = ledger.withdraw([2])

    assert settlement.withdraw == (2,)
    assert settlement.acknowledge_up_to is None
    assert ledger.accept([3]).acknowledge_up_to == 3


def test_giving_back_the_earlier_acknowledges_nothing() -> None:
    ledger = Ledger()
    ledger.accept([2, 3])

    settlement = ledger.withdraw([1])

    assert settlement.withdraw == (1,)
    assert (settlement.acknowledge_up_to, settlement.acknowledge) == (None, ())


def test_nothing_is_settled_twice() -> None:
    ledger = Ledger()
    ledger.accept([1, 2])

    assert ledger.withdraw([1, 2]).withdraw == ()
    assert ledger.withdraw([3, 3]).withdraw == (3,)
    assert ledger.accept([3]).acknowledge_up_to is None


def test_tags_go_on_above_the_base() -> None:
    assert Ledger(100).accept([101, 102]).acknowledge_up_to == 102
    assert Ledger(100).accept([99]).acknowledge_up_to is None


class BrokerChannel:
    """What a broker does with tags: an unknown one closes the channel."""

    def __init__(self, count: int) -> None:
        self.open = set(range(1, count + 1))
        self.acknowledged: set[int] = set()

    def settle(self, settlement: Settlement) -> None:
        for tag in settlement.withdraw:
            self.open.remove(tag)
        up_to = settlement.acknowledge_up_to
        if up_to is not None:
            assert up_to in self.open
            reached = {tag for tag in self.open if tag <= up_to}
            self.acknowledged |= reached
            self.open -= reached
        for tag in settlement.acknowledge:
            self.open.remove(tag)
            self.acknowledged.add(tag)


@given(
    st.permutations(range(1, 13)),
    st.lists(st.booleans(), min_size=12, max_size=12),
    st.lists(st.integers(1, 4), min_size=12, max_size=12),
)
def test_in_any_order_each_is_settled_as_it_was_meant(
    order: list[int], are_accepted: list[bool], sizes: list[int]
) -> None:
    ledger, channel, accepted = Ledger(), BrokerChannel(12), set[int]()
    while order:
        batch, order = order[: sizes[0]], order[sizes[0] :]
        if are_accepted[len(order)]:
            accepted.update(batch)
            settlement = ledger.accept(batch)
        else:
            settlement = ledger.withdraw(batch)
        channel.settle(settlement)
        assert channel.acknowledged == accepted

    assert channel.open == set()
    assert channel.acknowledged == accepted
