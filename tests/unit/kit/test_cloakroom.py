"""The client of the service of large bodies, against a service that stops, lies, and forgets."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from adapters.kit.cloakroom import Cloakroom, CloakroomAddress
from adapters.kit.error import DeliveryRejected
from hub.errors import TemporaryFailure
from hub.message.body_proof import BODIES_PATH, PART_OCTETS, path_of
from hub.message.claim import ClaimCheck
from hub.message.identifiers import MailboxName, digest_of
from hub.signature.body_proof import verify_proof
from tests.support.authority import agency_signing_key

MAILBOX = MailboxName("G22")
KEY = agency_signing_key("G22")
BODY = bytes(range(251)) * 40_000 + bytes(10_000_000)
CLAIM = ClaimCheck(digest=digest_of(BODY), octets=len(BODY))
Answer = tuple[int, Mapping[str, str], bytes]


@dataclass
class Service:
    """A twin of the service that keeps one body, and can be told to misbehave."""

    kept: bytearray = field(default_factory=bytearray)
    asked: list[tuple[str, str]] = field(default_factory=list)
    instead: list[Answer] = field(default_factory=list)
    """What is answered to the next requests, whatever they are."""
    ignores_ranges: bool = False
    body: bytes = BODY

    async def __call__(
        self,
        scope: Mapping[str, object],
        receive: Callable[[], Awaitable[Mapping[str, object]]],
        send: Callable[[Mapping[str, object]], Awaitable[None]],
    ) -> None:
        content = b""
        while True:
            message = await receive()
            piece = message.get("body", b"")
            assert isinstance(piece, bytes)
            content += piece
            if not message.get("more_body"):
                break
        pairs = scope["headers"]
        assert isinstance(pairs, list)
        headers = {name.decode().lower(): value.decode() for name, value in pairs}
        method, path = str(scope["method"]), str(scope["path"])
        proof = verify_proof(headers["authorization"].removeprefix("Bearer ")).proof
        assert (proof.mailbox, proof.method, proof.path) == (MAILBOX, method, path)
        self.asked.append((method, headers.get("upload-offset", headers.get("range", ""))))
        status, answered, told = (
            self.instead.pop(0) if self.instead else self.answer(method, headers, content)
        )
        sent = [(name.encode(), value.encode()) for name, value in answered.items()]
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send({"type": "http.response.body", "body": told})

    def answer(self, method: str, headers: Mapping[str, str], content: bytes) -> Answer:
        match method:
            case "POST":
                assert json.loads(content) == {"sha256": CLAIM.digest.hex(), "octets": CLAIM.octets}
                return 200, self.standing(), b"{}"
            case "PATCH" if int(headers["upload-offset"]) != len(self.kept):
                return 409, self.standing(), b"{}"
            case "PATCH":
                assert len(content) == min(PART_OCTETS, CLAIM.octets - len(self.kept))
                self.kept += content
                return 204, self.standing(), b""
            case _:
                start = 0 if self.ignores_ranges else int(headers.get("range", "bytes=0-")[6:-1])
                return 206 if start else 200, {}, self.body[start:]

    def standing(self) -> dict[str, str]:
        return {"Upload-Offset": str(len(self.kept))}


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def cloakroom(service: Service) -> AsyncIterator[Cloakroom]:
    transport = httpx.ASGITransport(app=service)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://axis") as client:
        yield Cloakroom(client, MAILBOX, KEY)


@pytest.fixture
def lying(tmp_path: Path) -> Path:
    path = tmp_path / "sent.edxml"
    path.write_bytes(BODY)
    return path


@pytest.fixture
def wanted(tmp_path: Path) -> Path:
    return tmp_path / "fetched" / "a.edxml"


async def test_a_body_is_checked_in_part_by_part(cloakroom: Cloakroom, service: Service, lying: Path) -> None:
    await cloakroom.check_in(CLAIM, lying)

    assert bytes(service.kept) == BODY
    offsets = [offset for method, offset in service.asked if method == "PATCH"]
    assert offsets == ["0", str(PART_OCTETS), str(2 * PART_OCTETS)]


async def test_an_upload_goes_on_where_the_service_has_it(
    cloakroom: Cloakroom, service: Service, lying: Path
) -> None:
    service.kept += BODY[:PART_OCTETS]

    await cloakroom.check_in(CLAIM, lying)

    assert bytes(service.kept) == BODY
    assert ("PATCH", "0") not in service.asked


async def test_what_is_there_already_is_not_sent_again(
    cloakroom: Cloakroom, service: Service, lying: Path
) -> None:
    service.kept += BODY

    await cloakroom.check_in(CLAIM, lying)

    assert service.asked == [("POST", "")]


async def test_a_part_that_another_process_was_faster_with_is_no_trouble(
    cloakroom: Cloakroom, service: Service, lying: Path
) -> None:
    service.instead = [(200, {"Upload-Offset": "0"}, b"{}")]
    service.kept += BODY[:PART_OCTETS]

    await cloakroom.check_in(CLAIM, lying)

    assert bytes(service.kept) == BODY


async def test_an_upload_that_the_service_forgot_begins_anew(
    cloakroom: Cloakroom, service: Service, lying: Path
) -> None:
    service.instead = [(200, {"Upload-Offset": str(PART_OCTETS)}, b"{}"), (404, {}, b"{}")]

    await cloakroom.check_in(CLAIM, lying)

    assert bytes(service.kept) == BODY


@pytest.mark.parametrize("status", [400, 401, 403, 413, 429, 500, 503])
async def test_whatever_the_service_refuses_is_tried_later(
    cloakroom: Cloakroom, service: Service, lying: Path, status: int
) -> None:
    service.instead = [(status, {}, json.dumps({"en": "No.\n" * 1_000}).encode())]

    with pytest.raises(TemporaryFailure) as failure:
        await cloakroom.check_in(CLAIM, lying)

    assert len(str(failure.value)) < 500
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("told", ["", "x", "-1", "99999999999"])
async def test_a_service_that_tells_nonsense_is_tried_later(
    cloakroom: Cloakroom, service: Service, lying: Path, told: str
) -> None:
    service.instead = [(200, {"Upload-Offset": told}, b"{}")] * 3

    with pytest.raises(TemporaryFailure):
        await cloakroom.check_in(CLAIM, lying)


async def test_a_service_that_never_gets_on_is_left_for_later(
    cloakroom: Cloakroom, service: Service, lying: Path
) -> None:
    service.instead = [(200, {"Upload-Offset": "0"}, b"{}"), (409, {"Upload-Offset": "0"}, b"{}")] * 9

    with pytest.raises(TemporaryFailure):
        await cloakroom.check_in(CLAIM, lying)


async def test_a_body_is_redeemed(cloakroom: Cloakroom, wanted: Path) -> None:
    await cloakroom.redeem(CLAIM, wanted)

    assert wanted.read_bytes() == BODY


async def test_a_download_goes_on_where_it_stopped(
    cloakroom: Cloakroom, service: Service, wanted: Path
) -> None:
    part_of(wanted).write_bytes(BODY[:1_234_567])

    await cloakroom.redeem(CLAIM, wanted)

    assert wanted.read_bytes() == BODY
    assert service.asked == [("GET", "bytes=1234567-")]


async def test_a_service_that_knows_no_ranges_sends_all_of_it_again(
    cloakroom: Cloakroom, service: Service, wanted: Path
) -> None:
    service.ignores_ranges = True
    part_of(wanted).write_bytes(BODY[:1_234_567])

    await cloakroom.redeem(CLAIM, wanted)

    assert wanted.read_bytes() == BODY


@pytest.mark.parametrize(
    "sent", [BODY[:-1], BODY + b"x", BODY[:-1] + b"x", b""], ids=["short", "long", "other", "nothing"]
)
async def test_what_is_not_the_body_is_never_taken_for_it(
    cloakroom: Cloakroom, service: Service, wanted: Path, sent: bytes
) -> None:
    service.body = sent

    with pytest.raises(TemporaryFailure):
        await cloakroom.redeem(CLAIM, wanted)
    is_there = wanted.exists()
    service.body = BODY
    service.ignores_ranges = True
    await cloakroom.redeem(CLAIM, wanted)

    assert not is_there
    assert wanted.read_bytes() == BODY


@pytest.mark.parametrize("status", [404, 410])
async def test_what_the_service_does_not_have_for_us_is_given_back_to_the_axis(
    cloakroom: Cloakroom, service: Service, wanted: Path, status: int
) -> None:
    service.instead = [(status, {}, b"not json")]

    with pytest.raises(DeliveryRejected):
        await cloakroom.redeem(CLAIM, wanted)


@pytest.mark.parametrize(
    "url", ["", "axis", "ftp://axis", "https://", "https://a/b", "https://u:p@a", "https://a?x"]
)
def test_an_address_that_cannot_be_used_is_complained_of(url: str) -> None:
    assert CloakroomAddress(url=url).complaints()


def test_an_address_with_a_port_is_fine() -> None:
    assert CloakroomAddress(url="https://axis.example:8443").complaints() == ()
    assert path_of(CLAIM.digest).startswith(BODIES_PATH)


def part_of(wanted: Path) -> Path:
    wanted.parent.mkdir()
    return wanted.with_name(f"{wanted.name}.part")
