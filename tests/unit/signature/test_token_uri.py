"""Keys in tokens are named as RFC 7512 has it, and no PIN stands in a name."""

import pytest

from hub.errors import ConfigurationError
from hub.signature.token_uri import TokenUri, is_in_token


def test_a_name_is_read() -> None:
    uri = TokenUri.parse("pkcs11:token=Tr%E1%BB%A5c%20(1);object=hub;id=%01%ff;type=private;serial=0a%2F1")

    assert uri == TokenUri(token="Trục (1)", object="hub", id=b"\x01\xff", serial=b"0a/1")
    assert is_in_token("pkcs11:object=hub")
    assert not is_in_token("/etc/truc/hub.pem")


@pytest.mark.parametrize("secret", ["?pin-value=canary", "?pin-source=file:/canary", ";pin-value=canary"])
def test_a_name_with_a_pin_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(ConfigurationError, match="the PIN is a setting of its own") as told:
        TokenUri.parse("pkcs11:object=hub" + secret)

    assert "canary" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("hub.pem", "is named like pkcs11:"),
        ("pkcs11:token=Truc", "says object= or id="),
        ("pkcs11:object=hub;type=cert", "of a private key"),
        ("pkcs11:object=hub?module-path=/x.so", "the module is a setting of its own"),
        ("pkcs11:object=hub;colour=red", "colour .* is not understood"),
        ("pkcs11:object=%ff", "is UTF-8"),
    ],
)
def test_what_is_wrong_is_named(name: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        TokenUri.parse(name)
