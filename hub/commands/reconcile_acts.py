"""What `truc reconcile` does."""

from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from adapters.kit import evidence as kit_evidence
from adapters.kit.evidence import Exported
from adapters.kit.settings import read_settings
from hub.backends.clock import SystemClock, new_id
from hub.backends.postgres import holding, register
from hub.backends.postgres.pool import Database
from hub.backends.postgres.seam import Terms
from hub.bootstrap import hub_key, intake_line
from hub.bootstrap_blobs import blob_store
from hub.commands.agency_acts import management_of_settings
from hub.commands.local_axis import HUB, administrators_dsn
from hub.commands.mailbox_file import kit_file_of
from hub.commands.place import load_settings, operators_database, stack_of
from hub.commands.shown import VIETNAM
from hub.errors import ConfigurationError, OperationRefused, TemporaryFailure
from hub.message.identifiers import Fingerprint, MailboxName
from hub.operations.large_reading import Originals
from hub.operations.queues import mailbox_queues
from hub.operations.reconcile import Plan, ReconcileDesk
from hub.operations.reconcile_evidence import Evidence
from hub.operations.reconcile_plan import Missing
from hub.operations.reconcile_reading import HubTrust, read_evidence
from hub.settings import Settings
from hub.signature.certificates import TrustAnchors
from hub.workers.attestation import Attestation

EVERY: Final = 100
"""Steps between two words about how far it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for."""

    folders: tuple[Path, ...]
    is_applied: bool
    reason: str | None
    operator: str
    hub_certificates: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What there was to do, and what was done."""

    plan: Plan
    done: Mapping[str, int] | None = None
    """None where nothing was to be changed."""
    refused: tuple[Missing, ...] = ()

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left that would need somebody."""
        if self.refused or not all(each.is_harmless for each in self.plan.missing):
            return False
        return self.done is not None or self.plan.is_settled

    def as_record(self) -> dict[str, object]:
        """Give it to a program."""
        plan = self.plan
        return {
            "steps": [
                {"step": type(each).__name__, "what": each.what, "proof": each.why} for each in plan.steps
            ],
            "missing": [*plan.missing, *self.refused],
            "lanes": len(plan.lanes),
            "lane_gap": plan.lane_gap,
            "incomplete": plan.incomplete,
            "doubts": plan.doubts,
            "done": self.done,
            "is_settled": self.is_settled,
        }


async def reconcile_database(
    home: Path | None, settings: Path | None, wanted: Wanted, progress: Callable[[str], None]
) -> Reconciled:
    """Compare the evidence with the database and, where it was asked for, bring back what it proves."""
    if not wanted.folders:
        raise ConfigurationError(
            "name what agencies exported: --evidence FOLDER (`truc reconcile export CODE` makes one)"
        )
    loaded = load_settings(home, settings)
    evidence = read_evidence(wanted.folders, _trust(loaded, wanted.hub_certificates))
    progress(
        f"{len(evidence.exported_at)} mailboxes: {len(evidence.sent)} sent, {len(evidence.received)} "
        f"received, {len(evidence.held)} receipts, each with a signature of this hub"
    )
    async with operators_database(loaded) as database:
        depths = await _depths(loaded, database, progress)
        async with _desk(loaded, database, wanted.operator) as desk:
            return await _reconciled(desk, evidence, depths, wanted, progress)


async def keep_hubs_out(home: Path | None, operator: str, reason: str | None) -> int:
    """Let no hub process in from now on; returns how many sessions of those that are in are left."""
    dsn = administrators_dsn(stack_of(home).address())
    await holding.hold(dsn, role=HUB, operator=operator, detail={"because": reason or "asked for"})
    database = await Database.open(dsn, name="truc reconcile", size=1)
    try:
        async with database.connection() as connection:
            return await holding.sessions_of(connection, HUB)
    finally:
        await database.close()


