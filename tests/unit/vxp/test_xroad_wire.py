"""What stands on the wire is read as the vendors write it, and believed only where it is signed."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.vxp.refusals import Reason, Refused
from adapters.vxp.systems import System, Systems
from adapters.vxp.uploads import Upload, Uploads
from adapters.vxp.xroad.authentication import authenticate
from adapters.vxp.xroad.content import file_in, meant
from adapters.vxp.xroad.parameters import Parameters, read_parameters
from hub.message.identifiers import AgencyCode
from tests.support.vxp_client import JavaSdk, form

SECRET = "bi-mat-cua-phan-mem"
OFFICE = System(systemid="qlvb", secret=SECRET, agency=AgencyCode("000.00.00.H41"))
SYSTEMS = Systems([OFFICE])
SKEW = timedelta(minutes=15)
NOW = datetime(2026, 11, 22, 1, 46, 0, tzinfo=UTC)
FILE = b"<edXML/>"


def called(**said: str) -> list[tuple[bytes, bytes]]:
    """Return the headers of a call as the Java software writes them."""
    sdk = JavaSdk(0, systemid="qlvb", secret=SECRET)
    head = sdk.head("getEdoc", said, octets=0, content_type="application/json", method="POST", expects=False)
    lines = head.decode().splitlines()[1:-1]
    return [(name.encode(), value.encode()) for name, _, value in (each.partition(": ") for each in lines)]


def signed(**values: str) -> Parameters:
    """Return parameters that are signed, at a moment of the test's choice."""
    said = {"systemid": "qlvb", "timestamp": "22112026T014600+0849"} | values
    octets = json.dumps({f"XroadVnpt-{name}": value for name, value in said.items()}).encode()
    mac = hmac.new(SECRET.encode(), octets, hashlib.sha256).hexdigest()
    own = {"sign-header": octets.decode(), "hash-header": mac}
    return Parameters(said=said | own, signed_octets=octets, plain={})


def refusal(parameters: Parameters, now: datetime = NOW) -> Reason:
    with pytest.raises(Refused) as refused:
        authenticate(parameters, SYSTEMS, now=now, skew=SKEW)
    return refused.value.reason


def test_a_call_of_the_java_software_is_its_systems() -> None:
    parameters = read_parameters(called(docId="1", to='["000.00.00.H41"]'))

    system, said = authenticate(parameters, SYSTEMS, now=datetime.now(UTC), skew=SKEW)

    assert system is OFFICE
    assert said["docid"] == "1"
    assert said["to"] == '["000.00.00.H41"]'


def test_names_of_headers_may_be_written_in_any_case() -> None:
    headers = [(name.upper(), value) for name, value in called(docId="1")]

    _, said = authenticate(read_parameters(headers), SYSTEMS, now=datetime.now(UTC), skew=SKEW)

    assert said["docid"] == "1"


def test_arrays_in_the_signed_header_are_what_the_header_itself_says() -> None:
    octets = b'{"XroadVnpt-systemid":"qlvb","XroadVnpt-to":["H41","H17"]}'
    parameters = Parameters(said={"systemid": "qlvb", "to": '["H41","H17"]'}, signed_octets=octets, plain={})

    assert parameters.signed()["to"] == '["H41","H17"]'


def test_a_header_that_was_changed_or_is_not_signed_is_not_there() -> None:
    changed = signed(docid="1")
    added = Parameters(
        said={**changed.said, "docid": "2", "status": "done"},
        signed_octets=changed.signed_octets,
        plain={},
    )

    _, said = authenticate(added, SYSTEMS, now=NOW, skew=SKEW)

    assert "docid" not in said
    assert "status" not in said


def test_a_header_that_comes_twice_with_two_values_is_not_there() -> None:
    headers = [*called(docId="1"), (b"XroadVnpt-docId", b"2")]

    _, said = authenticate(read_parameters(headers), SYSTEMS, now=datetime.now(UTC), skew=SKEW)

    assert "docid" not in said


@pytest.mark.parametrize(
    "wrong",
    [
        {"systemid": "stranger"},
        {"hash-header": "0" * 64},
        {"hash-header": ""},
        {"hash-header": "é"},
        {"systemid": ""},
    ],
    ids=["unknown-system", "wrong-hash", "no-hash", "odd-hash", "no-system"],
)
def test_who_is_not_the_system_is_told_the_same_whatever_is_wrong(wrong: dict[str, str]) -> None:
    right = signed()
    parameters = Parameters(said={**right.said, **wrong}, signed_octets=right.signed_octets, plain={})

    assert refusal(parameters) is Reason.WRONG_CREDENTIALS


def test_one_system_cannot_call_in_the_name_of_another() -> None:
    other = System(systemid="other", secret="another-secret", agency=AgencyCode("H17"))
    right = signed()
    parameters = Parameters(
        said={**right.said, "systemid": "other"}, signed_octets=right.signed_octets, plain={}
    )

    with pytest.raises(Refused) as refused:
        authenticate(parameters, Systems([OFFICE, other]), now=NOW, skew=SKEW)

    assert refused.value.reason is Reason.WRONG_CREDENTIALS


