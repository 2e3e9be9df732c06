"""The composition root of the service of large bodies: settings → back ends → addresses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import structlog

from hub.backends.clock import SystemClock
from hub.backends.postgres.pool import Database
from hub.backends.postgres.registry import PostgresRegistry
from hub.bodies.access import Doorkeeper
from hub.bodies.app import BodyService, application
from hub.bodies.problems import refuse
from hub.bootstrap import trust_anchors
from hub.bootstrap_blobs import blob_store
from hub.errors import ConfigurationError
from hub.logs import configure
from hub.message.body_proof import PART_OCTETS
from hub.operations.cloakroom import Cloakroom, CloakroomTerms
from hub.settings import Settings
from hub.signature.verdict import Judge
from hub.transport.http_serving import HttpTerms, serve

log = structlog.get_logger(__name__)
_SLOWEST: Final = 16 * 1024
"""Octets in a second: a part is held in memory for as long as it comes."""
_CONNECTIONS: Final = 8
"""To the database."""


async def run_bodies(settings: Settings, stop: asyncio.Event) -> None:
    """Serve large bodies until *stop*; raises a `HubError` that says what to do where it cannot start."""
    configure(settings.log_format, settings.log_level)
    async with body_service_of(settings) as service:
        await serve(
            application(service),
            _terms(settings),
            refuse=refuse,
            stop=stop,
            ready=lambda host, port: log.info("bodies.listening", host=host, port=port),
        )
    log.info("bodies.stopped")


@asynccontextmanager
async def body_service_of(settings: Settings) -> AsyncIterator[BodyService]:
    """Connect everything that the service works with."""
    blobs = blob_store(settings)
    if blobs is None:
        raise ConfigurationError("bodies_store is not set: large bodies have no place to lie in")
    async with AsyncExitStack() as stack:
        dsn = settings.postgres_dsn.get_secret_value()
        database = await Database.open(dsn, name="truc bodies", size=_CONNECTIONS)
        stack.push_async_callback(database.close)
        clock = SystemClock()
        terms = CloakroomTerms(max_octets=settings.max_large_octets, quota_octets=settings.bodies_quota)
        yield BodyService(
            cloakroom=Cloakroom(database=database, blobs=blobs, terms=terms),
            doorkeeper=Doorkeeper(
                registry=PostgresRegistry(database, clock=clock, max_age=settings.registry_interval),
                judge=Judge(trust_anchors(settings)),
                clock=clock,
            ),
        )


def _terms(settings: Settings) -> HttpTerms:
    return HttpTerms(
        host=settings.bodies_host,
        port=settings.bodies_port,
        certificate=settings.bodies_certificate,
        key=settings.bodies_key,
        slowest=_SLOWEST,
        max_body_octets=PART_OCTETS,
    )
