"""Signatures that the axis takes; made by the hub's own signer, and by one that shares no code with it."""

from collections.abc import Callable
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree
from signxml.verifier import SignatureConfiguration, XMLVerifier

from hub.signature.signing import SigningKey, sign_envelope
from tests.support.authority import AT, agency_signing_key
from tests.support.crafted_certificate import Certification, certified
from tests.support.crafted_signature import DS, MGF1, MORE, XMLENC, Craft, craft
from tests.support.edxml import DUMMY_SIGNATURE, NAMESPACE, envelope
from tests.support.verdict import refusal, verified

SHA256, SHA384, SHA512 = f"{XMLENC}sha256", f"{MORE}sha384", f"{XMLENC}sha512"


@cache
def key_of(kind: str) -> SigningKey:
    match kind:
        case "P-256":
            return certified(Certification(private_key=ec.generate_private_key(ec.SECP256R1())))
        case "P-384":
            return certified(Certification(private_key=ec.generate_private_key(ec.SECP384R1())))
        case _:
            size = int(kind.removeprefix("RSA-"))
            return certified(Certification(private_key=rsa.generate_private_key(65537, size)))


@pytest.mark.parametrize("kind", ["RSA-2048", "RSA-3072", "P-256", "P-384"])
def test_what_the_hub_signs_is_accepted(kind: str) -> None:
    assert refusal(sign_envelope(envelope(), key_of(kind))) == []


@pytest.mark.parametrize("kind", ["RSA-2048", "P-256", "P-384"])
def test_what_the_hub_signs_holds_for_an_independent_judge(kind: str) -> None:
    key = key_of(kind)
    location = f"./{{{NAMESPACE}}}edXMLEnvelope/{{{NAMESPACE}}}edXMLHeader/"
    configuration = SignatureConfiguration(location=location, verification_time=AT)

    result = XMLVerifier().verify(
        sign_envelope(envelope(), key), x509_cert=key.certificate, expect_config=configuration
    )

    assert not isinstance(result, list)
    assert b"OrganId" in result.signed_data


@pytest.mark.parametrize(
    ("kind", "method", "digest"),
    [
        ("RSA-2048", f"{MORE}rsa-sha256", SHA256),
        ("RSA-2048", f"{MORE}rsa-sha384", SHA384),
        ("RSA-3072", f"{MORE}rsa-sha512", SHA512),
        ("RSA-2048", f"{MGF1}sha256-rsa-MGF1", SHA256),
        ("RSA-2048", f"{MGF1}sha512-rsa-MGF1", SHA512),
        ("P-256", f"{MORE}ecdsa-sha256", SHA256),
        ("P-256", f"{MORE}ecdsa-sha512", SHA384),
        ("P-384", f"{MORE}ecdsa-sha384", SHA384),
        ("P-384", f"{MORE}ecdsa-sha256", SHA256),
    ],
)
def test_an_independent_signer_is_accepted_with_every_algorithm(kind: str, method: str, digest: str) -> None:
    assert refusal(craft(envelope(), key_of(kind), Craft(method=method, digest=digest))) == []


def windows_line_ends() -> bytes:
    """Java and .NET on Windows write CRLF, which every XML reader turns into LF."""
    return envelope().replace(b"\n", b"\r\n")


def byte_order_mark() -> bytes:
    """.NET writes a byte order mark before the declaration."""
    return b"\xef\xbb\xbf" + envelope()


def dotnet_order() -> bytes:
    """.NET writes `To` before `From`."""
    return envelope(dotnet_order=True)


def dummy_placeholder() -> bytes:
    """Vendors leave a dummy signature, copied from a sample, where the real one belongs."""
    return envelope(in_header=DUMMY_SIGNATURE)


def empty_placeholder() -> bytes:
    """.NET leaves an empty `DigitalSignature` where it does not sign."""
    return envelope(in_header="<edXML:DigitalSignature/>")


def comments() -> bytes:
    """Comments are no content; our signer drops them, since no signature covers them."""
    return envelope(in_header="<!-- made by some software -->")


def carriage_return_in_text() -> bytes:
    """A carriage return that was written as a reference is content and survives."""
    return envelope(subject="một&#13;&#10;hai")


def long_attachment() -> bytes:
    """Text of more than ten million characters stands in one node; libxml2 stops there unless told."""
    return envelope(content="QUJD" * 2_600_000)


@pytest.mark.parametrize(
    "document",
    [
        windows_line_ends,
        byte_order_mark,
        dotnet_order,
        dummy_placeholder,
        empty_placeholder,
        comments,
        carriage_return_in_text,
        long_attachment,
    ],
    ids=lambda each: each.__name__,
)
def test_whatever_software_wrote_it_our_signer_makes_it_acceptable(document: Callable[[], bytes]) -> None:
    assert refusal(sign_envelope(document(), agency_signing_key("H41.07"))) == []


def test_line_ends_may_change_on_the_way_as_xml_allows() -> None:
    signed = sign_envelope(envelope(), agency_signing_key("H41.07"))

    assert refusal(signed.replace(b"\n", b"\r\n")) == []


def test_what_is_read_is_what_was_signed() -> None:
    signed = sign_envelope(envelope(subject="Tiếng Việt: ầ ẫ ộ"), agency_signing_key("H41.07"))

    message = verified(signed)

    assert message.signed_tree.findtext(".//{*}Subject") == "Tiếng Việt: ầ ẫ ộ"
    assert message.signed_tree.find(".//{*}Signature") is None
    assert message.signed_by == agency_signing_key("H41.07").fingerprint


def test_hints_beside_the_certificate_are_tolerated() -> None:
    how = Craft(change=_hint)

    assert refusal(craft(envelope(), agency_signing_key("H41.07"), how)) == []


def _hint(signature: etree._Element) -> None:
    data = signature.find(f".//{{{DS}}}X509Data")
    assert data is not None
    hint = etree.Element(f"{{{DS}}}X509SubjectName")
    hint.text = "CN=somebody else"
    data.insert(0, hint)
