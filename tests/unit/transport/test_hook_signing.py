"""Webhooks are signed as the Standard Webhooks want it; the example is the specification's own."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.transport.hook_signing import HookKeys, read_private_key, read_secret

IDENTITY = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'


def test_the_specifications_example_has_the_specifications_signature() -> None:
    keys = HookKeys(secrets=(read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),))

    headers = keys.headers(IDENTITY, AT, BODY)

    assert headers == {
        "webhook-id": IDENTITY,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_every_key_in_force_signs() -> None:
    private = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    keys = HookKeys(secrets=(b"old" * 10, b"new" * 10), private_keys=(private,))

    old, new, asymmetric = keys.headers(IDENTITY, AT, BODY)["webhook-signature"].split()

    assert old.startswith("v1,")
    assert new.startswith("v1,")
    assert old != new
    assert asymmetric.startswith("v1a,")
    private.public_key().verify(
        base64.b64decode(asymmetric.removeprefix("v1a,")), f"{IDENTITY}.1614265330.".encode() + BODY
    )


def test_without_a_key_nothing_is_claimed() -> None:
    assert "webhook-signature" not in HookKeys().headers(IDENTITY, AT, BODY)


@pytest.mark.parametrize("text", ["whsec_", "whsec_c2hvcnQ=", "whsec_not base64", "whsec_" + "QUFB" * 22])
def test_a_secret_that_is_none_is_not_repeated_in_the_complaint(text: str) -> None:
    with pytest.raises(ValueError, match=r"webhook|base64") as complaint:
        read_secret(text)

    assert text.removeprefix("whsec_") not in str(complaint.value) or text == "whsec_"
    assert complaint.value.__cause__ is None


def test_a_private_key_may_carry_its_public_half() -> None:
    seed = b"s" * 32
    private = Ed25519PrivateKey.from_private_bytes(seed)
    alone = base64.b64encode(seed).decode()
    whole = base64.b64encode(seed + private.public_key().public_bytes_raw()).decode()

    assert read_private_key(f"whsk_{alone}").sign(b"x") == read_private_key(f"whsk_{whole}").sign(b"x")
    with pytest.raises(ValueError, match="32 or 64"):
        read_private_key("whsk_QUFB")
