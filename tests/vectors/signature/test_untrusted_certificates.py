"""Signatures that hold, with certificates that prove nothing or may not sign."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache

import pytest
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from hub.signature.certificates import TrustAnchors
from hub.signature.signing import SigningKey
from tests.support.authority import AT, SINCE, agency_signing_key, session_authority
from tests.support.crafted_certificate import Certification, certified, unchecked
from tests.support.crafted_signature import MORE, Craft, craft
from tests.support.edxml import envelope
from tests.support.verdict import refusal

CA_USAGES = ("key_cert_sign", "crl_sign")


def signed(what: Certification, how: Craft | None = None) -> bytes:
    return craft(envelope(), certified(what), how)


def self_signed() -> bytes:
    """Nobody vouches for it."""
    return signed(Certification(self_signed=True))


def self_signed_look_alike() -> bytes:
    """The agency's own name and even its own key, but nobody's signature above."""
    real = agency_signing_key("H41.07")
    builder = x509.CertificateBuilder().subject_name(real.certificate.subject)
    builder = builder.issuer_name(real.certificate.issuer).public_key(real.certificate.public_key())
    builder = builder.serial_number(real.certificate.serial_number)
    builder = builder.not_valid_before(SINCE).not_valid_after(AT + timedelta(days=9))
    for extension in real.certificate.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    forged = builder.sign(real.private_key, SHA256())
    return craft(envelope(), unchecked(real.private_key, forged, real.chain))


def look_alike_authority() -> bytes:
    """A CA of one's own that has the names of the real one."""
    issuing = session_authority().issuer.certificate
    private_key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder().subject_name(issuing.subject).issuer_name(issuing.issuer)
    builder = builder.public_key(private_key.public_key()).serial_number(issuing.serial_number)
    builder = builder.not_valid_before(SINCE).not_valid_after(AT + timedelta(days=9))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    forged = unchecked(private_key, builder.sign(private_key, SHA256()))
    return signed(Certification(issuer=forged))


def other_authority() -> bytes:
    """A good certificate of a CA that the axis does not know."""
    root = certified(Certification(subject="Other CA", self_signed=True, is_ca=True, usages=CA_USAGES))
    return signed(Certification(issuer=root))


def missing_intermediate() -> bytes:
    """The issuer is unknown here and was not enclosed."""
    key = agency_signing_key("H41.07")
    return craft(envelope(), key, Craft(certificates=[key.certificate]))


def expired() -> bytes:
    """Its time is over."""
    return signed(Certification(not_before=SINCE, lifetime=timedelta(days=30)))


def not_yet_valid() -> bytes:
    """Its time has not come."""
    return signed(Certification(not_before=AT + timedelta(days=1)))


def expired_intermediate() -> bytes:
    """The certificate is in time, its issuer is not."""
    brief = timedelta(days=30)
    issuer = certified(
        Certification(subject="Brief", issuer=wide_root(), is_ca=True, usages=CA_USAGES, lifetime=brief)
    )
    return signed(Certification(issuer=issuer))


def authority_as_signer() -> bytes:
    """The CA itself signs a document: it is there to sign certificates."""
    return craft(envelope(), session_authority().issuer)


def certificate_that_is_a_ca() -> bytes:
    """An agency that was given a CA certificate by mistake."""
    return signed(Certification(is_ca=True))


def usage_for_encryption() -> bytes:
    """A certificate for encryption signs nothing."""
    return signed(Certification(usages=("key_encipherment",)))


def no_usage() -> bytes:
    """A certificate that does not say what it is for."""
    return signed(Certification(usages=None))


def issued_by_an_agency() -> bytes:
    """An agency's certificate issues another one: it is no CA."""
    return signed(Certification(issuer=agency_signing_key("H41.07")))


def issued_below_the_lowest_authority() -> bytes:
    """The issuing CA may have no CA below it (path length 0)."""
    issuer = certified(Certification(subject="Sub CA", is_ca=True, usages=CA_USAGES))
    return signed(Certification(issuer=issuer))


def unknown_critical_extension() -> bytes:
    """What is critical and not understood forbids use (RFC 5280 §4.2)."""
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5.6"), b"\x05\x00")
    return signed(Certification(critical=unknown))


