"""The same on a real S3 server: OpenStack Swift."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from hub.backends.blobs import BlobStore
from hub.backends.postgres.pool import Database
from hub.errors import NothingFound, TemporaryFailure
from hub.message.body_proof import PART_OCTETS, UPLOAD_OFFSET, path_of
from hub.message.identifiers import digest_of
from tests.support.cloakroom import House, a_house, some_octets
from tests.support.s3_server import S3Server, s3_server

BODY = some_octets(2 * PART_OCTETS + 12_345)
DIGEST = digest_of(BODY)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("swift")) as running:
        yield running


@pytest.fixture
def store(server: S3Server) -> BlobStore:
    return BlobStore.open(server.place(uuid4().hex))


@pytest.fixture
async def house(hub_database: Database, operator: Database, store: BlobStore) -> AsyncIterator[House]:
    async with a_house(hub_database, operator, store) as opened:
        yield opened


async def test_a_body_goes_through_a_bucket_byte_for_byte(house: House) -> None:
    visitor = await house.visitor("H90")

    key = await visitor.check_in(BODY)
    redeemed = await visitor.redeem(DIGEST)
    part = await visitor.redeem(DIGEST, f"bytes={PART_OCTETS - 10}-{PART_OCTETS + 9}")

    assert redeemed.content == BODY
    assert part.content == BODY[PART_OCTETS - 10 : PART_OCTETS + 10]
    assert b"".join(house.blobs.read(key.name, 0, len(BODY))) == BODY
    with pytest.raises(NothingFound):
        await house.blobs.look(key.part(0))


async def test_what_has_another_digest_does_not_stay_in_the_bucket(house: House) -> None:
    visitor = await house.visitor("H90")
    announced = digest_of(b"something else")
    await visitor.announce(announced, 5_000)

    brought = await visitor.bring(announced, 0, BODY[:5_000])

    assert brought.status_code == 422
    with pytest.raises(NothingFound):
        await house.blobs.look(f"bodies/H90/{announced.hex()}")


@pytest.mark.long
async def test_an_outage_of_the_bucket_is_told_and_sat_out(house: House, server: S3Server) -> None:
    visitor = await house.visitor("H90")
    await visitor.announce(DIGEST, len(BODY))
    await visitor.bring(DIGEST, 0, BODY[:PART_OCTETS])

    server.stop("proxy")
    during = await visitor.bring(DIGEST, PART_OCTETS, BODY[PART_OCTETS : 2 * PART_OCTETS])
    works_without = await house.blobs.works()
    server.start("proxy")
    server.await_answer()
    standing = await visitor.ask("HEAD", path_of(DIGEST))
    await visitor.check_in(BODY)

    assert (during.status_code, during.json()["code"]) == (503, "BODIES-5003")
    assert not works_without
    assert standing.headers[UPLOAD_OFFSET] == str(PART_OCTETS)
    assert (await visitor.redeem(DIGEST)).content == BODY


async def test_a_bucket_that_does_not_know_us_is_away_and_no_secret_is_told(server: S3Server) -> None:
    stranger = BlobStore.open(server.place("x", secret="a secret that is wrong"))

    with pytest.raises(TemporaryFailure) as refused:
        await stranger.put("bodies/H90/a", b"octets")

    assert "secret" not in str(refused.value)
