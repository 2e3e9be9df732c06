"""The demonstration's own counting: it has to see what must never be there."""

from hub.commands.cluster_demonstration.audit import Audit, _done, _out_of_order
from hub.commands.cluster_demonstration.correspondent import Effect
from hub.message.identifiers import DocumentId


def effect(
    document: str, number: int, *, recipient: str = "H14", sender: str = "G22", again: bool = False
) -> Effect:
    return Effect(
        document_id=document,
        sender=sender,
        recipient=recipient,
        lane="ordinary",
        lane_number=number,
        is_redelivered=again,
    )


def test_an_effect_that_happened_twice_counts_twice() -> None:
    done = _done([effect("a", 1), effect("a", 1), effect("b", 2)], {DocumentId("a"): 1, DocumentId("b"): 1})

    assert done == {("a", "H14"): 2, ("b", "H14"): 1}


def test_what_was_not_accepted_is_not_counted() -> None:
    assert _done([effect("of an earlier run", 7)], {DocumentId("a"): 1}) == {}


def test_lanes_are_compared_each_with_itself() -> None:
    in_order = [effect("a", 1), effect("x", 1, sender="H41"), effect("b", 2), effect("y", 1, recipient="H41")]

    assert _out_of_order(in_order) == 0
    assert _out_of_order([*in_order, effect("late", 1)]) == 1


def test_only_what_the_broker_marks_as_coming_again_may_come_late() -> None:
    overtaken = [effect("a", 1), effect("d", 4), effect("b", 2, again=True), effect("c", 3, again=True)]

    assert _out_of_order([*overtaken, effect("e", 5)]) == 0
    assert _out_of_order([*overtaken, effect("late", 3)]) == 1


def test_nothing_is_settled_while_a_document_is_missing() -> None:
    settled = Audit(
        sent=2,
        accepted=2,
        refused=0,
        undecided=0,
        owed=2,
        delivered=2,
        lost=0,
        double_effects=0,
        order_violations=0,
        handed_over=2,
    )

    assert settled.is_settled
    assert not Audit(**{**_values(settled), "delivered": 1, "lost": 1}).is_settled
    assert not Audit(**{**_values(settled), "handed_over": 1}).is_settled


def _values(audit: Audit) -> dict[str, int]:
    return {name: getattr(audit, name) for name in Audit.__slots__}