def certificate_signed_with_sha1() -> bytes:
    """A certificate made with SHA-1 can have a twin."""
    private_key = ec.generate_private_key(ec.SECP256R1())
    good = certified(Certification(private_key=private_key, issuer=wide_root())).certificate
    return craft(envelope(), unchecked(private_key, resigned_with_sha1(good, wide_root())))


def rsa_1024() -> bytes:
    """Too short to be safe."""
    key = rsa.generate_private_key(65537, 1024)
    return signed(Certification(private_key=key), Craft(method=f"{MORE}rsa-sha256"))


def p_521() -> bytes:
    """Strong, but not in the profile."""
    return signed(Certification(private_key=ec.generate_private_key(ec.SECP521R1())))


def brainpool() -> bytes:
    """A curve that is not in the profile."""
    return signed(Certification(private_key=ec.generate_private_key(ec.BrainpoolP256R1())))


def secp256k1() -> bytes:
    """The curve of the crypto currencies has the size of P-256 and is not P-256."""
    return signed(Certification(private_key=ec.generate_private_key(ec.SECP256K1())))


def resigned_with_sha1(certificate: x509.Certificate, issuer: SigningKey) -> x509.Certificate:
    """Return *certificate* with a signature that cryptography itself no longer makes for certificates."""
    assert isinstance(issuer.private_key, ec.EllipticCurvePrivateKey)
    weak = asn1.Certificate.load(certificate.public_bytes(Encoding.DER))
    weak["tbs_certificate"]["signature"] = weak["signature_algorithm"] = {"algorithm": "sha1_ecdsa"}
    weak["signature_value"] = issuer.private_key.sign(weak["tbs_certificate"].dump(), ec.ECDSA(SHA1()))
    return x509.load_der_x509_certificate(weak.dump(force=True))


@cache
def wide_root() -> SigningKey:
    """Return a second trust anchor, which does not limit what stands below it."""
    return certified(Certification(subject="Wide root", self_signed=True, is_ca=True, usages=CA_USAGES))


@cache
def anchors() -> TrustAnchors:
    return TrustAnchors([session_authority().anchor, wide_root().certificate])


VECTORS = [
    (self_signed, "NO_CERTIFICATE_CHAIN"),
    (self_signed_look_alike, "NO_CERTIFICATE_CHAIN"),
    (look_alike_authority, "NO_CERTIFICATE_CHAIN"),
    (other_authority, "NO_CERTIFICATE_CHAIN"),
    (missing_intermediate, "NO_CERTIFICATE_CHAIN"),
    (expired, "CERTIFICATE_EXPIRED"),
    (expired_intermediate, "CERTIFICATE_EXPIRED"),
    (not_yet_valid, "CERTIFICATE_NOT_YET_VALID"),
    (authority_as_signer, "CERTIFICATE_CONSTRAINTS"),
    (certificate_that_is_a_ca, "CERTIFICATE_CONSTRAINTS"),
    (usage_for_encryption, "CERTIFICATE_CONSTRAINTS"),
    (no_usage, "CERTIFICATE_CONSTRAINTS"),
    (issued_by_an_agency, "CERTIFICATE_CONSTRAINTS"),
    (issued_below_the_lowest_authority, "CERTIFICATE_CONSTRAINTS"),
    (unknown_critical_extension, "CERTIFICATE_CONSTRAINTS"),
    (certificate_signed_with_sha1, "FORBIDDEN_ALGORITHM"),
    (rsa_1024, "WEAK_KEY"),
    (p_521, "WEAK_KEY"),
    (brainpool, "WEAK_KEY"),
    (secp256k1, "WEAK_KEY"),
]


@pytest.mark.parametrize(("vector", "code"), VECTORS)
def test_an_untrusted_certificate_is_refused(vector: Callable[[], bytes], code: str) -> None:
    assert refusal(vector(), AT, anchors()) == [code]


def test_the_good_twin_of_these_certificates_is_accepted() -> None:
    below = certified(Certification(subject="Below", issuer=wide_root(), is_ca=True, usages=CA_USAGES))

    assert refusal(signed(Certification()), AT, anchors()) == []
    assert refusal(signed(Certification(issuer=wide_root())), AT, anchors()) == []
    assert refusal(signed(Certification(issuer=below)), AT, anchors()) == []
