"""A key in a token signs as a key in a file does, and comes back when the token does."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hub.errors import ConfigurationError, TemporaryFailure
from hub.message.hardened_xml import parse_hardened
from hub.signature.profile import ENVELOPE
from hub.signature.signing import SigningKey, sign_envelope
from hub.signature.token import TokenSession
from hub.signature.token_key import is_in_token, key_in_token
from hub.signature.token_uri import TokenUri
from hub.signature.verification import verify_signature
from hub.workers.attestation import Attestation
from tests.support.authority import agency_signing_key
from tests.support.edxml import envelope
from tests.support.soft_token import PIN, SoftToken, certificates_of

pytestmark = pytest.mark.integration

EC, RSA = agency_signing_key("H49"), agency_signing_key("H50", "rsa")


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftToken:
    made = SoftToken.made(tmp_path / "token", monkeypatch)
    made.put(EC, "ec", "e1")
    made.put(RSA, "rsa", "b2")
    return made


def the_key(token: SoftToken, name: str) -> SigningKey:
    return key_in_token(token.place(name), certificates_of({"ec": EC, "rsa": RSA}[name]))


def holds(body: bytes, key: SigningKey) -> bool:
    content = verify_signature(parse_hardened(body), location=ENVELOPE)
    return content.signed_by == key.fingerprint


@pytest.mark.parametrize("name", ["ec", "rsa"])
def test_what_a_token_signs_verifies(token: SoftToken, name: str) -> None:
    key = the_key(token, name)

    body = sign_envelope(envelope(), key)

    assert holds(body, key)
    assert is_in_token(key)


def test_a_key_is_found_by_its_id_too(token: SoftToken) -> None:
    place = replace(token.place("ec"), uri=TokenUri.parse("pkcs11:id=%E1"))

    key = key_in_token(place, certificates_of(EC))

    assert holds(sign_envelope(envelope(), key), EC)


def test_two_keys_of_one_token_sign_side_by_side(token: SoftToken) -> None:
    keys = [the_key(token, "ec"), the_key(token, "rsa")] * 10

    with ThreadPoolExecutor(4) as threads:
        bodies = list(threads.map(lambda key: sign_envelope(envelope(), key), keys))

    assert all(holds(body, key) for body, key in zip(bodies, keys, strict=True))


def test_a_lost_session_is_opened_again(token: SoftToken) -> None:
    key = the_key(token, "ec")
    session: TokenSession = key.private_key._session
    assert session._session is not None

    session._session.close()

    assert holds(sign_envelope(envelope(), key), EC)


def test_a_module_that_began_anew_has_lost_nothing(token: SoftToken) -> None:
    key = the_key(token, "rsa")

    token.begin_anew()

    assert holds(sign_envelope(envelope(), key), RSA)


def test_a_token_that_was_pulled_out_is_an_outage_and_comes_back(token: SoftToken) -> None:
    key = the_key(token, "ec")

    token.remove()
    token.begin_anew()
    with pytest.raises(TemporaryFailure, match="there is no such token: plug it in"):
        sign_envelope(envelope(), key)
    token.bring_back()

    assert holds(sign_envelope(envelope(), key), EC)


def test_a_wrong_pin_is_told_and_tried_once(token: SoftToken) -> None:
    session = TokenSession(token.place("ec", pin="wrong-canary"))

    for _ in range(20):  # SoftHSM2 does not count; a real token would be locked by now
        with pytest.raises(ConfigurationError, match="refuses the PIN, and it is not tried again") as told:
            session.open()
        assert "wrong-canary" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "label", "sentence"),
    [
        ("nobody", "Trục thử nghiệm", "no such private key"),
        ("ec", "another", "there is no such token"),
    ],
)
def test_what_is_not_there_is_told(token: SoftToken, name: str, label: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        key_in_token(token.place(name, token=label), certificates_of(EC))


def test_a_certificate_of_another_key_is_told_at_once(token: SoftToken) -> None:
    other = agency_signing_key("H51")

    with pytest.raises(ConfigurationError, match="does not belong to the certificate"):
        key_in_token(token.place("ec"), certificates_of(other))


def test_what_is_no_module_is_told(token: SoftToken, tmp_path: Path) -> None:
    (tmp_path / "module.so").write_bytes(b"no library")

    with pytest.raises(ConfigurationError, match="is not a PKCS #11 module"):
        key_in_token(replace(token.place("ec"), module=tmp_path / "module.so"), certificates_of(EC))


def test_the_key_itself_cannot_be_had(token: SoftToken) -> None:
    key = the_key(token, "rsa")

    with pytest.raises(ConfigurationError, match="never leaves its token"):
        key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_the_pin_is_nowhere_to_be_seen(token: SoftToken) -> None:
    key = the_key(token, "ec")

    shown = repr(key) + repr(token.place("ec")) + str(token.place("ec")) + repr(vars(key.private_key))

    assert PIN not in shown


async def test_the_hub_knows_whether_its_key_signs(token: SoftToken) -> None:
    with ThreadPoolExecutor(1) as pen:
        attest = Attestation(key=the_key(token, "ec"), executor=pen)
        assert await attest.works()

        token.remove()
        token.begin_anew()
        assert not await attest.works()

        token.bring_back()
        assert await attest.works()


async def test_a_slow_token_holds_nobody_else_up(token: SoftToken) -> None:
    key = the_key(token, "ec")
    busy = key.private_key._session._lock  # as while the token works on another signature

    with ThreadPoolExecutor(1) as pen:
        attest = Attestation(key=key, executor=pen)
        busy.acquire()
        signing = asyncio.create_task(attest.works())
        for _ in range(100):
            await asyncio.sleep(0)
        assert not signing.done(), "the event loop goes on meanwhile"
        busy.release()

        assert await signing
