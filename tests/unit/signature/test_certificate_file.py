import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12

from hub.errors import ConfigurationError
from hub.signature.certificate_file import read_certificate_file
from tests.support.authority import agency_signing_key

KEY = agency_signing_key("H41")
CHAIN = KEY.chain


def as_pkcs12(password: bytes) -> bytes:
    encryption = BestAvailableEncryption(password)
    return pkcs12.serialize_key_and_certificates(b"seal", KEY.private_key, KEY.certificate, CHAIN, encryption)


def test_pem_is_read_in_whatever_order_it_was_written() -> None:
    written = [each.public_bytes(Encoding.PEM) for each in (*CHAIN, KEY.certificate)]

    found = read_certificate_file(b"".join(written))

    assert (found.certificate, found.chain) == (KEY.certificate, CHAIN)


def test_der_is_read() -> None:
    found = read_certificate_file(KEY.certificate.public_bytes(Encoding.DER))

    assert (found.certificate, found.chain) == (KEY.certificate, ())


def test_pkcs12_gives_its_certificates_and_not_its_key() -> None:
    found = read_certificate_file(as_pkcs12(b"secret"), b"secret")

    assert (found.certificate, found.chain) == (KEY.certificate, CHAIN)
    assert not hasattr(found, "private_key")


@pytest.mark.parametrize("password", [b"another", None])
def test_pkcs12_stays_closed_without_its_password(password: bytes | None) -> None:
    with pytest.raises(ConfigurationError, match="password"):
        read_certificate_file(as_pkcs12(b"secret"), password)


@pytest.mark.parametrize(
    "encoded", [b"", b"hallo", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_refused(encoded: bytes) -> None:
    with pytest.raises(ConfigurationError):
        read_certificate_file(encoded)


def test_two_signers_in_one_file_are_refused_and_so_is_none() -> None:
    two = [key.certificate.public_bytes(Encoding.PEM) for key in (KEY, agency_signing_key("H14"))]

    with pytest.raises(ConfigurationError, match="2 certificates of signers"):
        read_certificate_file(b"".join(two))
    with pytest.raises(ConfigurationError, match="0 certificates of signers"):
        read_certificate_file(CHAIN[0].public_bytes(Encoding.PEM))
