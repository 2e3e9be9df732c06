"""Faults planted in real hubs and kits are caught by the law that they break; without them every law holds.

Each scene runs twice: with the fault, where the checker has to name the law, and as everything is, where it
has to find nothing. The processes are real, and so are broker and database.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import pytest

from tests.chaos.laws.violation import Law
from tests.chaos.ledger import Disturbed
from tests.chaos.letters import Letter
from tests.chaos.planted_scene import Scene, a_scene
from tests.support.axis import World
from tests.support.waiting import until

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]
Play: TypeAlias = Callable[[Scene, str], Awaitable[None]]
_DOCUMENTS: Final = 8


@pytest.fixture
async def scene(world: World) -> AsyncIterator[Scene]:
    async with a_scene(world) as fresh:
        yield fresh


async def all_goes_well(scene: Scene, fault: str) -> None:
    await scene.recipient.start()
    await scene.hub(fault)
    await scene.sender.send(_DOCUMENTS)


async def a_submission_is_published_twice(scene: Scene, fault: str) -> None:
    await scene.recipient.start()
    await scene.hub(fault)
    for letter in await scene.sender.send(_DOCUMENTS):
        await scene.sender.send_again(letter)


async def a_hub_dies_inside_its_commit(scene: Scene, fault: str) -> None:
    await scene.recipient.start()
    doomed = await scene.hub(fault, crash_at="intake.inside_commit")
    await scene.sender.send(_DOCUMENTS)
    await doomed.ended()
    await scene.hub()


async def a_hub_dies_between_publish_and_record(scene: Scene, fault: str) -> None:
    await scene.recipient.start()
    doomed = await scene.hub(fault, crash_at="delivery.after_publish_before_mark")
    await scene.sender.send(_DOCUMENTS)
    await doomed.ended()
    await scene.hub(fault)


async def the_broker_dies_before_a_publish(scene: Scene, fault: str) -> None:
    await scene.recipient.start()
    gate = await scene.gated_hub(fault)
    await scene.sender.send(_DOCUMENTS)
    await scene.sender.has_decisions(_DOCUMENTS)
    await gate.holds()
    await scene.world.kill_broker()
    gate.open()
    await until(lambda: gate.hub and gate.hub.lines("publisher.waiting"), what="a hub without a broker")
    await scene.world.start_broker()


async def the_recipients_queue_is_full(scene: Scene, fault: str) -> None:
    await scene.world.limit_queue(scene.recipient.agency.mailbox, max_length=2)
    scene.sender.ledger.append(Disturbed(what="limited", target=scene.recipient.agency.mailbox))
    await scene.hub(fault)
    await scene.sender.send(_DOCUMENTS)
    await scene.sender.has_decisions(_DOCUMENTS)
    await scene.recipient.start()


async def one_hub_dawdles_while_another_accepts(scene: Scene, fault: str) -> None:
    await scene.recipient.start()
    gate = await scene.gated_hub()
    await scene.sender.send(3)
    await gate.holds()
    other = await scene.hub(fault)
    await scene.sender.send(4 * _DOCUMENTS)
    await until(lambda: other.lines("message.accepted"), what="a share for the other hub")
    await scene.sender.has_decisions(3 + 4 * _DOCUMENTS)
    gate.open()


async def one_hub_dawdles_while_a_connection_is_forgotten(scene: Scene, fault: str) -> None:
    line = await scene.line_to_recipient()
    await scene.recipient.start()
    gate = await scene.gated_hub()
    await scene.sender.send(3)
    await gate.holds()
    await scene.forget_recipient(line)
    await scene.hub(fault)
    await scene.sender.send(4 * _DOCUMENTS)
    await scene.sender.has_decisions(3 + 4 * _DOCUMENTS)
    gate.open()
    await until(lambda: len(scene.effects()) > _DOCUMENTS, what="effects of the living connection")
    await scene.remember_recipient(line)


async def a_hub_dawdles_inside_its_commit(scene: Scene, fault: str) -> None:
    await scene.recipient.start()
    gate = await scene.hub_inside_its_commit()
    await scene.sender.send(3)
    await gate.holds()
    other = await scene.hub(fault)
    await scene.sender.send(4 * _DOCUMENTS)
    await until(lambda: other.lines("message.accepted"), what="a share for the other hub")
    await scene.looked_at_by_the_sealer()
    gate.open()


async def the_recipient_takes_nothing(scene: Scene, fault: str) -> None:
    await scene.recipient.start("stubborn")
    await scene.hub(fault)
    await scene.sender.send(2)  # three would park it, and nothing would be given up


async def nobody_reads_the_recipients_queue(scene: Scene, fault: str) -> None:
    await scene.hub(fault)
    await scene.sender.send(_DOCUMENTS)


async def the_recipient_dies_before_it_journals(scene: Scene, fault: str) -> None:
    await scene.hub()
    await scene.recipient.start(fault, TRUC_CRASH_AT="after-handler-before-commit:3")
    await scene.sender.send(_DOCUMENTS)
    await scene.recipient.died()
    await scene.recipient.start(fault)


async def the_recipient_dies_before_it_acknowledges(scene: Scene, fault: str) -> None:
    await scene.hub()
    await scene.recipient.start(fault, TRUC_CRASH_AT="after-commit-before-ack:3")
    await scene.sender.send(_DOCUMENTS)
    await scene.recipient.died()
    await scene.recipient.start(fault)


async def the_broker_dies_with_statuses_unread(scene: Scene, fault: str) -> None:
    await scene.hub()
    gate = await scene.gated_recipient(fault)
    await scene.sender.send(_DOCUMENTS)
    await gate.holds()
    await scene.pause_broker()
    gate.open()
    await scene.world.kill_broker()
    await scene.world.start_broker()


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A fault, the scene that brings it out, and the law that it breaks."""

    fault: str
    law: Law
    play: Play

    def __str__(self) -> str:
        return f"{self.fault}, {self.play.__name__}"


