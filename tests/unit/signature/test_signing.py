import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from lxml import etree

from hub.errors import ConfigurationError, MalformedMessage, SignatureRejected
from hub.message.hardened_xml import parse_hardened
from hub.signature.signing import SigningKey, sign_envelope
from tests.support.authority import agency_signing_key
from tests.support.crafted_certificate import Certification, certified
from tests.support.crafted_signature import DS
from tests.support.edxml import DUMMY_SIGNATURE, NAMESPACE, envelope
from tests.support.verdict import refusal

HEADER = f"{{{NAMESPACE}}}edXMLEnvelope/{{{NAMESPACE}}}edXMLHeader"
PASSWORD = b"only for this test"


def without_signatures(body: bytes) -> bytes:
    root = parse_hardened(body)
    header = root.find(HEADER)
    assert header is not None
    for child in header:
        if str(child.tag).endswith("Signature"):
            child.clear(keep_tail=True)
            child.tag = "gone"
    etree.strip_elements(root, "gone", with_tail=False)
    return etree.tostring(root, method="c14n", exclusive=True)


def test_the_signature_is_the_last_child_of_the_header() -> None:
    header = parse_hardened(sign_envelope(envelope(), agency_signing_key("H41"))).find(HEADER)

    assert header is not None
    assert header[-1].tag == f"{{{DS}}}Signature"


@pytest.mark.parametrize("placeholder", ["", DUMMY_SIGNATURE, "<edXML:DigitalSignature/>"])
def test_nothing_but_the_placeholder_changes(placeholder: str) -> None:
    body = envelope(in_header=placeholder)

    signed = sign_envelope(body, agency_signing_key("H41"))

    assert without_signatures(signed) == without_signatures(body)
    assert [each.tag for each in parse_hardened(signed).iterfind(".//{*}Signature")] == [f"{{{DS}}}Signature"]
    assert b"DigitalSignature" not in signed


def test_vietnamese_is_written_as_utf_8_under_a_declaration() -> None:
    signed = sign_envelope(envelope(subject="Hỏa tốc"), agency_signing_key("H41"))

    assert signed.startswith(b"<?xml version='1.0' encoding='UTF-8'?>")
    assert "Hỏa tốc".encode() in signed


def test_a_foreign_prefix_for_the_signature_namespace_does_no_harm() -> None:
    body = envelope().replace(b"<edXML xmlns", f'<edXML xmlns:sig="{DS}" xmlns'.encode(), 1)

    assert refusal(sign_envelope(body, agency_signing_key("H41"))) == []


def test_a_signed_envelope_is_not_signed_again() -> None:
    signed = sign_envelope(envelope(), agency_signing_key("H41"))

    with pytest.raises(SignatureRejected, match="signed already"):
        sign_envelope(signed, agency_signing_key("H41"))


@pytest.mark.parametrize("body", [b"", b"<a>", b"<edXML/>", b"<!DOCTYPE a><a/>", envelope()[:200]])
def test_what_is_no_envelope_is_not_signed(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        sign_envelope(body, agency_signing_key("H41"))


def test_an_envelope_without_canonical_form_is_not_signed() -> None:
    body = envelope(in_header='<a xmlns="relative"/>')

    with pytest.raises(SignatureRejected, match="absolute URI"):
        sign_envelope(body, agency_signing_key("H41"))


def test_the_text_of_a_key_does_not_show_it() -> None:
    key = agency_signing_key("H41")

    assert "private" not in repr(key).lower()


def test_a_key_survives_pem() -> None:
    key = agency_signing_key("H41")

    again = SigningKey.from_pem(key.to_pem(PASSWORD), PASSWORD)

    assert (again.certificate, again.chain) == (key.certificate, key.chain)
    assert again.private_key.public_key() == key.private_key.public_key()


def test_a_key_comes_out_of_pkcs12() -> None:
    key = agency_signing_key("H41")
    encoded = pkcs12.serialize_key_and_certificates(
        b"h41", key.private_key, key.certificate, key.chain, BestAvailableEncryption(PASSWORD)
    )

    assert SigningKey.from_pkcs12(encoded, PASSWORD).certificate == key.certificate


@pytest.mark.parametrize("password", [None, b"wrong"])
def test_an_encrypted_key_needs_its_password(password: bytes | None) -> None:
    encoded = agency_signing_key("H41").to_pem(PASSWORD)

    with pytest.raises(ConfigurationError, match="not a signing key"):
        SigningKey.from_pem(encoded, password)


@pytest.mark.parametrize("encoded", [b"", b"not PEM"])
def test_what_is_no_key_is_a_matter_for_the_operator(encoded: bytes) -> None:
    with pytest.raises(ConfigurationError):
        SigningKey.from_pem(encoded)
    with pytest.raises(ConfigurationError):
        SigningKey.from_pkcs12(encoded)


def test_the_key_of_another_certificate_is_refused() -> None:
    one, other = agency_signing_key("H41"), agency_signing_key("G22")

    with pytest.raises(ConfigurationError, match="does not belong"):
        SigningKey(private_key=one.private_key, certificate=other.certificate)


def test_a_key_that_nobody_would_accept_is_refused() -> None:
    weak = certified(Certification(private_key=ec.generate_private_key(ec.SECP521R1())))

    with pytest.raises(ConfigurationError, match="secp521r1"):
        SigningKey(private_key=weak.private_key, certificate=weak.certificate)
