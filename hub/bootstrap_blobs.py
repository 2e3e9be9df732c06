"""What large bodies take, composed from the settings: the store, and what a hub process does with it."""

from concurrent.futures import Executor

from hub.backends.blobs import BlobPlace, BlobStore
from hub.backends.postgres.pool import Database
from hub.intake.line import IntakeLine
from hub.ports import Clock, Registry
from hub.settings import Settings
from hub.workers.body_sweeper import BodySweeper, SweepTerms
from hub.workers.large_intake import ExamineClaim, LargeIntake, LargeIntakeTerms, takes_no_claims


def blob_store(settings: Settings) -> BlobStore | None:
    """Return where large bodies lie; None where the hub takes none. Raises `ConfigurationError`."""
    if settings.bodies_store is None:
        return None
    secret = settings.bodies_secret_key
    return BlobStore.open(
        BlobPlace(
            url=settings.bodies_store,
            endpoint=settings.bodies_endpoint,
            region=settings.bodies_region,
            access_key=settings.bodies_access_key,
            secret_key=secret.get_secret_value() if secret is not None else None,
        )
    )


def claim_examiner(
    settings: Settings,
    blobs: BlobStore | None,
    *,
    database: Database,
    line: IntakeLine,
    registry: Registry,
    executor: Executor,
) -> ExamineClaim:
    """Return what decides about claim checks."""
    if blobs is None:
        return takes_no_claims(settings.max_message_octets)
    terms = LargeIntakeTerms(
        max_octets=settings.max_large_octets,
        patience=settings.bodies_patience,
        side_by_side=settings.bodies_side_by_side,
    )
    return LargeIntake(
        database=database, blobs=blobs, line=line, registry=registry, executor=executor, terms=terms
    ).examine


def body_sweeper(settings: Settings, blobs: BlobStore, *, database: Database, clock: Clock) -> BodySweeper:
    """Return what deletes bodies that nobody needs."""
    terms = SweepTerms(grace=settings.bodies_grace, lifetime=settings.bodies_lifetime)
    return BodySweeper(database=database, blobs=blobs, clock=clock, terms=terms)
