"""After a restore: what agencies can prove and the database has lost is named, and brought back."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, assert_never
from uuid import UUID

from hub.backends.postgres import bodies, desk, recollecting
from hub.backends.postgres.desk import Action
from hub.backends.postgres.holding import sessions_of
from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.proven import advance_lanes, keep_receipts, let_lanes_jump
from hub.backends.postgres.registry import PostgresRegistry
from hub.backends.postgres.reinstating import NOBODY, Reinstating
from hub.backends.postgres.seam import PostgresSeam, Terms
from hub.errors import NothingFound, OperationRefused
from hub.intake.line import IntakeLine
from hub.message.decision import Admit, Postponed, Rejected
from hub.message.edxml import MessageKind
from hub.message.identifiers import DeliveryId, MailboxName
from hub.message.large_body import BodyKey
from hub.message.stages import ReceivedMessage
from hub.operations.large_reading import IN_ROWS, Originals
from hub.operations.reconcile_evidence import Evidence
from hub.operations.reconcile_judge import Judge
from hub.operations.reconcile_plan import Comparison, Known, LaneName, Lost, Missing, compare
from hub.operations.reconcile_sight import incomplete_mailboxes, known_of
from hub.operations.reconcile_step import (
    RecordRefusal,
    Reinstate,
    ReinstateStatus,
    Settle,
    Step,
    Submit,
)
from hub.ports import Attest, Clock

LANE_GAP: Final = 1_000_000
"""More than a lane carries in a day: what was given after the restored instant is not given again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What there is to do, and what cannot be done with what was handed in."""

    steps: tuple[Step, ...]
    missing: tuple[Missing, ...]
    lanes: Mapping[LaneName, int]
    lane_gap: int
    """Numbers that every lane leaves out, where it is not known how far the lanes had got."""
    incomplete: Mapping[MailboxName, str]
    doubts: tuple[str, ...]

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to do, and nothing that only more evidence could settle."""
        return not self.steps and all(each.is_harmless for each in self.missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What was done."""

    done: dict[str, int] = field(default_factory=dict)
    refused: tuple[Missing, ...] = ()
    """Steps that clashed with what came after the restore; nothing of them was changed."""


class ReconcileDesk:
    """The operators' work after a restore: each step is one transaction, and leaves who did it."""

    def __init__(
        self,
        database: Database,
        *,
        operator: str,
        hub_role: str,
        line: IntakeLine,
        attest: Attest,
        clock: Clock,
        new_id: Callable[[], UUID],
        terms: Terms,
        originals: Originals = IN_ROWS,
    ) -> None:
        """Work on *database* in the name of *operator*, while nobody works on it as *hub_role*."""
        self._database = database
        self._operator = operator
        self._hub_role = hub_role
        self._line = line
        self._attest = attest
        self._clock = clock
        self._new_id = new_id
        self._terms = terms
        self._originals = originals

    async def look(self, evidence: Evidence, depths: Mapping[MailboxName, int | None]) -> Plan:
        """Name everything that *evidence* proves and the database does not know; changes nothing.

        *depths* are the open mailboxes and what lies in their queues: what nobody has read may prove more.
        Raises `OperationRefused` while a hub works on the database.
        """
        async with self._database.transaction() as transaction:
            await self._refuse_beside_hubs(transaction)
            known = await known_of(transaction, evidence)
            incomplete = await incomplete_mailboxes(transaction, evidence, depths)
            has_jumped = await recollecting.have_lanes_jumped(transaction)
        comparison = compare(evidence, known)
        judge = await self._judge(incomplete, frozenset(depths) - incomplete.keys())
        steps, missing = _judged(judge, comparison, known)
        return Plan(
            steps=tuple(steps),
            missing=(*comparison.missing, *missing),
            lanes=_lanes(comparison.lanes, steps),
            lane_gap=LANE_GAP if incomplete and not has_jumped else 0,
            incomplete=incomplete,
            doubts=tuple(evidence.doubts),
        )

    async def apply(
        self, plan: Plan, *, reason: str | None = None, progress: Callable[[int], None] = lambda _: None
    ) -> Applied:
        """Do what *plan* says, lanes first; a step that clashes is left out, with its reason."""
        await self._advance_lanes(plan, reason)
        done: dict[str, int] = {}
        refused = []
        for number, step in enumerate(plan.steps, start=1):
            try:
                await self._do(step, reason)
            except OperationRefused as refusal:
                refused.append(Missing(what=step.what, why=str(refusal)))
            else:
                done[_kind(step)] = done.get(_kind(step), 0) + 1
            progress(number)
        return Applied(done=done, refused=tuple(refused))

    async def _advance_lanes(self, plan: Plan, reason: str | None) -> None:
        async with self._database.transaction() as transaction:
            await self._refuse_beside_hubs(transaction)
            await advance_lanes(transaction, plan.lanes)
            if plan.lane_gap:
                count = await let_lanes_jump(transaction, plan.lane_gap)
                detail: dict[str, object] = {"gap": plan.lane_gap, "lanes": count}
                await self._record(transaction, "reconcile.lanes", reason, detail)

    async def _do(self, step: Step, reason: str | None) -> None:
        if isinstance(step, Submit):
            await self._submit(step, reason)
            return
        async with self._database.transaction() as transaction:
            await self._refuse_beside_hubs(transaction)
            work = Reinstating(
                transaction=transaction, attest=self._attest, new_id=self._new_id, now=self._clock.now()
            )
            if isinstance(step, Reinstate):
                await self._keep_body(transaction, step.lost, step.document.admission.received)
            await _work(work, step)
            await work.finish()
            await self._record(transaction, f"reconcile.{_kind(step)}", reason, _detail(step), _about(step))
            await self._refuse_beside_hubs(transaction)

    async def _submit(self, step: Submit, reason: str | None) -> None:
        """Hand what was never answered to the one commit of intake, which knows every rule."""
        async with self._database.transaction() as transaction:
            await self._refuse_beside_hubs(transaction)
            await self._record(transaction, "reconcile.submission", reason, _detail(step))
            if isinstance(step.decision, Admit):
                received = step.decision.authorized.valid.verified.received
                await self._keep_body(transaction, step.lost, received)
        seam = PostgresSeam(
            self._database, claimant=NOBODY, clock=self._clock, new_id=self._new_id, terms=self._terms
        )
        committed = await seam.commit([step.decision], self._attest)
        (outcome,) = committed.outcomes
        if isinstance(outcome, Postponed) or (
            isinstance(outcome, Rejected) and step.lost.sent.kind is MessageKind.STATUS
        ):
            raise OperationRefused("the delivery that it is about is not known")

    async def _keep_body(self, transaction: Transaction, lost: Lost, received: ReceivedMessage) -> None:
        """Enter again what the database has lost of a large body; put it into the store where it is not."""
        blobs = self._originals.blobs
        if received.large is None or blobs is None:
            return
        key = BodyKey(mailbox=received.mailbox, digest=received.digest)
        try:
            await blobs.look(key.name)
        except NothingFound:
            await blobs.put_file(key.name, lost.sent.file)
        await bodies.reinstate(transaction, key, received.large.octets)

    async def _judge(self, incomplete: Mapping[MailboxName, str], complete: frozenset[MailboxName]) -> Judge:
        registry = PostgresRegistry(self._database, clock=self._clock, max_age=timedelta())
        return Judge(
            line=self._line,
            directory=await registry.directory(),
            incomplete=incomplete,
            complete=complete,
            new_id=self._new_id,
            now=self._clock.now(),
            lifetime=self._terms.delivery_lifetime,
            takes_large=self._originals.blobs is not None,
        )

    async def _refuse_beside_hubs(self, transaction: Transaction) -> None:
        if sessions := await sessions_of(transaction, self._hub_role):
            raise OperationRefused(
                f"hub processes work on this database ({sessions} sessions of {self._hub_role}): stop them, "
                "`truc reconcile --hold` keeps them out / hub đang chạy trên cơ sở dữ liệu này: hãy dừng hub"
            )

    async def _record(
        self,
        transaction: Transaction,
        action: str,
        reason: str | None,
        detail: dict[str, object],
        delivery_id: DeliveryId | None = None,
    ) -> None:
        act = Action(
            operator=self._operator, action=action, reason=reason, delivery_id=delivery_id, detail=detail
        )
        await desk.record(transaction, [act])


async def _work(work: Reinstating, step: Reinstate | ReinstateStatus | RecordRefusal | Settle) -> None:
    match step:
        case Reinstate(document=document):
            await work.document(document)
        case ReinstateStatus(status=status):
            await work.status(status)
        case RecordRefusal(message_id=message_id, refusal=refusal, receipts=receipts):
            await work.refusal(message_id, refusal, receipts)
        case Settle(advanced=advanced, facts=facts, receipts=receipts, owes=owes):
            await keep_receipts(work.transaction, receipts)
            named = advanced.delivery_id
            await work.settle({named: facts}, owing=frozenset({named}) if owes else frozenset())
        case _:
            assert_never(step)


def _judged(judge: Judge, comparison: Comparison, known: Known) -> tuple[list[Step], list[Missing]]:
    """Judge documents first: the deliveries that they bring back are what statuses are about."""
    documents = [each for each in comparison.lost if each.sent.kind is MessageKind.DOCUMENT]
    judged: list[Step | Missing] = [judge.document(each) for each in documents]
    coming = {
        delivery.delivery_id
        for step in judged
        if isinstance(step, Reinstate)
        for delivery in step.document.deliveries
    }
    judged += [judge.settle(each, known.deliveries[each.delivery_id]) for each in comparison.advanced]
    statuses = [each for each in comparison.lost if each.sent.kind is MessageKind.STATUS]
    judged += [judge.status(each, known.deliveries.keys() | coming) for each in _in_order(statuses)]
    missing = [each for each in judged if isinstance(each, Missing)]
    return [each for each in judged if not isinstance(each, Missing)], missing


def _in_order(statuses: Iterable[Lost]) -> Sequence[Lost]:
    """Return statuses in the order in which their senders signed them: each moves its delivery a step."""
    return sorted(statuses, key=lambda each: each.sent.at)


def _lanes(seen: Mapping[LaneName, int], steps: Sequence[Step]) -> dict[LaneName, int]:
    highest = dict(seen)
    for step in steps:
        for each in step.document.deliveries if isinstance(step, Reinstate) else ():
            if each.sender is not None and each.lane_number:
                lane = (each.sender, each.recipient, each.is_urgent)
                highest[lane] = max(highest.get(lane, 0), each.lane_number)
    return highest


def _kind(step: Step) -> str:
    match step:
        case Reinstate():
            return "document"
        case ReinstateStatus():
            return "status"
        case RecordRefusal():
            return "refusal"
        case Submit():
            return "submission"
        case Settle():
            return "delivery"
        case _:
            assert_never(step)


def _detail(step: Step) -> dict[str, object]:
    detail: dict[str, object] = {"proof": step.why}
    if isinstance(step, Settle):
        return detail
    named = {"mailbox": step.lost.sent.mailbox, "submission_id": step.lost.sent.submission_id}
    return detail | named | ({"message_id": str(step.lost.message_id)} if step.lost.message_id else {})


def _about(step: Step) -> DeliveryId | None:
    match step:
        case Settle(advanced=advanced):
            return advanced.delivery_id
        case ReinstateStatus(status=status):
            return status.about
        case _:
            return None
