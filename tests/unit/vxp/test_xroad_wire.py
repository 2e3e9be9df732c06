"""What stands on the wire is read as the vendors write it, and believed only where it is signed."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from adapters.vxp.refusals import Reason, Refused
from adapters.vxp.systems import System, Systems
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


@pytest.mark.parametrize("octets", [b"[]", b"{", b"", b'{"XroadVnpt-systemid":7}'])
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


@pytest.mark.parametrize("end", [b"", b"\r\n"], ids=["exact", "line-end"])
@pytest.mark.parametrize("shape", ["padded", "unpadded", "upper"])
def test_the_file_is_found_by_its_hash_in_every_form(end: bytes, shape: str) -> None:
    digest = hashlib.sha256(FILE).digest()
    said = {
        "padded": digest.hex(),
        "unpadded": "".join(f"{octet:x}" for octet in digest),
        "upper": digest.hex().upper(),
    }[shape]

    assert meant(FILE + end, said) == FILE


def test_a_file_that_ends_with_a_line_is_meant_with_it_where_its_hash_says_so() -> None:
    file = FILE + b"\r\n"

    assert meant(file, hashlib.sha256(file).hexdigest()) == file


def test_another_file_than_was_hashed_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        meant(FILE + b" ", hashlib.sha256(FILE).hexdigest())

    assert refused.value.reason is Reason.WRONG_HASH


def test_the_file_of_a_form_is_found() -> None:
    body, content_type = form(FILE * 300_000)

    assert file_in(body, content_type) == FILE * 300_000


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
def test_a_broken_form_is_told(body: bytes, content_type: str, reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        file_in(body, content_type)

    assert refused.value.reason is reason
