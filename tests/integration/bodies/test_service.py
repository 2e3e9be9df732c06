"""Checking in and redeeming large bodies over HTTP."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from hub.message.body_proof import BODIES_PATH, PART_OCTETS, UPLOAD_OFFSET, BodyProof, path_of
from hub.message.identifiers import Digest, MailboxName, digest_of
from hub.message.large_body import BodyKey
from hub.signature.body_proof import sign_proof
from tests.support.authority import agency_signing_key
from tests.support.cloakroom import House, some_octets

BODY = some_octets(2 * PART_OCTETS + 12_345)
DIGEST = digest_of(BODY)


def files(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


async def test_what_was_checked_in_is_redeemed_byte_for_byte(house: House, folder: Path) -> None:
    visitor = await house.visitor("H90")

    key = await visitor.check_in(BODY)
    redeemed = await visitor.redeem(DIGEST)

    assert redeemed.status_code == 200
    assert redeemed.content == BODY
    assert redeemed.headers["etag"] == f'"{DIGEST.hex()}"'
    assert files(folder) == [key.name]


async def test_an_upload_goes_on_where_it_stopped(house: House) -> None:
    visitor = await house.visitor("H90")
    await visitor.announce(DIGEST, len(BODY))
    await visitor.bring(DIGEST, 0, BODY[:PART_OCTETS])

    asked = await visitor.ask("HEAD", path_of(DIGEST))
    begun_again = await visitor.announce(DIGEST, len(BODY))

    assert asked.headers[UPLOAD_OFFSET] == str(PART_OCTETS)
    assert (begun_again.status_code, begun_again.json()["offset"]) == (200, PART_OCTETS)
    assert await visitor.check_in(BODY) == BodyKey(mailbox=visitor.mailbox, digest=DIGEST)


RANGES = {
    "bytes=0-9": (206, BODY[:10]),
    f"bytes={PART_OCTETS - 5}-{PART_OCTETS + 4}": (206, BODY[PART_OCTETS - 5 : PART_OCTETS + 5]),
    f"bytes={len(BODY) - 7}-": (206, BODY[-7:]),
    "bytes=-7": (206, BODY[-7:]),
    "bytes=5-2": (200, BODY),
    "bytes=0-1,5-6": (200, BODY),
    "octets=0-1": (200, BODY),
}


async def test_a_range_is_handed_out_alone(house: House) -> None:
    visitor = await house.visitor("H90")
    await visitor.check_in(BODY)

    parts = {asked: await visitor.redeem(DIGEST, asked) for asked in RANGES}

    assert {asked: (part.status_code, part.content) for asked, part in parts.items()} == RANGES


async def test_a_range_beyond_the_end_is_told_how_long_the_body_is(house: House) -> None:
    visitor = await house.visitor("H90")
    await visitor.check_in(BODY)

    part = await visitor.redeem(DIGEST, f"bytes={len(BODY)}-")

    assert (part.status_code, part.headers["content-range"]) == (416, f"bytes */{len(BODY)}")


async def test_what_is_not_the_next_part_changes_nothing(house: House) -> None:
    visitor = await house.visitor("H90")
    await visitor.announce(DIGEST, len(BODY))

    ahead = await visitor.bring(DIGEST, PART_OCTETS, BODY[PART_OCTETS : 2 * PART_OCTETS])
    short = await visitor.bring(DIGEST, 0, BODY[:1000])
    long = await visitor.bring(DIGEST, 0, BODY[: PART_OCTETS + 1])
    standing = await visitor.ask("HEAD", path_of(DIGEST))

    assert (ahead.status_code, ahead.headers[UPLOAD_OFFSET]) == (409, "0")
    assert [short.status_code, long.status_code] == [400, 413]
    assert standing.headers[UPLOAD_OFFSET] == "0"


async def test_a_part_that_is_sent_twice_counts_once(house: House) -> None:
    visitor = await house.visitor("H90")
    await visitor.announce(DIGEST, len(BODY))
    await visitor.bring(DIGEST, 0, BODY[:PART_OCTETS])

    again = await visitor.bring(DIGEST, 0, BODY[:PART_OCTETS])
    await visitor.check_in(BODY)

    assert (again.status_code, again.headers[UPLOAD_OFFSET]) == (409, str(PART_OCTETS))
    assert (await visitor.redeem(DIGEST)).content == BODY


async def test_what_has_another_digest_is_refused_and_forgotten(house: House, folder: Path) -> None:
    visitor = await house.visitor("H90")
    short = BODY[:5000]
    announced = digest_of(b"something else")
    await visitor.announce(announced, len(short))

    brought = await visitor.bring(announced, 0, short)
    standing = await visitor.ask("HEAD", path_of(announced))

    assert (brought.status_code, brought.json()["code"]) == (422, "BODIES-4022")
    assert digest_of(short).hex() in brought.json()["detail"]
    assert standing.headers[UPLOAD_OFFSET] == "0"
    assert files(folder) == []
    assert (await visitor.redeem(announced)).status_code == 404


async def test_nobody_else_sees_what_a_mailbox_has_checked_in(house: House) -> None:
    visitor, other = await house.visitor("H90"), await house.visitor("H91")
    await visitor.check_in(BODY)

    redeemed = await other.redeem(DIGEST)
    standing = await other.ask("HEAD", path_of(DIGEST))
    begun = await other.announce(DIGEST, len(BODY))

    assert (redeemed.status_code, redeemed.json()["code"]) == (404, "BODIES-4004")
    assert standing.status_code == 404
    assert (begun.status_code, begun.json()["complete"]) == (201, False)


async def test_more_than_the_most_and_more_than_the_quota_are_refused(house: House) -> None:
    visitor = await house.visitor("H90")
    one, other, third = (Digest(bytes([number]) * 32) for number in (1, 2, 3))

    large = await visitor.announce(one, 100_000_001)
    first = await visitor.announce(one, 100_000_000)
    second = await visitor.announce(other, 50_000_000)
    above = await visitor.announce(third, 1)

    assert (large.status_code, large.json()["code"]) == (413, "BODIES-4013")
    assert [first.status_code, second.status_code] == [201, 201]
    assert (above.status_code, above.json()["code"]) == (429, "BODIES-4029")


async def test_the_same_digest_with_another_length_is_refused(house: House) -> None:
    visitor = await house.visitor("H90")
    await visitor.announce(DIGEST, len(BODY))

    again = await visitor.announce(DIGEST, len(BODY) + 1)

    assert again.status_code == 400


NO_ANNOUNCEMENTS = (
    b"",
    b"[]",
    b"{}",
    b'{"sha256":"aa","octets":5}',
    b'{"sha256":"' + b"A" * 64 + b'","octets":5}',
    b'{"sha256":"' + b"z" * 64 + b'","octets":5}',
    b'{"sha256":"' + b"a" * 64 + b'","octets":0}',
    b'{"sha256":"' + b"a" * 64 + b'","octets":true}',
    b'{"sha256":"' + b"a" * 64 + b'","octets":5.0}',
    b"[" * 5_000,
)


async def test_what_is_no_announcement_is_told_so(house: House) -> None:
    visitor = await house.visitor("H90")

    told = [await visitor.ask("POST", BODIES_PATH, content=each) for each in NO_ANNOUNCEMENTS]

    assert {(each.status_code, each.json()["code"]) for each in told} == {(400, "BODIES-4000")}


async def test_a_proof_of_another_request_or_time_or_nobody_is_refused(house: House) -> None:
    visitor = await house.visitor("H90")
    path, now = path_of(DIGEST), datetime.now(UTC)
    proofs = {
        "method": sign_proof(BodyProof.of(visitor.mailbox, "GET", path, now), visitor.key),
        "path": sign_proof(BodyProof.of(visitor.mailbox, "HEAD", BODIES_PATH, now), visitor.key),
        "old": sign_proof(BodyProof.of(visitor.mailbox, "HEAD", path, now - timedelta(hours=1)), visitor.key),
        "early": sign_proof(
            BodyProof.of(visitor.mailbox, "HEAD", path, now + timedelta(hours=1)), visitor.key
        ),
        "none": "nothing",
    }

    answers = {name: await visitor.ask("HEAD", path, proof=proof) for name, proof in proofs.items()}
    async with httpx.AsyncClient() as client:
        bare = await client.get(house.url + path)

    assert {name: each.status_code for name, each in answers.items()} == dict.fromkeys(proofs, 401)
    assert (bare.status_code, bare.headers["www-authenticate"]) == (401, 'Bearer realm="truc bodies"')


async def test_a_mailbox_cannot_speak_for_another_nor_with_a_strange_certificate(house: House) -> None:
    visitor, other = await house.visitor("H90"), await house.visitor("H91")
    await visitor.check_in(BODY)

    other.mailbox = visitor.mailbox
    foreign = await other.redeem(DIGEST)
    visitor.key = agency_signing_key("H92")
    unregistered = await visitor.redeem(DIGEST)

    assert (foreign.status_code, foreign.json()["code"]) == (403, "BODIES-4003")
    assert (unregistered.status_code, unregistered.json()["code"]) == (401, "BODIES-4001")


async def test_a_revoked_certificate_and_a_closed_mailbox_get_nothing(house: House) -> None:
    visitor, other = await house.visitor("H90"), await house.visitor("H91")
    await visitor.check_in(BODY)
    await other.check_in(BODY)

    await house.keeper.revoke_certificate(visitor.key.fingerprint.hex(), reason="lost")
    await house.keeper.close(other_code := MailboxName("H91"))
    revoked, closed = await visitor.redeem(DIGEST), await other.redeem(DIGEST)

    assert (revoked.status_code, closed.status_code) == (401, 403), other_code


async def test_a_unit_behind_a_mailbox_signs_for_it(house: House) -> None:
    visitor = await house.visitor("H90")
    await house.keeper.add(code="H90.05", name="Sở", parent="H90")
    unit = agency_signing_key("H90.05")
    await house.keeper.register_certificate("H90.05", unit.certificate)

    visitor.key = unit
    key = await visitor.check_in(BODY[:5000])

    assert key.mailbox == "H90"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("DELETE", path_of(DIGEST), 405), ("GET", "/", 404), ("GET", f"{BODIES_PATH}/xyz", 400)],
)
async def test_other_addresses_are_answered_in_the_same_words(
    house: House, method: str, path: str, status: int
) -> None:
    visitor = await house.visitor("H90")

    told = await visitor.ask(method, path)

    assert (told.status_code, told.headers["content-type"]) == (status, "application/problem+json")
    assert told.json()["vi"]
    assert told.json()["en"]
