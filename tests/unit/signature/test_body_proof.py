"""The proof that a mailbox shows to the service of large bodies."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from hub.message.body_proof import BodyProof, path_of
from hub.message.identifiers import MailboxName, digest_of
from hub.signature.body_proof import ProofRefused, sign_proof, verify_proof
from tests.support.authority import agency_signing_key

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
PATH = path_of(digest_of(b"a body"))


def a_proof(method: str = "PATCH") -> BodyProof:
    return BodyProof.of(MailboxName("H14"), method, PATH, NOW)


@pytest.mark.parametrize("key_type", ["rsa", "ec"])
def test_what_was_said_comes_back_with_who_said_it(key_type: Literal["rsa", "ec"]) -> None:
    key = agency_signing_key("H14", key_type)

    read = verify_proof(sign_proof(a_proof(), key))

    assert read.proof == a_proof_named(read.proof.proof_id)
    assert read.certificate == key.certificate
    assert read.chain == key.chain


def a_proof_named(proof_id: str) -> BodyProof:
    return BodyProof(
        mailbox=MailboxName("H14"),
        method="PATCH",
        path=PATH,
        issued_at=NOW,
        expires_at=NOW + timedelta(seconds=60),
        proof_id=proof_id,
    )


@pytest.mark.parametrize(
    ("instant", "method", "path", "fault"),
    [
        (timedelta(0), "PATCH", PATH, None),
        (timedelta(seconds=89), "PATCH", PATH, None),
        (timedelta(seconds=-29), "PATCH", PATH, None),
        (timedelta(seconds=91), "PATCH", PATH, "the proof has expired: look at the clock"),
        (timedelta(seconds=-31), "PATCH", PATH, "the proof comes from the future: look at the clock"),
        (timedelta(0), "GET", PATH, "the proof is for another request"),
        (timedelta(0), "PATCH", f"{PATH}0", "the proof is for another request"),
    ],
)
def test_a_proof_is_for_one_request_and_a_minute(
    instant: timedelta, method: str, path: str, fault: str | None
) -> None:
    assert a_proof().fault_at(NOW + instant, method=method, path=path) == fault


def test_a_proof_that_would_live_for_an_hour_is_none() -> None:
    proof = a_proof()
    eternal = BodyProof(
        mailbox=proof.mailbox,
        method=proof.method,
        path=proof.path,
        issued_at=NOW,
        expires_at=NOW + timedelta(hours=1),
        proof_id=proof.proof_id,
    )

    assert eternal.fault_at(NOW, method="PATCH", path=PATH) == "the proof is meant to live too long"


def _altered(compact: str, place: int, **changes: object) -> str:
    parts = compact.split(".")
    value = json.loads(urlsafe_b64decode(parts[place] + "=="))
    parts[place] = urlsafe_b64encode(json.dumps(value | changes).encode()).rstrip(b"=").decode()
    return ".".join(parts)


@pytest.mark.parametrize(
    ("place", "changes"),
    [
        (1, {"sub": "H26"}),
        (1, {"htm": "GET"}),
        (0, {"alg": "none"}),
        (0, {"alg": "HS256"}),
        (0, {"typ": "JWT"}),
        (0, {"x5c": []}),
        (0, {"x5c": ["AAAA"]}),
        (0, {"kid": "1"}),
    ],
)
def test_what_was_altered_is_refused(place: int, changes: dict[str, object]) -> None:
    compact = _altered(sign_proof(a_proof(), agency_signing_key("H14")), place, **changes)

    with pytest.raises(ProofRefused):
        verify_proof(compact)


def test_a_proof_with_a_stranger_s_certificate_is_not_his_signature() -> None:
    own = sign_proof(a_proof(), agency_signing_key("H14"))
    stranger = sign_proof(a_proof(), agency_signing_key("H26")).split(".")[0]
    header = json.loads(urlsafe_b64decode(stranger + "=="))

    with pytest.raises(ProofRefused, match="signature"):
        verify_proof(_altered(own, 0, x5c=header["x5c"]))


@pytest.mark.parametrize(
    "compact",
    ["", "a.b", "a.b.c", "...", "é.b.c", "W10.W10.W10", f"{'[' * 20_000}.e30.e30", "e30.e30." + "A" * 50_000],
)
def test_what_is_no_proof_is_refused_in_a_sentence(compact: str) -> None:
    with pytest.raises(ProofRefused, match=r"^the proof "):
        verify_proof(compact)
