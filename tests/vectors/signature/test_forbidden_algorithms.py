"""Signatures that hold, made with something that the profile does not take."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.authority import agency_signing_key
from tests.support.crafted_certificate import Certification, certified
from tests.support.crafted_signature import C14N, DS, ENVELOPED, EXCLUSIVE, MORE, Craft, craft
from tests.support.edxml import envelope
from tests.support.verdict import refusal

FORBIDDEN, TRANSFORM = "FORBIDDEN_ALGORITHM", "FORBIDDEN_TRANSFORM"


def signed(how: Craft) -> bytes:
    return craft(envelope(), agency_signing_key("H41.07"), how)


def sha1_digest() -> bytes:
    """SHA-1 collides: two documents with one digest."""
    return signed(Craft(digest=f"{DS}sha1"))


def sha1_signature() -> bytes:
    """What the vendors' samples use; refused with RSA and with ECDSA."""
    return signed(Craft(method=f"{MORE}ecdsa-sha1"))


def sha1_everywhere() -> bytes:
    """Both at once: each is named, so that the sender mends them together."""
    key = certified(Certification(private_key=rsa.generate_private_key(65537, 2048)))
    return craft(envelope(), key, Craft(method=f"{DS}rsa-sha1", digest=f"{DS}sha1"))


def hmac_with_public_key() -> bytes:
    """A verifier that takes any algorithm would use the public key, known to all, as the secret."""
    return signed(Craft(method=f"{MORE}hmac-sha256"))


def dsa() -> bytes:
    """DSA is not in the profile."""
    return signed(Craft(method="http://www.w3.org/2009/xmldsig11#dsa-sha256"))


def unknown_method() -> bytes:
    """An identifier that nobody has registered."""
    return signed(Craft(method="urn:example:signature"))


def no_method() -> bytes:
    """No identifier at all."""
    return signed(Craft(method=""))


def inclusive_canonicalization() -> bytes:
    """Inclusive C14N depends on what stands around; the vendors' samples have it."""
    return signed(Craft(canonicalization=C14N))


def canonicalization_with_comments() -> bytes:
    """With comments, what is signed is not what is read."""
    return signed(Craft(canonicalization=f"{EXCLUSIVE}WithComments"))


def transform_with_comments() -> bytes:
    """The same in the reference."""
    return signed(Craft(transforms=(ENVELOPED, f"{EXCLUSIVE}WithComments")))


def transform_of_vendors() -> bytes:
    """The identifier that the samples have does not exist at the W3C."""
    return signed(Craft(transforms=(ENVELOPED, "http://www.w3.org/TR/xml-exc-c14n#")))


def xpath_transform() -> bytes:
    """XPath chooses what is signed: everything, or nothing."""
    return signed(Craft(transforms=(ENVELOPED, "http://www.w3.org/TR/1999/REC-xpath-19991116", EXCLUSIVE)))


def xslt_transform() -> bytes:
    """XSLT is a programming language in the hands of the sender."""
    return signed(Craft(transforms=(ENVELOPED, "http://www.w3.org/TR/1999/REC-xslt-19991116", EXCLUSIVE)))


def base64_transform() -> bytes:
    """Base64 would sign the text of the document without its elements."""
    return signed(Craft(transforms=(ENVELOPED, f"{DS}base64", EXCLUSIVE)))


VECTORS = [
    (sha1_digest, [FORBIDDEN]),
    (sha1_signature, [FORBIDDEN]),
    (sha1_everywhere, [FORBIDDEN, FORBIDDEN]),
    (hmac_with_public_key, [FORBIDDEN]),
    (dsa, [FORBIDDEN]),
    (unknown_method, [FORBIDDEN]),
    (no_method, [FORBIDDEN]),
    (inclusive_canonicalization, [FORBIDDEN]),
    (canonicalization_with_comments, [FORBIDDEN]),
    (transform_with_comments, [TRANSFORM]),
    (transform_of_vendors, [TRANSFORM]),
    (xpath_transform, [TRANSFORM]),
    (xslt_transform, [TRANSFORM]),
    (base64_transform, [TRANSFORM]),
]


@pytest.mark.parametrize(("vector", "codes"), VECTORS)
def test_a_forbidden_algorithm_is_refused_by_name(vector: Callable[[], bytes], codes: list[str]) -> None:
    assert refusal(vector()) == codes