async def let_hubs_in(home: Path | None, operator: str, found: Reconciled | None, reason: str | None) -> None:
    """Let hub processes in again; raises `OperationRefused` where something is left without a reason."""
    is_settled = found is not None and found.is_settled
    if not is_settled and not reason:
        raise OperationRefused(
            "something is left, or nothing was compared: give the evidence again, or a --reason that stands "
            "in the evidence / vẫn còn việc chưa đối soát: đưa lại bằng chứng, hoặc nêu --reason"
        )
    dsn = administrators_dsn(stack_of(home).address())
    detail: dict[str, object] = {"because": reason or "reconciled", "settled": is_settled}
    await holding.release(dsn, role=HUB, operator=operator, detail=detail)


async def export_evidence(
    home: Path | None, kit: Path | None, code: str, into: Path, since: datetime | None
) -> Exported:
    """Write what the journal of *code*'s mailbox can prove into a folder of its own below *into*."""
    settings = read_settings(kit or await kit_file_of(home, code))
    now = datetime.now(UTC)
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=VIETNAM)
    folder = into / f"{settings.mailbox}-{now:%Y%m%dT%H%M%SZ}"
    return kit_evidence.export(
        settings.journal, settings.mailbox, folder, at=now, since=since.astimezone(UTC) if since else None
    )


async def _reconciled(
    desk: ReconcileDesk,
    evidence: Evidence,
    depths: Mapping[MailboxName, int | None],
    wanted: Wanted,
    progress: Callable[[str], None],
) -> Reconciled:
    plan = await desk.look(evidence, depths)
    if not wanted.is_applied:
        return Reconciled(plan=plan)

    def tell(number: int) -> None:
        if number % EVERY == 0:
            progress(f"{number} of {len(plan.steps)}")

    applied = await desk.apply(plan, reason=wanted.reason, progress=tell)
    return Reconciled(plan=plan, done=applied.done, refused=applied.refused)


@asynccontextmanager
async def _desk(loaded: Settings, database: Database, operator: str) -> AsyncIterator[ReconcileDesk]:
    with ThreadPoolExecutor(1) as executor:
        yield ReconcileDesk(
            database,
            operator=operator,
            hub_role=_hub_role(loaded),
            line=intake_line(loaded),
            attest=Attestation(key=hub_key(loaded), executor=executor),
            clock=SystemClock(),
            new_id=new_id,
            terms=Terms(delivery_lifetime=loaded.delivery_lifetime, status_patience=loaded.status_patience),
            originals=Originals(blobs=blob_store(loaded)),
        )


async def _depths(
    loaded: Settings, database: Database, progress: Callable[[str], None]
) -> dict[MailboxName, int | None]:
    """Ask the broker how much lies in each open mailbox's queue: counted, never looked at."""
    if loaded.management_url is not None:
        try:
            queues = await mailbox_queues(database, management_of_settings(loaded))
        except TemporaryFailure as failure:
            progress(f"what lies in the queues is not known: {failure}")
        else:
            return {
                each.mailbox: None if each.ready is None else each.ready + (each.unacknowledged or 0)
                for each in queues
                if not each.is_closed
            }
    async with database.connection() as connection:
        mailboxes = await register.read_mailboxes(connection)
    return {each.name: None for each in mailboxes if each.closed_at is None}


def _trust(loaded: Settings, earlier: tuple[Path, ...]) -> HubTrust:
    certificates = {hub_key(loaded).fingerprint}
    for path in earlier:
        for certificate in x509.load_pem_x509_certificates(path.read_bytes()):
            certificates.add(Fingerprint(certificate.fingerprint(SHA256())))
    return HubTrust(
        anchors=TrustAnchors.from_bytes(loaded.trust_anchors.read_bytes()),
        certificates=frozenset(certificates),
    )


def _hub_role(loaded: Settings) -> str:
    role = urlsplit(loaded.postgres_dsn.get_secret_value()).username
    if not role:
        raise ConfigurationError("postgres_dsn names no user: the hub's own must be known")
    return role