QUICK: Final = (
    Planted(fault="ack-before-commit", law=Law.NOTHING_LOST, play=a_hub_dies_inside_its_commit),
    Planted(fault="no-dedupe-key", law=Law.ONE_EFFECT, play=a_submission_is_published_twice),
)
SLOW: Final = (
    Planted(fault="event-not-written", law=Law.WHOLE_TRAIL, play=all_goes_well),
    Planted(fault="seals-past-writers", law=Law.SEALED_LOG, play=a_hub_dawdles_inside_its_commit),
    Planted(fault="receipt-before-commit", law=Law.TRUE_RECEIPTS, play=a_hub_dies_inside_its_commit),
    Planted(fault="fresh-delivery-id", law=Law.ONE_EFFECT, play=a_hub_dies_between_publish_and_record),
    Planted(
        fault="unconfirmed-counts-as-confirmed", law=Law.NOTHING_LOST, play=the_broker_dies_before_a_publish
    ),
    Planted(
        fault="outage-counts-as-attempt", law=Law.OUTAGE_IS_NO_ATTEMPT, play=the_broker_dies_before_a_publish
    ),
    Planted(fault="nack-counts-as-confirmed", law=Law.NOTHING_LOST, play=the_recipients_queue_is_full),
    Planted(fault="no-lane-guard", law=Law.ORDER, play=one_hub_dawdles_while_another_accepts),
    Planted(fault="no-lane-guard", law=Law.ORDER, play=one_hub_dawdles_while_a_connection_is_forgotten),
    Planted(fault="gives-up-without-a-case", law=Law.VISIBLE_END, play=the_recipient_takes_nothing),
    Planted(fault="handover-when-consigned", law=Law.TRUE_RECEIPTS, play=nobody_reads_the_recipients_queue),
    Planted(fault="ack-before-journal", law=Law.NOTHING_LOST, play=the_recipient_dies_before_it_journals),
    Planted(
        fault="unconfirmed-counts-as-submitted",
        law=Law.NOTHING_LOST,
        play=the_broker_dies_with_statuses_unread,
    ),
    Planted(
        fault="forgets-what-it-handled", law=Law.ONE_EFFECT, play=the_recipient_dies_before_it_acknowledges
    ),
)
SCENES: Final = tuple(dict.fromkeys(each.play for each in SLOW))


@pytest.mark.parametrize("planted", QUICK, ids=str)
async def test_a_planted_fault_is_caught(scene: Scene, planted: Planted) -> None:
    await planted.play(scene, planted.fault)

    verdict = await scene.verdict()

    assert planted.law in verdict.broken


async def test_without_a_fault_every_law_holds(scene: Scene) -> None:
    await a_hub_dies_inside_its_commit(scene, "none")
    letters = await scene.sender.send(_DOCUMENTS)
    for letter in letters:
        await scene.sender.send_again(letter)

    verdict = await scene.verdict()

    assert list(verdict.told()) == []
    assert verdict.delivered == 2 * _DOCUMENTS
    assert verdict.sealed > verdict.receipts
    await the_checker_sees_what_operators_see(scene, letters[0])


async def the_checker_sees_what_operators_see(scene: Scene, letter: Letter) -> None:
    sight = await scene.sight()
    (dossier,) = await scene.dossiers(letter.entry.submission_id)
    (delivery,) = [each for each in dossier.deliveries if each.kind == "document"]
    seen = sight.deliveries[delivery.delivery_id]
    events = sorted(dossier.events, key=lambda each: each.event_id)
    assert seen.state == delivery.state
    assert [each.name for each in seen.events] == [
        each.name for each in events if each.delivery_id == delivery.delivery_id
    ]
    assert [each.name for each in sight.messages[dossier.message.message_id].events] == [
        each.name for each in events if each.message_id == dossier.message.message_id and not each.delivery_id
    ]
    issued = {each.receipt_id for each in sight.receipts.values() if each.message_id == delivery.message_id}
    assert issued == {each.receipt_id for each in dossier.receipts}


@pytest.mark.long
@pytest.mark.parametrize("planted", SLOW, ids=str)
async def test_a_planted_fault_that_takes_its_time_is_caught(scene: Scene, planted: Planted) -> None:
    await planted.play(scene, planted.fault)

    verdict = await scene.verdict()

    assert planted.law in verdict.broken


@pytest.mark.long
@pytest.mark.parametrize("play", SCENES, ids=lambda each: each.__name__)
async def test_the_same_scene_without_the_fault_holds_every_law(scene: Scene, play: Play) -> None:
    await play(scene, "none")

    verdict = await scene.verdict()

    assert list(verdict.told()) == []
    assert verdict.accepted > 0
