"""What is known of the hub's own certificate is fetched, judged and kept, for whoever reads its receipts."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hub.backends.clock import SystemClock
from hub.backends.postgres.hub_certificates import PostgresHubCertificates
from hub.backends.postgres.pool import Database
from hub.message.trust import RevocationPolicy
from hub.signature.signing import SigningKey
from hub.signature.verdict import Judge
from hub.workers.own_certificate import OwnCertificateWorker
from tests.integration.certificates.conftest import ServedAuthority, Watching
from tests.support.authority import agency_signing_key
from tests.support.store import PostgresUnderTest

Verdicts = list[tuple[str, str | None]]
Kept = Callable[[], Awaitable[Verdicts]]


@pytest.fixture
def key(ca: ServedAuthority) -> SigningKey:
    return ca.key("TRUC")


@pytest.fixture
def kept(hub_database: Database) -> Kept:
    """Read the verdicts that are kept, the oldest first."""

    async def read() -> Verdicts:
        query = (
            "select indication, sub_indication from hub_validations join validations using (validation_id)"
            " order by judged_at"
        )
        async with hub_database.connection() as connection:
            return [(row["indication"], row["sub_indication"]) for row in await connection.fetch(query)]

    return read


def worker(watching: Watching, key: SigningKey) -> OwnCertificateWorker:
    store: PostgresUnderTest = watching.store
    return OwnCertificateWorker(
        key=key,
        store=PostgresHubCertificates(store.database),
        registry=store.registry(),
        judge=Judge(watching.ca.anchors(RevocationPolicy.SOFT)),
        clock=SystemClock(),
        executor=watching.executor,
    )


async def test_its_status_is_asked_for_and_kept(watching: Watching, key: SigningKey, kept: Kept) -> None:
    own, hub = worker(watching, key), watching()

    await own.look()
    await hub.refresh()
    await own.look()

    assert set(await hub.sources()) == {"root.crl", "issuing.crl", "ocsp"}
    assert await kept() == [("INDETERMINATE", "TRY_LATER"), ("PASSED", None)]


async def test_the_same_verdict_is_kept_once_whoever_reaches_it(
    watching: Watching, key: SigningKey, kept: Kept
) -> None:
    own, another = worker(watching, key), worker(watching, key)
    await own.look()
    await watching().refresh()

    for _ in range(3):
        await asyncio.gather(own.look(), another.look())

    assert await kept() == [("INDETERMINATE", "TRY_LATER"), ("PASSED", None)]


async def test_a_revoked_certificate_is_kept_as_that(
    watching: Watching, ca: ServedAuthority, key: SigningKey, kept: Kept
) -> None:
    own, hub = worker(watching, key), watching()
    await own.look()
    await hub.refresh()
    await own.look()

    ca.revoke(key)
    await hub.refresh(again=True)
    await own.look()

    assert (await kept())[-2:] == [("PASSED", None), ("FAILED", "REVOKED")]


async def test_two_hubs_with_certificates_of_their_own_do_not_take_each_others_sources_away(
    watching: Watching, ca: ServedAuthority, key: SigningKey
) -> None:
    await worker(watching, key).look()
    await worker(watching, ca.key("TRUC2")).look()
    first, second = watching(), watching()

    await first.refresh()
    await second.refresh()
    await first.refresh()

    rows = await watching.store.fetch("select failures from revocation_sources where kind = 'ocsp'")
    assert [tuple(row) for row in rows] == [(0,), (0,)]


async def test_a_certificate_of_another_authority_stops_nothing(watching: Watching, kept: Kept) -> None:
    own = worker(watching, agency_signing_key("TRUC"))

    await own.look()
    await watching().refresh()

    assert await kept() == []
