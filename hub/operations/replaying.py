"""Dead letters go out again: the same delivery id, the next attempt; elsewhere where a mailbox is named."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hub.backends.postgres import desk, overlays
from hub.backends.postgres.desk import LockedCase
from hub.backends.postgres.issuing import NewId
from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.reporting import LockedDelivery
from hub.backends.postgres.trail import Event, append
from hub.errors import OperationRefused
from hub.message.delivery_state import Trigger
from hub.message.directory import Directory
from hub.message.identifiers import AgencyKey, MailboxName
from hub.message.route_overlay import OverlayId, RouteOverlay, write_overlay
from hub.operations.case_batch import Errand, Handled, Refusal, sorted_out, with_deliveries
from hub.ports import Clock, Seal

HELD_ALREADY: Final = "the recipient has the same content through another delivery: discard this one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detour:
    """Another mailbox to send to, and what signs that it was changed."""

    mailbox: MailboxName
    directory: Directory
    seal: Seal
    clock: Clock
    new_id: NewId

    def objection(self, recipient: AgencyKey) -> str | None:
        """Return why *recipient* must not be reached there; None where it may."""
        return objection(self.mailbox, recipient, self.directory, self.clock.now())


def objection(mailbox: MailboxName, recipient: AgencyKey, directory: Directory, at: datetime) -> str | None:
    """Return why *mailbox* must not receive for *recipient*: it is closed, or has no mandate above it."""
    if not directory.is_open(mailbox):
        return f"the mailbox {mailbox} does not exist or is closed"
    if directory.roots_of(mailbox, at).isdisjoint(directory.ancestry(recipient)):
        return f"the mailbox {mailbox} holds no mandate for {recipient} or anything above it"
    return None


async def replay(
    transaction: Transaction,
    cases: Sequence[LockedCase],
    errand: Errand,
    detour: Detour | None = None,
) -> Handled:
    """Replay the locked *cases*, all that can be; each leaves an event and a record of who did it."""
    able, refused = sorted_out(cases, Trigger.REPLAYED)
    if detour is not None:
        able, kept_away = _kept_away(able, detour)
        refused += kept_away
    done = await _replay_what_can_be(transaction, able)
    numbers = {each.case_id for each in done}
    twice = [
        Refusal(case_id=case.case_id, reason=HELD_ALREADY) for case in able if case.case_id not in numbers
    ]
    if detour is not None:
        await _reroute(transaction, done, errand, detour)
    await desk.close_cases(transaction, sorted(numbers), "replayed")
    await append(transaction, [_replayed(case, each, errand) for case, each in with_deliveries(done)])
    await desk.record(transaction, [errand.action("replay", case) for case in done])
    return Handled(done=tuple(case.case_id for case in done), refused=(*refused, *twice))


def _kept_away(
    cases: Sequence[LockedCase], detour: Detour
) -> tuple[tuple[LockedCase, ...], tuple[Refusal, ...]]:
    found = [(case, detour.objection(delivery.recipient)) for case, delivery in with_deliveries(cases)]
    able = tuple(case for case, reason in found if reason is None)
    refused = tuple(Refusal(case_id=case.case_id, reason=reason) for case, reason in found if reason)
    return able, refused


async def _replay_what_can_be(transaction: Transaction, able: Sequence[LockedCase]) -> list[LockedCase]:
    """Replay all together; where the database refuses one, each half for itself, down to that one."""
    deliveries = [delivery.delivery_id for _, delivery in with_deliveries(able)]
    if not able or await desk.replay(transaction, deliveries):
        return list(able)
    if len(able) == 1:
        return []
    middle = len(able) // 2
    return [
        *await _replay_what_can_be(transaction, able[:middle]),
        *await _replay_what_can_be(transaction, able[middle:]),
    ]


async def _reroute(
    transaction: Transaction, done: Sequence[LockedCase], errand: Errand, detour: Detour
) -> None:
    if not errand.reason:
        raise OperationRefused("a route is changed for a reason that stands in the evidence: give one")
    made = [
        (case, _overlay(delivery, errand.operator, errand.reason, detour))
        for case, delivery in with_deliveries(done)
    ]
    signed = await detour.seal([write_overlay(overlay) for _, overlay in made])
    await overlays.enter(
        transaction, [(overlay, body) for (_, overlay), body in zip(made, signed, strict=True)]
    )
    await append(transaction, [_rerouted(overlay, case) for case, overlay in made])
    await desk.record(
        transaction,
        [
            errand.action(
                "reroute",
                case,
                overlay_id=str(overlay.overlay_id),
                from_mailbox=overlay.from_mailbox,
                to_mailbox=overlay.to_mailbox,
            )
            for case, overlay in made
        ],
    )


def _overlay(delivery: LockedDelivery, operator: str, reason: str, detour: Detour) -> RouteOverlay:
    return RouteOverlay(
        overlay_id=OverlayId(detour.new_id()),
        delivery_id=delivery.delivery_id,
        message_id=delivery.message_id,
        recipient=delivery.recipient,
        from_mailbox=delivery.mailbox,
        to_mailbox=detour.mailbox,
        operator=operator,
        reason=reason,
        at=detour.clock.now(),
    )


def _replayed(case: LockedCase, delivery: LockedDelivery, errand: Errand) -> Event:
    detail: dict[str, object] = {
        "case_id": case.case_id,
        "operator": errand.operator,
        "attempt": delivery.attempt + 1,
        "episode": delivery.episode + 1,
    }
    return Event(
        name="delivery.replayed",
        message_id=delivery.message_id,
        delivery_id=delivery.delivery_id,
        detail=detail,
    )


def _rerouted(overlay: RouteOverlay, case: LockedCase) -> Event:
    detail: dict[str, object] = {
        "case_id": case.case_id,
        "operator": overlay.operator,
        "overlay_id": str(overlay.overlay_id),
        "from": overlay.from_mailbox,
        "to": overlay.to_mailbox,
    }
    return Event(
        name="delivery.rerouted",
        message_id=overlay.message_id,
        delivery_id=overlay.delivery_id,
        detail=detail,
    )
