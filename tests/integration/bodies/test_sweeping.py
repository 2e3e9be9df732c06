"""What nobody needs is deleted, and nothing that somebody may need."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from hub.backends.postgres import bodies
from hub.message.body_proof import PART_OCTETS
from hub.message.identifiers import digest_of
from hub.message.large_body import BodyKey
from hub.workers.body_sweeper import BodySweeper, SweepTerms
from tests.support.cloakroom import House, some_octets
from tests.support.database import PrivateDatabase

GRACE, LIFETIME = timedelta(hours=1), timedelta(days=30)
BODY = some_octets(5_000)
DIGEST = digest_of(BODY)


@dataclass(slots=True, kw_only=True)
class Later:
    """A clock that tests set."""

    ahead: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def sweeper(house: House, ahead: timedelta, lifetime: timedelta | None = LIFETIME) -> BodySweeper:
    terms = SweepTerms(grace=GRACE, lifetime=lifetime)
    return BodySweeper(database=house.database, blobs=house.blobs, clock=Later(ahead=ahead), terms=terms)


def files(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


async def accept(house: House, key: BodyKey) -> None:
    async with house.database.transaction() as transaction:
        assert await bodies.accept(transaction, [key]) == {key}


async def a_delivery(private: PrivateDatabase, key: BodyKey, *, to: str, state: str) -> None:
    """Enter a document that claims the body, and its delivery, as the line would."""
    message_id, delivery_id = uuid4(), uuid4()
    async with private.connect() as connection:
        await connection.execute(
            "insert into messages (message_id, kind, verdict, mailbox, submission_id, digest, octets, sender,"
            " received_at, body) values ($1, 'document', 'accepted', $2, 's', $3, 1, 'H90', now(), '{}')",
            message_id,
            key.mailbox,
            key.digest,
        )
        await connection.execute(
            "insert into deliveries (delivery_id, message_id, kind, mailbox, sender, recipient, document_id,"
            " is_urgent, lane_number, correlation_id, state)"
            " values ($1, $2, 'document', $3, 'H90', $3, $4, false, 1, 'c', $5)",
            delivery_id,
            message_id,
            to,
            str(delivery_id),
            state,
        )


async def test_what_nobody_claims_is_swept_after_its_grace_and_not_before(house: House, folder: Path) -> None:
    visitor = await house.visitor("H90")
    await visitor.check_in(BODY)
    begun = some_octets(PART_OCTETS + 5, seed=2)
    await visitor.announce(digest_of(begun), len(begun))
    await visitor.bring(digest_of(begun), 0, begun[:PART_OCTETS])

    too_soon = await sweeper(house, GRACE - timedelta(minutes=1)).sweep()
    kept = files(folder)
    swept = await sweeper(house, GRACE + timedelta(minutes=1)).sweep()

    assert (too_soon, len(kept), swept, files(folder)) == (0, 2, 2, [])
    assert (await visitor.redeem(DIGEST)).status_code == 404
    assert (await visitor.announce(DIGEST, len(BODY))).status_code == 201


async def test_what_was_swept_leaves_a_trace(house: House, private_database: PrivateDatabase) -> None:
    key = await (await house.visitor("H90")).check_in(BODY)

    await sweeper(house, 2 * GRACE).sweep()

    async with private_database.connect() as connection:
        row = await connection.fetchrow(
            "select detail ->> 'digest' as digest from events where name = 'body.swept'"
        )
    assert row is not None
    assert row["digest"] == key.digest.hex()


async def test_a_claim_that_is_examined_renews_the_grace(house: House) -> None:
    visitor = await house.visitor("H90")
    key = await visitor.check_in(BODY)
    async with house.database.transaction() as transaction:
        await transaction.execute("update bodies set touched_at = now() - interval '2 hours'")

    assert await bodies.touch(house.database, key) is not None

    assert await sweeper(house, timedelta(0)).sweep() == 0


async def test_what_a_message_claims_is_kept_for_good_unless_told_otherwise(house: House) -> None:
    visitor = await house.visitor("H90")
    await accept(house, await visitor.check_in(BODY))

    swept = await sweeper(house, timedelta(days=10_000), lifetime=None).sweep()

    assert swept == 0
    assert (await visitor.redeem(DIGEST)).content == BODY


@pytest.mark.parametrize("state", ["waiting", "consigned", "dead"])
async def test_what_a_delivery_still_needs_is_never_swept(
    house: House, private_database: PrivateDatabase, state: str
) -> None:
    visitor, other = await house.visitor("H90"), await house.visitor("H91")
    key = await visitor.check_in(BODY)
    await accept(house, key)
    await a_delivery(private_database, key, to="H91", state="finished")
    await a_delivery(private_database, key, to="H91", state=state)

    assert await sweeper(house, 2 * LIFETIME).sweep() == 0
    assert (await other.redeem(DIGEST)).content == BODY


async def test_what_has_had_its_time_is_swept_and_says_so(
    house: House, private_database: PrivateDatabase, folder: Path
) -> None:
    visitor, other = await house.visitor("H90"), await house.visitor("H91")
    key = await visitor.check_in(BODY)
    await accept(house, key)
    await a_delivery(private_database, key, to="H91", state="finished")

    too_soon = await sweeper(house, LIFETIME - timedelta(days=1)).sweep()
    swept = await sweeper(house, LIFETIME + timedelta(days=1)).sweep()

    assert (too_soon, swept, files(folder)) == (0, 1, [])
    told = [await visitor.redeem(DIGEST), await other.redeem(DIGEST)]
    assert [(each.status_code, each.json()["code"]) for each in told] == [(410, "BODIES-4010")] * 2


async def test_what_is_being_accepted_is_left_alone(house: House) -> None:
    visitor = await house.visitor("H90")
    key = await visitor.check_in(BODY)

    async with house.database.transaction() as transaction:
        assert await bodies.accept(transaction, [key]) == {key}
        swept_meanwhile = await sweeper(house, 2 * GRACE).sweep()
    swept_afterwards = await sweeper(house, 2 * GRACE, lifetime=None).sweep()

    assert (swept_meanwhile, swept_afterwards) == (0, 0)


async def test_what_is_leaving_cannot_be_accepted_nor_redeemed(house: House) -> None:
    visitor = await house.visitor("H90")
    key = await visitor.check_in(BODY)
    later = datetime.now(UTC) + 2 * GRACE

    await bodies.leave_idle(house.database, untouched_since=later, given_up_since=later, limit=10)

    async with house.database.transaction() as transaction:
        assert await bodies.accept(transaction, [key]) == frozenset()
    assert await bodies.touch(house.database, key) is None
    assert (await visitor.redeem(DIGEST)).status_code == 404
    assert (await visitor.announce(DIGEST, len(BODY))).status_code == 503


async def test_what_a_crash_left_half_deleted_is_taken_up_by_the_next(house: House, folder: Path) -> None:
    visitor = await house.visitor("H90")
    await visitor.check_in(BODY)
    now = datetime.now(UTC)
    await bodies.leave_idle(house.database, untouched_since=now + GRACE, given_up_since=now, limit=10)

    at_once = await sweeper(house, timedelta(minutes=9)).sweep()
    later = await sweeper(house, timedelta(minutes=11)).sweep()

    assert (at_once, later, files(folder)) == (0, 1, [])