@pytest.mark.parametrize(
    "octets",
    [b"[]", b"{", b"", b'{"XroadVnpt-systemid":7}', b"[" * 5_000],
    ids=["list", "cut", "nothing", "number", "nested"],
)
def test_what_is_signed_and_no_list_of_headers_names_nobody(octets: bytes) -> None:
    mac = hmac.new(SECRET.encode(), octets, hashlib.sha256).hexdigest()
    parameters = Parameters(said={"systemid": "qlvb", "hash-header": mac}, signed_octets=octets, plain={})

    assert refusal(parameters) is Reason.WRONG_CREDENTIALS


@pytest.mark.parametrize(
    "written",
    [
        "22112026T014600+0849",
        "22112026T014600+7",
        "22112026T014600",
        "22112026T084600+0001",
        "22112026T015959+0000",
    ],
    ids=["utc", "short-milliseconds", "no-milliseconds", "vietnam", "ahead"],
)
def test_clocks_of_vietnam_and_of_servers_are_about_right(written: str) -> None:
    system, _ = authenticate(signed(timestamp=written), SYSTEMS, now=NOW, skew=SKEW)

    assert system is OFFICE


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("22112026T012900+0849", Reason.CLOCK_SKEW),
        ("21112026T014600+0849", Reason.CLOCK_SKEW),
        ("32112026T014600+0849", Reason.WRONG_PARAMETER),
        ("now", Reason.WRONG_PARAMETER),
        ("", Reason.WRONG_PARAMETER),
    ],
)
def test_what_was_signed_long_ago_or_at_no_time_is_refused(written: str, reason: Reason) -> None:
    assert refusal(signed(timestamp=written)) is reason


Put = Callable[[bytes], Upload]


@pytest.fixture(params=["memory", "file"])
def put(request: pytest.FixtureRequest, tmp_path: Path) -> Put:
    """Give what was handed over as bytes, or as a file."""

    def in_file(octets: bytes) -> Upload:
        path = tmp_path / "upload"
        path.write_bytes(octets)
        return Upload(file=path)

    return in_file if request.param == "file" else lambda octets: Upload(body=octets)


def octets_of(upload: Upload) -> bytes:
    return b"".join(upload.pieces())


@pytest.mark.parametrize("end", [b"", b"\r\n"], ids=["exact", "line-end"])
@pytest.mark.parametrize("shape", ["padded", "unpadded", "upper"])
def test_the_file_is_found_by_its_hash_in_every_form(end: bytes, shape: str, put: Put) -> None:
    digest = hashlib.sha256(FILE).digest()
    said = {
        "padded": digest.hex(),
        "unpadded": "".join(f"{octet:x}" for octet in digest),
        "upper": digest.hex().upper(),
    }[shape]

    assert octets_of(meant(put(FILE + end), said)) == FILE


@pytest.mark.parametrize("file", [FILE + b"\r\n", b"\r\n", b"", b"x", b"\n" * 300_001])
def test_a_file_is_meant_as_it_is_where_its_hash_says_so(file: bytes, put: Put) -> None:
    assert octets_of(meant(put(file), hashlib.sha256(file).hexdigest())) == file


def test_another_file_than_was_hashed_is_refused(put: Put) -> None:
    with pytest.raises(Refused) as refused:
        meant(put(FILE + b" "), hashlib.sha256(FILE).hexdigest())

    assert refused.value.reason is Reason.WRONG_HASH


def test_the_file_of_a_form_is_found(put: Put) -> None:
    body, content_type = form(FILE * 100_000)

    with file_in(put(body), content_type) as found:
        assert octets_of(found) == FILE * 100_000


def test_what_is_no_form_is_the_file(put: Put) -> None:
    with file_in(put(FILE), "application/octet-stream") as found:
        assert octets_of(found) == FILE


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (form(FILE, is_whole=False)[0], form(FILE)[1], Reason.MALFORMED_REQUEST),
        (b"no form at all", form(FILE)[1], Reason.MALFORMED_REQUEST),
        (form(FILE)[0], "multipart/form-data", Reason.MALFORMED_REQUEST),
        (form(FILE)[0].replace(b"file_doc", b"another"), form(FILE)[1], Reason.MISSING_PARAMETER),
    ],
    ids=["cut-off", "no-form", "no-boundary", "other-part"],
)
def test_a_broken_form_is_told(body: bytes, content_type: str, reason: Reason, put: Put) -> None:
    with pytest.raises(Refused) as refused, file_in(put(body), content_type):
        pass

    assert refused.value.reason is reason


@pytest.mark.parametrize("size", [0, 1, 20_000, 20_001, 700_000])
async def test_what_is_large_lies_in_a_file_while_its_call_lasts(tmp_path: Path, size: int) -> None:
    uploads = Uploads(folder=tmp_path / "uploads", above=20_000)
    uploads.clear()

    async with uploads.taken(pieces_of(b"x" * size)) as upload:
        assert octets_of(upload) == b"x" * size
        assert (upload.file is None) == (size <= 20_000)

    assert list((tmp_path / "uploads").iterdir()) == []


async def pieces_of(octets: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(octets), 60_000):
        yield octets[start : start + 60_000]
